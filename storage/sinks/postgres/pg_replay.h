/* pg_replay.h: the differences of a replayed load: existing rows, not keys or positions, determine
 * what is missing. For pg_load.c. Thread: the lane's.
 */
#ifndef VSOC_STORAGE_PG_REPLAY_H
#define VSOC_STORAGE_PG_REPLAY_H

#include "storage/sinks/postgres/pg_loader.h"

/* For a loader with `replay`. Needs no position; a dry run leaves nothing in the database. */
extern const struct pg_load_way pg_replay_way;

#endif
