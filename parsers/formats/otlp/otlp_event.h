/* otlp_event.h: a resource, a scope or a log record of OTLP → columns of events, for both
 * encodings. Thread: any, one owner. */
#ifndef VSOC_PARSERS_OTLP_EVENT_H
#define VSOC_PARSERS_OTLP_EVENT_H

#include "core/reasons/record_code.h"
#include "parsers/formats/otlp/otlp_record.h"
#include "parsers/formats/otlp/otlp_value.h"

/* Values of a resource or a scope for the records under it. Lives as long as the memory it was read
 * with. */
struct otlp_level {
    struct event event;                /* columns; without attributes */
    uint64_t columns[EVENT_SET_WORDS]; /* of them, what attributes set */
    struct slice rest;                 /* JSON object of what is in no column; empty: nothing */
    struct slice all;  /* the same including values that have a column, for records that set these
                          columns themselves */
    bool is_too_large; /* neither is kept */
    size_t cost;       /* of repeating it (shared_text.h) */
    uint32_t events;   /* that it was applied to */
};

/* How far a body was read, and why its rest is not. */
struct otlp_progress {
    size_t parts, records; /* parts: requests, resources, scopes */
    bool stopped;          /* the rest is not read, because of code and detail */
    size_t end;            /* where the rest starts */
    enum record_code code;
    const char *detail;
};

/* Counts a part that starts at offset. False, with a reason: too many parts contain no record,
 * which would cost time for nothing. */
bool otlp_count_part(struct otlp_progress *progress, size_t offset);
/* Counts a record and takes a mark for it. NULL, with a reason: out of memory, or the batch is
 * full. */
const void *otlp_count_record(struct otlp_progress *progress, const struct parser_context *context,
                              size_t offset);

/* Reads a resource (name and version empty) or a scope. False: *outcome is MALFORMED. t must be
 * initialised; it may carry notes of the reading. */
bool otlp_level_read(struct text_event *t, struct slice name, struct slice version,
                     struct otlp_cursor attributes, struct otlp_level *level,
                     struct parser_outcome *outcome);

/* Emits the record's event, or answers MALFORMED. resource and scope may be NULL. */
void otlp_record_emit(struct text_event *t, const struct otlp_record *record,
                      struct otlp_level *resource, struct otlp_level *scope,
                      struct parser_outcome *outcome);

#endif
