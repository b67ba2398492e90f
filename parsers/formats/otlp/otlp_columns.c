/* otlp_columns.c: attributes of the semantic conventions, and vsoc.NAME, → columns of an event.
 * Pure, any thread. Keeps nothing that has no column. */
#include "parsers/formats/otlp/otlp_columns.h"
#include "parsers/fill/event_check.h"
#include "parsers/fill/vsoc_json_value.h"
#include "parsers/formats/json/vsoc_json_keys.h"
#include "parsers/formats/json/vsoc_json_typo.h"

#define TYPOS_MAX 4

const char otlp_two_vehicles[] = "attributes name two vehicles";

/* ---- columns ---- */

/* Texts of columns live as long as the level. */
static struct slice keep_text(struct otlp_reading *r, struct slice text)
{
    if (!r->all || !text.size)
        return text;
    uint8_t *copy = r->column_bytes + text.size <= OTLP_LEVEL_BYTES_MAX
                        ? r->t->context->alloc(r->t->context, text.size)
                        : NULL;
    if (!copy)
        return SLICE_EMPTY;
    r->column_bytes += text.size;
    memcpy(copy, text.data, text.size);
    return slice_make(copy, text.size);
}

static bool take_text(struct otlp_reading *r, enum event_field field,
                      const struct otlp_value *value)
{
    return text_event_set(r->t, field, keep_text(r, value->text));
}

static bool take_lower(struct otlp_reading *r, enum event_field field,
                       const struct otlp_value *value)
{
    return value->text.size <= 64 && text_event_set_lower(r->t, field, value->text);
}

static bool take_address(struct otlp_reading *r, enum event_field field,
                         const struct otlp_value *value)
{
    return text_event_set_address(r->t, field, keep_text(r, value->text));
}

static bool take_int(struct otlp_reading *r, enum event_field field, const struct otlp_value *value)
{
    return text_event_set_int(r->t, field, value->integer);
}

static bool take_vin(struct otlp_reading *r, enum event_field field, const struct otlp_value *value)
{
    (void)field;
    struct slice vin = keep_text(r, value->text), before = r->t->event.vin;
    if (before.data && !slice_equal(before, vin))
        r->error = otlp_two_vehicles; /* ambiguous */
    r->t->event.vin = slice_make(vin.data ? vin.data : (const uint8_t *)"", vin.size);
    return true;
}

/* Attributes of the machine: the component when no service is named. */
static bool note_host(struct otlp_reading *r, enum event_field field,
                      const struct otlp_value *value)
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
    bool (*take)(struct otlp_reading *r, enum event_field field, const struct otlp_value *value);
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

static bool take_list(struct otlp_reading *r, const struct event_field_info *field,
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

static bool read_field(struct otlp_reading *r, const struct event_field_info *field,
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
static bool take_field(struct otlp_reading *r, const struct event_field_info *field,
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

static void note_typo(struct otlp_reading *r, struct slice name)
{
    const char *near = r->typos < TYPOS_MAX ? vsoc_json_typo(name) : NULL;
    if (near && r->typos++ < TYPOS_MAX)
        r->t->failed |= !vsoc_json_typo_note(r->t->context, name, near, &r->t->event);
}

static bool take_model_name(struct otlp_reading *r, struct slice name,
                            const struct otlp_value *value)
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

bool otlp_column_take(struct otlp_reading *r, struct slice key, const struct otlp_value *value)
{
    if (slice_starts_with(key, "vsoc."))
        return take_model_name(r, slice_sub(key, 5, key.size), value);
    unsigned i = json_names_find(&row_names, key);
    return i && rows[i - 1].kind == value->kind && rows[i - 1].take(r, rows[i - 1].field, value);
}
