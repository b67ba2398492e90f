/* otlp_event.c: resources, scopes and log records of OTLP → events. Pure, any thread. Does not
 * decode. */
#include "parsers/formats/otlp/otlp_event.h"
#include "core/hex.h"
#include "parsers/read/record_memory.h"
#include "parsers/fill/envelope.h"
#include "parsers/formats/otlp/otlp_body.h"
#include "parsers/formats/otlp/otlp_columns.h"
#include "parsers/engine/shared_text.h"

#include <stdio.h>

/* ---- attributes ---- */

/* json: of kinds that have no text of their own. */
static void add(struct json_object *object, struct slice key, const struct otlp_value *value,
                struct slice json)
{
    switch (value->kind) {
    case OTLP_TEXT:
        json_object_add_text(object, key, value->text);
        break;
    case OTLP_INT:
        json_object_add_int(object, key, value->integer);
        break;
    default:
        json_object_add_compact(object, key, json);
    }
}

static bool is_vin(struct slice key)
{
    return slice_equal_text(key, "vehicle.vin") || slice_equal_text(key, "vsoc.vin");
}

/* Keeps a value under a key that no other has. */
static void keep(struct otlp_reading *r, struct slice key, const struct otlp_value *value,
                 bool taken)
{
    struct slice json = SLICE_EMPTY;
    if (taken && (!r->all || is_vin(key)))
        return;
    struct slice unique = key_list_add(&r->t->keys, r->t->context, key);
    if (!unique.size) {
        if (r->t->keys.count == KEY_LIST_MAX)
            text_event_note_full(r->t);
        else
            r->t->failed = true;
        return;
    }
    if (value->kind != OTLP_TEXT && value->kind != OTLP_INT &&
        !otlp_value_json(r->t, value, &json, &r->error))
        return;
    if (r->all)
        add(r->all, unique, value, json);
    if (!taken)
        add(&r->t->attributes, unique, value, json);
}

static void read_attributes(struct otlp_reading *r, struct otlp_cursor cursor)
{
    struct slice key;
    struct otlp_value value;
    while (!r->error && !r->t->failed && cursor.next && cursor.next(&cursor, &key, &value)) {
        text_event_repair(r->t, &key);
        if (value.kind == OTLP_TEXT)
            text_event_repair(r->t, &value.text);
        keep(r, key, &value, otlp_column_take(r, key, &value));
    }
    if (cursor.error)
        r->error = cursor.error;
}

static void keep_text_of(struct otlp_reading *r, struct slice key, struct slice text)
{
    struct otlp_value value;
    value.kind = OTLP_TEXT;
    value.text = text;
    text_event_repair(r->t, &value.text);
    keep(r, key, &value, false);
}

/* key: a literal. */
static inline void keep_text_as(struct otlp_reading *r, const char *key, struct slice text)
{
    if (text.size)
        keep_text_of(r, slice_from_text(key), text);
}

static bool is_hex(struct slice text)
{
    bool good = true;
    for (size_t i = 0; i < text.size; i++)
        good &= hex_digit_value(text.data[i]) >= 0;
    return good;
}

/* Hex digits may have either case, even in the same id. An invalid id stays as sent. */
static void keep_id(struct otlp_reading *r, struct slice key, struct slice id, size_t bytes)
{
    if (!id.size)
        return;
    bool is_id = id.size == 2 * bytes && is_hex(id);
    uint8_t *out = is_id ? r->t->context->alloc(r->t->context, id.size) : NULL;
    r->t->failed |= is_id && !out;
    for (size_t i = 0; out && i < id.size; i++)
        out[i] = id.data[i] >= 'A' && id.data[i] <= 'F' ? id.data[i] + 32 : id.data[i];
    if (!is_id)
        text_event_partial(r->t, RECORD_bad_id,
                           bytes == OTLP_TRACE_ID_BYTES
                               ? "traceId is no hex of 16 bytes and kept as it was sent"
                               : "spanId is no hex of 8 bytes and kept as it was sent");
    keep_text_of(r, key, is_id ? slice_make(out, out ? id.size : 0) : id);
}

static void keep_number(struct otlp_reading *r, struct slice key, uint64_t number)
{
    struct otlp_value value;
    if (!number)
        return;
    value.kind = OTLP_INT;
    value.integer = (int64_t)number;
    keep(r, key, &value, false);
}

