/* vin_spaced.c: VINs in groups. Pure, any thread. Searches for the four digits that end each VIN,
 * and from there backwards: most texts have few. */
#include "parsers/privacy/vin_spaced.h"
#include "core/vin.h"
#include "parsers/privacy/vin_name.h"
#include "parsers/privacy/vin_window.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define TAIL        4 /* digits at the end of a VIN */
#define GAP_MAX     3 /* other characters between two of a known one */
#define GROUPS_MAX  9 /* of one that is not known */
#define LETTERS_MIN 3
#define BLOCK       16 /* bytes checked together */
#define WINDOW      64 /* bytes whose digits are kept as bits of one number */
_Static_assert(BLOCK <= VIN_BYTES, "texts in which a VIN may be have a block");

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Letters and digits in upper case, else 0. */
static uint8_t upper[256];
static bool is_gap[256];
/* These, letters and digits: characters that may precede the last digits of a VIN. */
static bool joins[256];

__attribute__((constructor)) static void tables_fill(void)
{
    for (unsigned c = '0'; c <= '9'; c++)
        upper[c] = (uint8_t)c;
    for (unsigned c = 'A'; c <= 'Z'; c++)
        upper[c] = upper[c + 32] = (uint8_t)c;
    for (const char *c = " -._:/,"; *c; c++)
        is_gap[(uint8_t)*c] = true;
    for (unsigned c = 0; c < 256; c++)
        joins[c] = upper[c] || is_gap[c];
}

/* ---- digits ---- */

/* A bit for each of BLOCK bytes: is it a digit? */
static uint32_t digit_bits(const uint8_t *p)
{
#ifdef __SSE2__
    __m128i x = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)p), _mm_set1_epi8('0'));
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(9)), x));
#else
    uint32_t bits = 0;
    for (unsigned i = 0; i < BLOCK; i++)
        bits |= (uint32_t)is_digit(p[i]) << i;
    return bits;
#endif
}

/* A bit for each of BLOCK bytes: is it a letter? */
static uint32_t letter_bits(const uint8_t *p)
{
#ifdef __SSE2__
    __m128i x = _mm_or_si128(_mm_loadu_si128((const __m128i *)p), _mm_set1_epi8(0x20));
    x = _mm_sub_epi8(x, _mm_set1_epi8('a'));
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(25)), x));
#else
    uint32_t bits = 0;
    for (unsigned i = 0; i < BLOCK; i++)
        bits |= (uint32_t)(upper[p[i]] > '9') << i;
    return bits;
#endif
}

/* A bit for each digit that TAIL - 1 others follow. */
static uint32_t rows_of(uint32_t bits)
{
    bits &= bits >> 1;
    return bits & bits >> 2;
}

/* Start of the next run of TAIL or more digits, from `at` on; text.size: no such run. The text has
 * more than BLOCK bytes. */
static size_t next_digits(struct slice text, size_t at)
{
    size_t floor = at, base = text.size - BLOCK;
    uint32_t before = 0; /* the three bytes before */
    for (; at <= base; at += BLOCK) {
        uint32_t bits = digit_bits(text.data + at) << (TAIL - 1) | before;
        uint32_t rows = rows_of(bits);
        if (rows)
            return at + (size_t)__builtin_ctz(rows) - (TAIL - 1);
        before = bits >> BLOCK;
    }
    if (at >= text.size)
        return text.size;
    /* The last block overlaps the one before. */
    uint32_t bits = digit_bits(text.data + base);
    if (floor > base)
        bits &= UINT32_MAX << (floor - base);
    uint32_t rows = rows_of(bits << (TAIL - 1) | before << (at - base));
    return rows ? base + (size_t)__builtin_ctz(rows) - (TAIL - 1) : text.size;
}

/* ---- from the last digit back ---- */

/* The letters and digits that end at `last`. */
struct spelled {
    uint8_t vin[VIN_BYTES]; /* upper case */
    size_t start;
};

/* Is the letter or digit at `at` part of an escape of JSON? */
static bool is_escape(struct slice text, size_t at)
{
    const uint8_t *p = text.data + at;
    if (at >= 1 && p[-1] == '\\')
        return memchr("bfnrtu", *p, 6) != NULL;
    for (size_t back = 2; back <= 5 && back <= at; back++)
        if (p[-(ptrdiff_t)back] == '\\' && p[1 - (ptrdiff_t)back] == 'u')
            return true;
    return false;
}

static bool begins_word(struct slice text, size_t at)
{
    return !at || !upper[text.data[at - 1]] || is_escape(text, at - 1);
}

/* 17 letters and digits backwards from the last one, none before `from`, with up to GAP_MAX
 * characters between two. False: there are fewer. */
static bool spell_known(struct slice text, size_t from, size_t last, struct spelled *s)
{
    size_t at = last + 1, left = VIN_BYTES, gap = 0;
    while (left && at > from) {
        uint8_t byte = text.data[--at], c = upper[byte];
        if (c) {
            gap = 0;
            s->vin[--left] = c;
        } else if (!is_gap[byte] || ++gap > GAP_MAX) {
            return false;
        }
    }
    s->start = at;
    return !left && last + 1 - at > VIN_BYTES && !is_escape(text, at);
}

