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

#define SUFFIX_BYTES 8

/* The first of key#2, key#3, … that is free; empty: out of memory. `first` is key's slot */
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
        if (!*slot_of(list, context, unique))
            return unique;
    }
}

struct slice key_list_add(struct key_list *list, const struct parser_context *context,
                          struct slice key)
{
    if (list->count == KEY_LIST_MAX)
        return SLICE_EMPTY;
    if (!list->count)
        memset(list->slots, 0, sizeof list->slots);
    if (!key.size)
        key = SLICE_LITERAL("_");
    uint16_t *slot = slot_of(list, context, key);
    if (*slot) {
        key = with_number(list, context, key, *slot - 1u);
        slot = slot_of(list, context, key);
    }
    if (key.size) {
        list->next_number[list->count] = 2;
        list->keys[list->count++] = key;
        *slot = (uint16_t)list->count;
    }
    return key;
}
