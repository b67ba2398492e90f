/* pg_load.c: a load as one transaction. The unique batch key makes it exactly once: a load whose
 * commit was not confirmed is loaded again, and only batches with a new key add rows. Runs on the
 * lane's thread. Does not connect and does not wait between attempts. */
#define LOG_COMPONENT "postgres"
#include "storage/sinks/postgres/pg_load.h"
#include "core/object.h"

#include "core/hash.h"
#include "core/log/log.h"
#include "core/uuid7.h"
#include "storage/sinks/postgres/pg_bisect.h"
#include "storage/sinks/postgres/pg_copy.h"
#include "storage/sinks/postgres/pg_records.h"
#include "storage/sinks/postgres/pg_replay.h"
#include "storage/sinks/postgres/pg_tables.h"
#include "storage/sinks/sink_record.h"
#include "core/disk/fault.h"

#include <stdio.h>
#include <stdlib.h>

#define TRIES_MAX 3 /* immediate attempts; each for another reason */

#define CLAIM_MAGIC 0x434c4149U

struct claim {
    unsigned magic; /* CLAIM_MAGIC */
    struct pg_loader *loader;
    const struct sink_load *load;
};

OBJECT_CAST(claim, CLAIM_MAGIC)

/* A row of RETURNING: the key of this batch was new. */
static void claim_row(void *arg, const char *const *cells)
{
    const struct claim *claim = claim_cast(arg);
    uint8_t *flags = pg_loader_flags(claim->loader, claim->load, cells[0]);
    if (flags)
        *flags |= PG_BATCH_FRESH;
}

/* Rows are claimed in the order of the keys, so that two lanes never wait for each other. */
static const char claim_sql[] =
    "INSERT INTO vsoc.batch_keys (batch_key, batch_uid, instance) "
    "SELECT k, u, $3 FROM unnest($1::bytea[], $2::uuid[]) AS t (k, u) ORDER BY k "
    "ON CONFLICT DO NOTHING RETURNING batch_uid";

static enum status claim_keys(struct pg_loader *l, const struct sink_load *load,
                              struct pg_error *error)
{
    struct writer *w = &l->buffer;
    writer_reset(w);
    memset(l->flags, 0, load->batch_count);
    size_t batches = pg_loader_batches(load);
    if (!batches)
        return STATUS_OK;
    pg_loader_sort(l, load);
    pg_copy_array(w, PG_BYTEA, batches);
    for (size_t i = 0; i < load->batch_count; i++) {
        if (sink_is_record(&load->batches[i]))
            continue;
        uint8_t claim[SHA256_BYTES];
        pg_loader_claim(&load->batches[i], claim);
        pg_copy_bytes(w, slice_make(claim, sizeof claim));
    }
    size_t keys_size = w->size;
    pg_copy_array(w, PG_UUID, batches);
    for (size_t i = 0; i < load->batch_count; i++)
        if (!sink_is_record(&load->batches[i]))
            pg_copy_bytes(w, slice_make(load->batches[i].batch_uid, UUID_BYTES));
    if (w->status != STATUS_OK)
        return w->status;
    struct pg_param params[] = {
        {slice_make(w->data, keys_size), PG_ARRAY_OF_BYTEA},
        {slice_make(w->data + keys_size, w->size - keys_size), PG_ARRAY_OF_UUID},
        {slice_from_text(l->instance), 0}};
    struct claim claim = {.magic = CLAIM_MAGIC, l, load};
    return pg_connection_query(l->connection, claim_sql, params, 3, claim_row, &claim, error);
}

static const char position_sql[] =
    "INSERT INTO vsoc.sink_position (instance, lane, lanes, spool_uid, position, batch_uid) "
    "VALUES ($1, $2::int4, $3::int4, $4::uuid, $5::int8, $6::uuid) "
    "ON CONFLICT (instance, lane) DO UPDATE SET lanes = excluded.lanes, "
    "spool_uid = excluded.spool_uid, position = excluded.position, "
    "batch_uid = excluded.batch_uid, time_changed = now()";

static enum status store_position(struct pg_loader *l, const struct sink_load *load,
                                  struct pg_error *error)
{
    char lane[16], lanes[16], position[24];
    char uid[UUID_TEXT_BYTES + 1] = "", batch[UUID_TEXT_BYTES + 1] = "";
    struct sink_position end = sink_load_end(load);
    snprintf(lane, sizeof lane, "%u", l->lane);
    snprintf(lanes, sizeof lanes, "%u", l->lanes);
    snprintf(position, sizeof position, "%llu", (unsigned long long)end.position);
    uuid_to_text(load->spool_uid, uid);
    uuid_to_text(end.batch_uid, batch);
    struct pg_param params[] = {{slice_from_text(l->instance), 0}, {slice_from_text(lane), 0},
                                {slice_from_text(lanes), 0},       {slice_from_text(uid), 0},
                                {slice_from_text(position), 0},    {slice_from_text(batch), 0}};
    return pg_connection_query(l->connection, position_sql, params, 6, NULL, NULL, error);
}

static enum status run_buffer(const struct pg_rows *rows, struct pg_error *error)
{
    if (rows->buffer->status != STATUS_OK)
        return rows->buffer->status;
    return pg_connection_run(rows->connection, (const char *)rows->buffer->data, error);
}

