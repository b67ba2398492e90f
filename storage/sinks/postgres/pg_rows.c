/* pg_rows.c: a load → COPY streams for the tables of the schema. Runs on the lane's thread. Does
 * not open or end transactions and decides nothing about errors. */
#include "storage/sinks/postgres/pg_rows.h"
#include "core/reasons/record_code.h"

#include "core/event/event_json.h"
#include "storage/sinks/postgres/pg_copy.h"
#include "storage/sinks/postgres/pg_tables.h"

#include <stdio.h>

#define SLICE_BYTES ((size_t)128 << 10) /* sent when the buffer holds this much */

/* One COPY in progress; starts with its first row. */
struct stream {
    const struct pg_rows *rows;
    enum pg_table table;
    const struct pg_columns *columns; /* of events; NULL: all, and for other tables */
    bool begun;
};

static enum status stream_begin(struct stream *s, struct pg_error *error)
{
    struct writer *w = s->rows->buffer;
    pg_table_write_copy(w, s->table, s->rows->staged, s->columns);
    if (w->status != STATUS_OK)
        return w->status;
    enum status status =
        pg_connection_copy_start(s->rows->connection, (const char *)w->data, error);
    writer_reset(w);
    pg_copy_begin(w);
    s->begun = true;
    return status;
}

/* Sends if the buffer holds enough. */
static enum status stream_pass(struct stream *s, struct pg_error *error)
{
    struct writer *w = s->rows->buffer;
    if (w->status != STATUS_OK)
        return w->status;
    if (w->size < SLICE_BYTES)
        return STATUS_OK;
    enum status status = pg_connection_copy_send(s->rows->connection, writer_slice(w), error);
    writer_reset(w);
    return status;
}

/* Completes the COPY, or aborts it if status shows that its rows are bad. */
static enum status stream_end(struct stream *s, enum status status, struct pg_error *error)
{
    struct pg_connection *c = s->rows->connection;
    struct writer *w = s->rows->buffer;
    if (!s->begun || status == STATUS_UNAVAILABLE || status == STATUS_REFUSED)
        return status;
    struct pg_error ignored;
    if (status == STATUS_OK) {
        pg_copy_end(w);
        status = w->status;
    }
    if (status == STATUS_OK) {
        status = pg_connection_copy_send(c, writer_slice(w), error);
        return status == STATUS_OK ? pg_connection_copy_finish(c, NULL, error) : status;
    }
    if (pg_connection_copy_finish(c, "an event can't become a row", &ignored) ==
        STATUS_UNAVAILABLE) {
        *error = ignored;
        return STATUS_UNAVAILABLE;
    }
    return status;
}

/* Iterates over the events that become rows of vsoc.events. */
struct event_walk {
    const struct pg_rows *rows;
    size_t batch, batches;
    bool open;           /* iterator stands in batch */
    enum sink_next next; /* LOST: the walk ended early */
    struct sink_iterator iterator;
};

static struct event_walk walk_start(const struct pg_rows *rows)
{
    return (struct event_walk){.rows = rows, .batches = rows->load->batch_count};
}

static bool walk_next(struct event_walk *walk, struct event_item *item)
{
    const struct sink_load *load = walk->rows->load;
    for (; walk->batch < walk->batches; walk->batch++, walk->open = false) {
        if (!(walk->rows->flags[walk->batch] & PG_BATCH_FRESH))
            continue;
        if (!walk->open)
            load->begin(load, walk->batch, &walk->iterator);
        walk->open = true;
        while ((walk->next = load->next(&walk->iterator, item)) == SINK_NEXT_ITEM) {
            if (!item->is_reject &&
                !sink_load_find_rejected(load, walk->batch, item->event.batch_index))
                return true;
            walk->rows->flags[walk->batch] |= PG_BATCH_QUARANTINE;
        }
        if (walk->next == SINK_NEXT_LOST)
            return false;
    }
    return false;
}

/* Before a row: begins the COPY, also anew when the event sets a column that it does not name. */
static enum status stream_fit(struct stream *s, const struct event *event, struct pg_error *error)
{
    struct pg_columns *columns = s->rows->staged ? NULL : s->rows->columns;
    bool fits = !columns || pg_columns_fit(columns, event);
    if (s->begun && fits)
        return STATUS_OK;
    enum status status = s->begun ? stream_end(s, STATUS_OK, error) : STATUS_OK;
    s->begun = false;
    if (!fits)
        pg_columns_add(columns, event);
    return status == STATUS_OK ? stream_begin(s, error) : status;
}

