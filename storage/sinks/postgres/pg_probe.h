/* pg_probe.h: rows of vsoc.events that are certainly valid: if the table refuses them, the cause is
 * the table and not the events. Thread: the lane's. */
#ifndef VSOC_STORAGE_PG_PROBE_H
#define VSOC_STORAGE_PG_PROBE_H

#include "storage/sinks/postgres/pg_rows.h"

/* A row that the table has accepted, as COPY bytes; size 0: none yet. Owned by the loader. */
struct pg_probe {
    struct writer taken;
    unsigned loads; /* delivered since it was remembered */
};

void pg_probe_init(struct pg_probe *p);
void pg_probe_fini(struct pg_probe *p);
/* After a load was delivered: occasionally remembers one of its events. */
void pg_probe_remember(struct pg_probe *p, const struct pg_rows *rows);
/* Whether the table refuses both a plain row with every column filled and the row that it accepted
 * before, for the same reason (*error, of the load). In an open transaction with the savepoint
 * "try", which it leaves unchanged. OK with *refuses; else the statuses of pg_connection.h with
 * *error. */
enum status pg_probe_table(struct pg_probe *p, const struct pg_rows *rows, struct pg_error *error,
                           bool *refuses) must_check;

#endif