static enum record_code code_of(const char *error)
{
    if (error == otlp_two_vehicles)
        return RECORD_duplicate_key;
    return error == otlp_too_deep ? RECORD_too_deep : RECORD_malformed;
}

static bool finish(const struct otlp_reading *r, struct parser_outcome *outcome)
{
    const struct text_event *t = r->t;
    if (r->error)
        record_refuse(outcome, 0, code_of(r->error), r->error);
    else if (t->failed || t->attributes.failed || (r->all && r->all->failed))
        record_memory_refuse(outcome, 0);
    return outcome->result == PARSER_OK;
}

/* ---- resource, scope ---- */

static void forget(uint64_t columns[EVENT_SET_WORDS], enum event_field field)
{
    columns[field / 64] &= ~(UINT64_C(1) << field % 64);
}

bool otlp_level_read(struct text_event *t, struct slice name, struct slice version,
                     struct otlp_cursor attributes, struct otlp_level *level,
                     struct parser_outcome *outcome)
{
    struct json_object all;
    struct otlp_reading r = {.t = t, .all = &all};
    json_object_init(&all, t->context);
    keep_text_as(&r, "name", name);
    keep_text_as(&r, "version", version);
    read_attributes(&r, attributes);
    (void)text_event_set(t, EVENT_ecu_id, r.host_name); /* and kept under its own name */
    level->events = 0;
    level->rest = level->all = SLICE_EMPTY;
    event_clear(&level->event);
    envelope_columns(&t->event, &level->event);
    memcpy(level->columns, t->event.set, sizeof level->columns);
    forget(level->columns, EVENT_parse_status);
    forget(level->columns, EVENT_parse_notes);
    (void)json_object_end(&t->attributes, &level->rest);
    (void)json_object_end(&all, &level->all);
    level->is_too_large = level->all.size > OTLP_LEVEL_BYTES_MAX;
    if (level->is_too_large)
        level->rest = level->all = SLICE_EMPTY;
    shared_text_read(t->context, level->all.size);
    level->cost = shared_text_cost(level->all) + shared_text_cost_of_event(&level->event);
    return finish(&r, outcome);
}

/* Columns of the level that the record does not set itself. */
static void apply_columns(struct otlp_reading *r, const struct event *columns)
{
    envelope_columns(columns, &r->t->event);
}

static void apply_level(struct otlp_reading *r, struct otlp_level *level, struct slice key)
{
    struct text_event *t = r->t;
    bool overlaps = false;
    if (!level)
        return;
    if (level->events++ && !shared_text_take(t->context, level->cost)) {
        struct event columns = level->event;
        shared_text_shorten(&columns);
        apply_columns(r, &columns);
        text_event_partial(t, RECORD_not_repeated, SHARED_TEXT_DETAIL);
        return;
    }
    for (size_t i = 0; i < EVENT_SET_WORDS; i++)
        overlaps |= (t->event.set[i] & level->columns[i]) != 0;
    struct slice text = overlaps ? level->all : level->rest;
    if (text.size)
        json_object_add_compact(&t->attributes, key, text);
    apply_columns(r, &level->event);
    if (level->is_too_large)
        text_event_partial(t, RECORD_level_too_large,
                           "resource or scope is over 8 KiB and is not kept with the event");
}

/* ---- log record ---- */

static void set_time(struct otlp_reading *r, const struct otlp_record *record)
{
    struct event *event = &r->t->event;
    uint64_t time = record->time_unix_nano, observed = record->observed_time_unix_nano;
    bool is_set = EVENT_HAS(event, time_event_ns), is_observed = !time;
    uint64_t used = is_observed ? observed : time;
    if (!is_set && used && used <= INT64_MAX) {
        EVENT_SET(event, time_event_ns, (int64_t)used);
        if (is_observed && !EVENT_HAS(event, time_source))
            EVENT_SET(event, time_source, SLICE_LITERAL("inferred"));
        if (is_observed && !EVENT_HAS(event, time_quality))
            EVENT_SET(event, time_quality, SLICE_LITERAL("inferred"));
        used = 0;
    } else if (!is_set && used) {
        text_event_partial(r->t, RECORD_bad_time, "time is after 2262");
    }
    char digits[24];
    if (!is_observed && used) {
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)used);
        keep_text_as(r, "time_unix_nano", slice_from_text(digits));
    }
    if (observed && (!is_observed || used)) {
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)observed);
        keep_text_as(r, "observed_time_unix_nano", slice_from_text(digits));
    }
}

