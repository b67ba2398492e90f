/* pg_probe.c: rows that distinguish a table that refuses every row from single refused events. Runs
 * on the lane's thread. Leaves nothing in the database. */
#include "storage/sinks/postgres/pg_probe.h"

#include "core/hash.h"
#include "core/uuid7.h"
#include "storage/sinks/postgres/pg_copy.h"
#include "storage/sinks/postgres/pg_tables.h"

#define REMEMBER_EACH 256 /* loads */
#define ROW_MAX       ((size_t)1 << 20)
#define TEXT_MAX      64

void pg_probe_init(struct pg_probe *p)
{
    *p = (struct pg_probe){0};
    writer_init(&p->taken, ROW_MAX);
}

void pg_probe_fini(struct pg_probe *p)
{
    writer_fini(&p->taken);
}

void pg_probe_remember(struct pg_probe *p, const struct pg_rows *rows)
{
    if (p->taken.size > 0 && ++p->loads % REMEMBER_EACH != 0)
        return;
    struct writer row;
    writer_init(&row, ROW_MAX);
    if (pg_rows_encode_first(rows, &row) == STATUS_OK && row.size > 0) {
        writer_fini(&p->taken);
        p->taken = row;
    } else {
        writer_fini(&row);
    }
}

static int64_t number_within(const struct event_field_info *field)
{
    int64_t least = field->min <= 1 && field->max >= 1 ? 1 : field->min;
    return field->min == 0 && field->max == 0 ? 0 : least;
}

/* One plain value of the field's kind. */
static void fill_field(struct event *e, const struct event_field_info *field, int64_t now_ns)
{
    static const uint8_t zeros[TEXT_MAX];
    static const char letters[] =
        "probe-of-the-table-that-is-never-kept-probe-of-the-table-that-is";
    static const struct slice words[] = {{(const uint8_t *)letters, 5}};
    void *member = (uint8_t *)e + field->offset;
    size_t least = field->min > TEXT_MAX ? TEXT_MAX : (size_t)(field->min > 0 ? field->min : 0);
    size_t text = least > 5 || field->max < 5 ? least : 5;
    switch (field->kind) {
    case EVENT_KIND_UUID:
        *(struct slice *)member = slice_make(zeros, UUID_BYTES);
        break;
    case EVENT_KIND_TEXT:
        *(struct slice *)member = slice_make(letters, text);
        break;
    case EVENT_KIND_HEX:
    case EVENT_KIND_BASE64:
        *(struct slice *)member = slice_make(zeros, least);
        break;
    case EVENT_KIND_INET:
        *(struct slice *)member = SLICE_LITERAL("192.0.2.1");
        break;
    case EVENT_KIND_JSON:
        *(struct slice *)member = SLICE_LITERAL("{}");
        break;
    case EVENT_KIND_LIST:
        *(struct slice_list *)member = (struct slice_list){words, 1};
        break;
    case EVENT_KIND_TIME:
        *(int64_t *)member = now_ns;
        break;
    case EVENT_KIND_REAL:
        *(double *)member = (double)number_within(field);
        break;
    case EVENT_KIND_INT:
    case EVENT_KIND_BIG:
    case EVENT_KIND_BOOL:
        *(int64_t *)member = number_within(field);
        break;
    }
    event_mark(e, (enum event_field)(field - event_field_table));
}

static void write_plain(struct writer *w, int64_t now_ns)
{
    struct event e;
    const struct event_field_info *bad;
    struct pg_columns all;
    pg_columns_all(&all);
    event_clear(&e);
    for (size_t i = 0; i < EVENT_FIELD_COUNT; i++)
        fill_field(&e, &event_field_table[i], now_ns);
    if (pg_copy_event(w, &e, &all, &bad) != STATUS_OK && w->status == STATUS_OK)
        w->status = STATUS_OUT_OF_RANGE;
}

/* Where the value of a column begins in an encoded row (COPY's binary format: the number of
 * columns, then size and bytes of each); NULL when it is not of that size. */
