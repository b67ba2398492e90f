/* split_count.h: octet-counted frames of RFC 6587: "LEN SP" and LEN bytes. Thread: any. */
#ifndef VSOC_PARSERS_SPLIT_COUNT_H
#define VSOC_PARSERS_SPLIT_COUNT_H

#include "parsers/read/work.h"

enum split_count {
    SPLIT_COUNT_FRAME,  /* a frame */
    SPLIT_COUNT_BROKEN, /* a count that does not lead to the end of its frame */
    SPLIT_COUNT_NONE,   /* not a count */
};

/* Kind of the frame at `at`. *end: where it ends, unless NONE. A broken one ends where a sound
 * frame starts, else with the body. work may be NULL. */
enum split_count split_count_frame(struct slice body, size_t at, struct work *work, size_t *end);
/* First offset between `from` and `to` at which a frame with a priority starts whose count leads to
 * its end; `to` when there is none, or the work was stopped. work may be NULL. */
size_t split_count_resume(struct slice body, size_t from, size_t to, struct work *work);
/* Is "<PRI>" at `at`? */
bool split_count_is_priority(struct slice body, size_t at);
/* Bytes of "LEN SP" at the head of s when "<PRI>" follows, else 0. */
size_t split_count_size(struct slice s);
/* The message of a frame; record itself when it is not a frame. */
struct slice split_count_message(struct slice record);

#endif
