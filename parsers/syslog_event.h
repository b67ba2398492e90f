/* syslog_event.h: parts of a syslog line → columns; shared by the formats that travel in syslog. */
#ifndef VSOC_PARSERS_SYSLOG_EVENT_H
#define VSOC_PARSERS_SYSLOG_EVENT_H

#include "parsers/syslog_read.h"
#include "parsers/text_event.h"

/* Time, severity, host, facility, process and structured data of the line, what is set already
 * apart. Not the message. */
void syslog_event_fill(struct text_event *t, const struct syslog_line *line);

#endif
