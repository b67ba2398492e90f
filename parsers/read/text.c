/* text.c: checks and repairs UTF-8. Pure, any thread. */
#include "parsers/read/text.h"

#define ONES UINT64_C(0x0101010101010101)
#define TOPS UINT64_C(0x8080808080808080)

static bool is_plain_word(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return !((word | ((word - ONES) & ~word)) & TOPS);
}

/* Bytes from `at` on that are ASCII and not 0: where they end, give or take seven. */
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

static bool continues(uint8_t c)
{
    return (c & 0xC0) == 0x80;
}

/* Size of the character at the head of p (left bytes), 0 when it is none (RFC 3629 §4). */
static size_t character_size(const uint8_t *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        return left > 1 && continues(p[1]) ? 2 : 0;
    if ((p[0] & 0xF0) == 0xE0) {
        uint8_t low = p[0] == 0xE0 ? 0xA0 : 0x80, high = p[0] == 0xED ? 0x9F : 0xBF;
        return left > 2 && p[1] >= low && p[1] <= high && continues(p[2]) ? 3 : 0;
    }
    if (p[0] < 0xF0 || p[0] > 0xF4)
        return 0;
    uint8_t low = p[0] == 0xF0 ? 0x90 : 0x80, high = p[0] == 0xF4 ? 0x8F : 0xBF;
    return left > 3 && p[1] >= low && p[1] <= high && continues(p[2]) && continues(p[3]) ? 4 : 0;
}

enum status text_check(struct slice text)
{
    size_t at = 0;
    while (at < text.size) {
        at = skip_plain(text, at);
        if (at >= text.size)
            break;
        if (text.data[at] == 0)
            return STATUS_REFUSED;
        size_t n = character_size(text.data + at, text.size - at);
        if (!n)
            return STATUS_INVALID_UTF8;
        at += n;
    }
    return STATUS_OK;
}

#define PADDING 64 /* readable bytes behind a record */

enum status text_repair(const struct parser_context *context, struct slice *text, bool *repaired)
{
    if (text_check(*text) == STATUS_OK)
        return STATUS_OK;
    uint8_t *out = context->alloc(context, text->size * 3 + PADDING);
    if (!out)
        return STATUS_NO_MEMORY;
    size_t size = 0;
    for (size_t at = 0; at < text->size;) {
        size_t n = text->data[at] ? character_size(text->data + at, text->size - at) : 0;
        memcpy(out + size, n ? text->data + at : (const uint8_t *)"\xEF\xBF\xBD", n ? n : 3);
        size += n ? n : 3;
        at += n ? n : 1;
    }
    *text = slice_make(out, size);
    *repaired = true;
    return STATUS_OK;
}