enum status pg_rows_copy_events(const struct pg_rows *rows, struct pg_error *error)
{
    struct pg_columns all;
    pg_columns_all(&all);
    struct stream stream = {
        .rows = rows, .table = PG_TABLE_EVENTS, .columns = rows->staged ? NULL : rows->columns};
    struct event_walk walk = walk_start(rows);
    struct event_item item;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && walk_next(&walk, &item)) {
        status = stream_fit(&stream, &item.event, error);
        if (status != STATUS_OK)
            break;
        const struct event_field_info *field = NULL;
        status = pg_copy_event(rows->buffer, &item.event, stream.columns ? stream.columns : &all,
                               &field);
        if (status == STATUS_OK)
            status = stream_pass(&stream, error);
        else if (field)
            status = STATUS_MALFORMED;
    }
    if (status == STATUS_OK && walk.next == SINK_NEXT_LOST)
        status = STATUS_NO_MEMORY; /* the same load later */
    return stream_end(&stream, status, error);
}

enum status pg_rows_encode_events(const struct pg_rows *rows, struct writer *w, struct pg_row *list,
                                  size_t *count,
                                  void (*refused)(void *arg, const struct sink_rejected *event),
                                  void *arg)
{
    struct event_walk walk = walk_start(rows);
    struct event_item item;
    struct pg_columns all;
    char reason[320];
    pg_columns_all(&all);
    *count = 0;
    while (walk_next(&walk, &item)) {
        const struct event_field_info *field = NULL;
        struct pg_row row = {w->size, walk.batch, (uint32_t)item.event.batch_index};
        enum status status = pg_copy_event(w, &item.event, &all, &field);
        if (status == STATUS_OK) {
            list[(*count)++] = row;
            continue;
        }
        if (!field)
            return status;
        snprintf(reason, sizeof reason, "%s (%s): %s", field->name, field->sql,
                 status == STATUS_NOT_FOUND ? "is missing" : status_text(status));
        refused(arg, &(struct sink_rejected){row.batch, row.index, reason});
    }
    list[*count] = (struct pg_row){.offset = w->size};
    return walk.next == SINK_NEXT_LOST ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status pg_rows_encode_first(const struct pg_rows *rows, struct writer *w)
{
    struct event_walk walk = walk_start(rows);
    struct event_item item;
    const struct event_field_info *field = NULL;
    struct pg_columns all;
    pg_columns_all(&all);
    return walk_next(&walk, &item) ? pg_copy_event(w, &item.event, &all, &field) : STATUS_OK;
}

/* What a quarantine row needs, from a reject or from an event that the database refused. */
struct quarantined {
    int64_t index;
    const char *source;
    struct slice code, detail, parser, raw;
    int64_t raw_offset, raw_size;
};

static void write_quarantined(struct writer *w, const struct sink_batch *batch,
                              const struct quarantined *q)
{
    pg_copy_row(w, pg_table_columns(PG_TABLE_QUARANTINE));
    pg_copy_bytes(w, slice_make(batch->batch_uid, 16));
    pg_copy_int4(w, (int32_t)q->index);
    pg_copy_time(w, batch->received_ns);
    pg_copy_text(w, batch->tenant);
    pg_copy_text(w, slice_from_text(q->source));
    pg_copy_text(w, q->code);
    pg_copy_text_or_null(w, q->detail);
    pg_copy_text_or_null(w, q->parser);
    pg_copy_int8(w, q->raw_offset);
    pg_copy_int8(w, q->raw_size);
    pg_copy_bytes(w, q->raw);
}

/* A refusal about who may send the record, about its form, or of what was lost in the spool. A code
 * that is no row is a plug-in's. */
static const char *reject_source(enum record_code code)
{
    switch (record_code_source(code)) {
    case RECORD_SOURCE_SINK:
        return "sink";
    case RECORD_SOURCE_POLICY:
        return "policy";
    default:
        return "parse";
    }
}

static void write_reject(struct writer *w, const struct sink_batch *batch,
                         const struct event_reject *reject)
{
    struct quarantined q = {.index = reject->index,
                            .source = reject_source(record_code_find(reject->code)),
                            .code = reject->code,
                            .detail = reject->detail,
                            .parser = reject->parser,
                            .raw = reject->raw,
                            .raw_offset = (int64_t)reject->raw_offset,
                            .raw_size = (int64_t)reject->raw_size};
    write_quarantined(w, batch, &q);
}

static enum status write_refused_event(struct writer *w, const struct sink_batch *batch,
                                       const struct event *event, const char *reason)
{
    struct writer json;
    writer_init(&json, (size_t)64 << 20);
    event_json_write(&json, event);
    struct quarantined q = {.index = event->batch_index,
                            .source = reject_source(RECORD_database_refused),
                            .code = slice_from_text(record_code_text(RECORD_database_refused)),
                            .detail = slice_from_text(reason),
                            .parser =
                                EVENT_HAS(event, parser_name) ? event->parser_name : SLICE_EMPTY,
                            .raw = writer_slice(&json),
                            .raw_offset = EVENT_HAS(event, raw_offset) ? event->raw_offset : 0,
                            .raw_size = EVENT_HAS(event, raw_size) ? event->raw_size : 0};
    if (json.status == STATUS_OK)
        write_quarantined(w, batch, &q);
    enum status status = json.status;
    writer_fini(&json);
    return status;
}

static enum status copy_batch_quarantine(struct stream *stream, size_t batch,
                                         struct pg_error *error)
{
    const struct sink_load *load = stream->rows->load;
    struct writer *w = stream->rows->buffer;
    struct sink_iterator iterator;
    struct event_item item;
    enum status status = STATUS_OK;
    load->begin(load, batch, &iterator);
    while (status == STATUS_OK) {
        enum sink_next next = load->next(&iterator, &item);
        if (next == SINK_NEXT_END)
            break;
        if (next == SINK_NEXT_LOST) {
            status = STATUS_NO_MEMORY; /* the same load later */
            break;
        }
        const struct sink_rejected *rejected =
            item.is_reject ? NULL : sink_load_find_rejected(load, batch, item.event.batch_index);
        if (!item.is_reject && !rejected)
            continue;
        if (!stream->begun)
            status = stream_begin(stream, error);
        if (status != STATUS_OK)
            break;
        if (rejected)
            status = write_refused_event(w, &load->batches[batch], &item.event, rejected->reason);
        else
            write_reject(w, &load->batches[batch], &item.reject);
        if (status == STATUS_OK)
            status = stream_pass(stream, error);
    }
    return status;
}

enum status pg_rows_copy_quarantine(const struct pg_rows *rows, struct pg_error *error)
{
    struct stream stream = {.rows = rows, .table = PG_TABLE_QUARANTINE};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < rows->load->batch_count && status == STATUS_OK; i++)
        if (rows->flags[i] == (PG_BATCH_FRESH | PG_BATCH_QUARANTINE))
            status = copy_batch_quarantine(&stream, i, error);
    return stream_end(&stream, status, error);
}

