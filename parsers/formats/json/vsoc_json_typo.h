/* vsoc_json_typo.h: keys that look like a misspelt key of the native event. Thread: any. */
#ifndef VSOC_PARSERS_VSOC_JSON_TYPO_H
#define VSOC_PARSERS_VSOC_JSON_TYPO_H

#include "parsers/parser.h"

/* The key of the native event that is one edit from `key` (a letter more, less or other, two
 * swapped), or two when it has 7 letters or more; NULL: no key is near, or key is itself one. Keys
 * of less than 4 letters resemble everything and are never suggested. Bounded: some 100 ns. */
const char *vsoc_json_typo(struct slice key);

/* Notes that key is not a key of a native event, and which key is near. False: out of memory. */
bool vsoc_json_typo_note(const struct parser_context *context, struct slice key, const char *near,
                         struct event *event);

#endif
