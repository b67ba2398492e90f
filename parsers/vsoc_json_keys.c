/* vsoc_json_keys.c: the names of the native event, made from the table of the event model before
 * main. Any thread. */
#include "parsers/vsoc_json_keys.h"

struct json_names vsoc_json_names;
struct vsoc_json_key vsoc_json_keys[JSON_NAMES_MAX + 1];

/* Fields stand under their number + 1; names that are none behind them. */
enum { NAME_ID = EVENT_FIELD_COUNT + 1, NAME_VIN, NAME_TIME, NAME_COUNT };
_Static_assert(NAME_COUNT <= JSON_NAMES_MAX + 1, "one number a name");

static void add(const char *text, unsigned number, struct vsoc_json_key key)
{
    json_names_add(&vsoc_json_names, text, number);
    vsoc_json_keys[number] = key;
}

__attribute__((constructor)) static void fill(void)
{
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++)
        if (event_field_table[f].origin == EVENT_ORIGIN_SENDER)
            add(event_field_table[f].name, f + 1,
                (struct vsoc_json_key){VSOC_JSON_KEY_FIELD, &event_field_table[f]});
    add("id", NAME_ID,
        (struct vsoc_json_key){VSOC_JSON_KEY_FIELD, &event_field_table[EVENT_source_event_id]});
    add("vin", NAME_VIN, (struct vsoc_json_key){VSOC_JSON_KEY_VIN, NULL});
    add("time", NAME_TIME, (struct vsoc_json_key){VSOC_JSON_KEY_TIME, NULL});
}
