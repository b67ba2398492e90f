/* otlp_event.c: attributes of OTLP → columns and attributes of an event. Pure, any thread. Does not
 * decode. */
#include "parsers/formats/otlp/otlp_event.h"
#include "core/hex.h"
#include "parsers/read/record_memory.h"
#include "parsers/fill/envelope.h"
#include "parsers/fill/event_check.h"
#include "parsers/formats/otlp/otlp_body.h"
#include "parsers/engine/shared_text.h"
#include "parsers/formats/json/vsoc_json_keys.h"
#include "parsers/formats/json/vsoc_json_typo.h"
#include "parsers/fill/vsoc_json_value.h"

#include <stdio.h>

/* Limit of a text of a resource or scope that is repeated in each of its events. Longer ones are
 * omitted: a body may hold many records. */
#define LEVEL_BYTES_MAX 8192

struct reading {
    struct text_event *t;
    struct json_object *all; /* of a level: what has a column too; else NULL */
    size_t column_bytes;     /* of a level */
    struct slice host_name;
    const char *error;
    size_t typos; /* noted */
};

#define TYPOS_MAX 4

static const char otlp_two_vehicles[] = "attributes name two vehicles";

/* ---- columns ---- */

/* Texts of columns live as long as the level. */
static struct slice keep_text(struct reading *r, struct slice text)
{
    if (!r->all || !text.size)
        return text;
    uint8_t *copy = r->column_bytes + text.size <= LEVEL_BYTES_MAX
                        ? r->t->context->alloc(r->t->context, text.size)
                        : NULL;
    if (!copy)
        return SLICE_EMPTY;
    r->column_bytes += text.size;
    memcpy(copy, text.data, text.size);
    return slice_make(copy, text.size);
}

static bool take_text(struct reading *r, enum event_field field, const struct otlp_value *value)
{
    return text_event_set(r->t, field, keep_text(r, value->text));
}

static bool take_lower(struct reading *r, enum event_field field, const struct otlp_value *value)
{
    return value->text.size <= 64 && text_event_set_lower(r->t, field, value->text);
}

static bool take_address(struct reading *r, enum event_field field, const struct otlp_value *value)
{
    return text_event_set_address(r->t, field, keep_text(r, value->text));
}

static bool take_int(struct reading *r, enum event_field field, const struct otlp_value *value)
{
    return text_event_set_int(r->t, field, value->integer);
}

static bool take_vin(struct reading *r, enum event_field field, const struct otlp_value *value)
{
    (void)field;
    struct slice vin = keep_text(r, value->text), before = r->t->event.vin;
    if (before.data && !slice_equal(before, vin))
        r->error = otlp_two_vehicles; /* ambiguous */
    r->t->event.vin = slice_make(vin.data ? vin.data : (const uint8_t *)"", vin.size);
    return true;
}

/* Attributes of the machine: the component when no service is named. */
static bool note_host(struct reading *r, enum event_field field, const struct otlp_value *value)
{
    (void)field;
    r->host_name = keep_text(r, value->text);
    return false;
}

/* Attributes of the semantic conventions with the meaning of a column. */
static const struct {
    const char *key;
    enum otlp_kind kind;
    enum event_field field;
    bool (*take)(struct reading *r, enum event_field field, const struct otlp_value *value);
} rows[] = {
    {"vehicle.vin", OTLP_TEXT, EVENT_FIELD_COUNT, take_vin},
    {"service.name", OTLP_TEXT, EVENT_ecu_id, take_text},
    {"service.version", OTLP_TEXT, EVENT_ecu_sw_version, take_text},
    {"host.name", OTLP_TEXT, EVENT_ecu_id, note_host},
    {"event.name", OTLP_TEXT, EVENT_event_name, take_text},
    {"log.record.uid", OTLP_TEXT, EVENT_source_event_id, take_text},
    {"source.address", OTLP_TEXT, EVENT_src_ip, take_address},
    {"client.address", OTLP_TEXT, EVENT_src_ip, take_address},
    {"source.port", OTLP_INT, EVENT_src_port, take_int},
    {"client.port", OTLP_INT, EVENT_src_port, take_int},
    {"destination.address", OTLP_TEXT, EVENT_dst_ip, take_address},
    {"server.address", OTLP_TEXT, EVENT_dst_ip, take_address},
    {"destination.port", OTLP_INT, EVENT_dst_port, take_int},
    {"server.port", OTLP_INT, EVENT_dst_port, take_int},
    {"network.transport", OTLP_TEXT, EVENT_transport, take_lower},
};

/* Row + 1 of each key. */
static struct json_names row_names;

__attribute__((constructor)) static void row_names_fill(void)
{
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        json_names_add(&row_names, rows[i].key, i + 1);
}

/* ---- vsoc.NAME: fields of the event model ---- */

static bool take_list(struct reading *r, const struct event_field_info *field,
                      struct otlp_cursor cursor)
{
    struct slice key,
        *items = r->t->context->alloc(r->t->context, EVENT_CHECK_LIST_MAX * sizeof *items);
    struct otlp_value item;
    size_t count = 0;
    while (items && cursor.next && cursor.next(&cursor, &key, &item)) {
        if (item.kind != OTLP_TEXT || count == EVENT_CHECK_LIST_MAX)
            return false;
        items[count++] = keep_text(r, item.text);
    }
    if (!items || cursor.error)
        return false;
    *event_list_at(&r->t->event, field) = (struct slice_list){items, count};
    return true;
}

