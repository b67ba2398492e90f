/* json_keys.h: finds duplicate keys of one object, in linear time whatever the keys are. For
 * json.cpp only; one owner thread. */
#ifndef VSOC_CORE_JSON_KEYS_H
#define VSOC_CORE_JSON_KEYS_H

#include "core/json/json_node.h"
#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Objects with up to this number of members are compared key by key, after a small filter; larger
 * ones through a hash table with a random seed. */
#define JSON_KEYS_SMALL 48

/* Keys of one open object: the known ones by number, a filter for the others; all zero at its
 * start. */
struct json_keys_seen {
    uint64_t names[2];
    uint64_t others[4];
};

struct json_keys {
    uint64_t seed[2];
    uint32_t *table; /* node numbers, 0 is free (node 0 has no key) */
    size_t table_size;
};

/* Draws the seed; takes no memory yet. */
void json_keys_init(struct json_keys *keys);
void json_keys_fini(struct json_keys *keys);

/* Is the key of nodes[child] already the key of an earlier member of the object at nodes[parent]?
 */
bool json_keys_repeated_slow(const struct json_node *nodes, size_t parent, size_t child);

static inline bool json_name_repeated(struct json_keys_seen *seen, unsigned name)
{
    uint64_t bit = UINT64_C(1) << name % 64, *word = &seen->names[name / 64];
    bool repeated = *word & bit;
    *word |= bit;
    return repeated;
}

/* The same for a key that has no number, with few members before it (JSON_KEYS_SMALL). */
static inline bool json_key_repeated(struct json_keys_seen *seen, const struct json_node *nodes,
                                     size_t parent, size_t child)
{
    struct slice key = nodes[child].key;
    struct slice_ends ends = slice_ends_of(key);
    uint64_t hash = (ends.head + key.size) * UINT64_C(0x9E3779B97F4A7C15) ^ ends.tail;
    hash *= UINT64_C(0xC2B2AE3D27D4EB4F);
    uint64_t bit = UINT64_C(1) << (hash >> 58), *word = &seen->others[hash >> 56 & 3];
    bool maybe = *word & bit;
    *word |= bit;
    return maybe && json_keys_repeated_slow(nodes, parent, child);
}

/* Checks all `members` keys of the closed object at nodes[parent]. DUPLICATE_KEY with the second
 * one's node in *child; NO_MEMORY. */
enum status json_keys_check(struct json_keys *keys, const struct json_node *nodes, size_t parent,
                            size_t members, size_t *child) must_check;

/* Sets in each member of the closed object at nodes[parent] how often its key occurred before it.
 * NO_MEMORY. */
enum status json_keys_number(struct json_keys *keys, struct json_node *nodes, size_t parent,
                             size_t members) must_check;

#ifdef __cplusplus
}
#endif

#endif
