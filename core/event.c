/* event.c: the field table of the event model, and look-up by name. Any thread. Knows no format. */
#include "core/event.h"

#include <stddef.h>

const struct event_field_info event_field_table[] = {
#define EVENT_FIELD(name, kind, sql, origin, min, max, required, help)                             \
    {#name,                                                                                        \
     EVENT_KIND_##kind,                                                                            \
     EVENT_ORIGIN_##origin,                                                                        \
     required,                                                                                     \
     offsetof(struct event, name),                                                                 \
     sql,                                                                                          \
     min,                                                                                          \
     max,                                                                                          \
     help},
#include "core/event_fields.def"
#undef EVENT_FIELD
};

/* Perfect enough: names differ in length, first or last byte mostly; the chain is walked by full
 * comparison. */
#define HASH_SLOTS 256

static uint8_t hash_slots[HASH_SLOTS][4]; /* field number + 1; filled before main */

static unsigned field_hash(struct slice name)
{
    unsigned h = (unsigned)name.size;
    for (size_t i = 0; i < name.size; i++)
        h = h * 31 + name.data[i];
    return (h ^ h >> 8) % HASH_SLOTS;
}

__attribute__((constructor)) static void field_hash_fill(void)
{
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++) {
        uint8_t *slot = hash_slots[field_hash(slice_from_text(event_field_table[f].name))];
        unsigned k = 0;
        while (k < 4 && slot[k])
            k++;
        if (k == 4)
            __builtin_trap(); /* a fifth name in one slot: enlarge HASH_SLOTS */
        slot[k] = (uint8_t)(f + 1);
    }
}

const struct event_field_info *event_field_find(struct slice name)
{
    const uint8_t *slot = hash_slots[field_hash(name)];
    for (unsigned k = 0; k < 4 && slot[k]; k++)
        if (slice_equal_text(name, event_field_table[slot[k] - 1].name))
            return &event_field_table[slot[k] - 1];
    return NULL;
}
