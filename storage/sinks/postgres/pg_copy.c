/* pg_copy.c: values → PostgreSQL's binary COPY format. Runs on the sink's lane threads. Does not
 * talk to a server and does not validate texts of events. */
#include "storage/sinks/postgres/pg_copy.h"

#include "core/utf8.h"
#include "core/clock.h"

#include <arpa/inet.h>
#include <math.h>

#define PG_EPOCH_S INT64_C(946684800) /* 2000-01-01 UTC, seconds since 1970 */

/* Families as inet_recv names them: AF_INET and AF_INET + 1, whatever the system has. */
#define PGSQL_AF_INET  2
#define PGSQL_AF_INET6 3

/* Bytes that the columns of one event take beside texts, bytes, lists and JSON: count, a length
 * each, at most 20 more (an IPv6 inet). Reserved once a row, so that fixed values need no check. */
#define EVENT_FIXED_MAX (2 + EVENT_FIELD_COUNT * (4 + 20))

static const uint8_t copy_signature[] = {'P',  'G',  'C', 'O', 'P', 'Y', '\n', 0xff,
                                         '\r', '\n', 0,   0,   0,   0,   0, /* flags */
                                         0,    0,    0,   0 /* header extension */};

static inline void put16(uint8_t *p, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(p, &v, 2);
}

static inline void put32(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, 4);
}

static inline void put64(uint8_t *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, 8);
}

/* Rounds down, also before 1970: a time never moves forward. */
static inline int64_t pg_time(int64_t ns)
{
    int64_t us = ns / NS_PER_US;
    if (ns % NS_PER_US < 0)
        us--;
    return us - PG_EPOCH_S * 1000000;
}

void pg_copy_begin(struct writer *w)
{
    writer_bytes(w, copy_signature, sizeof copy_signature);
}

void pg_copy_end(struct writer *w)
{
    writer_uint_be(w, 0xffff, 2);
}

void pg_copy_row(struct writer *w, unsigned columns)
{
    writer_uint_be(w, columns, 2);
}

void pg_copy_null(struct writer *w)
{
    writer_uint_be(w, UINT32_MAX, 4);
}

void pg_copy_int4(struct writer *w, int32_t v)
{
    writer_uint_be(w, 4, 4);
    writer_uint_be(w, (uint32_t)v, 4);
}

void pg_copy_int8(struct writer *w, int64_t v)
{
    writer_uint_be(w, 8, 4);
    writer_uint_be(w, (uint64_t)v, 8);
}

void pg_copy_time(struct writer *w, int64_t ns)
{
    pg_copy_int8(w, pg_time(ns));
}

void pg_copy_bytes(struct writer *w, struct slice s)
{
    writer_uint_be(w, s.size, 4);
    writer_add_slice(w, s);
}

void pg_copy_text(struct writer *w, struct slice s)
{
    size_t start = w->size;
    writer_uint_be(w, 0, 4);
    while (s.size) {
        size_t n = s.data[0] ? utf8_size(s.data, s.size) : 0;
        if (n)
            writer_bytes(w, s.data, n);
        else
            writer_text(w, "\xef\xbf\xbd");
        s = slice_sub(s, n ? n : 1, s.size);
    }
    if (w->status == STATUS_OK)
        put32(w->data + start, (uint32_t)(w->size - start - 4));
}

void pg_copy_text_or_null(struct writer *w, struct slice s)
{
    if (s.size)
        pg_copy_text(w, s);
    else
        pg_copy_null(w);
}

/* Dimensions, has-nulls flag, element type, then size and lower bound of the only dimension. */
static uint8_t *put_array_head(uint8_t *p, enum pg_type element, size_t count)
{
    put32(p, count ? 1 : 0);
    put32(p + 4, 0);
    put32(p + 8, element);
    if (count == 0)
        return p + 12;
    put32(p + 12, (uint32_t)count);
    put32(p + 16, 1);
    return p + 20;
}

void pg_copy_array(struct writer *w, enum pg_type element, size_t count)
{
    uint8_t head[20];
    writer_bytes(w, head, (size_t)(put_array_head(head, element, count) - head));
}

