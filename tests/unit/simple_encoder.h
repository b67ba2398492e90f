/* simple_encoder.h: docs/event-encoding.md written down plainly, field by field, with values that
 * are copies: what core/event/event_encoder.c must produce, byte for byte. Tests only. */
#ifndef VSOC_TESTS_SIMPLE_ENCODER_H
#define VSOC_TESTS_SIMPLE_ENCODER_H

#include "core/event/event_codec.h"

#include <math.h>
#include <stdlib.h>

struct simple_text {
    uint8_t *data; /* owned */
    size_t size;
};

struct simple_encoder {
    struct writer *out; /* borrowed */
    uint64_t set[EVENT_SET_WORDS];
    int64_t integers[EVENT_FIELD_COUNT];
    double reals[EVENT_FIELD_COUNT];
    struct simple_text texts[EVENT_FIELD_COUNT]; /* lists: as encoded */
    struct simple_text reject_texts[3];
    struct simple_text remembered[EVENT_TEXTS_REMEMBERED];
    uint8_t slots[EVENT_TEXT_SLOTS];
    unsigned next;
    uint64_t index, offset, gap; /* expected place */
};

static inline void simple_keep(struct simple_text *kept, struct slice v)
{
    uint8_t *copy = malloc(v.size + 1);
    for (size_t i = 0; i < v.size; i++)
        copy[i] = v.data[i];
    free(kept->data);
    *kept = (struct simple_text){copy, v.size};
}

static inline bool simple_same(const struct simple_text *kept, struct slice v)
{
    if (kept->size != v.size)
        return false;
    for (size_t i = 0; i < v.size; i++)
        if (kept->data[i] != v.data[i])
            return false;
    return true;
}

static inline void simple_init(struct simple_encoder *s, struct writer *out)
{
    memset(s, 0, sizeof *s);
    s->out = out;
    writer_u8(out, EVENT_CODEC_VERSION);
}

static inline void simple_fini(struct simple_encoder *s)
{
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++)
        free(s->texts[f].data);
    for (unsigned i = 0; i < 3; i++)
        free(s->reject_texts[i].data);
    for (unsigned i = 0; i < EVENT_TEXTS_REMEMBERED; i++)
        free(s->remembered[i].data);
}

static inline uint64_t simple_zigzag(uint64_t v)
{
    return v << 1 ^ (uint64_t)((int64_t)v >> 63);
}

static inline void simple_bytes(struct writer *w, struct slice v)
{
    writer_varint(w, v.size);
    writer_add_slice(w, v);
}

/* Which number is tried for a text is the encoder's choice, not the format's: the same choice is
 * made here. */
static inline unsigned simple_slot(struct slice v)
{
    uint64_t head = 0, tail = 0;
    size_t n = v.size >= 8 ? 8 : v.size >= 4 ? 4 : 0;
    for (size_t i = 0; i < n; i++) {
        head |= (uint64_t)v.data[i] << 8 * i;
        tail |= (uint64_t)v.data[v.size - n + i] << 8 * i;
    }
    if (!n && v.size) {
        head = v.data[0] | (uint64_t)v.data[v.size / 2] << 8;
        tail = v.data[v.size - 1];
    }
    uint64_t hash = (head ^ v.size) * UINT64_C(0x9E3779B97F4A7C15);
    hash ^= tail * UINT64_C(0xC2B2AE3D27D4EB4F);
    return (unsigned)(hash >> 48) % EVENT_TEXT_SLOTS;
}

static inline void simple_text(struct simple_encoder *s, struct writer *w, struct slice v)
{
    bool is_kept = v.size >= 3 && v.size <= 255;
    uint8_t *slot = is_kept ? &s->slots[simple_slot(v)] : NULL;
    if (is_kept && simple_same(&s->remembered[*slot], v)) {
        writer_varint(w, (uint64_t)*slot << 1 | 1);
        return;
    }
    writer_varint(w, (uint64_t)v.size << 1);
    writer_add_slice(w, v);
    if (!is_kept)
        return;
    *slot = (uint8_t)s->next;
    simple_keep(&s->remembered[s->next], v);
    s->next = (s->next + 1) % EVENT_TEXTS_REMEMBERED;
}

static inline void simple_serial(struct writer *w, const struct simple_text *kept, struct slice v)
{
    size_t shared = 0;
    if (kept->size <= 64 && v.size <= 64)
        while (shared < kept->size && shared < v.size && kept->data[shared] == v.data[shared])
            shared++;
    writer_u8(w, (uint8_t)shared);
    simple_bytes(w, slice_sub(v, shared, v.size));
}

static inline void simple_real(struct writer *w, double v)
{
    int64_t thousandths = fabs(v) < 1e9 ? (int64_t)(v * 1000 + (v < 0 ? -0.5 : 0.5)) : 0;
    double back = (double)thousandths / 1000;
    if (fabs(v) < 1e9 && memcmp(&back, &v, sizeof v) == 0) {
        writer_varint(w, simple_zigzag((uint64_t)thousandths) << 1);
        return;
    }
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    writer_varint(w, 1);
    writer_uint_le(w, bits, 8);
}