static uint8_t *value_of(uint8_t *row, size_t size, enum event_field column, size_t value_size)
{
    size_t at = 2;
    for (unsigned i = 0; at + 4 <= size; i++) {
        uint32_t n = (uint32_t)row[at] << 24 | (uint32_t)row[at + 1] << 16 |
                     (uint32_t)row[at + 2] << 8 | row[at + 3];
        size_t bytes = n == UINT32_MAX ? 0 : n;
        at += 4;
        if (bytes > size - at)
            return NULL;
        if (i == (unsigned)column)
            return bytes == value_size ? row + at : NULL;
        at += bytes;
    }
    return NULL;
}

/* A new row (with a new id), in the partition of the load. */
static bool make_new(uint8_t *row, size_t size, int64_t received_ns)
{
    struct writer time;
    writer_init(&time, 64);
    pg_copy_time(&time, received_ns);
    uint8_t *uid = value_of(row, size, EVENT_event_uid, UUID_BYTES);
    uint8_t *received = value_of(row, size, EVENT_time_received, 8);
    bool good = uid && received && time.status == STATUS_OK && time.size == 12;
    if (good) {
        random_bytes(uid, UUID_BYTES);
        memcpy(received, time.data + 4, 8);
    }
    writer_fini(&time);
    return good;
}

static bool is_same_reason(const struct pg_error *a, const struct pg_error *b)
{
    return strcmp(a->sqlstate, b->sqlstate) == 0 && strcmp(a->constraint, b->constraint) == 0 &&
           strcmp(a->column, b->column) == 0;
}

/* Tries the row after the head of the COPY stream in w. */
static enum status try_row(const struct pg_rows *rows, struct writer *w, struct pg_error *error)
{
    struct pg_connection *c = rows->connection;
    struct pg_error undo;
    pg_copy_end(w);
    if (w->status != STATUS_OK)
        return w->status;
    pg_table_write_copy(rows->buffer, PG_TABLE_EVENTS, false, NULL);
    if (rows->buffer->status != STATUS_OK)
        return rows->buffer->status;
    enum status status = pg_connection_copy_start(c, (const char *)rows->buffer->data, error);
    if (status == STATUS_OK)
        status = pg_connection_copy_send(c, writer_slice(w), error);
    if (status == STATUS_OK)
        status = pg_connection_copy_finish(c, NULL, error);
    if (status != STATUS_OK && status != STATUS_REFUSED)
        return status;
    enum status undone = pg_connection_run(c, "ROLLBACK TO SAVEPOINT try", &undo);
    if (undone == STATUS_OK)
        return status;
    *error = undo;
    return undone;
}

/* *refuses: this row (NULL: the plain one) is refused for the same reason as the load. */
static enum status probe(const struct pg_rows *rows, const struct writer *taken,
                         const struct pg_error *reason, bool *refuses, struct pg_error *error)
{
    struct writer w;
    int64_t received_ns = rows->load->batches[0].received_ns;
    writer_init(&w, 2 * ROW_MAX);
    pg_copy_begin(&w);
    size_t head = w.size;
    if (taken)
        writer_add_slice(&w, writer_slice(taken));
    else
        write_plain(&w, received_ns);
    enum status status = w.status;
    *refuses = false;
    if (status == STATUS_OK && make_new(w.data + head, w.size - head, received_ns)) {
        status = try_row(rows, &w, error);
        *refuses = status == STATUS_REFUSED && is_same_reason(error, reason);
    }
    writer_fini(&w);
    return status == STATUS_REFUSED ? STATUS_OK : status;
}

enum status pg_probe_table(struct pg_probe *p, const struct pg_rows *rows, struct pg_error *error,
                           bool *refuses)
{
    const struct pg_error reason = *error;
    enum status status = probe(rows, NULL, &reason, refuses, error);
    if (status == STATUS_OK && *refuses && p->taken.size > 0)
        status = probe(rows, &p->taken, &reason, refuses, error);
    if (status == STATUS_OK)
        *error = reason;
    return status;
}
