/* syslog_time.h: the times that lines of RFC 3164 start with. Thread: any. */
#ifndef VSOC_PARSERS_SYSLOG_TIME_H
#define VSOC_PARSERS_SYSLOG_TIME_H

#include "core/slice.h"

struct syslog_time {
    int64_t ns;
    bool inferred;         /* year or zone is a guess */
    bool unsynced;         /* the device says so of its clock */
    struct slice text;     /* the time as written */
    struct slice sequence; /* numbers before it, empty: none */
    struct slice host;     /* a name between numbers and time, empty: none */
};

/* A time at the head of s, with what some devices write around it: sequence numbers, a name, a mark
 * of the clock's state, a zone, a year, a colon. Returns the bytes up to the next text, blanks
 * included; 0 when there is no time. */
size_t syslog_time_read(struct slice s, int64_t received_ns, struct syslog_time *out);

#endif
