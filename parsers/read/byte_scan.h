/* byte_scan.h: the end of a word, 16 bytes at a time. Thread: any. */
#ifndef VSOC_PARSERS_BYTE_SCAN_H
#define VSOC_PARSERS_BYTE_SCAN_H

#include "core/slice.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Offset of the first byte at or after `at` that is a blank, a control character or `stop`; s.size
 * when there is none. Reads no byte after s. */
static inline size_t byte_scan_word(struct slice s, size_t at, uint8_t stop)
{
#ifdef __SSE2__
    const __m128i blank = _mm_set1_epi8(' '), other = _mm_set1_epi8((char)stop);
    for (; at + 16 <= s.size; at += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(s.data + at));
        __m128i ends =
            _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(x, blank), x), _mm_cmpeq_epi8(x, other));
        unsigned bits = (unsigned)_mm_movemask_epi8(ends);
        if (bits)
            return at + (unsigned)__builtin_ctz(bits);
    }
#endif
    while (at < s.size && s.data[at] > ' ' && s.data[at] != stop)
        at++;
    return at;
}

/* Offset of the first byte at or after `at` that is a or b; at least s.size when there is none. */
static inline size_t byte_scan_either(struct slice s, size_t at, uint8_t a, uint8_t b)
{
#ifdef __SSE2__
    const __m128i first = _mm_set1_epi8((char)a), second = _mm_set1_epi8((char)b);
    for (; at + 16 <= s.size; at += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(s.data + at));
        unsigned bits = (unsigned)_mm_movemask_epi8(
            _mm_or_si128(_mm_cmpeq_epi8(x, first), _mm_cmpeq_epi8(x, second)));
        if (bits)
            return at + (unsigned)__builtin_ctz(bits);
    }
#endif
    while (at < s.size && s.data[at] != a && s.data[at] != b)
        at++;
    return at;
}

#endif