/* Of 1 to 24. */
static struct slice digits_of(int64_t number)
{
    static const char digits[] = "010203040506070809101112131415161718192021222324";
    size_t at = 2 * (size_t)(number - 1);
    return number < 10 ? slice_make(digits + at + 1, 1) : slice_make(digits + at, 2);
}

static void set_severity(struct otlp_reading *r, const struct otlp_record *record)
{
    static const uint8_t ids[24] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                    2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4};
    struct text_event *t = r->t;
    int64_t number = record->severity_number;
    struct slice text = record->severity_text;
    text_event_repair(t, &text);
    if (number < 0 || number > 24)
        text_event_partial(t, RECORD_bad_severity, "severity number must be 0 to 24");
    else if (number && text_event_set_int(t, EVENT_severity_id, ids[number - 1]))
        event_mark_guess(&t->event, EVENT_severity_id);
    if (number > 0 && event_is_guess(&t->event, EVENT_severity_id) && !text.size) {
        (void)text_event_set(t, EVENT_severity_source, digits_of(number));
        return;
    }
    keep_number(r, SLICE_LITERAL("severity_number"), (uint64_t)number);
    if (!text_event_set(t, EVENT_severity_source, text))
        keep_text_as(r, "severity_text", text);
}

static void set_body(struct otlp_reading *r, const struct otlp_value *body)
{
    if (body->kind == OTLP_TEXT && !EVENT_HAS(&r->t->event, message)) {
        struct slice text = body->text;
        text_event_repair(r->t, &text);
        text_event_set_message(r->t, text);
    } else if (body->kind == OTLP_TEXT) {
        keep_text_as(r, "body", body->text);
    } else if (body->kind != OTLP_EMPTY && body->kind != OTLP_MAP) {
        keep(r, SLICE_LITERAL("body"), body, false);
    }
}

/* A map may be a native event, which the record completes. True: it is one, and was emitted. */
static bool emit_map(struct otlp_reading *r, const struct otlp_record *record,
                     struct parser_outcome *outcome)
{
    struct slice json;
    if (!otlp_value_json(r->t, &record->body, &json, &r->error))
        return false;
    return otlp_body_hand_on(r->t, json, record, outcome);
}

static struct slice reserve_key(struct otlp_reading *r, const struct otlp_level *level,
                                struct slice name)
{
    return level ? key_list_add(&r->t->keys, r->t->context, name) : SLICE_EMPTY;
}

void otlp_record_emit(struct text_event *t, const struct otlp_record *record,
                      struct otlp_level *resource, struct otlp_level *scope,
                      struct parser_outcome *outcome)
{
    struct otlp_reading r = {.t = t};
    t->attributes.more_left = record->size;
    shared_text_read(t->context, record->size);
    struct slice resource_key = reserve_key(&r, resource, SLICE_LITERAL("resource"));
    struct slice scope_key = reserve_key(&r, scope, SLICE_LITERAL("scope"));
    struct slice name = record->event_name.size ? record->event_name : record->old_name;
    text_event_repair(t, &name);
    if (!text_event_set(t, EVENT_event_name, name))
        keep_text_as(&r, "event_name", name);
    keep_id(&r, SLICE_LITERAL("trace_id"), record->trace_id, OTLP_TRACE_ID_BYTES);
    keep_id(&r, SLICE_LITERAL("span_id"), record->span_id, OTLP_SPAN_ID_BYTES);
    keep_number(&r, SLICE_LITERAL("trace_flags"), record->flags);
    keep_number(&r, SLICE_LITERAL("dropped_attributes_count"), record->dropped_attributes_count);
    read_attributes(&r, record->attributes);
    set_body(&r, &record->body);
    set_time(&r, record);
    set_severity(&r, record);
    (void)text_event_set(t, EVENT_ecu_id, r.host_name);
    apply_level(&r, resource, resource_key);
    apply_level(&r, scope, scope_key);
    if (record->body.kind == OTLP_MAP && !r.error && !t->failed) {
        if (emit_map(&r, record, outcome))
            return;
        keep(&r, SLICE_LITERAL("body"), &record->body, false);
    }
    if (!finish(&r, outcome))
        return;
    EVENT_SET(&t->event, raw_offset, (int64_t)record->offset);
    EVENT_SET(&t->event, raw_size, (int64_t)record->size);
    text_event_emit(t, outcome);
}