static enum status copy_rows(const struct pg_rows *rows, struct pg_error *error)
{
    enum status status = STATUS_OK;
    if (rows->staged) {
        pg_table_write_stage(rows->buffer);
        status = run_buffer(rows, error);
    }
    const char *table = "events";
    if (status == STATUS_OK)
        status = pg_rows_copy_events(rows, error);
    fault_point(pg_events_copied);
    if (status == STATUS_OK) {
        table = "quarantine";
        status = pg_rows_copy_quarantine(rows, error);
    }
    fault_point(pg_quarantine_copied);
    if (status == STATUS_OK) {
        table = "batches";
        status = pg_rows_copy_batches(rows, error);
    }
    fault_point(pg_batches_copied);
    if (status == STATUS_REFUSED &&
        !error->table[0]) /* an error raised by a trigger names no table */
        snprintf(error->table, sizeof error->table, "%s", table);
    return status;
}

static enum status unstage_rows(const struct pg_rows *rows, struct pg_error *error)
{
    fault_point(pg_staged);
    pg_table_write_unstage(rows->buffer, rows->keyless);
    enum status status = run_buffer(rows, error);
    fault_point(pg_unstaged);
    return status;
}

/* After the rows of the lane's own load. */
static enum status settle(struct pg_loader *l, const struct pg_rows *rows, struct pg_error *error)
{
    enum status status = rows->staged ? unstage_rows(rows, error) : STATUS_OK;
    if (status == STATUS_OK)
        status = store_position(l, rows->load, error);
    fault_point(pg_position_stored);
    return status == STATUS_OK ? pg_connection_commit(l->connection, error) : status;
}

static const struct pg_load_way way_of_a_lane = {.choose = claim_keys, .settle = settle};

static enum status transaction(struct pg_loader *l, const struct pg_load_way *way,
                               const struct pg_rows *rows, struct pg_error *error)
{
    enum status status = STATUS_OK;
    if (!l->replay || !l->replay->dry_run)
        status = pg_days_ensure(&l->days, l->connection, rows->load, error);
    if (status == STATUS_OK)
        status = pg_connection_run(l->connection, "BEGIN", error);
    fault_point(pg_begun);
    if (status == STATUS_OK)
        status = way->choose(l, rows->load, error);
    fault_point(pg_keys_claimed);
    if (status == STATUS_OK)
        status = copy_rows(rows, error);
    if (status == STATUS_OK)
        status = pg_records_put(l, rows->load, &l->records, error);
    fault_point(pg_records_inserted);
    return status == STATUS_OK ? way->settle(l, rows, error) : status;
}

/* What an operator can do about a table that refuses every row. */
static void tell_table(const struct pg_error *error, bool events, struct sink_problem *problem)
{
    const char *name = error->constraint[0] ? error->constraint : error->column;
    const char *what = "a trigger or rule of the table, or the type of a column that was changed";
    if (strcmp(error->sqlstate, "23502") == 0)
        what = "the column: give it a default, or drop its NOT NULL";
    else if (error->constraint[0])
        what = "the constraint or index: change or drop it";
    snprintf(problem->text, sizeof problem->text,
             "%s, so nothing goes to quarantine and loading waits: %.180s (SQLSTATE %s%s%s); fix "
             "%s%s%s%s, then everything loads",
             events ? "the table refuses every row"
                    : "a table beside that of the events refuses its rows",
             error->text, error->sqlstate, error->table[0] ? ", table " : "", error->table, what,
             name[0] ? " (" : "", name, name[0] ? ")" : "");
}

/* Finds the events of the load that cause the refusal, unless the table is the cause. */
static enum sink_result find_poison(struct pg_loader *l, const struct pg_rows *rows,
                                    const struct pg_error *error, struct sink_problem *problem)
{
    struct pg_error more = *error;
    enum status status = pg_bisect(rows, &l->probe, &problem->rejected, problem->text, &more);
    if (status == STATUS_OK)
        return SINK_REJECTED;
    if (status == STATUS_NOT_FOUND || status == STATUS_CONFLICT) {
        tell_table(error, status == STATUS_CONFLICT, problem);
        return SINK_BROKEN;
    }
    return pg_loader_failed(status, &more, "cannot search for refused events", problem);
}

enum sink_result pg_load_deliver(struct pg_loader *l, const struct sink_load *load,
                                 struct sink_problem *problem)
{
    struct pg_rows rows = {.connection = l->connection,
                           .buffer = &l->buffer,
                           .instance = l->instance,
                           .load = load,
                           .columns = &l->columns,
                           .keyless = l->keyless};
    const struct pg_load_way *way = l->replay ? &pg_replay_way : &way_of_a_lane;
    rows.staged = way->staged;
    struct pg_error error = {0};
    enum status status = pg_loader_make_room(l, load->batch_count);
    rows.flags = l->flags;
    for (unsigned tries = 0; tries < TRIES_MAX && status != STATUS_NO_MEMORY; tries++) {
        status = transaction(l, way, &rows, &error);
        if (status == STATUS_OK) {
            fault_point(pg_committed);
            pg_columns_renew(&l->columns);
            if (!l->replay)
                pg_probe_remember(&l->probe, &rows);
            return SINK_DELIVERED;
        }
        pg_connection_rollback(l->connection);
        fault_point(pg_rolled_back);
        if (status == STATUS_MALFORMED)
            return find_poison(l, &rows, &error, problem);
        if (status != STATUS_REFUSED)
            break;
        if (pg_error_no_partition(&error)) {
            pg_days_forget(&l->days);
        } else if (pg_error_own_key(&error) && !rows.staged) {
            /* The key was deleted but the rows exist: an old batch is loaded again. */
            log_warn("rows of a batch exist already: loading only the missing ones",
                     LOG_U64("first_position", load->batches[0].position));
            rows.staged = true;
        } else if (pg_error_classify(error.sqlstate) == PG_ERROR_DATA) {
            return find_poison(l, &rows, &error, problem);
        } else {
            break;
        }
    }
    return pg_loader_failed(status, &error, "cannot load into PostgreSQL", problem);
}
