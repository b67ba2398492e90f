/* Reads HTTP/1.1 replies from memory: status, length, Retry-After, body. */
#ifndef LOAD_TESTS_FLEET_REPLY_H
#define LOAD_TESTS_FLEET_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fleet_reply_state { FLEET_REPLY_MORE, FLEET_REPLY_DONE, FLEET_REPLY_BROKEN };

/* A reply. Pointers are into the bytes that were read. */
struct fleet_reply {
    int status;
    bool has_length, close;
    uint64_t length;
    uint32_t retry_after_s; /* 0 = not sent, or as a date */
    const char *body;
    size_t body_bytes;
};

/* Reads the reply at the start of the bytes. closed: no more will come, so a body without a length
 * ends with them. DONE: *used bytes were the reply (and interim 1xx replies before it). MORE: call
 * again with more bytes, from the same start. BROKEN: no HTTP/1.x, a chunked body (vsocd sends
 * none), a body over 4 MiB, or closed before its end. Thread: any. */
enum fleet_reply_state fleet_reply_read(struct fleet_reply *reply, const char *data, size_t bytes,
                                        bool closed, size_t *used);

#endif
