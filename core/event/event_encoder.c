/* event_encoder.c: events and rejects → bytes of the spool (docs/event-encoding.md). Any thread,
 * one owner per encoder. Does not check values: parsers do. */
#include "core/event/event_codec.h"

#include "core/event/event_codec_bytes.h"
#include "core/event/event_coding.h"

#include <endian.h>
#include <stddef.h>

#define VARINT_BYTES 10
/* Room for the head, bitmaps and all that is short in an event at once: numbers, and the heads and
 * text numbers of everything else. */
#define EVENT_SLACK (1 + 2 + 2 * FIELD_BYTES + EVENT_FIELD_COUNT * (VARINT_BYTES + 1))

/* Longest list that is encoded on the stack. */
#define SHORT_LIST_BYTES 128

/* Slices of former items hold an offset instead of a pointer, because the writer's storage moves.
 */
static struct slice place_of(size_t offset, size_t size)
{
    return slice_make((const void *)(uintptr_t)offset, size);
}

static struct slice bytes_at(const struct writer *w, struct slice place)
{
    return slice_make(w->data + (uintptr_t)place.data, place.size);
}

/* LEB128 into room that is reserved already. */
static void put_long_varint(struct writer *w, uint64_t v)
{
    uint8_t *at = w->data + w->size;
    while (v >= 0x80) {
        *at++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *at++ = (uint8_t)v;
    w->size = (size_t)(at - w->data);
}

/* The same. How many bytes a number takes changes from event to event: groups of seven bits are
 * moved apart together, and eight bytes are written whatever counts. */
static inline void put_varint(struct writer *w, uint64_t v)
{
    if (v < 0x80) {
        w->data[w->size++] = (uint8_t)v;
        return;
    }
    if (v >> 56) {
        put_long_varint(w, v);
        return;
    }
    unsigned size = (70 - (unsigned)__builtin_clzll(v | 1)) / 7;
    v = (v & UINT64_C(0x00fffffff0000000)) << 4 | (v & UINT64_C(0x000000000fffffff));
    v = (v & UINT64_C(0x0fffc0000fffc000)) << 2 | (v & UINT64_C(0x00003fff00003fff));
    v = (v & UINT64_C(0x3f803f803f803f80)) << 1 | (v & UINT64_C(0x007f007f007f007f));
    v |= UINT64_C(0x8080808080808080) & ((UINT64_C(1) << 8 * (size - 1)) - 1);
    v = htole64(v);
    memcpy(w->data + w->size, &v, sizeof v);
    w->size += size;
}

/* The same for a size: mostly one byte. */
static inline void put_size(struct writer *w, uint64_t v)
{
    if (v < 0x80)
        w->data[w->size++] = (uint8_t)v;
    else
        put_long_varint(w, v);
}

/* Most values are short: moves of fixed sizes, which may overlap, instead of a call. */
static inline void copy_bytes(uint8_t *to, struct slice s)
{
    size_t n = s.size;
    if (n > 32) {
        memcpy(to, s.data, n);
    } else if (n >= 16) {
        memcpy(to, s.data, 16);
        memcpy(to + n - 16, s.data + n - 16, 16);
    } else if (n >= 8) {
        memcpy(to, s.data, 8);
        memcpy(to + n - 8, s.data + n - 8, 8);
    } else if (n >= 4) {
        memcpy(to, s.data, 4);
        memcpy(to + n - 4, s.data + n - 4, 4);
    } else if (n) {
        to[0] = s.data[0];
        to[n / 2] = s.data[n / 2];
        to[n - 1] = s.data[n - 1];
    }
}

/* Appends the bytes and leaves room for all short parts of an event. *place: their offset. */
static inline bool put_bytes(struct writer *w, struct slice s, struct slice *place)
{
    if (!writer_reserve(w, s.size + EVENT_SLACK))
        return false;
    *place = place_of(w->size, s.size);
    copy_bytes(w->data + w->size, s);
    w->size += s.size;
    return true;
}

/* ---- comparisons ---- */

static inline const void *member_at(const struct event *event, size_t offset)
{
    return (const uint8_t *)event + offset;
}

/* Of two texts of n bytes, more than 16, whose first and last 8 are the same. */
static inline bool middle_differs(const uint8_t *a, const uint8_t *b, size_t n)
{
    if (n > 32)
        return memcmp(a + 8, b + 8, n - 16) != 0;
    return ((slice_load8(a + 8) ^ slice_load8(b + 8)) |
            (slice_load8(a + n - 16) ^ slice_load8(b + n - 16))) != 0;
}

/* v, whose ends are given, is the text of the same size that has these ends and bytes. */
static inline bool is_same(struct slice v, struct slice_ends ends, struct slice_ends kept,
                           const uint8_t *bytes)
{
    return ((ends.head ^ kept.head) | (ends.tail ^ kept.tail)) == 0 &&
           (v.size <= 16 || !middle_differs(bytes, v.data, v.size));
}

/* ---- texts that are remembered ---- */

static inline uint8_t *slot_of(struct event_encoder *encoder, struct slice text,
                               struct slice_ends ends)
{
    uint64_t hash = (ends.head ^ text.size) * UINT64_C(0x9E3779B97F4A7C15);
    hash ^= ends.tail * UINT64_C(0xC2B2AE3D27D4EB4F);
    return &encoder->text_of_slot[(hash >> 48) % EVENT_TEXT_SLOTS];
}

static inline void remember(struct event_encoder *encoder, uint8_t *slot, struct slice place,
                            struct slice_ends ends)
{
    *slot = (uint8_t)encoder->next_text;
    encoder->texts[encoder->next_text] = place;
    encoder->text_ends[encoder->next_text] = ends;
    encoder->next_text = (encoder->next_text + 1) % EVENT_TEXTS_REMEMBERED;
}

/* A text that differs from the kept one: its number when it is remembered, else its bytes. */
static inline void put_text(struct event_encoder *encoder, struct slice text,
                            struct slice_ends ends, struct slice *previous)
{
    struct writer *w = encoder->writer;
    bool remembered = text_is_remembered(text.size);
    uint8_t *slot = remembered ? slot_of(encoder, text, ends) : NULL;
    if (remembered && encoder->texts[*slot].size == text.size &&
        is_same(text, ends, encoder->text_ends[*slot], bytes_at(w, encoder->texts[*slot]).data)) {
        put_size(w, (uint64_t)*slot << 1 | TEXT_REMEMBERED);
        *previous = encoder->texts[*slot];
        return;
    }
    put_size(w, (uint64_t)text.size << 1);
    if (put_bytes(w, text, previous) && remembered)
        remember(encoder, slot, *previous, ends);
}

/* ---- codings: each returns true when the value was not the kept one: then it is written and kept
 * ---- */

static inline bool put_integer(struct writer *w, int64_t v, int64_t *previous)
{
    if (v == *previous)
        return false;
    put_varint(w, zigzag_encode((uint64_t)v - (uint64_t)*previous));
    *previous = v;
    return true;
}

static inline bool put_fixed(struct event_encoder *encoder, struct slice v, struct slice *previous,
                             struct slice_ends *kept)
{
    struct writer *w = encoder->writer;
    struct slice_ends ends = slice_ends_of(v);
    if (v.size == previous->size && is_same(v, ends, *kept, bytes_at(w, *previous).data))
        return false;
    *kept = ends;
    put_bytes(w, v, previous);
    return true;
}

/* Index of the first byte, in memory order, in which the two integers differ. */
static unsigned first_difference(uint64_t difference)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (unsigned)__builtin_ctzll(difference) / 8;
#else
    return (unsigned)__builtin_clzll(difference) / 8;
#endif
}