static bool read_field(struct reading *r, const struct event_field_info *field,
                       const struct otlp_value *value)
{
    struct json_node node = {.type = JSON_NULL};
    switch (value->kind) {
    case OTLP_TEXT:
        node.type = JSON_STRING;
        node.text = keep_text(r, value->text);
        break;
    case OTLP_BOOL:
        node.type = JSON_BOOL;
        node.boolean = value->integer;
        break;
    case OTLP_INT:
        node.type = JSON_INT;
        node.integer = value->integer;
        break;
    case OTLP_REAL:
        node.type = JSON_DOUBLE;
        node.real = value->real;
        break;
    case OTLP_BYTES:
        *event_slice_at(&r->t->event, field) = keep_text(r, value->text);
        return field->kind == EVENT_KIND_BASE64;
    case OTLP_ARRAY:
        return field->kind == EVENT_KIND_LIST && take_list(r, field, value->children);
    default:
        return false;
    }
    return field->kind != EVENT_KIND_LIST &&
           vsoc_json_value_read(r->t->context, &node, field, &r->t->event) == STATUS_OK;
}

/* Sets a field of the model unless it is already set or the value does not suit it. */
static bool take_field(struct reading *r, const struct event_field_info *field,
                       const struct otlp_value *value)
{
    enum event_field number = (enum event_field)(field - event_field_table);
    const struct event_field_info *wrong;
    if (field->kind == EVENT_KIND_JSON || event_is_set(&r->t->event, number))
        return false;
    bool good = read_field(r, field, value);
    event_mark(&r->t->event, number);
    if (good && event_check(&r->t->event, false, &wrong) == STATUS_OK)
        return true;
    event_unmark(&r->t->event, number);
    return false;
}

static void note_typo(struct reading *r, struct slice name)
{
    const char *near = r->typos < TYPOS_MAX ? vsoc_json_typo(name) : NULL;
    if (near && r->typos++ < TYPOS_MAX)
        r->t->failed |= !vsoc_json_typo_note(r->t->context, name, near, &r->t->event);
}

static bool take_model_name(struct reading *r, struct slice name, const struct otlp_value *value)
{
    struct vsoc_json_key key = vsoc_json_keys[json_names_find(&vsoc_json_names, name)];
    switch (key.kind) {
    case VSOC_JSON_KEY_FIELD:
        return take_field(r, &event_field_table[key.field], value);
    case VSOC_JSON_KEY_VIN:
        return value->kind == OTLP_TEXT && take_vin(r, EVENT_FIELD_COUNT, value);
    default: /* the record has its own time */
        note_typo(r, name);
        return false;
    }
}

static bool take(struct reading *r, struct slice key, const struct otlp_value *value)
{
    if (slice_starts_with(key, "vsoc."))
        return take_model_name(r, slice_sub(key, 5, key.size), value);
    unsigned i = json_names_find(&row_names, key);
    return i && rows[i - 1].kind == value->kind && rows[i - 1].take(r, rows[i - 1].field, value);
}

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
static void keep(struct reading *r, struct slice key, const struct otlp_value *value, bool taken)
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

static void read_attributes(struct reading *r, struct otlp_cursor cursor)
{
    struct slice key;
    struct otlp_value value;
    while (!r->error && !r->t->failed && cursor.next && cursor.next(&cursor, &key, &value)) {
        text_event_repair(r->t, &key);
        if (value.kind == OTLP_TEXT)
            text_event_repair(r->t, &value.text);
        keep(r, key, &value, take(r, key, &value));
    }
    if (cursor.error)
        r->error = cursor.error;
}

static void keep_text_of(struct reading *r, struct slice key, struct slice text)
{
    struct otlp_value value;
    value.kind = OTLP_TEXT;
    value.text = text;
    text_event_repair(r->t, &value.text);
    keep(r, key, &value, false);
}

/* key: a literal. */
static inline void keep_text_as(struct reading *r, const char *key, struct slice text)
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
static void keep_id(struct reading *r, struct slice key, struct slice id, size_t bytes)
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

static void keep_number(struct reading *r, struct slice key, uint64_t number)
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

static bool finish(const struct reading *r, struct parser_outcome *outcome)
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
    struct reading r = {.t = t, .all = &all};
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
    level->is_too_large = level->all.size > LEVEL_BYTES_MAX;
    if (level->is_too_large)
        level->rest = level->all = SLICE_EMPTY;
    shared_text_read(t->context, level->all.size);
    level->cost = shared_text_cost(level->all) + shared_text_cost_of_event(&level->event);
    return finish(&r, outcome);
}

/* Columns of the level that the record does not set itself. */
static void apply_columns(struct reading *r, const struct event *columns)
{
    envelope_columns(columns, &r->t->event);
}

static void apply_level(struct reading *r, struct otlp_level *level, struct slice key)
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

static void set_time(struct reading *r, const struct otlp_record *record)
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

static void set_severity(struct reading *r, const struct otlp_record *record)
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

static void set_body(struct reading *r, const struct otlp_value *body)
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
static bool emit_map(struct reading *r, const struct otlp_record *record,
                     struct parser_outcome *outcome)
{
    struct slice json;
    if (!otlp_value_json(r->t, &record->body, &json, &r->error))
        return false;
    return otlp_body_hand_on(r->t, json, record, outcome);
}

static struct slice reserve_key(struct reading *r, const struct otlp_level *level,
                                struct slice name)
{
    return level ? key_list_add(&r->t->keys, r->t->context, name) : SLICE_EMPTY;
}

void otlp_record_emit(struct text_event *t, const struct otlp_record *record,
                      struct otlp_level *resource, struct otlp_level *scope,
                      struct parser_outcome *outcome)
{
    struct reading r = {.t = t};
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
