/* pg_tables.h: the tables that a load fills: their columns in the order in which pg_rows writes
 * them, and the statements made from them. Thread: any. */
#ifndef VSOC_STORAGE_PG_TABLES_H
#define VSOC_STORAGE_PG_TABLES_H

#include "core/writer.h"
#include "storage/sinks/postgres/pg_columns.h"

enum pg_table { PG_TABLE_EVENTS, PG_TABLE_QUARANTINE, PG_TABLE_BATCHES, PG_TABLE_COUNT };

/* Columns of a written row. */
unsigned pg_table_columns(enum pg_table table);

/* Each puts its statement in w, NUL-terminated, in place of what was there. */

/* COPY into the table, or into its temporary twin. columns: those of an event that are named; NULL:
 * all, and for other tables. */
void pg_table_write_copy(struct writer *w, enum pg_table table, bool staged,
                         const struct pg_columns *columns);
/* Creates temporary twins of all tables, without keys, which are dropped at the end of the
 * transaction.
 */
void pg_table_write_stage(struct writer *w);
/* Moves the rows of the twins to their tables, except those whose key exists. keyless: vsoc.events
 * has no primary key (vsoc.set_event_key): its rows are looked up instead, which is as safe,
 * because the transaction holds the keys of its batches. */
void pg_table_write_unstage(struct writer *w, bool keyless);
/* Counts the rows of the twin that its table does not have; put: moves them there as well. */
void pg_table_write_missing(struct writer *w, enum pg_table table, bool put, bool keyless);

#endif
