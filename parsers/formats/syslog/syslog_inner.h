/* syslog_inner.h: the record of another format that a syslog message is. For syslog.c only. */
#ifndef VSOC_PARSERS_SYSLOG_INNER_H
#define VSOC_PARSERS_SYSLOG_INNER_H

#include "parsers/formats/syslog/syslog_line.h"

/* The record, which stands in the message from its first byte on, without the mark of CEE before
 * JSON and what the kernel's log writes before an audit record. Empty: the message is a text.
 * *format: its name; empty: it tells itself. */
struct slice syslog_inner_find(const struct syslog_line *line, struct slice *format);

#endif
