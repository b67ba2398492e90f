/* vsoc_json_quick.c: binds members of the native event to struct event. Pure, any thread. Refuses
 * nothing and notes nothing: what is not plain is left to vsoc_json.c. */
#include "core/json/json_bind.h"
#include "parsers/formats/json/vsoc_json_keys.h"
#include "parsers/read/timestamp.h"
#include "parsers/registry/builtin.h"

#include <stddef.h>

/* Bits of the members that are no field; a field's bit is its number. */
enum { BIT_VIN = 126, BIT_TIME = 127 };
_Static_assert((int)EVENT_FIELD_COUNT <= (int)BIT_VIN, "bits of fields come first");

#define RAW_TIME_MAX    256
#define TIME_DIGITS_MAX 18

static struct json_bindings bindings;

static enum json_bind_type type_of(uint8_t as_is)
{
    switch (as_is) {
    case JSON_STRING:
        return JSON_BIND_TEXT;
    case JSON_INT:
        return JSON_BIND_INT;
    case JSON_DOUBLE:
        return JSON_BIND_REAL;
    case JSON_BOOL:
        return JSON_BIND_BOOL;
    default:
        return JSON_BIND_NOTHING;
    }
}

/* Numbers and texts within the field's limits: what is beyond is refused elsewhere. */
static struct json_binding binding_of_field(const struct vsoc_json_key *key)
{
    const struct event_field_info *field = &event_field_table[key->field];
    return (struct json_binding){
        .type = (uint8_t)(field->kind == EVENT_KIND_JSON ? JSON_BIND_OBJECT : type_of(key->as_is)),
        .bit = key->field,
        .offset = key->offset,
        .min = field->kind == EVENT_KIND_INET ? 0 : field->min,
        .max = field->kind == EVENT_KIND_INET ? INT64_MAX : field->max};
}

static struct json_binding binding_of(const struct vsoc_json_key *key)
{
    switch ((enum vsoc_json_key_kind)key->kind) {
    case VSOC_JSON_KEY_FIELD:
        return binding_of_field(key);
    case VSOC_JSON_KEY_VIN:
        return (struct json_binding){JSON_BIND_TEXT, BIT_VIN, offsetof(struct event, vin), 0,
                                     INT64_MAX};
    case VSOC_JSON_KEY_TIME:
        return (struct json_binding){JSON_BIND_RAW, BIT_TIME,
                                     offsetof(struct event, time_event_raw), 0, INT64_MAX};
    case VSOC_JSON_KEY_UNKNOWN:
        break;
    }
    return (struct json_binding){.type = JSON_BIND_NOTHING};
}

/* After the table of keys, which is made before main too. */
__attribute__((constructor(VSOC_JSON_KEYS_PRIORITY + 1))) static void bindings_fill(void)
{
    bindings.names = &vsoc_json_names;
    for (unsigned number = 1; number < JSON_NAMES_COUNT; number++)
        bindings.items[number] = binding_of(&vsoc_json_keys[number]);
}

/* The member "time", as its bytes in time_event_raw. */
static bool take_time(struct event *event)
{
    struct slice raw = event->time_event_raw;
    if (EVENT_HAS(event, time_event_ns) || raw.size > RAW_TIME_MAX)
        return false;
    if (raw.data[0] == '"') {
        raw = slice_make(raw.data + 1, raw.size - 2);
        if (raw.size <= 4 || raw.data[4] != '-' ||
            timestamp_rfc3339(raw, &event->time_event_ns) != STATUS_OK)
            return false;
    } else if (raw.size > TIME_DIGITS_MAX ||
               timestamp_epoch_text(raw, &event->time_event_ns) != STATUS_OK) {
        return false;
    }
    EVENT_SET(event, time_event_raw, raw);
    event_mark(event, EVENT_time_event_ns);
    return true;
}

bool parser_vsoc_json_quick(const uint8_t *start, const struct parser_context *context,
                            struct event *event, size_t *size)
{
    uint64_t bits[2];
    event_clear(event);
    if (!json_bind(context->json, &bindings, start, event, bits, size))
        return false;
    bool has_time = bits[1] >> (BIT_TIME - 64);
    event->set[0] = bits[0];
    event->set[1] = bits[1] & ~(UINT64_C(3) << (BIT_VIN - 64));
    if (has_time && !take_time(event))
        return false;
    return EVENT_HAS(event, event_name) || EVENT_HAS(event, sev_id) || EVENT_HAS(event, message);
}
_Static_assert(EVENT_SET_WORDS == 2 && BIT_TIME == BIT_VIN + 1, "bits are those of struct event");