/* The last step overlaps the one before it: a loop over single bytes ends where the processor does
 * not expect it. */
static inline size_t shared_start(struct slice a, struct slice b)
{
    size_t most = a.size < b.size ? a.size : b.size, n = 0;
    for (; n + 8 <= most; n += 8) {
        uint64_t difference = slice_load8(a.data + n) ^ slice_load8(b.data + n);
        if (difference)
            return n + first_difference(difference);
    }
    if (most >= 8) {
        uint64_t difference = slice_load8(a.data + most - 8) ^ slice_load8(b.data + most - 8);
        return difference ? most - 8 + first_difference(difference) : most;
    }
    while (n < most && a.data[n] == b.data[n])
        n++;
    return n;
}

/* Number of bytes shared with the kept value, then the rest. */
static inline bool put_serial(struct writer *w, struct slice v, struct slice *previous,
                              uint8_t row[EVENT_SERIAL_MAX])
{
    bool kept_short = previous->size <= EVENT_SERIAL_MAX, is_short = v.size <= EVENT_SERIAL_MAX;
    struct slice before = kept_short ? slice_make(row, previous->size) : bytes_at(w, *previous);
    size_t shared = kept_short && is_short ? shared_start(before, v) : 0;
    if (kept_short && is_short ? shared == v.size && shared == before.size : slice_equal(before, v))
        return false;
    w->data[w->size++] = (uint8_t)shared;
    put_size(w, v.size - shared);
    put_bytes(w, slice_sub(v, shared, v.size), previous);
    previous->size = v.size;
    if (is_short && v.size > shared)
        copy_bytes(row + shared, slice_sub(v, shared, v.size));
    return true;
}

