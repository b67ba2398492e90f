/* pg_replay.h: what a load does differently when a range is put through again: what is missing is
 * decided by the rows that are there, not by keys or positions. For pg_load.c. Thread: the lane's.
 */
#ifndef VSOC_STORAGE_PG_REPLAY_H
#define VSOC_STORAGE_PG_REPLAY_H

#include "storage/sinks/postgres/pg_load.h"

/* First in the transaction. Flags all batches of the load as fresh, but those that the database has
 * under another id (the same batch, sent to another instance): they were never loaded. Unless it is
 * a dry run, claims the keys, so that a running server's lane that is at the same batch waits and
 * then finds it there. Statuses of pg_connection.h. */
enum status pg_replay_choose(struct pg_loader *l, const struct sink_load *load,
                             struct pg_error *error) must_check;
/* Moves the staged rows that are missing to their tables, or only counts them in a dry run. *put:
 * events and quarantined records. */
enum status pg_replay_put(struct pg_loader *l, uint64_t *put, struct pg_error *error) must_check;

#endif
