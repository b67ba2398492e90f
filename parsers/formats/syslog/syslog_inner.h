/* syslog_inner.h: a syslog message that is a record of another format. For syslog.c only. */
#ifndef VSOC_PARSERS_SYSLOG_INNER_H
#define VSOC_PARSERS_SYSLOG_INNER_H

#include "parsers/formats/syslog/syslog_line.h"

/* The record that starts at the message's first byte, without the CEE cookie before JSON and the
 * kernel log's prefix before an audit record. Empty: the message is a text. *format: its name;
 * empty: probing finds it. */
struct slice syslog_inner_find(const struct syslog_line *line, struct slice *format);

#endif
