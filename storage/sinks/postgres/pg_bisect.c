/* pg_bisect.c: finds all events of a load that the database refuses, by trying parts that shrink
 * after a refusal and grow after a success. It tries their values first, in a temporary table; if
 * all are good, it tries the table itself with its constraints and triggers. Runs on the lane's
 * thread. */
#include "storage/sinks/postgres/pg_bisect.h"
#include "core/object.h"

#include "storage/sinks/postgres/pg_copy.h"
#include "storage/sinks/postgres/pg_tables.h"

#include <stdio.h>
#include <stdlib.h>

#define SLICE_BYTES  ((size_t)128 << 10) /* sent at once */
#define JUDGE_EVENTS 64 /* tried one by one before concluding that the table is the cause */

/* What happens to an accepted part. In a temporary table it is undone; in the table itself it stays
 * until the end, so that conflicts with it are found. */
#define UNDO "ROLLBACK TO SAVEPOINT try"
#define KEEP "RELEASE SAVEPOINT try; SAVEPOINT try"

#define SEARCH_MAGIC 0x42495345U

struct search {
    unsigned magic; /* SEARCH_MAGIC */
    const struct pg_rows *rows;
    struct writer encoded; /* all rows */
    struct pg_row *list;   /* their offsets; one more than count: the end */
    size_t count;
    bool through; /* try the table itself, not only the values */
    bool missing; /* only the rows that the table does not have */
    struct writer unstage;
    size_t found;
    struct sink_rejected *first;
    char *text; /* reason of the first */
};

OBJECT_CAST(search, SEARCH_MAGIC)

static void found_one(void *arg, const struct sink_rejected *event)
{
    struct search *s = search_cast(arg);
    if (s->found++ == 0) {
        snprintf(s->text, sizeof((struct sink_problem *)0)->text, "%s", event->reason);
        *s->first = (struct sink_rejected){event->batch, event->index, s->text};
    }
    s->rows->load->reject(s->rows->load, event);
}

static bool is_staged(const struct search *s)
{
    return !s->through || s->missing;
}

/* Rows [from, to) as one COPY. */
static enum status copy_range(struct search *s, size_t from, size_t to, struct pg_error *error)
{
    struct pg_connection *c = s->rows->connection;
    struct writer *w = s->rows->buffer;
    pg_table_write_copy(w, PG_TABLE_EVENTS, is_staged(s), NULL);
    if (w->status != STATUS_OK)
        return w->status;
    enum status status = pg_connection_copy_start(c, (const char *)w->data, error);
    writer_reset(w);
    pg_copy_begin(w);
    size_t at = s->list[from].offset, end = s->list[to].offset;
    while (status == STATUS_OK && w->status == STATUS_OK && at < end) {
        size_t size = end - at < SLICE_BYTES ? end - at : SLICE_BYTES;
        writer_bytes(w, s->encoded.data + at, size);
        at += size;
        if (at == end)
            pg_copy_end(w);
        if (w->status == STATUS_OK)
            status = pg_connection_copy_send(c, writer_slice(w), error);
        writer_reset(w);
    }
    return status == STATUS_OK ? pg_connection_copy_finish(c, NULL, error) : status;
}

/* OK: accepted; MALFORMED: one of them is refused, *error has the reason. keep: rows that the table
 * itself accepts stay. */
static enum status try_range(struct search *s, size_t from, size_t to, bool keep,
                             struct pg_error *error)
{
    struct pg_connection *c = s->rows->connection;
    struct pg_error undo;
    enum status status = copy_range(s, from, to, error);
    if (status == STATUS_OK && s->through && is_staged(s))
        status = pg_connection_run(c, (const char *)s->unstage.data, error);
    if (status == STATUS_OK)
        return pg_connection_run(c, s->through && keep ? KEEP : UNDO, error);
    if (status != STATUS_REFUSED || pg_error_no_partition(error) ||
        pg_error_classify(error->sqlstate) != PG_ERROR_DATA)
        return status;
    status = pg_connection_run(c, UNDO, &undo);
    if (status != STATUS_OK) {
        *error = undo;
        return status;
    }
    if (is_staged(s) || !pg_error_own_key(error))
        return STATUS_MALFORMED;
    s->missing = true;
    return try_range(s, from, to, keep, error);
}

