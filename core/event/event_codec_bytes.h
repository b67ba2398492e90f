/* event_codec_bytes.h: common to the encoder and the decoder of events: bits of the entry's head,
 * numbers as bytes, and the predicted position of the next record. For event_encoder.c and
 * event_decoder.c only. */
#ifndef VSOC_CORE_EVENT_CODEC_BYTES_H
#define VSOC_CORE_EVENT_CODEC_BYTES_H

#include "core/event.h"

#include <math.h>

/* Or'ed to a version where coding starts anew: bytes made separately can follow each other. */
#define ENTRY_RESTART 0x80u
/* Head byte of an entry. */
#define ENTRY_REJECT 1u /* else an event */
/* Of an event: which fields are set differs from the event before. */
#define ENTRY_FIELDS 2u
/* Of a reject: text is the same as in the reject before. */
#define ENTRY_SAME_PARSER 2u
#define ENTRY_SAME_CODE   4u
#define ENTRY_SAME_DETAIL 8u

/* Bytes of a bitmap over all fields. */
#define FIELD_BYTES (8 * EVENT_SET_WORDS)

/* Low bit of the number at the head of a repeating text or a list: the rest is the number of a
 * remembered text, else a size. */
#define TEXT_REMEMBERED 1u

/* Sizes worth remembering. */
#define REMEMBER_MIN 3
#define REMEMBER_MAX 255

static inline bool text_is_remembered(size_t size)
{
    return size >= REMEMBER_MIN && size <= REMEMBER_MAX;
}

/* Zig-zag: small magnitudes become small numbers. */
static inline uint64_t zigzag_encode(uint64_t v)
{
    return v << 1 ^ (v >> 63 ? UINT64_MAX : 0);
}

static inline uint64_t zigzag_decode(uint64_t v)
{
    return v >> 1 ^ (v & 1 ? UINT64_MAX : 0);
}

/* Reals with at most three decimals are coded as an integer of thousandths: sensors rarely send
 * more. */
#define REAL_SCALE 1000.0

static inline double real_unscale(int64_t thousandths)
{
    return (double)thousandths / REAL_SCALE;
}

/* True with *thousandths when they reproduce v exactly, bit for bit. */
static inline bool real_scale(double v, int64_t *thousandths)
{
    if (!(v > -1e9 && v < 1e9))
        return false;
    *thousandths = (int64_t)(v * REAL_SCALE + (v < 0 ? -0.5 : 0.5));
    double back = real_unscale(*thousandths);
    return memcmp(&back, &v, sizeof v) == 0;
}

/* Predicts the next record after one with this index and place: *expected_index and
 * *expected_offset. */
static inline void place_expect(int64_t *expected_index, int64_t *expected_offset,
                                uint64_t *raw_gap, int64_t index, int64_t offset, uint64_t size)
{
    *raw_gap += (uint64_t)offset - (uint64_t)*expected_offset;
    *expected_index = (int64_t)((uint64_t)index + 1);
    *expected_offset = (int64_t)((uint64_t)offset + size + *raw_gap);
}

/* The same after an event: only what it has set. */
static inline void place_expect_after_event(struct event *expected, uint64_t *raw_gap,
                                            const struct event *event)
{
    int64_t index = EVENT_HAS(event, batch_index) ? event->batch_index
                                                  : (int64_t)((uint64_t)expected->batch_index - 1);
    if (EVENT_HAS(event, raw_offset) && EVENT_HAS(event, raw_size)) {
        place_expect(&expected->batch_index, &expected->raw_offset, raw_gap, index,
                     event->raw_offset, (uint64_t)event->raw_size);
        return;
    }
    expected->batch_index = (int64_t)((uint64_t)index + 1);
}

#endif
