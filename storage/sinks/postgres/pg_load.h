/* pg_load.h: one load, one transaction: keys, events, quarantine, batches, position; and what to
 * do when the database refuses it. Thread: the lane's. */
#ifndef VSOC_STORAGE_PG_LOAD_H
#define VSOC_STORAGE_PG_LOAD_H

#include "core/hash.h"
#include "storage/sinks/postgres/pg_days.h"
#include "storage/sinks/postgres/pg_probe.h"
#include "storage/sinks/postgres/pg_rows.h"

struct pg_loader {
    struct pg_connection *connection; /* borrowed */
    const char *instance;             /* borrowed */
    unsigned lane, lanes;
    /* Not NULL: only what is missing is put in, see pg_replay.h. Borrowed. */
    struct sink_replay *replay;
    int64_t key_window_ns; /* for replay */
    struct pg_days days;
    struct pg_probe probe;
    struct writer buffer;
    uint8_t *flags;   /* of the batches of the current load */
    uint32_t *by_uid; /* their numbers, ordered by batch_uid */
    size_t capacity;  /* batches that the two have room for */
};

void pg_loader_init(struct pg_loader *l, struct pg_connection *connection, const char *instance,
                    unsigned lane, unsigned lanes);
void pg_loader_fini(struct pg_loader *l);
/* Loads it, all or nothing, as sink.h says of deliver. The connection must be open; it may be
 * closed afterwards. */
enum sink_result pg_loader_deliver(struct pg_loader *l, const struct sink_load *load,
                                   struct sink_problem *problem);
/* What makes a batch the same: its key and its body. A key that was used again with another body
 * was refused where it was known; where it was not, the batch was accepted and must not be lost. */
void pg_load_claim(const struct sink_batch *batch, uint8_t claim[SHA256_BYTES]);
/* Makes by_uid for the load; then pg_load_flags finds the flags of the batch whose id stands in
 * text, NULL: of none. */
void pg_load_sort(struct pg_loader *l, const struct sink_load *load);
uint8_t *pg_load_flags(const struct pg_loader *l, const struct sink_load *load, const char *text);
/* Result and text for a failed call. what: "cannot …". */
enum sink_result pg_load_failed(enum status status, const struct pg_error *error, const char *what,
                                struct sink_problem *problem);

#endif
