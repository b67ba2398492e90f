/* syslog_flaws.h: tolerated flaws of a syslog line; each becomes a note of the event. Thread: any.
 */
#ifndef VSOC_PARSERS_SYSLOG_FLAWS_H
#define VSOC_PARSERS_SYSLOG_FLAWS_H

/* name, code of the note, detail. Names of the parts: RFC 5424 section 6. */
#define SYSLOG_FLAWS(X)                                                                            \
    X(PRIORITY, bad_priority, "PRI must be 0 to 191 without leading zeros")                        \
    X(NO_HEADER, no_header, "line has neither priority nor time")                                  \
    X(VERSION, bad_header, "VERSION must be 1 to 999 between PRI and TIMESTAMP")                   \
    X(TIME, bad_header, "TIMESTAMP is no time; it is kept in attributes")                          \
    X(TIME_FORM, bad_header, "TIMESTAMP has no zone or is not in RFC 3339 form")                   \
    X(HOSTNAME, bad_header, "HOSTNAME must be 1 to 255 printable ASCII characters")                \
    X(APP_NAME, bad_header, "APP-NAME must be 1 to 48 printable ASCII characters")                 \
    X(PROCID, bad_header, "PROCID must be 1 to 128 printable ASCII characters")                    \
    X(MSGID, bad_header, "MSGID must be 1 to 32 printable ASCII characters")                       \
    X(BLANKS, bad_header, "one blank must stand between the fields of the header")                 \
    X(FIELDS, bad_header, "header ends before its last field")                                     \
    X(NO_DATA, bad_header, "STRUCTURED-DATA are missing; the message begins in their place")       \
    X(DATA_NAME, bad_header, "SD-ID and PARAM-NAME must be 1 to 32 characters")                    \
    X(DATA_FORM, bad_header, "STRUCTURED-DATA break their grammar; what could be read is kept")    \
    X(DATA_END, bad_header, "a blank must stand behind STRUCTURED-DATA")

enum syslog_flaw_number {
#define X(name, code, detail) SYSLOG_FLAW_NUMBER_##name,
    SYSLOG_FLAWS(X)
#undef X
        SYSLOG_FLAW_COUNT
};

/* Bits of a set of flaws. */
enum syslog_flaw {
#define X(name, code, detail) SYSLOG_FLAW_##name = 1 << SYSLOG_FLAW_NUMBER_##name,
    SYSLOG_FLAWS(X)
#undef X
};

#endif
