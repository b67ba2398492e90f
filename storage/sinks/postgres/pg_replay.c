/* pg_replay.c: selects and counts the missing rows of a replayed load. Runs on the lane's thread.
 * Does not begin the transaction or copy rows (pg_load.c). */
#include "storage/sinks/postgres/pg_replay.h"
#include "core/object.h"

#include "core/clock.h"
#include "core/uuid7.h"
#include "storage/sinks/postgres/pg_copy.h"
#include "storage/sinks/postgres/pg_tables.h"
#include "storage/sinks/sink_record.h"

#include <stdio.h>
#include <stdlib.h>

/* Keys get the time of receipt of the batch, not the current time, so that they are not kept longer
 * than originally. */
static const char claim_sql[] =
    "INSERT INTO vsoc.batch_keys (batch_key, batch_uid, instance, time_loaded) "
    "SELECT k, u, $3, least(now(), to_timestamp($4::float8)) "
    "FROM unnest($1::bytea[], $2::uuid[]) AS t (k, u) ORDER BY k ON CONFLICT DO NOTHING";

/* Batches without a row of their own whose twin (same key, same body, within the window) has one,
 * or comes before them in this load. Of batches from before format 2 of the spool the body is not
 * known: the key decides. */
static const char twins_sql[] =
    "WITH t AS MATERIALIZED (SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::uuid[]) "
    "WITH ORDINALITY AS t (k, s, u, n)) "
    "SELECT u FROM t WHERE (EXISTS (SELECT FROM vsoc.batches b WHERE b.batch_key = t.k "
    "AND coalesce(b.body_digest = t.s, true) AND b.batch_uid <> t.u AND b.time_received "
    "BETWEEN to_timestamp($4::float8 - $6::float8) AND to_timestamp($5::float8 + $6::float8)) "
    "OR EXISTS (SELECT FROM t AS e WHERE e.k = t.k AND coalesce(e.s = t.s, true) AND e.n < t.n)) "
    "AND NOT EXISTS (SELECT FROM vsoc.batches b WHERE b.batch_uid = t.u AND b.time_received "
    "BETWEEN to_timestamp($4::float8) AND to_timestamp($5::float8))";

#define TWINS_MAGIC 0x5457494eU

struct twins {
    unsigned magic; /* TWINS_MAGIC */
    const struct pg_loader *loader;
    const struct sink_load *load;
};

OBJECT_CAST(twins, TWINS_MAGIC)

static void twin_row(void *arg, const char *const *cells)
{
    const struct twins *twins = twins_cast(arg);
    uint8_t *flags = pg_loader_flags(twins->loader, twins->load, cells[0]);
    if (flags)
        *flags = 0;
}

/* Seconds since 1970 as text. */
static struct slice seconds(char text[32], int64_t ns)
{
    snprintf(text, 32, "%.6f", (double)ns / (double)NS_PER_S);
    return slice_from_text(text);
}

/* Time of receipt of the first and the last batch of the load, widened for rounding. */
static void times_of(const struct sink_load *load, int64_t *first, int64_t *last)
{
    *first = *last = load->batches[0].received_ns;
    for (size_t i = 1; i < load->batch_count; i++) {
        int64_t ns = load->batches[i].received_ns;
        *first = ns < *first ? ns : *first;
        *last = ns > *last ? ns : *last;
    }
    *first -= NS_PER_MS;
    *last += NS_PER_MS;
}

enum part { PART_KEY, PART_BODY, PART_CLAIM, PART_UID };

static struct slice value_of(const struct sink_batch *batch, enum part part,
                             uint8_t claim[SHA256_BYTES])
{
    switch (part) {
    case PART_KEY:
        return slice_make(batch->key, SHA256_BYTES);
    case PART_BODY:
        return slice_make(batch->body_digest, batch->body_digest ? SHA256_BYTES : 0);
    case PART_CLAIM:
        pg_loader_claim(batch, claim);
        return slice_make(claim, SHA256_BYTES);
    case PART_UID:
        break;
    }
    return slice_make(batch->batch_uid, UUID_BYTES);
}

/* Appends one part of all batches as an array; returns its end in the buffer. */
static size_t put_array(struct writer *w, const struct sink_load *load, enum part part)
{
    pg_copy_array(w, part == PART_UID ? PG_UUID : PG_BYTEA, pg_loader_batches(load));
    for (size_t i = 0; i < load->batch_count; i++) {
        if (sink_is_record(&load->batches[i]))
            continue;
        uint8_t claim[SHA256_BYTES];
        struct slice value = value_of(&load->batches[i], part, claim);
        if (value.data)
            pg_copy_bytes(w, value);
        else
            pg_copy_null(w);
    }
    return w->size;
}

