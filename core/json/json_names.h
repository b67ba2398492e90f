/* json_names.h: keys that a reader of JSON knows, by number: json_parse_named finds them once, for
 * the reader and for duplicate keys. Filled by one thread, then constant: any thread. */
#ifndef VSOC_CORE_JSON_NAMES_H
#define VSOC_CORE_JSON_NAMES_H

#include "core/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

#define JSON_NAMES_MAX   127 /* numbers are 1 to this; nodes keep them in a byte */
#define JSON_NAMES_SLOTS 512 /* most searches take one step */

/* What a search compares, in half a cache line. */
struct json_name {
    struct slice_ends ends;
    const uint8_t *data;
    uint32_t size;   /* 0: free slot */
    uint32_t number; /* 0: free slot */
};

/* All zero: no names. */
struct json_names {
    struct json_name slots[JSON_NAMES_SLOTS];
};

static inline size_t json_names_slot(struct slice_ends ends, size_t size)
{
    uint64_t h = (ends.head ^ size) * UINT64_C(0x9E3779B97F4A7C15);
    h ^= ends.tail * UINT64_C(0xC2B2AE3D27D4EB4F);
    return (size_t)(h >> 48) % JSON_NAMES_SLOTS;
}

/* Adds a text of 1 byte or more, which must outlive names, under a number of 1 to JSON_NAMES_MAX.
 */
void json_names_add(struct json_names *names, const char *text, unsigned number);

static inline bool json_name_equals(const struct json_name *name, struct slice_ends ends,
                                    struct slice key)
{
    return name->ends.head == ends.head && name->ends.tail == ends.tail && name->size == key.size &&
           (key.size <= 16 || memcmp(name->data + 8, key.data + 8, key.size - 16) == 0);
}

/* Number of the name that equals key, 0 when no name does. */
static inline unsigned json_names_find(const struct json_names *names, struct slice key)
{
    struct slice_ends ends = slice_ends_of(key);
    size_t i = json_names_slot(ends, key.size);
    const struct json_name *name = &names->slots[i];
    while (name->size && !json_name_equals(name, ends, key))
        name = &names->slots[i = (i + 1) % JSON_NAMES_SLOTS];
    return name->number;
}

#ifdef __cplusplus
}
#endif

#endif
