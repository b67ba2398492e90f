/* key_list.c: unique keys for text formats, whose names may repeat. Pure, any thread. */
#include "parsers/read/key_list.h"
#include "core/hash.h"

#include <stdio.h>

static struct slice *keys_of(struct key_list *list)
{
    return list->room ? list->room->keys : list->keys;
}

static uint16_t *numbers_of(struct key_list *list)
{
    return list->room ? list->room->next_number : list->next_number;
}

/* Slot of the key, or the free slot where it belongs. The current time seeds the hash: no sender
 * knows it beforehand, so nobody can construct keys that collide. */
static uint16_t *slot_of(struct key_list_room *room, const struct parser_context *context,
                         struct slice key)
{
    const uint64_t seed[2] = {(uint64_t)context->received_ns, (uint64_t)context->received_ns};
    size_t i = (size_t)hash_keyed(seed, key) % KEY_LIST_SLOTS;
    while (room->slots[i] && !slice_equal(room->keys[room->slots[i] - 1], key))
        i = (i + 1) % KEY_LIST_SLOTS;
    return &room->slots[i];
}

/* Lists up to this size are compared key by key: most objects have fewer members with equal bits.
 */
#define COMPARED 16

/* Place of the key + 1, 0: it is not among the first `count`. */
static size_t compare(const struct slice *keys, size_t count, struct slice key)
{
    for (size_t i = 0; i < count; i++)
        if (slice_equal(keys[i], key))
            return i + 1;
    return 0;
}

/* Moves the keys to a room with slots. False: out of memory. */
static bool make_room(struct key_list *list, const struct parser_context *context)
{
    struct key_list_room *room = context->alloc(context, sizeof *room);
    if (!room)
        return false;
    memcpy(room->keys, list->keys, list->count * sizeof *room->keys);
    memcpy(room->next_number, list->next_number, list->count * sizeof *room->next_number);
    memset(room->slots, 0, sizeof room->slots);
    list->room = room;
    return true;
}

/* Place of the key + 1, 0: it is not in the list. */
static size_t find(struct key_list *list, const struct parser_context *context, struct slice key)
{
    if (!list->room)
        return compare(list->keys, list->count, key);
    for (; list->in_slots < list->count; list->in_slots++)
        *slot_of(list->room, context, list->room->keys[list->in_slots]) =
            (uint16_t)(list->in_slots + 1);
    return *slot_of(list->room, context, key);
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
        int n = snprintf(out + key.size, SUFFIX_BYTES, "#%u", numbers_of(list)[first]++);
        struct slice unique = slice_make(out, key.size + (size_t)n);
        if (!find(list, context, unique))
            return unique;
    }
}

/* Room for one more key, and slots for searches that take long otherwise. */
static bool has_room(struct key_list *list, const struct parser_context *context, bool searches)
{
    bool is_long = list->count == KEY_LIST_FEW || (searches && list->count > COMPARED);
    return list->room || !is_long || make_room(list, context);
}

struct slice key_list_add(struct key_list *list, const struct parser_context *context,
                          struct slice key)
{
    if (list->count == KEY_LIST_MAX)
        return SLICE_EMPTY;
    if (!list->count) {
        memset(list->seen, 0, sizeof list->seen);
        list->in_slots = 0;
        list->room = NULL;
    }
    if (!key.size)
        key = SLICE_LITERAL("_");
    unsigned bit = bit_of(key);
    bool may_be_there = list->seen[bit / 64] >> (bit % 64) & 1;
    if (!has_room(list, context, may_be_there))
        return SLICE_EMPTY;
    size_t place = may_be_there ? find(list, context, key) : 0;
    if (place) {
        key = with_number(list, context, key, place - 1);
        bit = bit_of(key);
    }
    if (key.size) {
        list->seen[bit / 64] |= UINT64_C(1) << (bit % 64);
        numbers_of(list)[list->count] = 2;
        keys_of(list)[list->count++] = key;
    }
    return key;
}
