/* syslog_read.h: one syslog line → its parts: RFC 5424, else RFC 3164 as far as it goes. Thread:
 * any. */
#ifndef VSOC_PARSERS_SYSLOG_READ_H
#define VSOC_PARSERS_SYSLOG_READ_H

#include "parsers/syslog_time.h"

struct syslog_line {
    bool is_5424;
    int priority; /* facility * 8 + severity, -1: none */
    bool has_time;
    struct syslog_time time;
    /* Empty: not there or nil. */
    struct slice host, app, procid, msgid;
    struct slice data; /* STRUCTURED-DATA with its brackets */
    struct slice message;
    const char *note, *detail; /* what was wrong, or NULL */
};

/* Reads any line. What does not follow RFC 5424 is read by RFC 3164, where anything is a message.
 */
void syslog_read(struct slice line, int64_t received_ns, struct syslog_line *out);

/* The message may be a record of another format, which stands in it from its first byte on: text
 * further behind may be anybody's. */
bool syslog_carries(struct slice message);

/* Next parameter of STRUCTURED-DATA. */
struct syslog_param {
    struct slice element, name;
    struct slice value; /* as written, with escapes */
};

/* Walks data: *at starts at 0. False after the last. data must come from syslog_read. */
bool syslog_param_next(struct slice data, size_t *at, struct slice *element,
                       struct syslog_param *param);

#endif
