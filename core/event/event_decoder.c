/* event_decoder.c: bytes of the spool → events and rejects (docs/event-encoding.md). Any thread,
 * one owner per decoder. Damaged bytes give a status, never an invalid access; texts are not
 * checked for UTF-8 again, since a checksum covers them. */
#include "core/event/event_codec.h"

#include "core/event/event_codec_bytes.h"
#include "core/event/event_coding.h"

#include <stddef.h>

static struct slice get_bytes(struct reader *r)
{
    uint64_t size = reader_varint(r);
    return reader_bytes(r, size > SIZE_MAX ? SIZE_MAX : (size_t)size);
}

/* A text by its number, or its bytes, which later texts may refer to. */
static struct slice get_text(struct event_decoder *d)
{
    uint64_t head = reader_varint(&d->reader);
    uint64_t number = head >> 1;
    if (head & TEXT_REMEMBERED) {
        if (number < EVENT_TEXTS_REMEMBERED && d->texts[number].size)
            return d->texts[number];
        d->reader.status = STATUS_MALFORMED;
        return SLICE_EMPTY;
    }
    struct slice text = reader_bytes(&d->reader, (size_t)number);
    if (text_is_remembered(text.size)) {
        d->texts[d->next_text] = text;
        d->next_text = (d->next_text + 1) % EVENT_TEXTS_REMEMBERED;
    }
    return text;
}

/* ---- kinds of values ---- */

static void get_integer(struct event_decoder *d, const struct event_field_info *field)
{
    int64_t *value = event_int_at(&d->current, field);
    *value = (int64_t)((uint64_t)*value + zigzag_decode(reader_varint(&d->reader)));
    if (field->kind == EVENT_KIND_BOOL && *value != 0 && *value != 1)
        d->reader.status = STATUS_MALFORMED;
}

static size_t fixed_size(const struct event_field_info *field)
{
    return field->kind == EVENT_KIND_UUID ? 16 : (size_t)field->max;
}

static void get_fixed(struct event_decoder *d, const struct event_field_info *field)
{
    *event_slice_at(&d->current, field) = reader_bytes(&d->reader, fixed_size(field));
}

/* Joins the start of the kept value and the end that is encoded here. */
static void get_serial(struct event_decoder *d, const struct event_field_info *field)
{
    struct slice *value = event_slice_at(&d->current, field);
    uint8_t *whole = d->serials[field - event_field_table];
    size_t shared = reader_u8(&d->reader);
    struct slice rest = get_bytes(&d->reader);
    if (!shared) {
        *value = rest;
        return;
    }
    if (shared > value->size || shared > EVENT_SERIAL_MAX ||
        rest.size > EVENT_SERIAL_MAX - shared) {
        d->reader.status = STATUS_MALFORMED;
        return;
    }
    if (value->data != whole)
        memcpy(whole, value->data, shared);
    if (rest.size)
        memcpy(whole + shared, rest.data, rest.size);
    *value = slice_make(whole, shared + rest.size);
}

static void get_repeating(struct event_decoder *d, const struct event_field_info *field)
{
    *event_slice_at(&d->current, field) = get_text(d);
}

static void get_list(struct event_decoder *d, const struct event_field_info *field)
{
    d->list_bytes[field - event_field_table] = get_text(d);
    d->list_used = SIZE_MAX; /* texts are to be found again */
}

static void get_real(struct event_decoder *d, const struct event_field_info *field)
{
    double *value = event_real_at(&d->current, field);
    uint64_t scaled = reader_varint(&d->reader);
    if (!(scaled & 1)) {
        *value = real_unscale((int64_t)zigzag_decode(scaled >> 1));
        return;
    }
    uint64_t bits = reader_uint_le(&d->reader, sizeof bits);
    memcpy(value, &bits, sizeof bits);
}

/* Readers of events rely on the size of fixed-size kinds; input may claim that a field is set which
 * never had a value. */
