/* pg_load.h: one load, one transaction: keys, events, quarantine, batches, position; and the
 * reaction if the database refuses it. Thread: the lane's. */
#ifndef VSOC_STORAGE_PG_LOAD_H
#define VSOC_STORAGE_PG_LOAD_H

#include "storage/sinks/postgres/pg_loader.h"

/* Loads it, all or nothing, see deliver in sink.h. The connection must be open; it may be closed
 * afterwards. */
enum sink_result pg_load_deliver(struct pg_loader *l, const struct sink_load *load,
                                 struct sink_problem *problem);

#endif
