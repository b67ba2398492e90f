/* vsoc_json_keys.c: the names of the native event, made from the table of the event model before
 * main. Any thread. */
#include "parsers/formats/json/vsoc_json_keys.h"

struct json_names vsoc_json_names;
struct vsoc_json_key vsoc_json_keys[JSON_NAMES_MAX + 1];

/* Fields are stored at their number + 1; other names follow them. */
enum { NAME_ID = EVENT_FIELD_COUNT + 1, NAME_VIN, NAME_TIME, NAME_COUNT };
_Static_assert(NAME_COUNT <= JSON_NAMES_MAX + 1, "one number a name");

static uint8_t as_is_of(enum event_kind kind)
{
    switch (kind) {
    case EVENT_KIND_TEXT:
    case EVENT_KIND_INET:
        return JSON_STRING;
    case EVENT_KIND_INT:
    case EVENT_KIND_BIG:
        return JSON_INT;
    case EVENT_KIND_REAL:
        return JSON_DOUBLE;
    case EVENT_KIND_BOOL:
        return JSON_BOOL;
    default:
        return VSOC_JSON_KEY_CONVERTED;
    }
}

static void add(const char *text, unsigned number, enum vsoc_json_key_kind kind)
{
    json_names_add(&vsoc_json_names, text, number);
    vsoc_json_keys[number].kind = (uint8_t)kind;
}

static void add_field(const char *text, unsigned number, unsigned field)
{
    const struct event_field_info *info = &event_field_table[field];
    add(text, number, VSOC_JSON_KEY_FIELD);
    vsoc_json_keys[number].value = (uint8_t)info->kind;
    vsoc_json_keys[number].field = (uint8_t)field;
    vsoc_json_keys[number].as_is = as_is_of(info->kind);
    vsoc_json_keys[number].offset = (uint16_t)info->offset;
}
_Static_assert(sizeof(struct event) <= UINT16_MAX, "offsets have two bytes");

__attribute__((constructor(VSOC_JSON_KEYS_PRIORITY))) static void fill(void)
{
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++)
        if (event_field_table[f].origin == EVENT_ORIGIN_SENDER)
            add_field(event_field_table[f].name, f + 1, f);
    add_field("id", NAME_ID, EVENT_source_event_id);
    add("vin", NAME_VIN, VSOC_JSON_KEY_VIN);
    add("time", NAME_TIME, VSOC_JSON_KEY_TIME);
}
