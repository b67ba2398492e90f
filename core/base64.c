/* base64.c: decoder of RFC 4648 §4. Pure, any thread. Encoding is the writer's (core/writer.c). */
#include "core/base64.h"

/* Value of a character, 64 when it is not in the alphabet. */
static unsigned value_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - (unsigned)'A';
    if (c >= 'a' && c <= 'z')
        return c - (unsigned)'a' + 26;
    if (c >= '0' && c <= '9')
        return c - (unsigned)'0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

enum status base64_decode(struct slice text, uint8_t *out, struct slice *bytes)
{
    size_t padding = 0, size = 0;
    while (padding < 2 && text.size && text.data[text.size - 1] == '=') {
        padding++;
        text.size--;
    }
    if (text.size % 4 == 1 || (padding && (text.size + padding) % 4 != 0))
        return STATUS_MALFORMED;
    unsigned bits = 0, held = 0; /* `held` low bits of bits are not written yet */
    for (size_t i = 0; i < text.size; i++) {
        unsigned v = value_of(text.data[i]);
        if (v == 64)
            return STATUS_MALFORMED;
        bits = (bits << 6 | v) & 0xFFFFFF;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[size++] = (uint8_t)(bits >> held);
        }
    }
    if (bits & ((1u << held) - 1))
        return STATUS_MALFORMED;
    *bytes = slice_make(out, size);
    return STATUS_OK;
}
