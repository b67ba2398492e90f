/* uuid7.h: UUID version 7 (RFC 9562 §5.7), and event ids made from a batch's. Thread: any. */
#ifndef VSOC_CORE_UUID7_H
#define VSOC_CORE_UUID7_H

#include <stdint.h>
#include "core/slice.h"
#include "core/status.h"

#define UUID_BYTES      16
#define UUID_TEXT_BYTES 36
/* Number of events of one batch that get different ids. */
#define UUID7_EVENT_MAX (UINT32_C(1) << 24)

/* Time of wall_ns in ms, the rest random, the low 24 bits zero: room for events. */
void uuid7_make(int64_t wall_ns, uint8_t uuid[UUID_BYTES]);
/* Id of event `index` of a batch: the batch's id with the index + 1 in the low 24 bits. The same
 * for every replay. index + 1 < UUID7_EVENT_MAX. */
void uuid7_of_event(const uint8_t batch_uid[UUID_BYTES], uint32_t index, uint8_t uuid[UUID_BYTES]);
/* 36 characters, lower case, no NUL. */
void uuid_to_text(const uint8_t uuid[UUID_BYTES], char text[UUID_TEXT_BYTES]);
/* MALFORMED unless text is 8-4-4-4-12 hex digits. */
enum status uuid_from_text(struct slice text, uint8_t uuid[UUID_BYTES]) must_check;

#endif