/* The same, in a form in which people write a VIN, unlike a time or a row of words and numbers. */
static bool spell_other(struct slice text, size_t from, size_t last, struct spelled *s)
{
    size_t at = last + 1, left = VIN_BYTES, gaps = 0, letters = 0, beyond_hex = 0;
    uint8_t separator = 0, case_bit = 0xff;
    bool was_gap = false;
    while (left && at > from) {
        uint8_t byte = text.data[--at], c = upper[byte];
        if (!c) {
            if (was_gap || !is_gap[byte] || (gaps && byte != separator) || ++gaps >= GROUPS_MAX)
                return false;
            separator = byte;
            was_gap = true;
            continue;
        }
        was_gap = false;
        if (c > '9') {
            if (c == 'I' || c == 'O' || c == 'Q' || (letters && (byte & 0x20) != case_bit))
                return false;
            case_bit = byte & 0x20;
            letters++;
            beyond_hex += c > 'F';
        }
        s->vin[--left] = c;
    }
    s->start = at;
    return !left && gaps && letters >= LETTERS_MIN && beyond_hex && begins_word(text, at);
}

/* Has a known one the digits before `end` as its last? */
static bool may_be_known(const struct vin_spaced_scan *scan, size_t end)
{
    const uint64_t mask = (1 << 6 * TAIL) - 1;
    const uint8_t *p = scan->text.data + end - TAIL;
    uint64_t tail =
        (uint64_t)((p[0] - '0') << 18 | (p[1] - '0') << 12 | (p[2] - '0') << 6 | (p[3] - '0'));
    size_t k = 0;
    while (k < scan->known_count && (scan->known[k].back & mask) != tail)
        k++;
    return k < scan->known_count;
}

/* Does a VIN end before `end`, where its digits do? */
static bool take(const struct vin_spaced_scan *scan, size_t end, struct vin_match *match)
{
    struct slice text = scan->text;
    struct spelled s;
    match->known = scan->known_count;
    if (may_be_known(scan, end) && spell_known(text, scan->at, end - 1, &s))
        match->known = vin_window_find(vin_window_of(s.vin), scan->known, scan->known_count);
    if (match->known == scan->known_count) {
        if ((end < text.size && upper[text.data[end]]) || !spell_other(text, scan->at, end - 1, &s))
            return false;
        struct slice vin = slice_make(s.vin, VIN_BYTES);
        if (!vin_check_digit_fits(vin) && !vin_is_named(text, s.start))
            return false;
    }
    memcpy(match->vin, s.vin, VIN_BYTES);
    match->start = s.start;
    match->end = end;
    return true;
}

/* Are there 17 letters and digits backwards from `end`, grouped as in a VIN? Few texts have as many
 * letters there. */
static bool may_end_vin(const struct vin_spaced_scan *scan, size_t end)
{
    const uint8_t *data = scan->text.data;
    size_t near = end > BLOCK ? end - BLOCK : 0, far = near > BLOCK ? near - BLOCK : 0;
    uint32_t letters = letter_bits(data + near) << BLOCK | letter_bits(data + far);
    letters &= letters - 1;
    letters &= letters - 1; /* all but two */
    if (!letters && !may_be_known(scan, end))
        return false;
    size_t left = VIN_BYTES;
    for (size_t at = end; left && at && joins[data[at - 1]]; at--)
        left -= upper[data[at - 1]] != 0;
    return !left;
}

/* The same for a text of at most WINDOW bytes, whose digits are bits of one number. */
static bool may_match_short(const struct vin_spaced_scan *scan)
{
    struct slice text = scan->text;
    const size_t base = text.size - BLOCK;
    uint64_t digits = (uint64_t)digit_bits(text.data + base) << base;
    for (size_t at = 0; at < base; at += BLOCK)
        digits |= (uint64_t)digit_bits(text.data + at) << at;
    /* Where a row of TAIL digits ends, behind more than VIN_BYTES. */
    uint64_t pairs = digits & digits << 1;
    uint64_t ends = pairs & pairs << 2 & ~(digits >> 1) & UINT64_MAX << VIN_BYTES;
    for (; ends; ends &= ends - 1) {
        unsigned last = (unsigned)__builtin_ctzll(ends);
        uint64_t before = ~digits << (WINDOW - 1 - last);
        size_t start = before ? last - (size_t)__builtin_clzll(before) + 1 : 0;
        if (start >= 2 && joins[text.data[start - 1]] && joins[text.data[start - 2]] &&
            may_end_vin(scan, (size_t)last + 1))
            return true;
    }
    return false;
}

bool vin_spaced_may_match(const struct vin_spaced_scan *scan)
{
    struct slice text = scan->text;
    if (text.size <= VIN_BYTES)
        return false;
    if (text.size <= WINDOW)
        return may_match_short(scan);
    const size_t base = text.size - BLOCK;
    for (size_t at = 0, end = 0;;) {
        uint32_t rows = rows_of(digit_bits(text.data + at));
        for (rows &= ~(rows << 1); rows; rows &= rows - 1) {
            size_t start = at + (size_t)__builtin_ctz(rows);
            if (start < end || start < 2 || !joins[text.data[start - 1]] ||
                !joins[text.data[start - 2]])
                continue;
            for (end = start + TAIL; end < text.size && is_digit(text.data[end]);)
                end++;
            if (end > VIN_BYTES && may_end_vin(scan, end))
                return true;
        }
        if (at == base)
            return false;
        at += BLOCK - TAIL + 1;
        at = at < base ? at : base;
    }
}

bool vin_spaced_next(struct vin_spaced_scan *scan, struct vin_match *match)
{
    struct slice text = scan->text;
    if (text.size <= VIN_BYTES)
        return false;
    for (size_t at = scan->at, start; (start = next_digits(text, at)) < text.size;) {
        for (at = start + TAIL; at < text.size && is_digit(text.data[at]);)
            at++;
        if (start > scan->at && joins[text.data[start - 1]] && take(scan, at, match)) {
            scan->at = at;
            return true;
        }
    }
    return false;
}
