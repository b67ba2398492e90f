/* pg_replay.h: what a load does differently when a range is put through again: what is missing is
 * decided by the rows that are there, not by keys or positions. For pg_load.c. Thread: the lane's.
 */
#ifndef VSOC_STORAGE_PG_REPLAY_H
#define VSOC_STORAGE_PG_REPLAY_H

#include "storage/sinks/postgres/pg_loader.h"

/* For a loader with `replay`. Needs no position; a dry run leaves nothing in the database. */
extern const struct pg_load_way pg_replay_way;

#endif
