/* syslog_read.h: one syslog line → its parts: RFC 5424, else RFC 3164 as far as it goes. Thread:
 * any. */
#ifndef VSOC_PARSERS_SYSLOG_READ_H
#define VSOC_PARSERS_SYSLOG_READ_H

#include "parsers/formats/syslog/syslog_line.h"

/* Reads any line. A line that does not follow RFC 5424 is read by RFC 3164, which accepts any
 * message */
void syslog_read(struct slice line, int64_t received_ns, struct syslog_line *out);

#endif
