/* event_encoder.c: events and rejects → bytes of the spool (docs/event-encoding.md). Any thread,
 * one owner an encoder. Does not check values: parsers have. */
#include "core/event_codec.h"

#include "core/event_codec_bytes.h"

#define VARINT_BYTES 10
/* Room for the head, bitmaps and every number of an event at once. */
#define EVENT_SLACK (1 + 2 + 2 * FIELD_BYTES + EVENT_FIELD_COUNT * VARINT_BYTES)

/* Slices of former items keep an offset instead of a pointer: the writer's storage moves. */
static struct slice place_of(size_t offset, size_t size)
{
    return slice_make((const void *)(uintptr_t)offset, size);
}

static bool same_bytes(const struct writer *w, struct slice place, struct slice s)
{
    return place.size == s.size &&
           (s.size == 0 || memcmp(w->data + (uintptr_t)place.data, s.data, s.size) == 0);
}

/* LEB128 into room that is reserved already. */
static void put_varint(struct writer *w, uint64_t v)
{
    uint8_t *at = w->data + w->size;
    while (v >= 0x80) {
        *at++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *at++ = (uint8_t)v;
    w->size = (size_t)(at - w->data);
}

/* Length and bytes; leaves room for all numbers of an event. Where they went into *place. */
static void put_bytes(struct writer *w, struct slice s, struct slice *place)
{
    if (!writer_reserve(w, s.size + VARINT_BYTES + EVENT_SLACK))
        return;
    put_varint(w, s.size);
    *place = place_of(w->size, s.size);
    if (s.size)
        memcpy(w->data + w->size, s.data, s.size);
    w->size += s.size;
}

static bool put_slice(struct writer *w, struct slice s, struct slice *previous)
{
    if (same_bytes(w, *previous, s))
        return false;
    put_bytes(w, s, previous);
    return true;
}

static bool put_integer(struct writer *w, int64_t v, int64_t *previous)
{
    if (v == *previous)
        return false;
    put_varint(w, zigzag_encode((uint64_t)v - (uint64_t)*previous));
    *previous = v;
    return true;
}

static bool put_real(struct writer *w, double v, double *previous)
{
    if (memcmp(&v, previous, sizeof v) == 0)
        return false;
    int64_t thousandths;
    if (real_scale(v, &thousandths)) {
        put_varint(w, zigzag_encode((uint64_t)thousandths) << 1);
    } else {
        uint64_t bits;
        memcpy(&bits, &v, sizeof bits);
        put_varint(w, 1);
        writer_uint_le(w, bits, sizeof bits);
    }
    *previous = v;
    return true;
}

/* Byte size, then count and texts; taken back when it is what stood there before. */
static bool put_list(struct writer *w, const struct slice_list *list, struct slice *previous)
{
    size_t size = VARINT_BYTES;
    for (size_t i = 0; i < list->count; i++)
        size += list->items[i].size + VARINT_BYTES;
    if (!writer_reserve(w, size + VARINT_BYTES + EVENT_SLACK))
        return true;
    size_t start = w->size, body = start + VARINT_BYTES;
    w->size = body;
    put_varint(w, list->count);
    for (size_t i = 0; i < list->count; i++) {
        put_varint(w, list->items[i].size);
        if (list->items[i].size)
            memcpy(w->data + w->size, list->items[i].data, list->items[i].size);
        w->size += list->items[i].size;
    }
    struct slice encoded = slice_make(w->data + body, w->size - body);
    w->size = start;
    if (same_bytes(w, *previous, encoded))
        return false;
    put_varint(w, encoded.size);
    memmove(w->data + w->size, encoded.data, encoded.size);
    *previous = place_of(w->size, encoded.size);
    w->size += encoded.size;
    return true;
}

/* A list's encoded place in `previous` lies in its items and count. */
static bool put_list_field(struct writer *w, const struct slice_list *list,
                           struct slice_list *previous)
{
    struct slice place = slice_make(previous->items, previous->count);
    bool changed = put_list(w, list, &place);
    previous->items = (const struct slice *)(uintptr_t)place.data;
    previous->count = place.size;
    return changed;
}

/* True when the field was not as expected, so that its value was written. */
static bool put_field(struct event_encoder *encoder, const struct event *event,
                      const struct event_field_info *field)
{
    struct event *previous = &encoder->previous;
    switch (field->kind) {
    case EVENT_KIND_INT:
    case EVENT_KIND_BIG:
    case EVENT_KIND_BOOL:
    case EVENT_KIND_TIME:
        return put_integer(encoder->writer, *event_int_at(event, field),
                           event_int_at(previous, field));
    case EVENT_KIND_REAL:
        return put_real(encoder->writer, *event_real_at(event, field),
                        event_real_at(previous, field));
    case EVENT_KIND_LIST:
        return put_list_field(encoder->writer, event_list_at(event, field),
                              event_list_at(previous, field));
    default:
        return put_slice(encoder->writer, *event_slice_at(event, field),
                         event_slice_at(previous, field));
    }
}

/* Which bits of set changed: two bytes that say which bytes of the bitmap differ, then these, as
 * exclusive or. */
static void put_field_bits(struct writer *w, const uint64_t set[EVENT_SET_WORDS],
                           const uint64_t previous[EVENT_SET_WORDS])
{
    size_t mask_at = w->size;
    unsigned mask = 0;
    w->size += 2;
    for (unsigned i = 0; i < FIELD_BYTES; i++) {
        uint8_t change = (uint8_t)((set[i / 8] ^ previous[i / 8]) >> (8 * (i % 8)));
        if (change) {
            mask |= 1u << i;
            w->data[w->size++] = change;
        }
    }
    w->data[mask_at] = (uint8_t)mask;
    w->data[mask_at + 1] = (uint8_t)(mask >> 8);
}

static size_t list_items_of(const struct event *event)
{
    static const enum event_field lists[] = {EVENT_r155_threat, EVENT_atm_technique, EVENT_cve,
                                             EVENT_cwe};
    size_t items = 0;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (event_is_set(event, lists[i]))
            items += event_list_at(event, &event_field_table[lists[i]])->count;
    return items;
}

static unsigned set_count(const struct event *event)
{
    return (unsigned)(__builtin_popcountll(event->set[0]) + __builtin_popcountll(event->set[1]));
}

/* Values of the fields that are not as expected, behind a bitmap of which these are. */
static void put_fields(struct event_encoder *encoder, const struct event *event)
{
    struct writer *w = encoder->writer;
    uint64_t changed[EVENT_SET_WORDS] = {0, 0};
    unsigned ordinal = 0;
    size_t bytes = (set_count(event) + 7) / 8, bitmap_at = w->size;
    w->size += bytes;
    for (unsigned word = 0; word < EVENT_SET_WORDS; word++) {
        for (uint64_t bits = event->set[word]; bits; bits &= bits - 1, ordinal++) {
            unsigned f = word * 64 + (unsigned)__builtin_ctzll(bits);
            if (put_field(encoder, event, &event_field_table[f]))
                changed[ordinal / 64] |= UINT64_C(1) << ordinal % 64;
        }
    }
    if (w->status != STATUS_OK)
        return;
    for (size_t i = 0; i < bytes; i++)
        w->data[bitmap_at + i] = (uint8_t)(changed[i / 8] >> (8 * (i % 8)));
}

void event_encoder_init(struct event_encoder *encoder, struct writer *writer)
{
    memset(encoder, 0, sizeof *encoder);
    encoder->writer = writer;
    writer_u8(writer, EVENT_CODEC_VERSION);
}

void event_encoder_add(struct event_encoder *encoder, const struct event *event)
{
    struct writer *w = encoder->writer;
    if (!writer_reserve(w, EVENT_SLACK))
        return;
    if (list_items_of(event) > EVENT_LIST_ITEMS_MAX) {
        w->status = STATUS_TOO_MANY;
        return;
    }
    struct event *previous = &encoder->previous;
    bool same = event->set[0] == previous->set[0] && event->set[1] == previous->set[1];
    w->data[w->size++] = same ? 0 : ENTRY_FIELDS;
    if (!same) {
        put_field_bits(w, event->set, previous->set);
        memcpy(previous->set, event->set, sizeof previous->set);
    }
    int64_t expected_index = previous->batch_index, expected_offset = previous->raw_offset;
    put_fields(encoder, event);
    previous->batch_index = expected_index;
    previous->raw_offset = expected_offset;
    place_expect_after_event(previous, &encoder->raw_gap, event);
    encoder->events++;
}

void event_encoder_reject(struct event_encoder *encoder, const struct event_reject *reject)
{
    struct writer *w = encoder->writer;
    if (!writer_reserve(w, EVENT_SLACK))
        return;
    struct event *expected = &encoder->previous;
    struct event_reject *previous = &encoder->previous_reject;
    size_t head_at = w->size++;
    put_varint(w, zigzag_encode(reject->index - (uint64_t)expected->batch_index));
    put_varint(w, zigzag_encode(reject->raw_offset - (uint64_t)expected->raw_offset));
    put_varint(w, reject->raw_size);
    struct slice unused;
    put_bytes(w, reject->raw, &unused);
    unsigned head = ENTRY_REJECT;
    head |= put_slice(w, reject->parser, &previous->parser) ? 0 : ENTRY_SAME_PARSER;
    head |= put_slice(w, reject->code, &previous->code) ? 0 : ENTRY_SAME_CODE;
    head |= put_slice(w, reject->detail, &previous->detail) ? 0 : ENTRY_SAME_DETAIL;
    if (w->status != STATUS_OK)
        return;
    w->data[head_at] = (uint8_t)head;
    place_expect(&expected->batch_index, &expected->raw_offset, &encoder->raw_gap, reject->index,
                 (int64_t)reject->raw_offset, reject->raw_size);
    encoder->rejects++;
}
