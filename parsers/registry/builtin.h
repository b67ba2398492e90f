/* builtin.h: the parsers built into the program, one file each, in the order of probing. */
#ifndef VSOC_PARSERS_BUILTIN_H
#define VSOC_PARSERS_BUILTIN_H

#include "parsers/parser.h"

/* More specific formats first: earlier ones win a tie. A new parser is one row. */
#define BUILTIN_PARSERS(X)                                                                         \
    X(cloudevents)                                                                                 \
    X(cloudevents_binary)                                                                          \
    X(otlp)                                                                                        \
    X(eve)                                                                                         \
    X(hec)                                                                                         \
    X(hec_raw)                                                                                     \
    X(json)                                                                                        \
    X(vsoc_json)                                                                                   \
    X(qsev)                                                                                        \
    X(auditd)                                                                                      \
    X(logcat)                                                                                      \
    X(candump)                                                                                     \
    X(dlt)                                                                                         \
    X(cef)                                                                                         \
    X(leef)                                                                                        \
    X(syslog)

#define X(name) extern const struct parser parser_##name;
BUILTIN_PARSERS(X)
#undef X

#endif
