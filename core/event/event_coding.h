/* event_coding.h: how the value of each field is coded (docs/event-encoding.md). For
 * event_encoder.c and event_decoder.c only. */
#ifndef VSOC_CORE_EVENT_CODING_H
#define VSOC_CORE_EVENT_CODING_H

#include "core/event.h"

enum event_coding {
    CODING_INTEGER,
    CODING_FIXED,  /* bytes of a size that the field table fixes */
    CODING_SERIAL, /* texts that rarely repeat but often share a beginning with the one before */
    CODING_TEXT,   /* texts that repeat */
    CODING_LIST,
    CODING_REAL,
};

/* What coding needs of the field table; filled before main. */
struct event_coding_row {
    uint16_t offset; /* of the member in struct event */
    uint8_t coding;  /* enum event_coding */
};
extern struct event_coding_row event_coding_rows[EVENT_FIELD_COUNT];
/* A bit for each field that has the coding. */
extern uint64_t event_coding_fixed[EVENT_SET_WORDS], event_coding_lists[EVENT_SET_WORDS];

#endif
