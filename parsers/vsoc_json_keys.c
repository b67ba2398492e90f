/* vsoc_json_keys.c: the names of the native event in one hash table, made from the table of the
 * event model before main. Any thread. */
#include "parsers/vsoc_json_keys.h"

#define SLOTS 512 /* names are below 100: most searches take one step */

struct slot {
    struct slice name; /* no data: free */
    struct vsoc_json_key key;
};

static struct slot slots[SLOTS];

static size_t hash_of(struct slice name)
{
    const uint8_t *p = name.data;
    size_t n = name.size;
    return (n * 7 + p[0] * 31u + p[n / 2] * 101u + p[n - 1] * 257u) % SLOTS;
}

static void add(const char *text, struct vsoc_json_key key)
{
    struct slice name = slice_from_text(text);
    size_t i = hash_of(name);
    while (slots[i].name.size)
        i = (i + 1) % SLOTS;
    slots[i] = (struct slot){name, key};
}

__attribute__((constructor)) static void fill(void)
{
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++)
        if (event_field_table[f].origin == EVENT_ORIGIN_SENDER)
            add(event_field_table[f].name,
                (struct vsoc_json_key){VSOC_JSON_KEY_FIELD, &event_field_table[f]});
    add("id",
        (struct vsoc_json_key){VSOC_JSON_KEY_FIELD, &event_field_table[EVENT_source_event_id]});
    add("vin", (struct vsoc_json_key){VSOC_JSON_KEY_VIN, NULL});
    add("time", (struct vsoc_json_key){VSOC_JSON_KEY_TIME, NULL});
}

struct vsoc_json_key vsoc_json_key_find(struct slice name)
{
    struct vsoc_json_key unknown = {VSOC_JSON_KEY_UNKNOWN, NULL};
    if (!name.size)
        return unknown;
    for (size_t i = hash_of(name); slots[i].name.size; i = (i + 1) % SLOTS)
        if (slice_equal(slots[i].name, name))
            return slots[i].key;
    return unknown;
}