static inline bool put_repeating(struct event_encoder *encoder, struct slice v,
                                 struct slice *previous, struct slice_ends *kept)
{
    struct slice_ends ends = slice_ends_of(v);
    if (v.size == previous->size &&
        is_same(v, ends, *kept, bytes_at(encoder->writer, *previous).data))
        return false;
    *kept = ends;
    put_text(encoder, v, ends, previous);
    return true;
}

/* The list as one text, written after the writer's end; the caller moves it or leaves it there. */
static bool list_text(struct writer *w, const struct slice_list *list, struct slice *text)
{
    size_t size = VARINT_BYTES;
    for (size_t i = 0; i < list->count; i++)
        size += list->items[i].size + VARINT_BYTES;
    /* Twice: put_text copies from there to the end, and storage must not move meanwhile. */
    if (!writer_reserve(w, 2 * size + 2 * EVENT_SLACK))
        return false;
    size_t end = w->size, start = end + size + EVENT_SLACK;
    w->size = start;
    put_size(w, list->count);
    for (size_t i = 0; i < list->count; i++) {
        put_size(w, list->items[i].size);
        if (list->items[i].size)
            memcpy(w->data + w->size, list->items[i].data, list->items[i].size);
        w->size += list->items[i].size;
    }
    *text = slice_make(w->data + start, w->size - start);
    w->size = end;
    return true;
}

/* The same into `to`, when it is short, as most lists are. */
static inline bool short_list_text(uint8_t to[SHORT_LIST_BYTES], const struct slice_list *list,
                                   struct slice *text)
{
    size_t size = 1;
    if (list->count >= 0x80)
        return false;
    to[0] = (uint8_t)list->count;
    for (size_t i = 0; i < list->count; i++) {
        struct slice item = list->items[i];
        if (item.size >= 0x80 || size + 1 + item.size > SHORT_LIST_BYTES)
            return false;
        to[size] = (uint8_t)item.size;
        copy_bytes(to + size + 1, item);
        size += 1 + item.size;
    }
    *text = slice_make(to, size);
    return true;
}

/* `previous` keeps the offset and size of an encoded list in its items and count. */
static inline bool put_list(struct event_encoder *encoder, const struct slice_list *list,
                            struct slice_list *previous, struct slice_ends *kept)
{
    uint8_t bytes[SHORT_LIST_BYTES];
    struct slice place = slice_make(previous->items, previous->count), text;
    if (!short_list_text(bytes, list, &text) && !list_text(encoder->writer, list, &text))
        return true;
    if (!put_repeating(encoder, text, &place, kept))
        return false;
    previous->items = (const struct slice *)(uintptr_t)place.data;
    previous->count = place.size;
    return true;
}

