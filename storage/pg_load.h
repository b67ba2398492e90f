/* pg_load.h: one load, one transaction: keys, events, quarantine, batches, position; and what to
 * do when the database refuses it. Thread: the lane's. */
#ifndef VSOC_STORAGE_PG_LOAD_H
#define VSOC_STORAGE_PG_LOAD_H

#include "storage/pg_days.h"
#include "storage/pg_rows.h"

struct pg_loader {
    struct pg_connection *connection; /* borrowed */
    const char *instance;             /* borrowed */
    unsigned lane, lanes;
    struct pg_days days;
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
/* Result and text for a failed call. what: "cannot …". */
enum sink_result pg_load_failed(enum status status, const struct pg_error *error, const char *what,
                                struct sink_problem *problem);

#endif
