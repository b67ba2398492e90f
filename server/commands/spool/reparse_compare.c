/* reparse_compare.c: compares events field by field, except what the body does not contain. Any
 * thread. Reads no spool. */
#include "server/commands/spool/reparse_compare.h"

#include <ctype.h>

#include "core/base64.h"
#include "core/hex.h"

#define VIN_BYTES    17
#define MASKED_BYTES 12      /* vin: and eight hex digits */
#define FILLER       "....." /* after it if the size stays that of a VIN */
#define GAP_MAX      3       /* characters between two of a VIN */

/* Values that the body does not contain. */
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

/* How a scrubbed VIN is written: as text, as hex digits, as hex digits with one character between,
 * in base64 whose first character has no, two or four bits of the byte before. */
enum form {
    FORM_TEXT,
    FORM_HEX,
    FORM_SPACED,
    FORM_BASE64,
    FORM_BASE64_2,
    FORM_BASE64_4,
    FORM_COUNT
};

/* Bits before the first byte in its first character. */
static size_t bits_before(enum form form)
{
    return 2 * (size_t)(form - FORM_BASE64);
}

static int base64_byte_at(struct slice text, enum form form, size_t number)
{
    size_t bit = bits_before(form) + 8 * number, at = bit / 6;
    int high = at + 2 <= text.size ? base64_value(text.data[at]) : -1;
    int low = high < 0 ? -1 : base64_value(text.data[at + 1]);
    return low < 0 ? -1 : (high << 6 | low) >> (4 - bit % 6) & 0xff;
}

/* The byte at this index of the text; -1: past its end. */
static int byte_at(struct slice text, enum form form, size_t number)
{
    if (form >= FORM_BASE64)
        return base64_byte_at(text, form, number);
    size_t at = number * (form + 1);
    if (form == FORM_TEXT)
        return at < text.size ? text.data[at] : -1;
    int high = at + 2 <= text.size ? hex_digit_value(text.data[at]) : -1;
    int low = high < 0 ? -1 : hex_digit_value(text.data[at + 1]);
    return low < 0 ? -1 : high << 4 | low;
}

static bool has_bytes(struct slice text, enum form form, size_t from, const char *bytes)
{
    while (*bytes && byte_at(text, form, from) == (uint8_t)*bytes) {
        bytes++;
        from++;
    }
    return !*bytes;
}

/* Whether it begins with the output of scrub.c: vin: and eight hex digits, or vin:redacted. */
static bool is_masked(struct slice text, enum form form)
{
    if (!has_bytes(text, form, 0, "vin:"))
        return false;
    size_t i = 4;
    while (i < MASKED_BYTES && isxdigit(byte_at(text, form, i) & 0xff))
        i++;
    return i == MASKED_BYTES || has_bytes(text, form, 4, "redacted");
}

/* Whether it has this many letters and digits. */
static bool is_vin_like(struct slice text, enum form form)
{
    size_t i = 0;
    while (i < VIN_BYTES && byte_at(text, form, i) >= 0 && isalnum(byte_at(text, form, i)))
        i++;
    return i == VIN_BYTES;
}

/* Bytes of the letter or digit at the start of a text, perhaps as %31, as \u0031 or in full width;
 * 0: there is none. */
static size_t character_bytes(struct slice text)
{
    if (!text.size)
        return 0;
    const uint8_t *p = text.data;
    size_t size = 0;
    if (isalnum(*p))
        size = 1;
    else if (*p == '%' || *p == 0xef)
        size = 3;
    else if (slice_starts_with(text, "\\u"))
        size = 6;
    else if (slice_starts_with(text, "\\\\u")) /* in JSON */
        size = 7;
    return size <= text.size ? size : 0;
}

/* Bytes of a VIN at the start of a text, perhaps in groups; 0: there is none. */
static size_t vin_bytes(struct slice text)
{
    size_t at = 0;
    if (is_masked(text, FORM_TEXT))
        return MASKED_BYTES;
    for (size_t i = 0; i < VIN_BYTES; i++) {
        for (size_t gap = 0; i && gap < GAP_MAX && at < text.size; gap++)
            at += memchr(" -._:/,", text.data[at], 7) != NULL;
        size_t size = character_bytes(slice_sub(text, at, text.size));
        if (!size)
            return 0;
        at += size;
    }
    return at;
}

/* Bytes of a text that VIN_BYTES bytes are in. */
static size_t form_bytes(enum form form)
{
    if (form >= FORM_BASE64)
        return (bits_before(form) + 8 * VIN_BYTES + 5) / 6;
    return VIN_BYTES * (form + 1) - (form == FORM_SPACED);
}

/* Whether the bits of the bytes beside the VIN are the same. */
static bool same_neighbours(struct slice stored, struct slice again, enum form form)
{
    if (form < FORM_BASE64)
        return true;
    size_t size = form_bytes(form), before = bits_before(form);
    size_t behind = 6 * size - 8 * VIN_BYTES - before;
    if (stored.size < size || again.size < size)
        return false;
    int first = base64_value(stored.data[0]) ^ base64_value(again.data[0]);
    int last = base64_value(stored.data[size - 1]) ^ base64_value(again.data[size - 1]);
    return !(first >> (6 - before)) && !(last & ((1 << behind) - 1));
}

/* Skips a masked VIN and the original. False: there was none. */
static bool pass_masked(struct slice *stored, struct slice *again, enum form form)
{
    size_t was = vin_bytes(*again), is = MASKED_BYTES;
    if (form != FORM_TEXT) {
        bool kept = has_bytes(*stored, form, MASKED_BYTES, FILLER) &&
                    (is_vin_like(*again, form) || is_masked(*again, form)) &&
                    same_neighbours(*stored, *again, form);
        was = is = kept ? form_bytes(form) : 0;
    } else if (has_bytes(*stored, form, is, FILLER) && !has_bytes(*again, form, was, FILLER)) {
        is = VIN_BYTES; /* in data the size stays */
    }
    *stored = slice_sub(*stored, is, stored->size);
    *again = slice_sub(*again, was, again->size);
    return was > 0;
}

static bool same_text(struct slice stored, struct slice again)
{
    while (stored.size) {
        unsigned form = FORM_TEXT;
        while (form < FORM_COUNT && !is_masked(stored, form))
            form++;
        if (form < FORM_COUNT) {
            if (!pass_masked(&stored, &again, form))
                return false;
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
