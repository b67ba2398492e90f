/* vsoc_json_keys.c: the names of the native event in one hash table, made from the table of the
 * event model before main. Any thread. */
#include "parsers/vsoc_json_keys.h"

#define SLOTS 512 /* names are below 100: most searches take one step */

/* First and last bytes of a name: all of it up to 16. */
struct ends {
    uint64_t head, tail;
};

struct slot {
    struct slice name; /* no data: free */
    struct ends ends;
    struct vsoc_json_key key;
};

static struct slot slots[SLOTS];

static uint64_t load_8(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static uint64_t load_4(const uint8_t *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* The loads overlap where a name is between two sizes: with its size they still tell it apart. */
static struct ends ends_of(struct slice name)
{
    const uint8_t *p = name.data;
    size_t n = name.size;
    if (n >= 8)
        return (struct ends){load_8(p), load_8(p + n - 8)};
    if (n >= 4)
        return (struct ends){load_4(p), load_4(p + n - 4)};
    return (struct ends){p[0] | (uint64_t)p[n / 2] << 8, p[n - 1]};
}

static size_t hash_of(struct ends ends, size_t size)
{
    uint64_t h = (ends.head ^ size) * UINT64_C(0x9E3779B97F4A7C15);
    h ^= ends.tail * UINT64_C(0xC2B2AE3D27D4EB4F);
    return (size_t)(h >> 48) % SLOTS;
}

static void add(const char *text, struct vsoc_json_key key)
{
    struct slice name = slice_from_text(text);
    struct ends ends = ends_of(name);
    size_t i = hash_of(ends, name.size);
    while (slots[i].name.size)
        i = (i + 1) % SLOTS;
    slots[i] = (struct slot){name, ends, key};
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

static bool is_name(const struct slot *slot, struct slice name, struct ends ends)
{
    return slot->name.size == name.size && slot->ends.head == ends.head &&
           slot->ends.tail == ends.tail && (name.size <= 16 || slice_equal(slot->name, name));
}

struct vsoc_json_key vsoc_json_key_find(struct slice name)
{
    if (name.size) {
        struct ends ends = ends_of(name);
        for (size_t i = hash_of(ends, name.size); slots[i].name.size; i = (i + 1) % SLOTS)
            if (is_name(&slots[i], name, ends))
                return slots[i].key;
    }
    return (struct vsoc_json_key){VSOC_JSON_KEY_UNKNOWN, NULL};
}
