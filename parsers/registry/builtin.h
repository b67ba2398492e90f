/* builtin.h: the parsers built into the program, one file each, in the order of probing. */
#ifndef VSOC_PARSERS_BUILTIN_H
#define VSOC_PARSERS_BUILTIN_H

#include "parsers/parser.h"

/* More specific formats first: earlier ones win a tie. A new parser is one row: its name, and the
 * most that its probe answers (0: it has none). */
#define BUILTIN_PARSERS(X)                                                                         \
    X(cloudevents, 80)                                                                             \
    X(cloudevents_binary, 0)                                                                       \
    X(otlp, 80)                                                                                    \
    X(eve, 70)                                                                                     \
    X(hec, 60)                                                                                     \
    X(hec_raw, 0)                                                                                  \
    X(json, 75)                                                                                    \
    X(vsoc_json, 50)                                                                               \
    X(qsev, 60)                                                                                    \
    X(auditd, 85)                                                                                  \
    X(logcat, 82)                                                                                  \
    X(candump, 90)                                                                                 \
    X(dlt, 100)                                                                                    \
    X(cef, 80)                                                                                     \
    X(leef, 80)                                                                                    \
    X(syslog, 76)

#define X(name, most) extern const struct parser parser_##name;
BUILTIN_PARSERS(X)
#undef X

/* Reads the native event that begins at start, in the body of json_parser_ahead, into *event when
 * it has only known keys with values of their fields' own types, within their limits (but for
 * addresses and the holes of severity_id): the same that parser_vsoc_json makes of it. *size: its
 * bytes. False: undecided, that parser must read it; *event and *size are undefined. Thread: the
 * one that parses. */
bool parser_vsoc_json_quick(const uint8_t *start, const struct parser_context *context,
                            struct event *event, size_t *size);

#endif
