/* event.h: the event model. PUBLIC, versioned, installed: parsers fill a struct event, sinks read
 * it.
 *
 * struct event is made from event_fields.def: one typed member a field and a bit that says whether
 * it is set. An unset member's value is undefined. Slices point into memory of whoever made the
 * event (arena, parser buffers) and live as long as the call that passes the event. All times are
 * ns since 1970 UTC. */
#ifndef VSOC_CORE_EVENT_H
#define VSOC_CORE_EVENT_H

#include "core/slice.h"

#define VSOC_EVENT_ABI       2
#define EVENT_SCHEMA_VERSION "1.0"

enum event_kind {
    EVENT_KIND_UUID,   /* struct slice, 16 bytes */
    EVENT_KIND_TEXT,   /* struct slice, valid UTF-8 without byte 0 */
    EVENT_KIND_INT,    /* int64_t */
    EVENT_KIND_BIG,    /* int64_t, a decimal string in JSON */
    EVENT_KIND_BOOL,   /* int64_t, 0 or 1 */
    EVENT_KIND_REAL,   /* double */
    EVENT_KIND_TIME,   /* int64_t, ns since 1970 UTC */
    EVENT_KIND_HEX,    /* struct slice, any bytes */
    EVENT_KIND_BASE64, /* struct slice, any bytes */
    EVENT_KIND_INET,   /* struct slice, text of an IPv4 or IPv6 address */
    EVENT_KIND_LIST,   /* struct slice_list of texts */
    EVENT_KIND_JSON,   /* struct slice, text of a JSON object or array, valid, without \u0000 */
};

enum event_origin { EVENT_ORIGIN_SENDER, EVENT_ORIGIN_SERVER };

/* Number of each field: EVENT_sev_id, …; EVENT_FIELD_COUNT in all. */
enum event_field {
#define EVENT_FIELD(name, kind, sql, origin, min, max, required, help) EVENT_##name,
#include "core/event_fields.def"
#undef EVENT_FIELD
    EVENT_FIELD_COUNT
};

#define EVENT_TYPE_UUID   struct slice
#define EVENT_TYPE_TEXT   struct slice
#define EVENT_TYPE_INT    int64_t
#define EVENT_TYPE_BIG    int64_t
#define EVENT_TYPE_BOOL   int64_t
#define EVENT_TYPE_REAL   double
#define EVENT_TYPE_TIME   int64_t
#define EVENT_TYPE_HEX    struct slice
#define EVENT_TYPE_BASE64 struct slice
#define EVENT_TYPE_INET   struct slice
#define EVENT_TYPE_LIST   struct slice_list
#define EVENT_TYPE_JSON   struct slice

#define EVENT_SET_WORDS 2

struct event {
    uint64_t set[EVENT_SET_WORDS]; /* bit n: field n is set */
    /* The vehicle the record claims (VIN as sent, trimmed); empty when it claims none. Never
     * stored: the pipeline turns it into vehicle_pid. */
    struct slice vin;
    /* Second key for the catalogue besides event_name, never stored, may be empty: the format's own
     * id of the definition (a rule's "1:2019401"), and the kind of event, for ids that are not in
     * the catalogue. */
    struct slice catalog_id, catalog_group;
    /* Bit n: the catalogue may replace field n (EVENT_GUESS). */
    uint64_t guessed[EVENT_SET_WORDS];
#define EVENT_FIELD(name, kind, sql, origin, min, max, required, help) EVENT_TYPE_##kind name;
#include "core/event_fields.def"
#undef EVENT_FIELD
};
_Static_assert(EVENT_FIELD_COUNT <= 64 * EVENT_SET_WORDS, "event set bits");

/* What the table says of a field. */
struct event_field_info {
    const char *name;
    enum event_kind kind;
    enum event_origin origin;
    bool required;
    size_t offset; /* of the member in struct event */
    const char *sql;
    int64_t min, max;
    const char *help;
};

/* event_field_table[EVENT_FIELD_COUNT], in field order. Static storage. */
extern const struct event_field_info event_field_table[];

/* Field with this name, or NULL. Thread: any. */
const struct event_field_info *event_field_find(struct slice name);

static inline void event_clear(struct event *event)
{
    event->set[0] = 0;
    event->set[1] = 0;
    event->guessed[0] = 0;
    event->guessed[1] = 0;
    event->vin = SLICE_EMPTY;
    event->catalog_id = SLICE_EMPTY;
    event->catalog_group = SLICE_EMPTY;
}

static inline bool event_is_set(const struct event *event, enum event_field field)
{
    return event->set[(unsigned)field / 64] >> ((unsigned)field % 64) & 1;
}

static inline void event_mark(struct event *event, enum event_field field)
{
    event->set[(unsigned)field / 64] |= UINT64_C(1) << ((unsigned)field % 64);
}

static inline void event_unmark(struct event *event, enum event_field field)
{
    event->set[(unsigned)field / 64] &= ~(UINT64_C(1) << ((unsigned)field % 64));
}

static inline void event_mark_guess(struct event *event, enum event_field field)
{
    event->guessed[(unsigned)field / 64] |= UINT64_C(1) << ((unsigned)field % 64);
}

static inline bool event_is_guess(const struct event *event, enum event_field field)
{
    return event->guessed[(unsigned)field / 64] >> ((unsigned)field % 64) & 1;
}

/* EVENT_SET(event, sev_id, 103): sets member and bit. */
#define EVENT_SET(event, field, v) ((event)->field = (v), event_mark((event), EVENT_##field))
#define EVENT_HAS(event, field)    event_is_set((event), EVENT_##field)
/* The same for what the record does not say in the model's words: a parser's own idea of name or
 * category, a severity translated from another scale. */
#define EVENT_GUESS(event, field, v)                                                               \
    (EVENT_SET((event), field, (v)), event_mark_guess((event), EVENT_##field))

/* Member of a field by its number; the caller picks the one that fits the kind. */
static inline struct slice *event_slice_at(const struct event *event,
                                           const struct event_field_info *field)
{
    return (struct slice *)((uintptr_t)event + field->offset);
}

static inline int64_t *event_int_at(const struct event *event, const struct event_field_info *field)
{
    return (int64_t *)((uintptr_t)event + field->offset);
}

static inline double *event_real_at(const struct event *event, const struct event_field_info *field)
{
    return (double *)((uintptr_t)event + field->offset);
}

static inline struct slice_list *event_list_at(const struct event *event,
                                               const struct event_field_info *field)
{
    return (struct slice_list *)((uintptr_t)event + field->offset);
}

/* A record that no parser took or that policy refused. Stored with its bytes and the reason. */
struct event_reject {
    uint32_t index;      /* 0-based place in the batch */
    uint64_t raw_offset; /* of the record in the inflated batch */
    uint64_t raw_size;   /* bytes of the record there; raw may be what it carried */
    struct slice raw;    /* its bytes, at most limits.event_bytes of them */
    struct slice parser; /* name of the parser that refused it, may be empty */
    struct slice code;   /* machine word: malformed, wrong_type, vin_mismatch, … */
    struct slice detail; /* sentence for people */
};

/* Entry of a batch: an event or a reject. */
struct event_item {
    bool is_reject;
    struct event event;         /* when !is_reject */
    struct event_reject reject; /* when is_reject */
};

#endif
