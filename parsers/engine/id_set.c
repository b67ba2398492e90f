/* id_set.c: finds events that occur twice in one batch. Runs on the thread that parses. Keeps
 * nothing from batch to batch. */
#include "parsers/engine/id_set.h"

#include "core/slice.h"

#define FIRST_CAPACITY 256

_Static_assert(ID_SET_KEY_BYTES == 16, "a key is two words");

void id_set_init(struct id_set *set, struct arena *arena, uint64_t seed)
{
    *set = (struct id_set){.arena = arena, .seed = seed};
}

struct key {
    uint64_t first, second;
};

static inline struct key key_at(const uint8_t *bytes)
{
    return (struct key){slice_load8(bytes), slice_load8(bytes + 8)};
}

static inline bool is_free(struct key slot)
{
    return !(slot.first | slot.second);
}

/* Keys are digests. They collide no more often than by chance for anyone who does not know the
 * seed: the slot is the upper bits of a sum of products by it (multiply-shift, Dietzfelbinger et
 * al., A Reliable Randomized Algorithm for the Closest-Pair Problem, 1997). The slot of the key, or
 * the free one where it belongs. */
static inline uint8_t *slot_of(const struct id_set *set, struct key key)
{
    uint64_t swapped = set->seed << 32 | set->seed >> 32;
    uint64_t hash = key.first * (set->seed | 1) + key.second * (swapped | 1);
    for (size_t i = (size_t)(hash >> set->shift);; i = (i + 1) & (set->capacity - 1)) {
        struct key there = key_at(set->slots[i]);
        if (is_free(there) || (there.first == key.first && there.second == key.second))
            return set->slots[i];
    }
}

/* At most half the slots are used, so that a free one ends every search. */
static __attribute__((noinline)) enum status grow(struct id_set *set)
{
    struct id_set larger = *set;
    larger.capacity = set->capacity ? set->capacity * 2 : FIRST_CAPACITY;
    larger.shift = (unsigned)__builtin_clzll(larger.capacity) + 1;
    larger.slots = arena_alloc(set->arena, larger.capacity * ID_SET_KEY_BYTES);
    if (!larger.slots)
        return STATUS_NO_MEMORY;
    memset(larger.slots, 0, larger.capacity * ID_SET_KEY_BYTES);
    for (size_t i = 0; i < set->capacity; i++)
        if (!is_free(key_at(set->slots[i])))
            memcpy(slot_of(&larger, key_at(set->slots[i])), set->slots[i], ID_SET_KEY_BYTES);
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
    uint8_t *slot = slot_of(set, key_at(key));
    if (!is_free(key_at(slot)))
        return STATUS_EXISTS;
    memcpy(slot, key, ID_SET_KEY_BYTES);
    set->count++;
    return STATUS_OK;
}
