/* Batches of the simulated fleet: numbered, ready to send, each handed out once. */
#ifndef LOAD_TESTS_FLEET_BATCH_H
#define LOAD_TESTS_FLEET_BATCH_H

#include "fleet_encode.h"
#include "fleet_event.h"

enum { FLEET_HEAD_MAX = 8192, FLEET_KEY_DIGITS = 12 };

/* One request's worth of events: head and body in one piece. */
struct fleet_batch {
    uint64_t number, first_event;
    uint32_t events;
    char *request; /* the head, if the source writes one, and the body */
    size_t request_bytes;
    char *body; /* coded bytes, in the request */
    size_t body_bytes, json_bytes;
    size_t key_at;       /* where FLEET_KEY_DIGITS digits of the number are in it; 0: nowhere */
    bool reusable, busy; /* the source sends it again under other numbers; it is handed out now */
};

/* Writes the head of a batch's request and returns its size; 0: it does not fit. *key_at: where the
 * digits of the batch's number begin, untouched when it has none. */
typedef size_t fleet_head_writer(const void *context, const struct fleet_batch *batch, char *out,
                                 size_t capacity, size_t *key_at);

enum fleet_format { FLEET_NDJSON, FLEET_JSON_ARRAY };

/* What the source makes batches from. */
struct fleet_source_settings {
    struct fleet_event_plan plan;
    uint64_t events; /* of the whole run; the last batch may be shorter */
    enum fleet_format format;
    enum fleet_encoding encoding;
    int level;
    uint64_t prebuilt; /* so many batches are made by fleet_source_prebuild */
    uint64_t reuse;    /* only so many bodies are made, and sent in turn; 0: each batch its own */
    fleet_head_writer *head; /* NULL: a request is its body */
    const void *head_context;
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

/* Hands batch `number` to the caller, who ends it with fleet_batch_destroy before the source ends;
 * every number is taken at most once. NULL when memory runs out or the head is too long. */
struct fleet_batch *fleet_source_take(struct fleet_source *source, uint64_t number);
void fleet_batch_destroy(struct fleet_batch *batch);

#endif