static void found_at(struct search *s, size_t at, const struct pg_error *error)
{
    char reason[480];
    snprintf(reason, sizeof reason, "the database refused it (SQLSTATE %s): %s", error->sqlstate,
             error->text);
    found_one(s, &(struct sink_rejected){s->list[at].batch, s->list[at].index, reason});
}

/* How many to try next after `size` rows were refused: those before the row that the error names,
 * or half of them. The row number saves attempts; a row counts as refused only if it is refused
 * alone. */
static size_t fewer(size_t size, const struct pg_error *error)
{
    size_t before = error->copy_row ? error->copy_row - 1 : size / 2;
    return before == 0 ? 1 : before < size ? before : size / 2;
}

static enum status search(struct search *s, struct pg_error *error)
{
    size_t size = s->count, gap = 0; /* accepted since the last refused one */
    for (size_t at = 0; at < s->count;) {
        size = size < s->count - at ? size : s->count - at;
        enum status status = try_range(s, at, at + size, true, error);
        if (status == STATUS_OK) {
            at += size;
            gap += size;
            size = size < gap ? gap * 2 : size * 2;
        } else if (status != STATUS_MALFORMED) {
            return status;
        } else if (size > 1) {
            size = fewer(size, error);
        } else {
            found_at(s, at++, error);
            size = 2 * (gap + 1);
            gap = 0;
        }
    }
    return STATUS_OK;
}

/* CONFLICT: the table refuses plain rows, and single events from the whole load, for the same
 * reason. One accepted row shows that the table is not the cause. */
static enum status judge_table(struct search *s, struct pg_probe *probe,
                               const struct pg_error *reason, struct pg_error *error)
{
    bool refuses;
    *error = *reason;
    enum status status = pg_probe_table(probe, s->rows, error, &refuses);
    if (status != STATUS_OK || !refuses)
        return status;
    size_t tries = s->count < JUDGE_EVENTS ? s->count : JUDGE_EVENTS;
    for (size_t i = 0; i < tries; i++) {
        size_t at = i * s->count / tries;
        status = try_range(s, at, at + 1, false, error);
        if (status != STATUS_MALFORMED)
            return status;
    }
    *error = *reason;
    return STATUS_CONFLICT;
}

static enum status begin(struct search *s, struct pg_error *error)
{
    struct pg_connection *c = s->rows->connection;
    struct writer *w = s->rows->buffer;
    enum status status = pg_connection_run(c, "BEGIN; SET CONSTRAINTS ALL IMMEDIATE", error);
    if (status != STATUS_OK)
        return status;
    pg_table_write_stage(w);
    pg_table_write_unstage(&s->unstage, s->rows->keyless);
    if (w->status != STATUS_OK || s->unstage.status != STATUS_OK)
        return STATUS_NO_MEMORY;
    status = pg_connection_run(c, (const char *)w->data, error);
    return status == STATUS_OK ? pg_connection_run(c, "SAVEPOINT try", error) : status;
}

enum status pg_bisect(const struct pg_rows *rows, struct pg_probe *probe,
                      struct sink_rejected *first, char text[512], struct pg_error *error)
{
    const struct pg_error reason = *error;
    struct search s = {
        .magic = SEARCH_MAGIC, .rows = rows, .missing = rows->staged, .first = first, .text = text};
    writer_init(&s.encoded, SIZE_MAX);
    writer_init(&s.unstage, SIZE_MAX);
    s.list = calloc((size_t)rows->load->event_count + 1, sizeof *s.list);
    enum status status =
        s.list ? pg_rows_encode_events(rows, &s.encoded, s.list, &s.count, found_one, &s)
               : STATUS_NO_MEMORY;
    if (status == STATUS_OK && s.found == 0)
        status = begin(&s, error);
    if (status == STATUS_OK && s.found == 0)
        status = search(&s, error);
    s.through = true;
    if (status == STATUS_OK && s.found == 0 && s.count > 0)
        status = judge_table(&s, probe, &reason, error);
    if (status == STATUS_OK && s.found == 0)
        status = search(&s, error);
    pg_connection_rollback(rows->connection);
    free(s.list);
    writer_fini(&s.encoded);
    writer_fini(&s.unstage);
    return status == STATUS_OK && s.found == 0 ? STATUS_NOT_FOUND : status;
}
