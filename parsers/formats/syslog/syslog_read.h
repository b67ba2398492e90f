/* syslog_read.h: one syslog line → its parts: RFC 5424, else RFC 3164 as far as it goes. Thread:
 * any. */
#ifndef VSOC_PARSERS_SYSLOG_READ_H
#define VSOC_PARSERS_SYSLOG_READ_H

#include "parsers/formats/syslog/syslog_data.h"
#include "parsers/formats/syslog/syslog_flaws.h"
#include "parsers/formats/syslog/syslog_time.h"

struct syslog_line {
    bool is_5424;
    bool is_local; /* of dmesg or the journal: it has no header of syslog's and needs none */
    int priority;  /* facility * 8 + severity, -1: none */
    bool has_time;
    struct syslog_time time;
    /* Empty: not there or nil. */
    struct slice host, app, procid, msgid;
    struct slice data; /* STRUCTURED-DATA with its brackets */
    struct slice message;
    struct slice bad_time; /* what stands where the time should, empty: none */
    unsigned flaws;        /* SYSLOG_FLAW_… */
};

/* Reads any line. What does not follow RFC 5424 is read by RFC 3164, where anything is a message.
 */
void syslog_read(struct slice line, int64_t received_ns, struct syslog_line *out);

/* The message may be a record of another format, which stands in it from its first byte on: text
 * further behind may be anybody's. */
bool syslog_carries(struct slice message);

/* "CEF:0", "LEEF:2" and the like at the head. */
bool syslog_starts_record(struct slice s);

/* "su: ", "su[12]: ", "%PIX-6-1: ": bytes read, 0 when s does not start with a tag. */
size_t syslog_tag_read(struct slice s, struct syslog_line *out);

#endif
