/* event_coding.c: sorts the fields of the event model by how their values are coded. Before main;
 * any thread afterwards. Does not code. */
#include "core/event/event_coding.h"

struct event_coding_row event_coding_rows[EVENT_FIELD_COUNT];
uint64_t event_coding_fixed[EVENT_SET_WORDS], event_coding_lists[EVENT_SET_WORDS];
_Static_assert(sizeof(struct event) <= UINT16_MAX, "offsets of 16 bits");

static enum event_coding coding_of(const struct event_field_info *field)
{
    switch (field->kind) {
    case EVENT_KIND_INT:
    case EVENT_KIND_BIG:
    case EVENT_KIND_BOOL:
    case EVENT_KIND_TIME:
        return CODING_INTEGER;
    case EVENT_KIND_REAL:
        return CODING_REAL;
    case EVENT_KIND_UUID:
        return CODING_FIXED;
    case EVENT_KIND_HEX:
        return field->min == field->max ? CODING_FIXED : CODING_SERIAL;
    case EVENT_KIND_BASE64:
    case EVENT_KIND_INET:
        return CODING_SERIAL;
    case EVENT_KIND_LIST:
        return CODING_LIST;
    case EVENT_KIND_TEXT:
    case EVENT_KIND_JSON:
        break;
    }
    return field == &event_field_table[EVENT_source_event_id] ? CODING_SERIAL : CODING_TEXT;
}

__attribute__((constructor)) static void event_coding_fill(void)
{
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++) {
        enum event_coding coding = coding_of(&event_field_table[f]);
        event_coding_rows[f].coding = (uint8_t)coding;
        event_coding_rows[f].offset = (uint16_t)event_field_table[f].offset;
        if (coding == CODING_FIXED)
            event_coding_fixed[f / 64] |= UINT64_C(1) << f % 64;
        if (coding == CODING_LIST)
            event_coding_lists[f / 64] |= UINT64_C(1) << f % 64;
    }
}
