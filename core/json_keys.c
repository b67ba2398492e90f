/* json_keys.c: duplicate keys of JSON objects. Any thread, one owner. Knows nothing of syntax. */
#include "core/json_keys.h"

#include "core/hash.h"

#include <stdlib.h>

/* Seeded with random bytes per parser, so that no sender can build keys that meet in one slot. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t key_hash(const struct json_keys *keys, struct slice key)
{
    uint64_t hash = keys->seed[0] ^ key.size;
    while (key.size > 0) {
        uint64_t word = 0;
        size_t take = key.size < sizeof word ? key.size : sizeof word;
        memcpy(&word, key.data, take);
        hash = mix(hash ^ word, keys->seed[1]) + keys->seed[0];
        key = slice_make(key.data + take, key.size - take);
    }
    return mix(hash, keys->seed[1] ^ UINT64_C(0x9e3779b97f4a7c15));
}

void json_keys_init(struct json_keys *keys)
{
    *keys = (struct json_keys){.table = NULL};
    random_bytes(keys->seed, sizeof keys->seed);
    keys->seed[1] |= 1;
}

void json_keys_fini(struct json_keys *keys)
{
    free(keys->table);
    *keys = (struct json_keys){.table = NULL};
}

bool json_keys_repeated_slow(const struct json_node *nodes, size_t parent, size_t child)
{
    for (size_t k = parent + 1; k < child; k += nodes[k].span)
        if (slice_equal(nodes[k].key, nodes[child].key))
            return true;
    return false;
}

/* A free table for so many keys, at most half full. */
static enum status table_clear(struct json_keys *keys, size_t members, size_t *size)
{
    *size = 128;
    while (*size < 2 * members)
        *size *= 2;
    if (*size > keys->table_size) {
        uint32_t *table = realloc(keys->table, *size * sizeof *table);
        if (!table)
            return STATUS_NO_MEMORY;
        keys->table = table;
        keys->table_size = *size;
    }
    memset(keys->table, 0, *size * sizeof *keys->table);
    return STATUS_OK;
}

enum status json_keys_check(struct json_keys *keys, const struct json_node *nodes, size_t parent,
                            size_t members, size_t *child)
{
    size_t size;
    enum status status = table_clear(keys, members, &size);
    if (status != STATUS_OK)
        return status;
    size_t end = parent + nodes[parent].span;
    for (size_t k = parent + 1; k < end; k += nodes[k].span) {
        size_t slot = key_hash(keys, nodes[k].key) & (size - 1);
        for (; keys->table[slot]; slot = (slot + 1) & (size - 1)) {
            if (slice_equal(nodes[keys->table[slot]].key, nodes[k].key)) {
                *child = k;
                return STATUS_DUPLICATE_KEY;
            }
        }
        keys->table[slot] = (uint32_t)k;
    }
    return STATUS_OK;
}
