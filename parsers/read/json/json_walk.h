/* json_walk.h: steps through a JSON object or array of any size without reading its members: for
 * documents whose parts are read one at a time. Thread: any, one owner. */
#ifndef VSOC_PARSERS_JSON_WALK_H
#define VSOC_PARSERS_JSON_WALK_H

#include "parsers/read/work.h"

struct json_walk {
    struct slice body;
    size_t at; /* next byte; of something broken, where it is */
    bool is_object;
    bool inside; /* a member was read: a comma or the end follows */
    struct work
        *work; /* set by the caller; when it is stopped, all is broken. NULL: never pauses */
};

enum json_walk_result { JSON_WALK_VALUE, JSON_WALK_END, JSON_WALK_BROKEN };

/* body.data[at] is { or [. */
struct json_walk json_walk_make(struct slice body, size_t at);
/* Goes to the next value: at is its first byte. *key: the text between the quotes with its escapes;
 * empty in an array. The caller must then step over the value: json_walk_skip, or set at to its
 * end. END: at is after the closing bracket. */
enum json_walk_result json_walk_next(struct json_walk *walk, struct slice *key);
/* Steps over the value at `at`. False: it has no end; at stays. */
bool json_walk_skip(struct json_walk *walk);
/* Offset of the first byte at or after at that is not white space; body.size when all is. */
size_t json_walk_space(struct slice body, size_t at);

#endif
