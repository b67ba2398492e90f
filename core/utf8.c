/* utf8.c: UTF-8, eight plain bytes at a time where there are. Pure, any thread. */
#include "core/utf8.h"

#define ONES UINT64_C(0x0101010101010101)
#define TOPS UINT64_C(0x8080808080808080)

static bool is_plain_word(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return !((word | ((word - ONES) & ~word)) & TOPS);
}

/* Offset at which a run of bytes 01 to 7F from `at` on ends, up to seven bytes too early. */
static size_t skip_plain(struct slice s, size_t at)
{
    while (s.size - at >= 8) {
        if (!is_plain_word(s.data + at))
            return at;
        at += 8;
    }
    if (s.size >= 8 && is_plain_word(s.data + s.size - 8))
        return s.size; /* the tail, with some of what was seen already */
    while (at < s.size && s.data[at] - 1u < 0x7F)
        at++;
    return at;
}

/* RFC 3629 section 4. */
size_t utf8_size(const uint8_t *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        return left > 1 && utf8_continues(p[1]) ? 2 : 0;
    if ((p[0] & 0xF0) == 0xE0) {
        uint8_t low = p[0] == 0xE0 ? 0xA0 : 0x80, high = p[0] == 0xED ? 0x9F : 0xBF;
        return left > 2 && p[1] >= low && p[1] <= high && utf8_continues(p[2]) ? 3 : 0;
    }
    if (p[0] < 0xF0 || p[0] > 0xF4)
        return 0;
    uint8_t low = p[0] == 0xF0 ? 0x90 : 0x80, high = p[0] == 0xF4 ? 0x8F : 0xBF;
    return left > 3 && p[1] >= low && p[1] <= high && utf8_continues(p[2]) && utf8_continues(p[3])
               ? 4
               : 0;
}

enum status utf8_check(struct slice text)
{
    size_t at = 0;
    while (at < text.size) {
        at = skip_plain(text, at);
        if (at >= text.size)
            break;
        if (text.data[at] == 0)
            return STATUS_REFUSED;
        size_t n = utf8_size(text.data + at, text.size - at);
        if (!n)
            return STATUS_INVALID_UTF8;
        at += n;
    }
    return STATUS_OK;
}

size_t utf8_write(uint32_t code, uint8_t *out)
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xe0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}
