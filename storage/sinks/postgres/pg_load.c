/* pg_load.c: a load as one transaction. It is the unique batch key that makes it exactly once: a
 * load whose commit was not seen is simply loaded again, and only batches whose key is new leave
 * rows. Runs on the lane's thread. Does not connect and does not wait between tries. */
#define LOG_COMPONENT "postgres"
#include "storage/sinks/postgres/pg_load.h"

#include "core/hash.h"
#include "core/log/log.h"
#include "core/uuid7.h"
#include "storage/sinks/postgres/pg_bisect.h"
#include "storage/sinks/postgres/pg_copy.h"
#include "storage/sinks/postgres/pg_replay.h"
#include "storage/sinks/postgres/pg_tables.h"
#include "core/disk/fault.h"

#include <stdio.h>
#include <stdlib.h>

#define BUFFER_MAX ((size_t)1 << 30) /* PostgreSQL takes no larger value */
#define TRIES_MAX  3                 /* at once; each for another reason */

void pg_loader_init(struct pg_loader *l, struct pg_connection *connection, const char *instance,
                    unsigned lane, unsigned lanes)
{
    *l = (struct pg_loader){
        .connection = connection, .instance = instance, .lane = lane, .lanes = lanes};
    writer_init(&l->buffer, BUFFER_MAX);
    pg_probe_init(&l->probe);
}

void pg_loader_fini(struct pg_loader *l)
{
    writer_fini(&l->buffer);
    pg_probe_fini(&l->probe);
    free(l->flags);
    free(l->by_uid);
}

enum sink_result pg_load_failed(enum status status, const struct pg_error *error, const char *what,
                                struct sink_problem *problem)
{
    if (status != STATUS_REFUSED && status != STATUS_UNAVAILABLE) {
        snprintf(problem->text, sizeof problem->text, "%s: %s", what, status_text(status));
        return status == STATUS_NO_MEMORY ? SINK_LATER : SINK_BROKEN;
    }
    const char *advice = pg_error_advice(error->sqlstate);
    snprintf(problem->text, sizeof problem->text, "%s: %s%s%s%s%s", what, error->text,
             error->sqlstate[0] ? " (SQLSTATE " : "", error->sqlstate,
             error->sqlstate[0] ? ")" : "", advice ? "; " : "");
    size_t used = strlen(problem->text);
    snprintf(problem->text + used, sizeof problem->text - used, "%s", advice ? advice : "");
    return pg_error_no_partition(error) || pg_error_classify(error->sqlstate) == PG_ERROR_LATER
               ? SINK_LATER
               : SINK_BROKEN;
}

static enum status make_room(struct pg_loader *l, size_t batches)
{
    if (batches <= l->capacity)
        return STATUS_OK;
    uint8_t *flags = realloc(l->flags, batches * sizeof *flags);
    if (flags)
        l->flags = flags;
    uint32_t *by_uid = realloc(l->by_uid, batches * sizeof *by_uid);
    if (by_uid)
        l->by_uid = by_uid;
    if (!flags || !by_uid)
        return STATUS_NO_MEMORY;
    l->capacity = batches;
    return STATUS_OK;
}

static int compare_uids(const void *a, const void *b, void *batches)
{
    const struct sink_batch *list = batches;
    return memcmp(list[*(const uint32_t *)a].batch_uid, list[*(const uint32_t *)b].batch_uid,
                  UUID_BYTES);
}

struct claim {
    struct pg_loader *loader;
    const struct sink_load *load;
};

void pg_load_sort(struct pg_loader *l, const struct sink_load *load)
{
    for (size_t i = 0; i < load->batch_count; i++)
        l->by_uid[i] = (uint32_t)i;
    qsort_r(l->by_uid, load->batch_count, sizeof *l->by_uid, compare_uids,
            (void *)(uintptr_t)load->batches);
}

