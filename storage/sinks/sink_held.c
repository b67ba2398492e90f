/* sink_held.c: a table with open addressing. Its owner's thread. Does not know what the places
 * mean.
 */
#include "storage/sinks/sink_held.h"

#include <stdlib.h>
#include <string.h>

#include "core/thread.h"

#define PLACE_USED 0x80u

struct sink_held {
    size_t slots; /* a power of two, at least twice the ids */
    size_t used, room;
    uint8_t (*ids)[UUID_BYTES];
    uint8_t *places; /* by slot; 0: free */
};

struct sink_held *sink_held_create(size_t ids)
{
    struct sink_held *held = calloc(1, sizeof *held);
    if (!held)
        return NULL;
    held->room = ids;
    held->slots = 64;
    while (held->slots < 2 * ids)
        held->slots *= 2;
    held->ids = calloc(held->slots, sizeof *held->ids);
    held->places = calloc(held->slots, 1);
    if (held->ids && held->places)
        return held;
    sink_held_destroy(held);
    return NULL;
}

void sink_held_destroy(struct sink_held *held)
{
    if (!held)
        return;
    free(held->ids);
    free(held->places);
    free(held);
}

/* Slot of the id, or the free one where it belongs. Ids of one batch differ in their last bytes. */
static size_t slot_of(const struct sink_held *held, const uint8_t id[UUID_BYTES])
{
    uint64_t head, tail;
    memcpy(&head, id, 8);
    memcpy(&tail, id + 8, 8);
    uint64_t hash = (tail ^ head * UINT64_C(0xff51afd7ed558ccd)) * UINT64_C(0x9e3779b97f4a7c15);
    size_t slot = (size_t)(hash ^ hash >> 32) & (held->slots - 1);
    while (held->places[slot] && memcmp(held->ids[slot], id, UUID_BYTES) != 0)
        slot = (slot + 1) & (held->slots - 1);
    return slot;
}

void sink_held_add(struct sink_held *held, const uint8_t id[UUID_BYTES])
{
    size_t slot = slot_of(held, id);
    if (held->places[slot])
        return;
    ensure(held->used < held->room);
    held->used++;
    memcpy(held->ids[slot], id, UUID_BYTES);
    held->places[slot] = PLACE_USED;
}

void sink_held_mark(struct sink_held *held, const uint8_t id[UUID_BYTES], unsigned place)
{
    size_t slot = slot_of(held, id);
    if (held->places[slot])
        held->places[slot] |= (uint8_t)place;
}

unsigned sink_held_places(const struct sink_held *held, const uint8_t id[UUID_BYTES])
{
    return held->places[slot_of(held, id)] & ~PLACE_USED;
}
