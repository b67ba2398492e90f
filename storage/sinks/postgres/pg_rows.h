/* pg_rows.h: the rows of a load: events, quarantined records, batches, as COPY streams. Thread: the
 * lane's. */
#ifndef VSOC_STORAGE_PG_ROWS_H
#define VSOC_STORAGE_PG_ROWS_H

#include "core/writer.h"
#include "storage/sinks/postgres/client/pg_connection.h"
#include "storage/sinks/postgres/pg_columns.h"
#include "storage/sink.h"

#define PG_BATCH_FRESH      1u /* its key was new: load its rows */
#define PG_BATCH_QUARANTINE 2u /* has rejects or rejected events */

/* The load and its buffers. Everything is borrowed. */
struct pg_rows {
    struct pg_connection *connection;
    struct writer *buffer; /* reused: holds one slice of the stream */
    const char *instance;
    const struct sink_load *load;
    uint8_t *flags;             /* PG_BATCH_…, by batch of the load */
    struct pg_columns *columns; /* of events, when not staged; grows with what events set */
    bool keyless;               /* vsoc.events has no primary key */
    bool staged;                /* into the temporary twins of the tables, see pg_tables.h */
};

/* An event as a row of a COPY, in memory. */
struct pg_row {
    size_t offset;  /* where it starts */
    size_t batch;   /* index in the load */
    uint32_t index; /* batch_index */
};

/* Statuses: those of pg_connection.h, NO_MEMORY, TOO_LARGE (an event of more than 1 GiB). */

/* Copies the events of the fresh batches, without rejects. MALFORMED: one does not fit its columns;
 * the transaction has failed. */
enum status pg_rows_copy_events(const struct pg_rows *rows, struct pg_error *error) must_check;
/* Writes what pg_rows_copy_events would copy to the end of w, and where each row stands into list,
 * which has room for load->event_count and one more: the end. An event that does not fit its
 * columns is left out and goes to refused. Outcome: OK, NO_MEMORY, TOO_LARGE. */
enum status pg_rows_encode_events(const struct pg_rows *rows, struct writer *w, struct pg_row *list,
                                  size_t *count,
                                  void (*refused)(void *arg, const struct sink_rejected *event),
                                  void *arg) must_check;
/* Writes the first of these events as one row to w; nothing when there is none. Outcome: OK, and
 * those of pg_copy_event. */
enum status pg_rows_encode_first(const struct pg_rows *rows, struct writer *w) must_check;
/* Copies the rejects of the fresh batches, and events that the load marks as rejected. After
 * pg_rows_copy_events. */
enum status pg_rows_copy_quarantine(const struct pg_rows *rows, struct pg_error *error) must_check;
/* Copies one row per fresh batch. */
enum status pg_rows_copy_batches(const struct pg_rows *rows, struct pg_error *error) must_check;

#endif
