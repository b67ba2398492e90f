/* json_keys.h: finds a key that stands twice in one object, in linear time whatever the keys are.
 * For json.cpp only; one owner thread. */
#ifndef VSOC_CORE_JSON_KEYS_H
#define VSOC_CORE_JSON_KEYS_H

#include "core/json.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Objects up to so many members are compared key by key, behind a small filter; larger ones through
 * a hash table with a random seed. */
#define JSON_KEYS_SMALL 48

/* Filter of one open object; all zero at its start. */
struct json_key_filter {
    uint64_t bits[4];
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
 * members: those before it; only for members < JSON_KEYS_SMALL. */
bool json_keys_repeated_slow(const struct json_node *nodes, size_t parent, size_t child);

static inline bool json_keys_repeated(struct json_key_filter *filter, const struct json_node *nodes,
                                      size_t parent, size_t child)
{
    struct slice key = nodes[child].key;
    unsigned hash = (unsigned)key.size * 7;
    if (key.size)
        hash += key.data[0] + key.data[key.size - 1] * 31u + key.data[key.size / 2] * 113u;
    uint64_t bit = UINT64_C(1) << (hash & 63);
    uint64_t *word = &filter->bits[hash >> 6 & 3];
    bool maybe = *word & bit;
    *word |= bit;
    return maybe && json_keys_repeated_slow(nodes, parent, child);
}

/* Checks all `members` keys of the closed object at nodes[parent]. DUPLICATE_KEY with the second
 * one's node in *child; NO_MEMORY. */
enum status json_keys_check(struct json_keys *keys, const struct json_node *nodes, size_t parent,
                            size_t members, size_t *child) must_check;

#ifdef __cplusplus
}
#endif

#endif
