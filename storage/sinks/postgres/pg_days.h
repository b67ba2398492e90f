/* pg_days.h: ensures that the daily partitions of a load exist. Thread: the lane's. */
#ifndef VSOC_STORAGE_PG_DAYS_H
#define VSOC_STORAGE_PG_DAYS_H

#include "storage/sinks/postgres/client/pg_connection.h"
#include "storage/sink.h"

#define PG_DAYS_MAX 64

/* Days (since 1970, UTC) whose partitions are known to exist. All zero: none. */
struct pg_days {
    int32_t known[PG_DAYS_MAX];
    size_t count;
};

/* Creates missing partitions of the days on which the load's batches were received. Outside a
 * transaction. Statuses of pg_connection.h. */
enum status pg_days_ensure(struct pg_days *days, struct pg_connection *c,
                           const struct sink_load *load, struct pg_error *error) must_check;
/* Somebody dropped a partition: forget all. */
void pg_days_forget(struct pg_days *days);

#endif
