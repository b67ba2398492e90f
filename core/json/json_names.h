/* json_names.h: keys that a reader of JSON knows, by number: json_parse_named finds them once, for
 * the reader and for duplicate keys. Filled by one thread, then constant: any thread. */
#ifndef VSOC_CORE_JSON_NAMES_H
#define VSOC_CORE_JSON_NAMES_H

#include "core/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

#define JSON_NAMES_MAX   127 /* numbers are 1 to this; nodes keep them in a byte */
#define JSON_NAMES_COUNT (JSON_NAMES_MAX + 1)
#define JSON_NAMES_SLOTS 1024 /* most searches take one step */

/* The first 16 bytes of a text, zero where it is shorter: with the size they identify most names.
 */
struct json_name_head {
    uint64_t first, second;
};

struct json_name {
    struct json_name_head head;
    const uint8_t *data;
    size_t size; /* 0: no such name */
};

/* All zero: no names. */
struct json_names {
    uint8_t numbers[JSON_NAMES_SLOTS]; /* 0: free slot */
    struct json_name names[JSON_NAMES_MAX + 1];
};

static inline size_t json_names_slot(struct json_name_head head)
{
    uint64_t h = head.first * UINT64_C(0x9E3779B97F4A7C15);
    h ^= head.second * UINT64_C(0xC2B2AE3D27D4EB4F);
    return (size_t)(h >> 48) % JSON_NAMES_SLOTS;
}

/* Adds a text of 1 byte or more, which must outlive names, under a number of 1 to JSON_NAMES_MAX
 * that no other has. */
void json_names_add(struct json_names *names, const char *text, unsigned number);

/* Loads overlap where the size is between two steps: no byte after the key is read, and no call is
 * made. */
static inline struct json_name_head json_name_head_of(struct slice key)
{
    const uint8_t *p = key.data;
    size_t n = key.size;
    if (n > 8) {
        size_t rest = n < 16 ? n - 8 : 8;
        return (struct json_name_head){slice_load8(p), slice_load8(p + rest) >> (64 - 8 * rest)};
    }
    if (n == 8)
        return (struct json_name_head){slice_load8(p), 0};
    if (n)
        return (struct json_name_head){slice_load_some(p, n), 0};
    return (struct json_name_head){0, 0};
}

/* The same when the 16 bytes from key.data on can be read. */
static inline struct json_name_head json_name_head_padded(struct slice key)
{
    /* As many bytes of all ones as the key has. */
    static const uint8_t ones[32] = {255, 255, 255, 255, 255, 255, 255, 255,
                                     255, 255, 255, 255, 255, 255, 255, 255};
    const uint8_t *mask = ones + (key.size < 16 ? 16 - key.size : 0);
    struct json_name_head head = {slice_load8(key.data) & slice_load8(mask),
                                  slice_load8(key.data + 8) & slice_load8(mask + 8)};
    return head;
}

static inline bool json_name_equals(const struct json_name *name, struct json_name_head head,
                                    struct slice key)
{
    return ((name->head.first ^ head.first) | (name->head.second ^ head.second) |
            (name->size ^ key.size)) == 0 &&
           (key.size <= 16 || memcmp(name->data + 16, key.data + 16, key.size - 16) == 0);
}

static inline unsigned json_names_search(const struct json_names *names, struct json_name_head head,
                                         struct slice key)
{
    size_t i = json_names_slot(head);
    while (names->numbers[i] && !json_name_equals(&names->names[names->numbers[i]], head, key))
        i = (i + 1) % JSON_NAMES_SLOTS;
    return names->numbers[i];
}

/* Number of the name that equals key, 0 when no name does. */
static inline unsigned json_names_find(const struct json_names *names, struct slice key)
{
    return json_names_search(names, json_name_head_of(key), key);
}

/* The same for a key of 1 byte or more, when the 16 bytes from key.data on can be read. `guess` is
 * a number that is most likely right, or 0. */
static inline unsigned json_names_find_padded(const struct json_names *names, unsigned guess,
                                              struct slice key)
{
    struct json_name_head head = json_name_head_padded(key);
    if (guess && json_name_equals(&names->names[guess], head, key))
        return guess;
    return json_names_search(names, head, key);
}

#ifdef __cplusplus
}
#endif

#endif
