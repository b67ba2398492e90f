/* base64.c: decoder of RFC 4648 §4. Pure, any thread. Encoding is the writer's (core/writer.c). */
#include "core/base64.h"

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
        int v = base64_value(text.data[i]);
        if (v < 0 || text.data[i] == '-' || text.data[i] == '_')
            return STATUS_MALFORMED;
        bits = (bits << 6 | (unsigned)v) & 0xFFFFFF;
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
