/* vin_look.c: the first look at a text: classes of its bytes as bits, up to 64 bytes at a time.
 * Pure, any thread. */
#include "parsers/privacy/vin_look.h"

#include "core/vin.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BLOCK  16 /* bytes that are classified together */
#define WINDOW 64 /* bytes whose bits are looked at together */
/* Windows overlap by what a row of either kind may have in the one before. */
#define STEP     (WINDOW - VIN_BYTES + 1)
#define LAST_BIT (UINT64_C(1) << (WINDOW - 1))
_Static_assert(BLOCK <= VIN_BYTES, "texts in which a VIN may be have a block");

/* A bit for each byte of a window. */
struct classes {
    uint64_t words, digits;
};

/* Letters, digits, blank and - . _ : / , */
static bool joins[256];

__attribute__((constructor)) static void table_fill(void)
{
    for (unsigned c = 0; c < 256; c++)
        joins[c] = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    for (const char *c = " -._:/,"; *c; c++)
        joins[(uint8_t)*c] = true;
}

#ifdef __SSE2__

/* All bits of the bytes of x that are between first and first + span. */
static inline __m128i between(__m128i x, char first, char span)
{
    x = _mm_sub_epi8(x, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(span)), x);
}

static inline void classify(const uint8_t *p, unsigned at, struct classes *c)
{
    __m128i x = _mm_loadu_si128((const __m128i *)p);
    __m128i digits = between(x, '0', 9);
    __m128i letters = between(_mm_or_si128(x, _mm_set1_epi8(0x20)), 'a', 25);
    __m128i marks =
        _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('%')), _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
    /* movemask takes the upper bit, which the bytes outside ASCII have themselves. */
    __m128i words = _mm_or_si128(_mm_or_si128(digits, letters), _mm_or_si128(marks, x));
    c->words |= (uint64_t)(uint32_t)_mm_movemask_epi8(words) << at;
    c->digits |= (uint64_t)(uint32_t)_mm_movemask_epi8(digits) << at;
}

#else

static inline void classify(const uint8_t *p, unsigned at, struct classes *c)
{
    for (unsigned i = 0; i < BLOCK; i++) {
        bool digit = p[i] >= '0' && p[i] <= '9';
        uint8_t lower = p[i] | 0x20;
        bool word =
            digit || (lower >= 'a' && lower <= 'z') || p[i] == '%' || p[i] == '\\' || p[i] >= 0x80;
        c->words |= (uint64_t)word << (at + i);
        c->digits |= (uint64_t)digit << (at + i);
    }
}

#endif

/* Are there VIN_BYTES bits in a row? */
static inline bool has_row(uint64_t bits)
{
    uint64_t row = bits & bits >> 1;
    row &= row >> 2;
    row &= row >> 4;
    row &= row >> 8;
    return row & bits >> 16;
}
_Static_assert(VIN_BYTES == 17, "has_row doubles up to 16");

/* Do digits end a VIN in groups? They follow two characters that join, and a VIN in groups has more
 * than VIN_BYTES. rows: a bit where four digits begin, and no digit is before. */
static bool has_group(struct slice text, size_t at, uint64_t digits, uint64_t rows)
{
    for (; rows; rows &= rows - 1) {
        unsigned bit = (unsigned)__builtin_ctzll(rows);
        size_t start = at + bit, end = start + (size_t)__builtin_ctzll(~(digits >> bit) | LAST_BIT);
        if (end > VIN_BYTES && start >= 2 && joins[text.data[start - 1]] &&
            joins[text.data[start - 2]])
            return true;
    }
    return false;
}

/* The bytes that begin at `at`, of at least BLOCK and at most WINDOW. */
static inline __attribute__((always_inline)) unsigned look_at(struct slice text, size_t at,
                                                              size_t size)
{
    const uint8_t *p = text.data + at;
    struct classes c = {0, 0};
    classify(p, 0, &c);
    if (size > 2 * BLOCK)
        classify(p + BLOCK, BLOCK, &c);
    if (size > 3 * BLOCK)
        classify(p + 2 * BLOCK, 2 * BLOCK, &c);
    classify(p + size - BLOCK, (unsigned)(size - BLOCK), &c); /* may overlap the one before */
    uint64_t rows = c.digits & c.digits >> 1;
    rows &= rows >> 2;
    unsigned found = has_row(c.words) ? VIN_LOOK_WORDS : 0;
    if (rows && has_group(text, at, c.digits, rows & ~(rows << 1)))
        found |= VIN_LOOK_GROUPS;
    return found;
}

static __attribute__((noinline)) unsigned look_far(struct slice text)
{
    unsigned found = 0;
    size_t at = 0;
    for (; text.size - at > WINDOW; at += STEP)
        found |= look_at(text, at, WINDOW);
    return found | look_at(text, at, text.size - at);
}

unsigned vin_look(struct slice text)
{
    if (text.size < VIN_BYTES)
        return 0;
    return text.size <= WINDOW ? look_at(text, 0, text.size) : look_far(text);
}

/* ---- names ---- */

static bool is_word_at(const uint8_t *p, const uint8_t *end)
{
    return end - p >= 3 && (p[1] | 0x20) == 'i' && (p[2] | 0x20) == 'n';
}

/* A bit for each v of any case in BLOCK bytes. */
static inline uint32_t v_bits(const uint8_t *p)
{
#ifdef __SSE2__
    __m128i x = _mm_or_si128(_mm_loadu_si128((const __m128i *)p), _mm_set1_epi8(0x20));
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('v')));
#else
    uint32_t bits = 0;
    for (unsigned i = 0; i < BLOCK; i++)
        bits |= (uint32_t)((p[i] | 0x20) == 'v') << i;
    return bits;
#endif
}

/* Does "vin" of any case begin in the block at p? */
static inline bool has_word_in(const uint8_t *p, const uint8_t *end)
{
    for (uint32_t bits = v_bits(p); bits; bits &= bits - 1)
        if (is_word_at(p + __builtin_ctz(bits), end))
            return true;
    return false;
}

bool vin_look_for_name(struct slice text)
{
    if (!text.size)
        return false;
    const uint8_t *p = text.data, *end = p + text.size;
    if (text.size >= BLOCK) {
        for (; end - p > BLOCK; p += BLOCK)
            if (has_word_in(p, end))
                return true;
        return has_word_in(end - BLOCK, end);
    }
    for (; p < end; p++)
        if ((*p | 0x20) == 'v' && is_word_at(p, end))
            return true;
    return false;
}
