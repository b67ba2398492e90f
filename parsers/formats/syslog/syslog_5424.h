/* syslog_5424.h: a line of RFC 5424, tolerating flaws that leave its fields recognisable. For
 * syslog_read.c only. */
#ifndef VSOC_PARSERS_SYSLOG_5424_H
#define VSOC_PARSERS_SYSLOG_5424_H

#include "parsers/formats/syslog/syslog_line.h"

/* s: the line after PRI. False, with *out unchanged, when it is not a line of RFC 5424. */
bool syslog_5424_read(struct slice s, int64_t received_ns, struct syslog_line *out);

#endif
