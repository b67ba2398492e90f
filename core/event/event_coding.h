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

/* The parts of the field table that coding needs, side by side; filled before main. */
extern uint8_t event_coding_of[EVENT_FIELD_COUNT];      /* enum event_coding */
extern uint16_t event_coding_offset[EVENT_FIELD_COUNT]; /* of the member in struct event */
/* A bit for each field that has the coding. */
extern uint64_t event_coding_fixed[EVENT_SET_WORDS], event_coding_lists[EVENT_SET_WORDS];

#endif
