/* json_head.h: keys of the first JSON object in a body's head: for probes. Thread: any. */
#ifndef VSOC_PARSERS_JSON_HEAD_H
#define VSOC_PARSERS_JSON_HEAD_H

#include "core/slice.h"

/* Bit i is set when names[i] (count of them, at most 32) is a key of the first object, which may be
 * the first element of an array, as far as head extends. 0 when the head does not start with an
 * object. enough: bits of names that decide: the keys after the first of them are not looked at. */
unsigned json_head_keys(struct slice head, const char *const *names, size_t count, unsigned enough);
/* The head starts with {, or with [ and {, [, ] or a text, after a byte order mark and white space
 */
bool json_head_is_json(struct slice head);

#endif
