/* json_keys.c: duplicate keys of JSON objects. Any thread, one owner. Does not read syntax. */
#include "core/json/json_keys.h"

#include "core/hash.h"

#include <stdlib.h>

void json_keys_init(struct json_keys *keys)
{
    *keys = (struct json_keys){.table = NULL};
    /* Random, so that no sender can construct keys that collide. */
    random_bytes(keys->seed, sizeof keys->seed);
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

/* A free table for this number of keys, at most half full. */
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
        size_t slot = hash_keyed(keys->seed, nodes[k].key) & (size - 1);
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

enum status json_keys_number(struct json_keys *keys, struct json_node *nodes, size_t parent,
                             size_t members)
{
    size_t size;
    enum status status = table_clear(keys, members, &size);
    if (status != STATUS_OK)
        return status;
    size_t end = parent + nodes[parent].span;
    for (size_t k = parent + 1; k < end; k += nodes[k].span) {
        size_t slot = hash_keyed(keys->seed, nodes[k].key) & (size - 1);
        uint32_t *last = &keys->table[slot];
        while (*last && !slice_equal(nodes[*last].key, nodes[k].key)) {
            slot = (slot + 1) & (size - 1);
            last = &keys->table[slot];
        }
        if (*last) {
            uint8_t before = nodes[*last].repeat;
            nodes[k].repeat = before < JSON_REPEAT_MAX ? before + 1 : before;
        }
        *last = (uint32_t)k;
    }
    return STATUS_OK;
}