static bool sizes_fit(const struct event *event)
{
    const uint64_t *fixed = event_coding_fixed;
    for (unsigned word = 0; word < EVENT_SET_WORDS; word++) {
        for (uint64_t bits = event->set[word] & fixed[word]; bits; bits &= bits - 1) {
            const struct event_field_info *field =
                &event_field_table[word * 64 + (unsigned)__builtin_ctzll(bits)];
            if (event_slice_at(event, field)->size != fixed_size(field))
                return false;
        }
    }
    return true;
}

/* ---- lists ---- */

/* Texts of one list into list_items. */
static enum status list_expand(struct event_decoder *d, unsigned f)
{
    struct reader r = reader_make(d->list_bytes[f]);
    uint64_t count = d->list_bytes[f].size ? reader_varint(&r) : 0;
    if (count > EVENT_LIST_ITEMS_MAX - d->list_used)
        return STATUS_MALFORMED;
    struct slice *items = d->list_items + d->list_used;
    for (size_t i = 0; i < count; i++)
        items[i] = get_bytes(&r);
    if (r.status != STATUS_OK || reader_left(&r) != 0)
        return STATUS_MALFORMED;
    d->list_used += (size_t)count;
    *event_list_at(&d->current, &event_field_table[f]) = (struct slice_list){items, (size_t)count};
    return STATUS_OK;
}

static enum status lists_expand(struct event_decoder *d)
{
    const uint64_t *lists = event_coding_lists;
    enum status status = STATUS_OK;
    d->list_used = 0;
    for (unsigned word = 0; word < EVENT_SET_WORDS; word++)
        for (uint64_t bits = d->current.set[word] & lists[word]; bits && status == STATUS_OK;
             bits &= bits - 1)
            status = list_expand(d, word * 64 + (unsigned)__builtin_ctzll(bits));
    return status;
}

/* ---- events ---- */

static void get_field_bits(struct reader *r, uint64_t set[EVENT_SET_WORDS])
{
    unsigned mask = (unsigned)reader_uint_le(r, 2);
    for (unsigned i = 0; i < FIELD_BYTES; i++)
        if (mask >> i & 1)
            set[i / 8] ^= (uint64_t)reader_u8(r) << (8 * (i % 8));
}

static bool field_bits_known(const uint64_t set[EVENT_SET_WORDS])
{
    return EVENT_FIELD_COUNT == 64 * EVENT_SET_WORDS ||
           set[EVENT_FIELD_COUNT / 64] >> EVENT_FIELD_COUNT % 64 == 0;
}

static void get_field(struct event_decoder *d, unsigned f)
{
    const struct event_field_info *field = &event_field_table[f];
    switch ((enum event_coding)event_coding_rows[f].coding) {
    case CODING_INTEGER:
        get_integer(d, field);
        break;
    case CODING_FIXED:
        get_fixed(d, field);
        break;
    case CODING_SERIAL:
        get_serial(d, field);
        break;
    case CODING_TEXT:
        get_repeating(d, field);
        break;
    case CODING_LIST:
        get_list(d, field);
        break;
    case CODING_REAL:
        get_real(d, field);
        break;
    }
}

static void get_fields(struct event_decoder *d)
{
    const uint64_t *set = d->current.set;
    size_t count = (size_t)(__builtin_popcountll(set[0]) + __builtin_popcountll(set[1]));
    struct slice bitmap = reader_bytes(&d->reader, (count + 7) / 8);
    if (d->reader.status != STATUS_OK)
        return;
    unsigned ordinal = 0;
    for (unsigned word = 0; word < EVENT_SET_WORDS; word++) {
        for (uint64_t bits = set[word]; bits; bits &= bits - 1, ordinal++)
            if (bitmap.data[ordinal / 8] >> ordinal % 8 & 1)
                get_field(d, word * 64 + (unsigned)__builtin_ctzll(bits));
    }
}