static bool put_real(struct writer *w, double v, double *previous)
{
    int64_t thousandths;
    if (memcmp(&v, previous, sizeof v) == 0)
        return false;
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

/* ---- events ---- */

/* Changed bits of set: two bytes that mark the bytes of the bitmap that differ, then the exclusive
 * or of these bytes. */
static void put_field_bits(struct writer *w, const uint64_t set[EVENT_SET_WORDS],
                           const uint64_t previous[EVENT_SET_WORDS])
{
    size_t mask_at = w->size;
    unsigned mask = 0;
    w->size += 2;
    for (unsigned word = 0; word < EVENT_SET_WORDS; word++) {
        uint64_t change = set[word] ^ previous[word];
        while (change) {
            unsigned i = (unsigned)__builtin_ctzll(change) / 8;
            mask |= 1u << (8 * word + i);
            w->data[w->size++] = (uint8_t)(change >> (8 * i));
            change &= ~(UINT64_C(0xff) << (8 * i));
        }
    }
    w->data[mask_at] = (uint8_t)mask;
    w->data[mask_at + 1] = (uint8_t)(mask >> 8);
}

static bool has_too_many_items(const struct event *event)
{
    size_t items = 0;
    for (unsigned word = 0; word < EVENT_SET_WORDS; word++)
        for (uint64_t bits = event->set[word] & event_coding_lists[word]; bits; bits &= bits - 1) {
            size_t offset = event_coding_rows[word * 64 + (unsigned)__builtin_ctzll(bits)].offset;
            items += ((const struct slice_list *)member_at(event, offset))->count;
        }
    return items > EVENT_LIST_ITEMS_MAX;
}

/* True when the field differed from the prediction, so that its value was written. */
static inline bool put_field(struct event_encoder *encoder, const struct event *event, unsigned f)
{
    const struct event_coding_row row = event_coding_rows[f];
    const void *value = member_at(event, row.offset);
    void *kept = (uint8_t *)&encoder->previous + row.offset;
    switch ((enum event_coding)row.coding) {
    case CODING_INTEGER:
        return put_integer(encoder->writer, *(const int64_t *)value, kept);
    case CODING_FIXED:
        return put_fixed(encoder, *(const struct slice *)value, kept, &encoder->ends[f]);
    case CODING_SERIAL:
        return put_serial(encoder->writer, *(const struct slice *)value, kept, encoder->serials[f]);
    case CODING_TEXT:
        return put_repeating(encoder, *(const struct slice *)value, kept, &encoder->ends[f]);
    case CODING_LIST:
        return put_list(encoder, value, kept, &encoder->ends[f]);
    case CODING_REAL:
        return put_real(encoder->writer, *(const double *)value, kept);
    }
    __builtin_unreachable();
}

/* Encodes the set fields of one 64-bit word of the bitmap that differ from the prediction; *changed
 * marks them, counted in field order. Returns how many are set. */
static inline unsigned put_word(struct event_encoder *encoder, const struct event *event,
                                unsigned word, uint64_t *changed)
{
    unsigned count = 0;
    uint64_t differs = 0;
    for (uint64_t bits = event->set[word]; bits; bits &= bits - 1, count++) {
        unsigned f = word * 64 + (unsigned)__builtin_ctzll(bits);
        differs |= (uint64_t)put_field(encoder, event, f) << count;
    }
    *changed = differs;
    return count;
}

/* Number of bits; a call into the compiler's library costs more where no instruction does it. */
static inline unsigned count_bits(uint64_t v)
{
    v -= v >> 1 & UINT64_C(0x5555555555555555);
    v = (v & UINT64_C(0x3333333333333333)) + (v >> 2 & UINT64_C(0x3333333333333333));
    v = (v + (v >> 4)) & UINT64_C(0x0F0F0F0F0F0F0F0F);
    return (unsigned)(v * UINT64_C(0x0101010101010101) >> 56);
}

/* Encodes the fields that differ from the prediction, after a bitmap that marks them. */
static void put_fields(struct event_encoder *encoder, const struct event *event)
{
    struct writer *w = encoder->writer;
    size_t bytes = (count_bits(event->set[0]) + count_bits(event->set[1]) + 7) / 8;
    size_t bitmap_at = w->size;
    uint64_t low, high;
    w->size += bytes;
    unsigned count = put_word(encoder, event, 0, &low);
    put_word(encoder, event, 1, &high);
    unsigned __int128 changed = (unsigned __int128)high << count | low;
    if (w->status != STATUS_OK)
        return;
    for (size_t i = 0; i < bytes; i++, changed >>= 8)
        w->data[bitmap_at + i] = (uint8_t)changed;
}
_Static_assert(EVENT_SET_WORDS == 2, "put_fields joins two words");

void event_encoder_init(struct event_encoder *encoder, struct writer *writer)
{
    memset(encoder, 0, offsetof(struct event_encoder, serials)); /* these have no size yet */
    encoder->writer = writer;
    writer_u8(writer, EVENT_CODEC_VERSION);
}

void event_encoder_restart(struct event_encoder *encoder)
{
    struct writer *w = encoder->writer;
    uint32_t events = encoder->events, rejects = encoder->rejects;
    memset(encoder, 0, offsetof(struct event_encoder, serials));
    encoder->writer = w;
    encoder->events = events;
    encoder->rejects = rejects;
    writer_u8(w, ENTRY_RESTART | EVENT_CODEC_VERSION);
}

void event_encoder_add(struct event_encoder *encoder, const struct event *event)
{
    struct writer *w = encoder->writer;
    if (!writer_reserve(w, EVENT_SLACK))
        return;
    if (has_too_many_items(event)) {
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

static bool put_reject_text(struct writer *w, struct slice text, struct slice *previous)
{
    if (slice_equal(bytes_at(w, *previous), text))
        return false;
    put_varint(w, text.size);
    put_bytes(w, text, previous);
    return true;
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
    put_varint(w, reject->raw.size);
    struct slice unused;
    put_bytes(w, reject->raw, &unused);
    unsigned head = ENTRY_REJECT;
    head |= put_reject_text(w, reject->parser, &previous->parser) ? 0 : ENTRY_SAME_PARSER;
    head |= put_reject_text(w, reject->code, &previous->code) ? 0 : ENTRY_SAME_CODE;
    head |= put_reject_text(w, reject->detail, &previous->detail) ? 0 : ENTRY_SAME_DETAIL;
    if (w->status != STATUS_OK)
        return;
    w->data[head_at] = (uint8_t)head;
    place_expect(&expected->batch_index, &expected->raw_offset, &encoder->raw_gap, reject->index,
                 (int64_t)reject->raw_offset, reject->raw_size);
    encoder->rejects++;
}