/* Makes room for size more bytes beside EVENT_FIXED_MAX; p is inside w and stays at its place. */
static inline uint8_t *event_room(struct writer *w, uint8_t *p, size_t size)
{
    size_t at = (size_t)(p - w->data);
    if (w->capacity - at >= size + EVENT_FIXED_MAX)
        return p;
    if (!writer_reserve(w, at - w->size + size + EVENT_FIXED_MAX))
        return NULL;
    return w->data + at;
}

static uint8_t *put_bytes(struct writer *w, uint8_t *p, struct slice s)
{
    p = event_room(w, p, s.size);
    if (!p)
        return NULL;
    put32(p, (uint32_t)s.size);
    if (s.size)
        memcpy(p + 4, s.data, s.size);
    return p + 4 + s.size;
}

static uint8_t *put_jsonb(struct writer *w, uint8_t *p, struct slice s)
{
    p = event_room(w, p, s.size);
    if (!p)
        return NULL;
    put32(p, (uint32_t)s.size + 1);
    p[4] = 1;
    if (s.size)
        memcpy(p + 5, s.data, s.size);
    return p + 5 + s.size;
}

static uint8_t *put_list(struct writer *w, uint8_t *p, const struct slice_list *list)
{
    size_t size = 20;
    for (size_t i = 0; i < list->count; i++)
        size += 4 + list->items[i].size;
    p = event_room(w, p, size);
    if (!p)
        return NULL;
    uint8_t *length = p;
    p = put_array_head(p + 4, PG_TEXT, list->count);
    for (size_t i = 0; i < list->count; i++) {
        struct slice s = list->items[i];
        put32(p, (uint32_t)s.size);
        if (s.size)
            memcpy(p + 4, s.data, s.size);
        p += 4 + s.size;
    }
    put32(length, (uint32_t)(p - length - 4));
    return p;
}

static uint8_t *put_inet(uint8_t *p, struct slice s)
{
    char text[INET6_ADDRSTRLEN];
    if (s.size >= sizeof text)
        return NULL;
    memcpy(text, s.data, s.size);
    text[s.size] = '\0';
    bool v6 = memchr(text, ':', s.size) != NULL;
    if (inet_pton(v6 ? AF_INET6 : AF_INET, text, p + 8) != 1)
        return NULL;
    uint8_t size = v6 ? 16 : 4;
    put32(p, 4u + size);
    p[4] = v6 ? PGSQL_AF_INET6 : PGSQL_AF_INET;
    p[5] = (uint8_t)(size * 8); /* bits of the mask: a host */
    p[6] = 0;                   /* no cidr */
    p[7] = size;
    return p + 8 + size;
}

/* Data of a field that pg_copy_event needs, from event_field_table: kind and width of its column.
 */
struct column {
    uint16_t offset;
    uint8_t kind;
    uint8_t width; /* bytes of an integer or floating-point column, else 0 */
};

/* Widths by the name of the type; compares at compile time. */
#define SQL_WIDTH(sql)                                                                             \
    (__builtin_strcmp(sql, "int2") == 0     ? 2                                                    \
     : __builtin_strcmp(sql, "int4") == 0   ? 4                                                    \
     : __builtin_strcmp(sql, "float4") == 0 ? 4                                                    \
     : __builtin_strcmp(sql, "int8") == 0   ? 8                                                    \
                                            : 0)

