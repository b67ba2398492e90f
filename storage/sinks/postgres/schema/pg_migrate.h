/* pg_migrate.h: brings the schema vsoc up to date. Migrations are numbered SQL files in the
 * program. */
#ifndef VSOC_STORAGE_PG_MIGRATE_H
#define VSOC_STORAGE_PG_MIGRATE_H

#include "core/log/problem.h"
#include "core/slice.h"
#include "core/status.h"

struct pg_migration {
    unsigned version; /* 1, 2, 3 … without a gap */
    const char *name; /* of its file, without ".sql" */
    const uint8_t *sql;
    const size_t *sql_size;
};

/* All of them, ascending. Static storage. */
const struct pg_migration *pg_migrations(size_t *count);
/* Version of the schema that this program needs. */
unsigned pg_migrate_latest(void);

/* Receives lines about the progress. */
typedef void (*pg_migrate_say_fn)(void *arg, const char *line);

/* Applies missing migrations, each in one transaction, in turns with other runs; then grants the
 * roles their rights. dry_run: only reports what it would do. OK; VERSION: the schema is newer than
 * this program; UNAVAILABLE: no connection; CONFIG: dsn can't be read; REFUSED: the server refused
 * (migrations applied before stay); with a sentence in *problem. Thread: main. */
enum status pg_migrate(const char *dsn, bool dry_run, pg_migrate_say_fn say, void *arg,
                       struct problem *problem) must_check;

#endif
