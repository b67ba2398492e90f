/* vsoc_json_typo.h: keys that look like a misspelt key of the native event. Thread: any. */
#ifndef VSOC_PARSERS_VSOC_JSON_TYPO_H
#define VSOC_PARSERS_VSOC_JSON_TYPO_H

#include "parsers/parser.h"

/* The key of the native event that is one edit from `key` (a letter more, less or other, two
 * swapped), or two when it has 7 letters or more; NULL: there is none, or key is one itself. Keys
 * of less than 4 letters are near everything and never named. Bounded: some 100 ns. */
const char *vsoc_json_typo(struct slice key);

/* Notes that key is no key of a native event and which one is near. False: memory is out. */
bool vsoc_json_typo_note(const struct parser_context *context, struct slice key, const char *near,
                         struct event *event);

#endif
