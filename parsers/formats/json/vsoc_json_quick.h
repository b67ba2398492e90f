/* vsoc_json_quick.h: native events as most senders write them, in one step from the text to struct
 * event. */
#ifndef VSOC_PARSERS_VSOC_JSON_QUICK_H
#define VSOC_PARSERS_VSOC_JSON_QUICK_H

#include "core/status.h"
#include "parsers/parser.h"

/* Reads a record that has only known keys with values of their fields' own types into *event, the
 * same that vsoc_json_read makes of it. False: undecided, the record must be read by that one;
 * *event is undefined. Thread: the one that parses. */
bool vsoc_json_quick(struct slice record, const struct parser_context *context,
                     struct event *event) must_check;

#endif