/* True: the field has another value than the kept one, which was written. */
static inline bool simple_slice(struct simple_encoder *s, struct writer *w, unsigned f,
                                struct slice v)
{
    const struct event_field_info *field = &event_field_table[f];
    struct simple_text *kept = &s->texts[f];
    if (simple_same(kept, v))
        return false;
    if (field->kind == EVENT_KIND_UUID ||
        (field->kind == EVENT_KIND_HEX && field->min == field->max))
        writer_add_slice(w, v);
    else if (field->kind == EVENT_KIND_HEX || field->kind == EVENT_KIND_BASE64 ||
             field->kind == EVENT_KIND_INET || f == EVENT_source_event_id)
        simple_serial(w, kept, v);
    else
        simple_text(s, w, v);
    simple_keep(kept, v);
    return true;
}

static inline bool simple_list(struct simple_encoder *s, struct writer *w, unsigned f,
                               const struct slice_list *list)
{
    struct writer text;
    writer_init(&text, (size_t)1 << 24);
    writer_varint(&text, list->count);
    for (size_t i = 0; i < list->count; i++)
        simple_bytes(&text, list->items[i]);
    bool differs = simple_slice(s, w, f, writer_slice(&text));
    writer_fini(&text);
    return differs;
}

static inline bool simple_field(struct simple_encoder *s, struct writer *w, unsigned f,
                                const struct event *e)
{
    const struct event_field_info *field = &event_field_table[f];
    int64_t v, before = s->integers[f];
    switch (field->kind) {
    case EVENT_KIND_INT:
    case EVENT_KIND_BIG:
    case EVENT_KIND_BOOL:
    case EVENT_KIND_TIME:
        before = f == EVENT_batch_index  ? (int64_t)s->index
                 : f == EVENT_raw_offset ? (int64_t)s->offset
                                         : before;
        v = s->integers[f] = *event_int_at(e, field);
        if (v != before)
            writer_varint(w, simple_zigzag((uint64_t)v - (uint64_t)before));
        return v != before;
    case EVENT_KIND_REAL:
        if (memcmp(&s->reals[f], event_real_at(e, field), sizeof(double)) == 0)
            return false;
        s->reals[f] = *event_real_at(e, field);
        simple_real(w, s->reals[f]);
        return true;
    case EVENT_KIND_LIST:
        return simple_list(s, w, f, event_list_at(e, field));
    default:
        return simple_slice(s, w, f, *event_slice_at(e, field));
    }
}

static inline void simple_expect(struct simple_encoder *s, uint64_t offset, uint64_t size)
{
    s->gap += offset - s->offset;
    s->offset = offset + size + s->gap;
}

static inline void simple_set(struct writer *w, const uint64_t *set, const uint64_t *before)
{
    uint8_t bytes[16], mask[2] = {0, 0};
    size_t n = 0;
    for (unsigned i = 0; i < 16; i++) {
        uint8_t change = (uint8_t)((set[i / 8] ^ before[i / 8]) >> i % 8 * 8);
        if (!change)
            continue;
        bytes[n++] = change;
        mask[i / 8] |= (uint8_t)(1u << i % 8);
    }
    writer_bytes(w, mask, 2);
    writer_bytes(w, bytes, n);
}

static inline void simple_add(struct simple_encoder *s, const struct event *e)
{
    uint8_t changed[16] = {0};
    unsigned k = 0;
    struct writer values;
    writer_init(&values, (size_t)1 << 26);
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++) {
        if (!event_is_set(e, f))
            continue;
        changed[k / 8] |= (uint8_t)(simple_field(s, &values, f, e) << k % 8);
        k++;
    }
    bool same = memcmp(s->set, e->set, sizeof s->set) == 0;
    writer_u8(s->out, same ? 0 : 2);
    if (!same)
        simple_set(s->out, e->set, s->set);
    memcpy(s->set, e->set, sizeof s->set);
    writer_bytes(s->out, changed, (k + 7) / 8);
    writer_add_slice(s->out, writer_slice(&values));
    writer_fini(&values);
    s->index = EVENT_HAS(e, batch_index) ? (uint64_t)e->batch_index + 1 : s->index;
    if (EVENT_HAS(e, raw_offset) && EVENT_HAS(e, raw_size))
        simple_expect(s, (uint64_t)e->raw_offset, (uint64_t)e->raw_size);
}

static inline void simple_reject(struct simple_encoder *s, const struct event_reject *r)
{
    const struct slice texts[3] = {r->parser, r->code, r->detail};
    unsigned head = 1;
    struct writer values;
    writer_init(&values, (size_t)1 << 26);
    writer_varint(&values, simple_zigzag(r->index - s->index));
    writer_varint(&values, simple_zigzag(r->raw_offset - s->offset));
    writer_varint(&values, r->raw_size);
    simple_bytes(&values, r->raw);
    for (unsigned i = 0; i < 3; i++) {
        if (simple_same(&s->reject_texts[i], texts[i])) {
            head |= 2u << i;
            continue;
        }
        simple_bytes(&values, texts[i]);
        simple_keep(&s->reject_texts[i], texts[i]);
    }
    writer_u8(s->out, (uint8_t)head);
    writer_add_slice(s->out, writer_slice(&values));
    writer_fini(&values);
    s->index = (uint64_t)r->index + 1;
    simple_expect(s, r->raw_offset, r->raw_size);
}

#endif
