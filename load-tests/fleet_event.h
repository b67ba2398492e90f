/* The events of the simulated fleet as native NDJSON (docs/formats.md). The load generator and the
 * floors share this file, so both work on identical bytes. */
#ifndef LOAD_TESTS_FLEET_EVENT_H
#define LOAD_TESTS_FLEET_EVENT_H

#include "fleet_text.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    FLEET_EVENT_MAX_BYTES = 4096, /* no event is longer, whatever the plan asks for */
    FLEET_EVENT_ID_MAX = 32,      /* an id with its terminating zero */
};

/* What determines every byte of every event. The same plan gives the same run again. */
struct fleet_event_plan {
    uint64_t seed;
    uint32_t run;          /* first part of every id: tells runs apart */
    uint64_t vehicles;     /* at least 1 */
    uint32_t batch_events; /* events a batch, at least 1; a batch belongs to one vehicle */
    uint32_t event_bytes;  /* mean size to aim for; shorter events get a longer message. 0 = as they
                              come */
    int64_t start_ms; /* Unix time of the run in milliseconds; events are from the minutes before */
    uint32_t bad_every; /* each N-th event has a severity of the wrong type; 0 = none */
};

/* Writes the id of event `number` (from 0) with a terminating zero. Thread: any. */
void fleet_event_write_id(const struct fleet_event_plan *plan, uint64_t number,
                          char out[FLEET_EVENT_ID_MAX]);

/* Appends event `number` as one JSON object without a line end.
 * text: needs room for FLEET_EVENT_MAX_BYTES, else its overflow flag may be set. Thread: any. */
void fleet_event_write(const struct fleet_event_plan *plan, uint64_t number,
                       struct fleet_text *text);

#endif
