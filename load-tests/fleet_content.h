/* A hash of what an event says, to compare with what PostgreSQL, Kafka and the spool hold of it
 * (tests/crash/ledger/content.py describes the text that is hashed). */
#ifndef LOAD_TESTS_FLEET_CONTENT_H
#define LOAD_TESTS_FLEET_CONTENT_H

#include <stdbool.h>
#include <stddef.h>

enum { FLEET_CONTENT_HEX = 33 }; /* 16 bytes of the SHA-256 as hex, with a terminating zero */

/* Hashes one event as fleet_event_write writes it: a flat object without escapes.
 * False when it is something else, or the hash is refused. Thread: any. */
__attribute__((warn_unused_result)) bool fleet_content_of_event(const char *json, size_t bytes,
                                                                char out[FLEET_CONTENT_HEX]);

/* Hashes a record that was quarantined: its bytes, a zero byte, the reason code. Thread: any. */
__attribute__((warn_unused_result)) bool fleet_content_of_reject(const char *raw, size_t bytes,
                                                                 const char *code,
                                                                 char out[FLEET_CONTENT_HEX]);

#endif
