/* pg_loader.h: shared state of a lane's loads: connection, buffers and the batches of the current
 * load; and the parts in which an ordinary load and a replayed one differ. Thread: the lane's. */
#ifndef VSOC_STORAGE_PG_LOADER_H
#define VSOC_STORAGE_PG_LOADER_H

#include "core/hash.h"
#include "storage/sinks/postgres/pg_days.h"
#include "storage/sinks/postgres/pg_probe.h"
#include "storage/sinks/postgres/pg_rows.h"

struct pg_loader {
    struct pg_connection *connection; /* borrowed */
    const char *instance;             /* borrowed */
    unsigned lane, lanes;
    /* Not NULL: only missing rows are inserted, see pg_replay.h. Borrowed. */
    struct sink_replay *replay;
    int64_t key_window_ns; /* for replay */
    struct pg_days days;
    struct pg_probe probe;
    struct pg_columns columns; /* that a COPY of events names */
    bool keyless;              /* vsoc.events has no primary key */
    struct writer buffer;
    uint8_t *flags;   /* of the batches of the current load */
    uint64_t records; /* of the current load that vsoc.audit did not have */
    uint32_t *by_uid; /* their numbers, ordered by batch_uid */
    size_t capacity;  /* batches that the two have room for */
};

/* How a load goes in. pg_load.c begins the transaction and copies the rows in between. Both
 * functions give the statuses of pg_connection.h. */
struct pg_load_way {
    bool staged; /* rows go through temporary tables, from which settle moves the missing ones */
    /* First in the transaction: flags the batches whose rows are to be copied. */
    enum status (*choose)(struct pg_loader *l, const struct sink_load *load,
                          struct pg_error *error);
    /* After the copied rows: completes and ends the transaction. */
    enum status (*settle)(struct pg_loader *l, const struct pg_rows *rows, struct pg_error *error);
};

void pg_loader_init(struct pg_loader *l, struct pg_connection *connection, const char *instance,
                    unsigned lane, unsigned lanes);
void pg_loader_fini(struct pg_loader *l);
/* Makes flags and by_uid large enough. NO_MEMORY. */
enum status pg_loader_make_room(struct pg_loader *l, size_t batches) must_check;
/* The identity of a batch: its key and its body. An instance that knows a key refuses it with
 * another body; an instance that does not has accepted the batch, so it must not be lost. */
void pg_loader_claim(const struct sink_batch *batch, uint8_t claim[SHA256_BYTES]);
/* Batches of the load: not its other records. */
size_t pg_loader_batches(const struct sink_load *load);
/* Builds by_uid for the load, which pg_loader_flags needs. */
void pg_loader_sort(struct pg_loader *l, const struct sink_load *load);
/* Flags of the batch with the id in text; NULL: the load has no such batch. */
uint8_t *pg_loader_flags(const struct pg_loader *l, const struct sink_load *load, const char *text);
/* Result and text for a failed call. what: "cannot …". */
enum sink_result pg_loader_failed(enum status status, const struct pg_error *error,
                                  const char *what, struct sink_problem *problem);

#endif
