/* event.c: the field table of the event model, and look-up by name. Any thread. Has no knowledge of
 * formats. */
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

#define HASH_SLOTS 256
_Static_assert(EVENT_FIELD_COUNT * 2 <= HASH_SLOTS, "searches must end at a free slot soon");

static uint8_t hash_slots[HASH_SLOTS]; /* field number + 1, 0 free; filled before main */

static unsigned field_hash(struct slice name)
{
    uint32_t h = UINT32_C(2166136261); /* FNV-1a */
    for (size_t i = 0; i < name.size; i++)
        h = (h ^ name.data[i]) * UINT32_C(16777619);
    return (h ^ h >> 16) % HASH_SLOTS;
}

__attribute__((constructor)) static void field_hash_fill(void)
{
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++) {
        unsigned slot = field_hash(slice_from_text(event_field_table[f].name));
        while (hash_slots[slot])
            slot = (slot + 1) % HASH_SLOTS;
        hash_slots[slot] = (uint8_t)(f + 1);
    }
}

const struct event_field_info *event_field_find(struct slice name)
{
    for (unsigned slot = field_hash(name); hash_slots[slot]; slot = (slot + 1) % HASH_SLOTS) {
        const struct event_field_info *field = &event_field_table[hash_slots[slot] - 1];
        if (slice_equal_text(name, field->name))
            return field;
    }
    return NULL;
}
