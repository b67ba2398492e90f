/* event_coding.h: how the value of each field is coded (docs/event-encoding.md). For
 * event_encoder.c and event_decoder.c only. */
#ifndef VSOC_CORE_EVENT_CODING_H
#define VSOC_CORE_EVENT_CODING_H

#include "core/event.h"

/* Values stand in this order, and in field order within one coding. */
enum event_coding {
    CODING_INTEGER,
    CODING_FIXED,  /* bytes of a size that the field table fixes */
    CODING_SERIAL, /* texts that rarely repeat but often begin like the one before */
    CODING_TEXT,   /* texts that repeat */
    CODING_LIST,
    CODING_REAL,
    CODING_COUNT
};

/* A bit for each field that has the coding; filled before main. */
struct event_coding_fields {
    uint64_t set[EVENT_SET_WORDS];
};
extern struct event_coding_fields event_coding_fields[CODING_COUNT];

enum event_coding event_coding_of(const struct event_field_info *field);

#endif