static struct pg_param array_param(const struct writer *w, size_t from, size_t to, unsigned type)
{
    return (struct pg_param){slice_make(w->data + from, to - from), type};
}

static enum status claim_keys(struct pg_loader *l, const struct sink_load *load, int64_t first,
                              struct pg_error *error)
{
    struct writer *w = &l->buffer;
    char text[32];
    writer_reset(w);
    size_t keys = put_array(w, load, PART_CLAIM), uids = put_array(w, load, PART_UID);
    if (w->status != STATUS_OK)
        return w->status;
    struct pg_param params[] = {array_param(w, 0, keys, PG_ARRAY_OF_BYTEA),
                                array_param(w, keys, uids, PG_ARRAY_OF_UUID),
                                {slice_from_text(l->instance), 0},
                                {seconds(text, first), 0}};
    return pg_connection_query(l->connection, claim_sql, params, 4, NULL, NULL, error);
}

static enum status leave_out_twins(struct pg_loader *l, const struct sink_load *load, int64_t first,
                                   int64_t last, struct pg_error *error)
{
    struct writer *w = &l->buffer;
    char from[32], to[32], window[32];
    writer_reset(w);
    size_t keys = put_array(w, load, PART_KEY), bodies = put_array(w, load, PART_BODY),
           uids = put_array(w, load, PART_UID);
    if (w->status != STATUS_OK)
        return w->status;
    struct pg_param params[] = {array_param(w, 0, keys, PG_ARRAY_OF_BYTEA),
                                array_param(w, keys, bodies, PG_ARRAY_OF_BYTEA),
                                array_param(w, bodies, uids, PG_ARRAY_OF_UUID),
                                {seconds(from, first), 0},
                                {seconds(to, last), 0},
                                {seconds(window, l->key_window_ns), 0}};
    struct twins twins = {.magic = TWINS_MAGIC, l, load};
    return pg_connection_query(l->connection, twins_sql, params, 6, twin_row, &twins, error);
}

/* Flags all batches of the load as fresh, except those that the database has under another id (the
 * same batch, sent to another instance): they were never loaded. Unless it is a dry run, claims the
 * keys, so that a lane of a running server that loads the same batch waits and then finds it. */
static enum status choose(struct pg_loader *l, const struct sink_load *load, struct pg_error *error)
{
    int64_t first, last;
    times_of(load, &first, &last);
    for (size_t i = 0; i < load->batch_count; i++)
        l->flags[i] = sink_is_record(&load->batches[i]) ? 0 : PG_BATCH_FRESH;
    if (!pg_loader_batches(load))
        return STATUS_OK;
    pg_loader_sort(l, load);
    enum status status = STATUS_OK;
    if (!l->replay->dry_run)
        status = claim_keys(l, load, first, error);
    return status == STATUS_OK ? leave_out_twins(l, load, first, last, error) : status;
}

static void count_row(void *arg, const char *const *cells)
{
    *(uint64_t *)arg += strtoull(cells[0] ? cells[0] : "0", NULL, 10);
}

/* Moves the staged rows that are missing to their tables, or only counts them in a dry run. *put:
 * events and quarantined records. */
static enum status put_missing(struct pg_loader *l, uint64_t *put, struct pg_error *error)
{
    enum status status = STATUS_OK;
    uint64_t events = 0, batches = 0;
    for (enum pg_table table = 0; table < PG_TABLE_COUNT && status == STATUS_OK; table++) {
        struct writer *w = &l->buffer;
        pg_table_write_missing(w, table, !l->replay->dry_run, l->keyless);
        status = w->status;
        if (status == STATUS_OK)
            status = pg_connection_query(l->connection, (const char *)w->data, NULL, 0, count_row,
                                         table == PG_TABLE_BATCHES ? &batches : &events, error);
    }
    *put = events;
    return status;
}

static enum status settle(struct pg_loader *l, const struct pg_rows *rows, struct pg_error *error)
{
    (void)rows;
    uint64_t put = 0;
    enum status status = put_missing(l, &put, error);
    if (status == STATUS_OK && l->replay->dry_run)
        pg_connection_rollback(l->connection);
    else if (status == STATUS_OK)
        status = pg_connection_commit(l->connection, error);
    if (status == STATUS_OK)
        l->replay->put += put + l->records;
    return status;
}

const struct pg_load_way pg_replay_way = {.staged = true, .choose = choose, .settle = settle};
