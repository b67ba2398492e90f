/* pg_rows.h: the rows that a load becomes: events, quarantined records, batches, as COPY streams.
 * Thread: the lane's. */
#ifndef VSOC_STORAGE_PG_ROWS_H
#define VSOC_STORAGE_PG_ROWS_H

#include "core/writer.h"
#include "storage/pg_connection.h"
#include "storage/sink.h"

#define PG_BATCH_FRESH      1u /* its key was new: its rows are wanted */
#define PG_BATCH_QUARANTINE 2u /* has rejects or rejected events */

/* What is loaded, and with what. Everything is borrowed. */
struct pg_rows {
    struct pg_connection *connection;
    struct writer *buffer; /* reused: holds one slice of the stream */
    const char *instance;
    const struct sink_load *load;
    uint8_t *flags; /* PG_BATCH_…, by batch of the load */
    bool staged;    /* into the temporary twins of the tables, see pg_tables.h */
};

/* An event of the load that can't become a row. */
struct pg_bad_event {
    size_t batch;
    uint32_t index;   /* batch_index */
    char reason[320]; /* set by pg_rows_copy_events */
};

/* Statuses: those of pg_connection.h, NO_MEMORY, TOO_LARGE (an event of more than 1 GiB). */

/* Copies events number from … to-1, counted over the fresh batches without rejects. MALFORMED: *bad
 * is the first one that does not fit its columns; the transaction has failed. */
enum status pg_rows_copy_events(const struct pg_rows *rows, size_t from, size_t to,
                                struct pg_bad_event *bad, struct pg_error *error) must_check;
/* Copies the rejects of the fresh batches, and events that the load marks as rejected. After
 * pg_rows_copy_events. */
enum status pg_rows_copy_quarantine(const struct pg_rows *rows, struct pg_error *error) must_check;
/* Copies one row a fresh batch. */
enum status pg_rows_copy_batches(const struct pg_rows *rows, struct pg_error *error) must_check;
/* Events that pg_rows_copy_events counts. */
size_t pg_rows_count_events(const struct pg_rows *rows);
/* Batch and batch_index of event number n; false when there is none. */
bool pg_rows_locate(const struct pg_rows *rows, size_t n, struct pg_bad_event *bad);

#endif