uint8_t *pg_load_flags(const struct pg_loader *l, const struct sink_load *load, const char *text)
{
    uint8_t uid[UUID_BYTES];
    if (!text || uuid_from_text(slice_from_text(text), uid) != STATUS_OK)
        return NULL;
    size_t low = 0, high = load->batch_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint32_t batch = l->by_uid[middle];
        int order = memcmp(load->batches[batch].batch_uid, uid, UUID_BYTES);
        if (order == 0)
            return &l->flags[batch];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* A row of RETURNING: this batch's key was new. */
static void claim_row(void *arg, const char *const *cells)
{
    const struct claim *claim = arg;
    uint8_t *flags = pg_load_flags(claim->loader, claim->load, cells[0]);
    if (flags)
        *flags |= PG_BATCH_FRESH;
}

void pg_load_claim(const struct sink_batch *batch, uint8_t claim[SHA256_BYTES])
{
    uint8_t both[2 * SHA256_BYTES];
    memcpy(both, batch->key, SHA256_BYTES);
    memcpy(both + SHA256_BYTES, batch->inflated_digest, SHA256_BYTES);
    sha256_bytes(slice_make(both, sizeof both), claim);
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
    pg_load_sort(l, load);
    pg_copy_array(w, PG_BYTEA, load->batch_count);
    for (size_t i = 0; i < load->batch_count; i++) {
        uint8_t claim[SHA256_BYTES];
        pg_load_claim(&load->batches[i], claim);
        pg_copy_bytes(w, slice_make(claim, sizeof claim));
    }
    size_t keys_size = w->size;
    pg_copy_array(w, PG_UUID, load->batch_count);
    for (size_t i = 0; i < load->batch_count; i++)
        pg_copy_bytes(w, slice_make(load->batches[i].batch_uid, UUID_BYTES));
    if (w->status != STATUS_OK)
        return w->status;
    struct pg_param params[] = {
        {slice_make(w->data, keys_size), PG_ARRAY_OF_BYTEA},
        {slice_make(w->data + keys_size, w->size - keys_size), PG_ARRAY_OF_UUID},
        {slice_from_text(l->instance), 0}};
    struct claim claim = {l, load};
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
    if (status == STATUS_REFUSED && !error->table[0]) /* what a trigger raises names none */
        snprintf(error->table, sizeof error->table, "%s", table);
    return status;
}

static enum status unstage_rows(const struct pg_rows *rows, struct pg_error *error)
{
    fault_point(pg_staged);
    pg_table_write_unstage(rows->buffer);
    enum status status = run_buffer(rows, error);
    fault_point(pg_unstaged);
    return status;
}

static enum status transaction(struct pg_loader *l, const struct pg_rows *rows,
                               struct pg_error *error)
{
    enum status status = pg_days_ensure(&l->days, l->connection, rows->load, error);
    if (status == STATUS_OK)
        status = pg_connection_run(l->connection, "BEGIN", error);
    fault_point(pg_begun);
    if (status == STATUS_OK)
        status = claim_keys(l, rows->load, error);
    fault_point(pg_keys_claimed);
    if (status == STATUS_OK)
        status = copy_rows(rows, error);
    if (status == STATUS_OK && rows->staged)
        status = unstage_rows(rows, error);
    if (status == STATUS_OK)
        status = store_position(l, rows->load, error);
    fault_point(pg_position_stored);
    return status == STATUS_OK ? pg_connection_commit(l->connection, error) : status;
}

/* The same when the load is put through again. */
static enum status transaction_again(struct pg_loader *l, const struct pg_rows *rows,
                                     struct pg_error *error)
{
    struct sink_replay *replay = l->replay;
    uint64_t put = 0;
    enum status status = STATUS_OK;
    if (!replay->dry_run)
        status = pg_days_ensure(&l->days, l->connection, rows->load, error);
    if (status == STATUS_OK)
        status = pg_connection_run(l->connection, "BEGIN", error);
    if (status == STATUS_OK)
        status = pg_replay_choose(l, rows->load, error);
    if (status == STATUS_OK)
        status = copy_rows(rows, error);
    if (status == STATUS_OK)
        status = pg_replay_put(l, &put, error);
    if (status == STATUS_OK && replay->dry_run)
        pg_connection_rollback(l->connection);
    else if (status == STATUS_OK)
        status = pg_connection_commit(l->connection, error);
    if (status == STATUS_OK)
        replay->put += put;
    return status;
}

/* What a person does about a table that refuses every row. */
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

/* Some values of the load are to blame: finds the events. Or the table is. */
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
    return pg_load_failed(status, &more, "cannot search for events that were refused", problem);
}

enum sink_result pg_loader_deliver(struct pg_loader *l, const struct sink_load *load,
                                   struct sink_problem *problem)
{
    struct pg_rows rows = {
        .connection = l->connection, .buffer = &l->buffer, .instance = l->instance, .load = load};
    rows.staged = l->replay != NULL;
    struct pg_error error = {0};
    enum status status = make_room(l, load->batch_count);
    rows.flags = l->flags;
    for (unsigned tries = 0; tries < TRIES_MAX && status != STATUS_NO_MEMORY; tries++) {
        status = l->replay ? transaction_again(l, &rows, &error) : transaction(l, &rows, &error);
        if (status == STATUS_OK) {
            fault_point(pg_committed);
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
            /* The key was forgotten, the rows are there: an old batch comes again. */
            log_warn("rows of a batch were there already: loading only what is missing",
                     LOG_U64("first_position", load->batches[0].position));
            rows.staged = true;
        } else if (pg_error_classify(error.sqlstate) == PG_ERROR_DATA) {
            return find_poison(l, &rows, &error, problem);
        } else {
            break;
        }
    }
    return pg_load_failed(status, &error, "cannot load into PostgreSQL", problem);
}
