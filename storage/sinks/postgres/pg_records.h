/* pg_records.h: the records of a load that are no batches, into vsoc.audit. Thread: the lane's. */
#ifndef VSOC_STORAGE_PG_RECORDS_H
#define VSOC_STORAGE_PG_RECORDS_H

#include "storage/sinks/postgres/pg_loader.h"

/* Within the transaction of the load: adds those that the table does not have; *added gets how
 * many. Statuses of pg_connection.h. */
enum status pg_records_put(struct pg_loader *l, const struct sink_load *load, uint64_t *added,
                           struct pg_error *error) must_check;

#endif
