/* Batches of the simulated fleet: numbered, ready to send, each handed out once. */
#ifndef LOAD_TESTS_FLEET_BATCH_H
#define LOAD_TESTS_FLEET_BATCH_H

#include "fleet_encode.h"
#include "fleet_event.h"

/* One request's worth of events. */
struct fleet_batch {
    uint64_t number, first_event;
    uint32_t events;
    char *body; /* coded bytes */
    size_t body_bytes, json_bytes;
};

enum fleet_format { FLEET_NDJSON, FLEET_JSON_ARRAY };

/* What the source makes batches from. */
struct fleet_source_settings {
    struct fleet_event_plan plan;
    uint64_t events; /* of the whole run; the last batch may be shorter */
    enum fleet_format format;
    enum fleet_encoding encoding;
    int level;
    uint64_t prebuilt; /* so many batches are made by fleet_source_prebuild */
};

struct fleet_source;

/* Makes a source; settings are copied. NULL when memory or the compressor is refused.
 * Thread: one at a time, as all below. */
struct fleet_source *fleet_source_create(const struct fleet_source_settings *settings);
void fleet_source_destroy(struct fleet_source *source);

/* How many batches the run has. */
uint64_t fleet_source_batches(const struct fleet_source *source);

/* Makes the first `prebuilt` batches and keeps them in memory until they are taken. False when
 * memory runs out. */
__attribute__((warn_unused_result)) bool fleet_source_prebuild(struct fleet_source *source);

/* Hands batch `number` to the caller, who ends it with fleet_batch_destroy; every number is taken
 * at most once. NULL when memory runs out. */
struct fleet_batch *fleet_source_take(struct fleet_source *source, uint64_t number);
void fleet_batch_destroy(struct fleet_batch *batch);

#endif
