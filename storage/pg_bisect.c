/* pg_bisect.c: log2(n) tries to find the first event that the database refuses. Runs on the lane's
 * thread. Uses a temporary table, so that neither keys nor partitions play a part. */
#include "storage/pg_bisect.h"

#include "storage/pg_tables.h"

#include <stdio.h>

/* Copies events [from, to) and undoes it. OK: taken; MALFORMED: refused because of a value. */
static enum status try_range(const struct pg_rows *rows, size_t from, size_t to,
                             struct pg_bad_event *bad, struct pg_error *error)
{
    struct pg_error undo;
    enum status status = pg_connection_run(rows->connection, "SAVEPOINT try", error);
    if (status != STATUS_OK)
        return status;
    enum status copied = pg_rows_copy_events(rows, from, to, bad, error);
    if (copied == STATUS_REFUSED && pg_error_classify(error->sqlstate) == PG_ERROR_DATA)
        copied = STATUS_MALFORMED;
    if (copied != STATUS_OK && copied != STATUS_MALFORMED)
        return copied;
    status = pg_connection_run(rows->connection, "ROLLBACK TO SAVEPOINT try", &undo);
    if (status != STATUS_OK) {
        *error = undo;
        return status;
    }
    return copied;
}

static enum status search(const struct pg_rows *rows, struct pg_bad_event *bad,
                          struct pg_error *error)
{
    size_t low = 0, high = pg_rows_count_events(rows);
    if (high == 0)
        return STATUS_NOT_FOUND;
    while (high - low > 1) { /* everything before low is taken */
        size_t middle = low + (high - low) / 2;
        enum status status = try_range(rows, low, middle, bad, error);
        if (status == STATUS_OK)
            low = middle;
        else if (status == STATUS_MALFORMED)
            high = middle;
        else
            return status;
    }
    enum status status = try_range(rows, low, high, bad, error);
    if (status != STATUS_MALFORMED)
        return status == STATUS_OK ? STATUS_NOT_FOUND : status;
    if (!pg_rows_locate(rows, low, bad))
        return STATUS_NOT_FOUND;
    snprintf(bad->reason, sizeof bad->reason, "the database refused it (SQLSTATE %s): %.240s",
             error->sqlstate, error->text);
    return STATUS_OK;
}

enum status pg_bisect(const struct pg_rows *rows, struct pg_bad_event *bad, struct pg_error *error)
{
    struct pg_rows tried = *rows;
    tried.staged = true;
    enum status status = pg_connection_run(rows->connection, "BEGIN", error);
    if (status != STATUS_OK)
        return status;
    pg_table_write_stage(rows->buffer);
    status = rows->buffer->status == STATUS_OK
                 ? pg_connection_run(rows->connection, (const char *)rows->buffer->data, error)
                 : rows->buffer->status;
    if (status == STATUS_OK)
        status = search(&tried, bad, error);
    pg_connection_rollback(rows->connection);
    return status;
}
