/* split_scan.c: finds the end of a JSON value 64 bytes at a time, by bit masks. Pure, any thread.
 * Does not check JSON: the parser does. */
#include "parsers/read/split_scan.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BLOCK 64
/* Bytes scanned between two checks of the work, and the work they count as. */
#define WORK_STRETCH    8192
#define WORK_OF_STRETCH (WORK_STRETCH / 4)

/* Bit n: byte n of the block is one of these. */
struct masks {
    uint64_t quote, backslash, open, close, line_end;
};

/* What one block leaves to the next. */
struct carry {
    bool in_string;
    bool escaped; /* first byte of the next block is escaped */
};

#ifdef __SSE2__
static uint64_t equal_mask(const __m128i v[4], char c)
{
    uint64_t mask = 0;
    __m128i wanted = _mm_set1_epi8(c);
#pragma GCC unroll 4
    for (unsigned i = 0; i < 4; i++)
        mask |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v[i], wanted)) << (16 * i);
    return mask;
}

static struct masks block_masks(const uint8_t *p)
{
    __m128i v[4], folded[4];
#pragma GCC unroll 4
    for (unsigned i = 0; i < 4; i++) {
        v[i] = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
        folded[i] = _mm_or_si128(v[i], _mm_set1_epi8(0x20)); /* [ is {, ] is } */
    }
    return (struct masks){equal_mask(v, '"'), equal_mask(v, '\\'), equal_mask(folded, '{'),
                          equal_mask(folded, '}'), equal_mask(v, '\n')};
}
#else
static struct masks block_masks(const uint8_t *p)
{
    struct masks m = {0, 0, 0, 0, 0};
    for (unsigned i = 0; i < BLOCK; i++) {
        m.quote |= (uint64_t)(p[i] == '"') << i;
        m.backslash |= (uint64_t)(p[i] == '\\') << i;
        m.open |= (uint64_t)(p[i] == '{' || p[i] == '[') << i;
        m.close |= (uint64_t)(p[i] == '}' || p[i] == ']') << i;
        m.line_end |= (uint64_t)(p[i] == '\n') << i;
    }
    return m;
}
#endif

/* Bytes that a backslash escapes. Backslashes are rare: one step each. */
static uint64_t escaped_mask(uint64_t backslash, bool *carry)
{
    uint64_t escaped = *carry;
    backslash &= ~escaped;
    *carry = false;
    while (backslash) {
        unsigned i = (unsigned)__builtin_ctzll(backslash);
        if (i == BLOCK - 1) {
            *carry = true;
            break;
        }
        escaped |= UINT64_C(2) << i;
        backslash &= ~(UINT64_C(3) << i);
    }
    return escaped;
}

/* Bit n: bytes 0 to n contain an odd number of quotes. */
static uint64_t inside_mask(uint64_t quotes)
{
#pragma GCC unroll 6
    for (unsigned shift = 1; shift < BLOCK; shift *= 2)
        quotes ^= quotes << shift;
    return quotes;
}

/* In JSON a value inside another one follows a colon, a comma or an opening [. */
static inline bool may_open_at(struct slice body, size_t start, size_t at)
{
    while (at > start) {
        uint8_t c = body.data[--at];
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            return c == ':' || c == ',' || c == '[';
    }
    return false;
}

/* Masks of the (at most 64) bytes at `at`: bytes in strings are removed, except line ends, of which
 * only those in strings remain. */
static struct masks next_masks(struct slice body, size_t at, struct carry *carry)
{
    uint8_t tail[BLOCK];
    const uint8_t *p = body.data + at;
    if (body.size - at < BLOCK) {
        memset(tail, ' ', sizeof tail);
        memcpy(tail, p, body.size - at);
        p = tail;
    }
    struct masks m = block_masks(p);
    m.quote &= ~escaped_mask(m.backslash, &carry->escaped);
    uint64_t inside = inside_mask(m.quote) ^ (carry->in_string ? ~UINT64_C(0) : 0);
    carry->in_string = inside >> (BLOCK - 1);
    m.open &= ~inside;
    m.close &= ~inside;
    m.line_end &= inside;
    return m;
}

enum split_scan_result split_scan_value(struct slice body, size_t start, struct work *work,
                                        size_t *end)
{
    struct carry carry = {false, false};
    size_t depth = 0;
    for (size_t at = start; at < body.size; at += BLOCK) {
        if ((at - start) % WORK_STRETCH == 0 && at > start && !work_add(work, WORK_OF_STRETCH))
            break;
        struct masks m = next_masks(body, at, &carry);
        for (uint64_t bits = m.open | m.close | m.line_end; bits; bits &= bits - 1) {
            size_t i = at + (unsigned)__builtin_ctzll(bits);
            uint64_t first = bits & (0 - bits);
            if (m.close & first) {
                if (--depth)
                    continue;
                *end = i + 1;
                return SPLIT_SCAN_COMPLETE;
            }
            if ((m.line_end & first) || (depth && !may_open_at(body, start, i))) {
                *end = i;
                return SPLIT_SCAN_BROKEN;
            }
            depth++;
        }
    }
    *end = body.size;
    return SPLIT_SCAN_UNTERMINATED;
}
