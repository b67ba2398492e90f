/* syslog_tag.h: the head of a syslog message: a program's tag, or a record of another format.
 * Thread: any. */
#ifndef VSOC_PARSERS_SYSLOG_TAG_H
#define VSOC_PARSERS_SYSLOG_TAG_H

#include "parsers/formats/syslog/syslog_line.h"

/* The message may be a record of another format if that starts at its first byte: anybody may have
 * written text further on. */
bool syslog_carries(struct slice message);

/* "CEF:0", "LEEF:2" and the like at the head. */
bool syslog_starts_record(struct slice s);

/* "su: ", "su[12]: ", "%PIX-6-1: ": bytes read, 0 when s does not start with a tag. */
size_t syslog_tag_read(struct slice s, struct syslog_line *out);

#endif