static void copy_hash_or_null(struct writer *w, const uint8_t *hash)
{
    if (hash)
        pg_copy_bytes(w, slice_make(hash, 32));
    else
        pg_copy_null(w);
}

static void write_batch(struct writer *w, const struct pg_rows *rows, const struct sink_batch *b)
{
    pg_copy_row(w, pg_table_columns(PG_TABLE_BATCHES));
    pg_copy_bytes(w, slice_make(b->batch_uid, 16));
    pg_copy_time(w, b->received_ns);
    pg_copy_time(w, b->ingested_ns);
    pg_copy_text(w, slice_from_text(rows->instance));
    pg_copy_bytes(w, slice_make(rows->load->spool_uid, 16));
    pg_copy_int8(w, (int64_t)b->position);
    pg_copy_text(w, b->tenant);
    pg_copy_text(w, b->sender);
    pg_copy_text_or_null(w, b->transport_identity);
    pg_copy_text_or_null(w, b->content_type);
    pg_copy_text_or_null(w, b->content_encoding);
    pg_copy_text_or_null(w, b->format);
    pg_copy_text_or_null(w, b->parser_version);
    pg_copy_text_or_null(w, b->idempotency_key);
    pg_copy_text_or_null(w, b->traceparent);
    pg_copy_bytes(w, slice_make(b->key, 32));
    pg_copy_int8(w, (int64_t)b->body_bytes);
    pg_copy_int8(w, (int64_t)b->inflated_bytes);
    pg_copy_int8(w, b->accepted);
    pg_copy_int8(w, b->duplicates);
    pg_copy_int8(w, b->quarantined);
    copy_hash_or_null(w, b->body_digest);
    pg_copy_bytes(w, slice_make(b->chain_hash, 32));
    copy_hash_or_null(w, b->body_commitment);
    if (b->leaf_index == SINK_NO_LEAF)
        pg_copy_null(w);
    else
        pg_copy_int8(w, (int64_t)b->leaf_index);
}

enum status pg_rows_copy_batches(const struct pg_rows *rows, struct pg_error *error)
{
    struct stream stream = {.rows = rows, .table = PG_TABLE_BATCHES};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < rows->load->batch_count && status == STATUS_OK; i++) {
        if (!(rows->flags[i] & PG_BATCH_FRESH))
            continue;
        if (!stream.begun)
            status = stream_begin(&stream, error);
        if (status != STATUS_OK)
            break;
        write_batch(rows->buffer, rows, &rows->load->batches[i]);
        status = stream_pass(&stream, error);
    }
    return stream_end(&stream, status, error);
}
