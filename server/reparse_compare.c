/* reparse_compare.c: events field by field, but for what a body can't tell. Any thread. Reads no
 * spool. */
#include "server/reparse_compare.h"

#include <ctype.h>

#define VIN_BYTES    17
#define MASKED_BYTES 12 /* vin: and eight hex digits */

/* What the body does not say. */
static bool is_from_outside(enum event_field field)
{
    switch (field) {
    case EVENT_event_uid:
    case EVENT_schema_version:
    case EVENT_tenant_id:
    case EVENT_batch_uid:
    case EVENT_dedup_key:
    case EVENT_vehicle_pid:
    case EVENT_claimed_vehicle_pid:
    case EVENT_vin_key_id:
    case EVENT_wmi:
    case EVENT_model_year:
    case EVENT_time_received:
    case EVENT_time_ingested:
    case EVENT_time_sent:
    case EVENT_replay:
    case EVENT_parser_version:
    case EVENT_parse_status:
    case EVENT_parse_notes:
    case EVENT_transport_identity:
    case EVENT_chain_hash:
        return true;
    default:
        return false;
    }
}

static bool may_come_from_headers(enum event_field field)
{
    return field == EVENT_ecu_id || field == EVENT_sw_baseline;
}

bool reparse_is_of_catalogue(const struct event_field_info *field)
{
    switch (field - event_field_table) {
    case EVENT_event_name:
    case EVENT_event_category:
    case EVENT_severity_id:
    case EVENT_r155_threat:
    case EVENT_atm_technique:
    case EVENT_attributes:
    case EVENT_message:
        return true;
    default:
        return false;
    }
}

static bool is_masked(struct slice text)
{
    if (!slice_starts_with(text, "vin:") || text.size < MASKED_BYTES)
        return false;
    for (size_t i = 4; i < MASKED_BYTES; i++)
        if (!isxdigit(text.data[i]))
            return false;
    return true;
}

/* Bytes of a VIN at the start of a text; 0: there is none. */
static size_t vin_bytes(struct slice text)
{
    if (is_masked(text))
        return MASKED_BYTES;
    for (size_t i = 0; i < VIN_BYTES; i++)
        if (i >= text.size || !isalnum(text.data[i]))
            return 0;
    return VIN_BYTES;
}

static bool same_text(struct slice stored, struct slice again)
{
    while (stored.size) {
        if (is_masked(stored)) {
            size_t skip = vin_bytes(again);
            if (!skip)
                return false;
            stored = slice_sub(stored, MASKED_BYTES, stored.size);
            again = slice_sub(again, skip, again.size);
            continue;
        }
        if (!again.size || *stored.data != *again.data)
            return false;
        stored = slice_sub(stored, 1, stored.size);
        again = slice_sub(again, 1, again.size);
    }
    return again.size == 0;
}

static bool same_list(const struct slice_list *stored, const struct slice_list *again)
{
    if (stored->count != again->count)
        return false;
    for (size_t i = 0; i < stored->count; i++)
        if (!same_text(stored->items[i], again->items[i]))
            return false;
    return true;
}

static bool same_value(const struct event *stored, const struct event *again,
                       const struct event_field_info *field)
{
    switch (field->kind) {
    case EVENT_KIND_INT:
    case EVENT_KIND_BIG:
    case EVENT_KIND_BOOL:
    case EVENT_KIND_TIME:
        return *event_int_at(stored, field) == *event_int_at(again, field);
    case EVENT_KIND_REAL:
        return memcmp(event_real_at(stored, field), event_real_at(again, field), sizeof(double)) ==
               0;
    case EVENT_KIND_LIST:
        return same_list(event_list_at(stored, field), event_list_at(again, field));
    default:
        return same_text(*event_slice_at(stored, field), *event_slice_at(again, field));
    }
}

const struct event_field_info *reparse_compare(const struct event *stored,
                                               const struct event *again)
{
    for (enum event_field i = 0; i < EVENT_FIELD_COUNT; i++) {
        bool had = event_is_set(stored, i), has = event_is_set(again, i);
        if (is_from_outside(i) || (!had && !has) || (had && !has && may_come_from_headers(i)))
            continue;
        if (had != has || !same_value(stored, again, &event_field_table[i]))
            return &event_field_table[i];
    }
    return NULL;
}