static const struct column columns[EVENT_FIELD_COUNT] = {
#define EVENT_FIELD(name, kind, sql, origin, min, max, required, help)                             \
    [EVENT_##name] = {offsetof(struct event, name), EVENT_KIND_##kind, SQL_WIDTH(sql)},
#include "core/event_fields.def"
#undef EVENT_FIELD
};

static const uint64_t required_fields[EVENT_SET_WORDS] = {
#define EVENT_FIELD(name, kind, sql, origin, min, max, required, help)                             \
    +((uint64_t)((required) && EVENT_##name < 64) << (EVENT_##name % 64))
#include "core/event_fields.def"
#undef EVENT_FIELD
    ,
#define EVENT_FIELD(name, kind, sql, origin, min, max, required, help)                             \
    +((uint64_t)((required) && EVENT_##name >= 64) << (EVENT_##name % 64))
#include "core/event_fields.def"
#undef EVENT_FIELD
};

static uint8_t *put_int(uint8_t *p, int64_t v, unsigned width)
{
    put32(p, width);
    switch (width) {
    case 2:
        if (v != (int16_t)v)
            return NULL;
        put16(p + 4, (uint16_t)v);
        break;
    case 4:
        if (v != (int32_t)v)
            return NULL;
        put32(p + 4, (uint32_t)v);
        break;
    default:
        put64(p + 4, (uint64_t)v);
    }
    return p + 4 + width;
}

static uint8_t *put_real(uint8_t *p, double v)
{
    float narrow = (float)v;
    if (isfinite(v) && !isfinite(narrow))
        return NULL;
    uint32_t bits;
    memcpy(&bits, &narrow, 4);
    put32(p, 4);
    put32(p + 4, bits);
    return p + 8;
}

/* Appends a value; NULL when it does not fit or w has no room (then w->status says so). */
static uint8_t *put_value(struct writer *w, uint8_t *p, const struct column *c, const void *member)
{
    switch ((enum event_kind)c->kind) {
    case EVENT_KIND_INT:
    case EVENT_KIND_BIG:
        return put_int(p, *(const int64_t *)member, c->width);
    case EVENT_KIND_BOOL:
        put32(p, 1);
        p[4] = *(const int64_t *)member != 0;
        return p + 5;
    case EVENT_KIND_TIME:
        put32(p, 8);
        put64(p + 4, (uint64_t)pg_time(*(const int64_t *)member));
        return p + 12;
    case EVENT_KIND_REAL:
        return put_real(p, *(const double *)member);
    case EVENT_KIND_INET:
        return put_inet(p, *(const struct slice *)member);
    case EVENT_KIND_LIST:
        return put_list(w, p, member);
    case EVENT_KIND_JSON:
        return put_jsonb(w, p, *(const struct slice *)member);
    case EVENT_KIND_UUID:
    case EVENT_KIND_TEXT:
    case EVENT_KIND_HEX:
    case EVENT_KIND_BASE64:
        break;
    }
    return put_bytes(w, p, *(const struct slice *)member);
}

static enum status event_refuse(const struct writer *w, unsigned field,
                                const struct event_field_info **bad)
{
    if (w->status != STATUS_OK)
        return w->status;
    *bad = &event_field_table[field];
    return (*bad)->kind == EVENT_KIND_INET ? STATUS_MALFORMED : STATUS_OUT_OF_RANGE;
}

enum status pg_copy_event(struct writer *w, const struct event *event,
                          const struct pg_columns *named, const struct event_field_info **bad)
{
    for (unsigned i = 0; i < EVENT_SET_WORDS; i++) {
        uint64_t missing = required_fields[i] & ~event->set[i];
        if (missing) {
            *bad = &event_field_table[i * 64 + (unsigned)__builtin_ctzll(missing)];
            return STATUS_NOT_FOUND;
        }
    }
    if (!writer_reserve(w, EVENT_FIXED_MAX))
        return w->status;
    uint8_t *p = w->data + w->size;
    put16(p, (uint16_t)named->count);
    p += 2;
    unsigned next = 0; /* first column of the row not written yet */
    for (unsigned i = 0; i < EVENT_SET_WORDS; i++) {
        for (uint64_t left = event->set[i]; left; left &= left - 1) {
            unsigned field = i * 64 + (unsigned)__builtin_ctzll(left);
            for (unsigned place = named->rank[field]; next < place; next++, p += 4)
                put32(p, UINT32_MAX); /* length -1: NULL */
            const struct column *c = &columns[field];
            p = put_value(w, p, c, (const uint8_t *)event + c->offset);
            if (!p)
                return event_refuse(w, field, bad);
            next++;
        }
    }
    for (; next < named->count; next++, p += 4)
        put32(p, UINT32_MAX);
    w->size = (size_t)(p - w->data);
    return STATUS_OK;
}
