/* syslog_5424.h: a line of RFC 5424, with every flaw that leaves its fields in sight. For
 * syslog_read.c only. */
#ifndef VSOC_PARSERS_SYSLOG_5424_H
#define VSOC_PARSERS_SYSLOG_5424_H

#include "parsers/formats/syslog/syslog_line.h"

/* s: what stands behind PRI. False, with *out as it was, when it is no line of RFC 5424. */
bool syslog_5424_read(struct slice s, int64_t received_ns, struct syslog_line *out);

#endif
