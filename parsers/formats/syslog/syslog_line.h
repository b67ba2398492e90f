/* syslog_line.h: the parts of one syslog line. Plain data, any thread. */
#ifndef VSOC_PARSERS_SYSLOG_LINE_H
#define VSOC_PARSERS_SYSLOG_LINE_H

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
    struct slice bad_time; /* text in the place of the time, empty: none */
    unsigned flaws;        /* SYSLOG_FLAW_… */
};

#endif
