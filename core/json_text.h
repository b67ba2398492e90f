/* json_text.h: copies text into a JSON string (RFC 8259 §7) as far as it needs no escapes. Thread:
 * any. */
#ifndef VSOC_CORE_JSON_TEXT_H
#define VSOC_CORE_JSON_TEXT_H

#include "core/slice.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Do eight bytes need no escape in a JSON string? */
static inline bool json_text_is_plain(uint64_t v)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
    uint64_t quote = v ^ ones * '"', slash = v ^ ones * '\\';
    uint64_t found =
        ((v - ones * 0x20) & ~v) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
    return !(found & high);
}

#ifdef __SSE2__
/* A bit for each of 16 bytes that needs an escape. */
static inline unsigned json_text_escapes(__m128i x)
{
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);
    __m128i quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, slash)));
}

/* Copies 16 bytes; a bit for each that needs an escape. */
static inline unsigned json_text_copy_block(uint8_t *out, const uint8_t *s)
{
    __m128i x = _mm_loadu_si128((const __m128i *)s);
    _mm_storeu_si128((__m128i *)out, x);
    return json_text_escapes(x);
}

/* Do these bytes need no escape? */
static inline bool json_text_are_plain(uint64_t head, uint64_t tail)
{
    return !json_text_escapes(_mm_set_epi64x((long long)tail, (long long)head));
}

#else

static inline bool json_text_are_plain(uint64_t head, uint64_t tail)
{
    return json_text_is_plain(head) && json_text_is_plain(tail);
}
#endif

/* Copies 1 to 15 bytes if none needs an escape; loads and stores overlap. */
static inline bool json_text_copy_short(uint8_t *out, const uint8_t *p, size_t n)
{
    if (n >= 8) {
        uint64_t head = slice_load8(p), tail = slice_load8(p + n - 8);
        memcpy(out, &head, 8);
        memcpy(out + n - 8, &tail, 8);
        return json_text_are_plain(head, tail);
    }
    if (n >= 4) {
        uint32_t head = (uint32_t)slice_load4(p), tail = (uint32_t)slice_load4(p + n - 4);
        memcpy(out, &head, 4);
        memcpy(out + n - 4, &tail, 4);
        uint64_t both = head | (uint64_t)tail << 32;
        return json_text_are_plain(both, both);
    }
    uint64_t first = p[0], middle = p[n / 2], last = p[n - 1];
    out[0] = (uint8_t)first;
    out[n / 2] = (uint8_t)middle;
    out[n - 1] = (uint8_t)last;
    uint64_t all = first * UINT64_C(0x0101010101) | middle << 40 | middle << 48 | last << 56;
    return json_text_are_plain(all, all);
}

/* Copies the run at the head of s that needs no escape, and returns its size. out has room for all
 * of s, and may be written to up to there. Blocks overlap at the end. */
static inline size_t json_text_copy(uint8_t *out, struct slice s)
{
    const uint8_t *p = s.data;
    size_t n = s.size, i = 0;
#ifdef __SSE2__
    for (; i + 16 <= n; i += 16) {
        unsigned bits = json_text_copy_block(out + i, p + i);
        if (bits)
            return i + (unsigned)__builtin_ctz(bits);
    }
    if (n >= 16) {
        unsigned bits = i < n ? json_text_copy_block(out + n - 16, p + n - 16) : 0;
        return bits ? n - 16 + (unsigned)__builtin_ctz(bits) : n;
    }
#endif
    for (; n >= 16 && i + 8 <= n && json_text_is_plain(slice_load8(p + i)); i += 8)
        memcpy(out + i, p + i, 8);
    if (n < 16 && (!n || json_text_copy_short(out, p, n)))
        return n;
    for (; i < n && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\'; i++)
        out[i] = p[i];
    return i;
}

#endif
