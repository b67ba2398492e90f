/* id_set.c: finds events that occur twice in one batch. Runs on the thread that parses. Keeps
 * nothing from batch to batch. */
#include "parsers/engine/id_set.h"

#include "core/slice.h"

#define FIRST_CAPACITY 256

static const uint8_t free_slot[ID_SET_KEY_BYTES];

void id_set_init(struct id_set *set, struct arena *arena, uint64_t seed)
{
    *set = (struct id_set){.arena = arena, .seed = seed};
}

/* Keys are digests. They collide no more often than by chance for anyone who does not know the
 * seed: the slot is the upper bits of a sum of products by it (multiply-shift, Dietzfelbinger et
 * al., A Reliable Randomized Algorithm for the Closest-Pair Problem, 1997). */
static size_t slot_of(const struct id_set *set, const uint8_t key[ID_SET_KEY_BYTES])
{
    uint64_t swapped = set->seed << 32 | set->seed >> 32;
    uint64_t hash = slice_load8(key) * (set->seed | 1) + slice_load8(key + 8) * (swapped | 1);
    size_t i = (size_t)(hash >> (__builtin_clzll(set->capacity) + 1));
    while (memcmp(set->slots[i], free_slot, ID_SET_KEY_BYTES) &&
           memcmp(set->slots[i], key, ID_SET_KEY_BYTES))
        i = (i + 1) & (set->capacity - 1);
    return i;
}

/* At most half the slots are used, so that a free one ends every search. */
static enum status grow(struct id_set *set)
{
    struct id_set larger = *set;
    larger.capacity = set->capacity ? set->capacity * 2 : FIRST_CAPACITY;
    larger.slots = arena_alloc(set->arena, larger.capacity * ID_SET_KEY_BYTES);
    if (!larger.slots)
        return STATUS_NO_MEMORY;
    memset(larger.slots, 0, larger.capacity * ID_SET_KEY_BYTES);
    for (size_t i = 0; i < set->capacity; i++)
        if (memcmp(set->slots[i], free_slot, ID_SET_KEY_BYTES))
            memcpy(larger.slots[slot_of(&larger, set->slots[i])], set->slots[i], ID_SET_KEY_BYTES);
    *set = larger;
    return STATUS_OK;
}

enum status id_set_add(struct id_set *set, const uint8_t key[ID_SET_KEY_BYTES])
{
    if (set->count * 2 >= set->capacity) {
        enum status status = grow(set);
        if (status != STATUS_OK)
            return status;
    }
    uint8_t *slot = set->slots[slot_of(set, key)];
    if (!memcmp(slot, key, ID_SET_KEY_BYTES))
        return STATUS_EXISTS;
    memcpy(slot, key, ID_SET_KEY_BYTES);
    set->count++;
    return STATUS_OK;
}