static enum status next_event(struct event_decoder *d, unsigned head, struct event_item *item)
{
    if (head & ~ENTRY_FIELDS)
        return STATUS_MALFORMED;
    if (head & ENTRY_FIELDS) {
        get_field_bits(&d->reader, d->current.set);
        if (!field_bits_known(d->current.set))
            return STATUS_MALFORMED;
        d->list_used = SIZE_MAX;
    }
    int64_t expected_index = d->current.batch_index, expected_offset = d->current.raw_offset;
    get_fields(d);
    enum status status = d->reader.status;
    if (status == STATUS_OK && head & ENTRY_FIELDS && !sizes_fit(&d->current))
        status = STATUS_MALFORMED;
    if (status == STATUS_OK && d->list_used == SIZE_MAX)
        status = lists_expand(d);
    if (status != STATUS_OK)
        return status;
    item->is_reject = false;
    item->event = d->current;
    d->current.batch_index = expected_index;
    d->current.raw_offset = expected_offset;
    place_expect_after_event(&d->current, &d->raw_gap, &item->event);
    return STATUS_OK;
}

static enum status next_reject(struct event_decoder *d, unsigned head, struct event_item *item)
{
    struct reader *r = &d->reader;
    struct event_reject *reject = &d->reject;
    if (head & ~(ENTRY_REJECT | ENTRY_SAME_PARSER | ENTRY_SAME_CODE | ENTRY_SAME_DETAIL))
        return STATUS_MALFORMED;
    uint64_t index = (uint64_t)d->current.batch_index + zigzag_decode(reader_varint(r));
    reject->index = (uint32_t)index;
    reject->raw_offset = (uint64_t)d->current.raw_offset + zigzag_decode(reader_varint(r));
    reject->raw_size = reader_varint(r);
    reject->raw = get_bytes(r);
    if (!(head & ENTRY_SAME_PARSER))
        reject->parser = get_bytes(r);
    if (!(head & ENTRY_SAME_CODE))
        reject->code = get_bytes(r);
    if (!(head & ENTRY_SAME_DETAIL))
        reject->detail = get_bytes(r);
    if (r->status != STATUS_OK)
        return r->status;
    if (index > UINT32_MAX)
        return STATUS_MALFORMED;
    place_expect(&d->current.batch_index, &d->current.raw_offset, &d->raw_gap, reject->index,
                 (int64_t)reject->raw_offset, reject->raw_size);
    item->is_reject = true;
    item->reject = *reject;
    return STATUS_OK;
}

/* The state at a start, and the version byte; the reader is left where it is. */
static enum status start(struct event_decoder *d, uint8_t version)
{
    struct reader reader = d->reader;
    memset(d, 0, offsetof(struct event_decoder, list_items)); /* the rest is written first */
    d->reader = reader;
    if (version > EVENT_CODEC_VERSION)
        return STATUS_VERSION;
    return version >= EVENT_CODEC_OLDEST ? STATUS_OK : STATUS_MALFORMED;
}

enum status event_decoder_init(struct event_decoder *decoder, struct slice bytes)
{
    decoder->reader = reader_make(bytes);
    uint8_t head = reader_u8(&decoder->reader);
    if (decoder->reader.status != STATUS_OK)
        return decoder->reader.status;
    return start(decoder, head & (uint8_t)~ENTRY_RESTART);
}

/* The head of the next entry, behind restarts. */
static enum status next_head(struct event_decoder *d, uint8_t *head)
{
    do {
        if (reader_left(&d->reader) == 0)
            return STATUS_END;
        *head = reader_u8(&d->reader);
        enum status status =
            *head & ENTRY_RESTART ? start(d, *head & (uint8_t)~ENTRY_RESTART) : STATUS_OK;
        if (status != STATUS_OK)
            return status;
    } while (*head & ENTRY_RESTART);
    return STATUS_OK;
}

enum status event_decoder_next(struct event_decoder *decoder, struct event_item *item)
{
    uint8_t head;
    if (decoder->reader.status != STATUS_OK)
        return decoder->reader.status;
    enum status status = next_head(decoder, &head);
    if (status == STATUS_END)
        return status;
    if (status == STATUS_OK)
        status = head & ENTRY_REJECT ? next_reject(decoder, head, item)
                                     : next_event(decoder, head, item);
    if (status != STATUS_OK)
        decoder->reader.status = status; /* sticky: what follows has no meaning */
    return status;
}
