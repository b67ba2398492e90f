/* otlp_event.h: a resource, a scope or a log record of OTLP → what it says of events. The same for
 * both encodings. Thread: any, one owner. */
#ifndef VSOC_PARSERS_OTLP_EVENT_H
#define VSOC_PARSERS_OTLP_EVENT_H

#include "parsers/otlp_value.h"

/* What a resource or a scope says of the records under it. Lives as long as the memory it was read
 * with. */
struct otlp_level {
    struct event event;                /* columns; without attributes */
    uint64_t columns[EVENT_SET_WORDS]; /* of them, what attributes set */
    struct slice rest;                 /* JSON object of what is in no column; empty: nothing */
    struct slice all;  /* the same with what is, for records that have columns of their own */
    bool is_too_large; /* neither is kept */
};

/* A log record as decoded; texts may hold any bytes. */
struct otlp_record {
    size_t offset, size;                              /* in the body */
    uint64_t time_unix_nano, observed_time_unix_nano; /* 0: not known */
    int64_t severity_number;
    struct slice severity_text, event_name;
    struct otlp_value body;
    struct otlp_cursor attributes;
    uint64_t dropped_attributes_count, flags;
    struct slice trace_id, span_id; /* hex */
};

/* Reads a resource (name and version empty) or a scope. False: *outcome is MALFORMED. t must be
 * initialised; it may carry notes of the reading. */
bool otlp_level_read(struct text_event *t, struct slice name, struct slice version,
                     struct otlp_cursor attributes, struct otlp_level *level,
                     struct parser_outcome *outcome);

/* Emits the record's event, or answers MALFORMED. resource and scope may be NULL. */
void otlp_record_emit(struct text_event *t, const struct otlp_record *record,
                      const struct otlp_level *resource, const struct otlp_level *scope,
                      struct parser_outcome *outcome);

#endif
