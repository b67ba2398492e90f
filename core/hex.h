/* hex.h: the value of a hex digit. Thread: any. */
#ifndef VSOC_CORE_HEX_H
#define VSOC_CORE_HEX_H

/* 0 to 15; -1: c is no hex digit, of either case. */
static inline int hex_digit_value(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
