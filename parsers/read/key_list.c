/* key_list.c: unique keys for text formats, whose names may repeat. Pure, any thread. */
#include "parsers/read/key_list.h"
#include "core/hash.h"

#include <stdio.h>

/* Slot of the key, or the free slot where it belongs. The current time seeds the hash: no sender
 * knows it beforehand, so nobody can construct keys that collide. */
static uint16_t *slot_of(struct key_list *list, const struct parser_context *context,
                         struct slice key)
{
    const uint64_t seed[2] = {(uint64_t)context->received_ns, (uint64_t)context->received_ns};
    size_t i = (size_t)hash_keyed(seed, key) % KEY_LIST_SLOTS;
    while (list->slots[i] && !slice_equal(list->keys[list->slots[i] - 1], key))
        i = (i + 1) % KEY_LIST_SLOTS;
    return &list->slots[i];
}

/* Lists up to this size are compared key by key: most objects have fewer members. */
#define FEW 16

/* Place of the key + 1, 0: it is not in the list. */
static size_t find(struct key_list *list, const struct parser_context *context, struct slice key)
{
    if (list->count <= FEW) {
        for (size_t i = 0; i < list->count; i++)
            if (slice_equal(list->keys[i], key))
                return i + 1;
        return 0;
    }
    if (!list->in_slots)
        memset(list->slots, 0, sizeof list->slots);
    for (; list->in_slots < list->count; list->in_slots++)
        *slot_of(list, context, list->keys[list->in_slots]) = (uint16_t)(list->in_slots + 1);
    return *slot_of(list, context, key);
}

/* Bit of the key in seen. Keys that share one only cost a search. */
static inline unsigned bit_of(struct slice key)
{
    struct slice_ends ends = slice_ends_of(key);
    uint64_t hash = (ends.head ^ ends.tail << 1 ^ key.size) * UINT64_C(0x9E3779B97F4A7C15);
    return (unsigned)(hash >> 55);
}
_Static_assert(KEY_LIST_BITS == 1 << (64 - 55), "bit_of is a bit of seen");

#define SUFFIX_BYTES 8

/* The first of key#2, key#3, … that is free; empty: out of memory. `first` is key's place */
static struct slice with_number(struct key_list *list, const struct parser_context *context,
                                struct slice key, size_t first)
{
    char *out = context->alloc(context, key.size + SUFFIX_BYTES);
    if (!out)
        return SLICE_EMPTY;
    memcpy(out, key.data, key.size);
    for (;;) {
        int n = snprintf(out + key.size, SUFFIX_BYTES, "#%u", list->next_number[first]++);
        struct slice unique = slice_make(out, key.size + (size_t)n);
        if (!find(list, context, unique))
            return unique;
    }
}

struct slice key_list_add(struct key_list *list, const struct parser_context *context,
                          struct slice key)
{
    if (list->count == KEY_LIST_MAX)
        return SLICE_EMPTY;
    if (!list->count) {
        memset(list->seen, 0, sizeof list->seen);
        list->in_slots = 0;
    }
    if (!key.size)
        key = SLICE_LITERAL("_");
    unsigned bit = bit_of(key);
    if (list->seen[bit / 64] >> (bit % 64) & 1) {
        size_t place = find(list, context, key);
        if (place) {
            key = with_number(list, context, key, place - 1);
            bit = bit_of(key);
        }
    }
    if (key.size) {
        list->seen[bit / 64] |= UINT64_C(1) << (bit % 64);
        list->next_number[list->count] = 2;
        list->keys[list->count++] = key;
    }
    return key;
}
