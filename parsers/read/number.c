/* number.c: decimal and 0x numbers. Pure, any thread. */
#include "parsers/read/number.h"

static unsigned digit_of(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - (unsigned)'0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - (unsigned)'a' + 10 : 16;
}

bool number_read(struct slice text, int64_t max, int64_t *value)
{
    bool is_hex = slice_starts_with(text, "0x") || slice_starts_with(text, "0X");
    int64_t v = 0, base = is_hex ? 16 : 10;
    if (is_hex)
        text = slice_sub(text, 2, text.size);
    for (size_t i = 0; i < text.size; i++) {
        int64_t digit = digit_of(text.data[i]);
        if (digit >= base || v > (max - digit) / base)
            return false;
        v = v * base + digit;
    }
    if (!text.size)
        return false;
    *value = v;
    return true;
}
