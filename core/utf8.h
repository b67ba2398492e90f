/* utf8.h: UTF-8 (RFC 3629): checks, cuts and writes it. Pure, any thread. */
#ifndef VSOC_CORE_UTF8_H
#define VSOC_CORE_UTF8_H

#include "core/slice.h"
#include "core/status.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* OK; INVALID_UTF8; REFUSED: the text has a byte 0. */
enum status utf8_check(struct slice text) must_check;

/* Has the text only bytes 01 to 7F? Then utf8_check says OK. Fast for short texts. */
static inline bool utf8_is_plain(struct slice text)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
    const uint8_t *p = text.data;
    uint64_t wrong = 0;
    if (text.size < 8) {
        if (text.size < 4) {
            for (size_t i = 0; i < text.size; i++)
                wrong |= p[i] - 1u >= 0x7f;
            return !wrong;
        }
        /* Both halves in one word. */
        uint64_t word = slice_load4(p) | slice_load4(p + text.size - 4) << 32;
        return !((word | ((word - ones) & ~word)) & tops);
    }
#ifdef __SSE2__
    if (text.size >= 16) { /* the last block may overlap the one before */
        __m128i least = _mm_set1_epi8(0x7f), seen = _mm_setzero_si128();
        for (size_t at = 0; at < text.size; at += 16) {
            size_t from = at + 16 <= text.size ? at : text.size - 16;
            __m128i x = _mm_loadu_si128((const __m128i *)(p + from));
            least = _mm_min_epu8(least, x);
            seen = _mm_or_si128(seen, x);
        }
        return !_mm_movemask_epi8(_mm_or_si128(seen, _mm_cmpeq_epi8(least, _mm_setzero_si128())));
    }
#endif
    for (size_t at = 0; at + 8 < text.size; at += 8) {
        uint64_t word = slice_load8(p + at);
        wrong |= word | ((word - ones) & ~word);
    }
    uint64_t last = slice_load8(p + text.size - 8);
    return !((wrong | last | ((last - ones) & ~last)) & tops);
}

/* Bytes of the character at the head of p, of which `left` bytes can be read; 0: it is not one.
 * Byte 0 counts as a character. */
size_t utf8_size(const uint8_t *p, size_t left);

/* Writes a code point (to U+10FFFF, no surrogate) into out[4]; gives its bytes. */
size_t utf8_write(uint32_t code, uint8_t *out);

/* A byte that is not the first of its character. */
static inline bool utf8_continues(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

/* The beginning of a text, max_bytes at most, cut where a character ends. */
static inline struct slice utf8_cut(struct slice text, size_t max_bytes)
{
    if (text.size <= max_bytes)
        return text;
    while (max_bytes && utf8_continues(text.data[max_bytes]))
        max_bytes--;
    return slice_sub(text, 0, max_bytes);
}

#ifdef __cplusplus
}
#endif

#endif
