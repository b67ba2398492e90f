/* event_json_put.h: text forms of values, written at a place that has room: hex, UUID, decimal,
 * plain JSON strings, times. For event_json.c. Thread: any. */
#ifndef VSOC_CORE_EVENT_JSON_PUT_H
#define VSOC_CORE_EVENT_JSON_PUT_H

#include "core/slice.h"

/* Bytes that a put may write after its text: whole words and vectors are stored. */
#define PUT_SLACK 16

typedef uint8_t put_v16 __attribute__((vector_size(16)));
typedef uint64_t put_v2 __attribute__((vector_size(16)));

/* Eight bytes as 16 lower-case hex digits. */
static inline uint8_t *put_hex8(uint8_t *at, const uint8_t *bytes)
{
    put_v2 words = {slice_load8(bytes), 0}; /* straight into a register */
    put_v16 v = (put_v16)words;
    put_v16 pairs = __builtin_shufflevector(v >> 4, v & 15, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5,
                                            21, 6, 22, 7, 23);
    put_v16 letters = (put_v16)(pairs > 9) & ('a' - '0' - 10);
    pairs = pairs + '0' + letters;
    memcpy(at, &pairs, 16);
    return at + 16;
}

/* Room for 2 * s.size. */
static inline uint8_t *put_hex(uint8_t *at, struct slice s)
{
    static const char digits[] = "0123456789abcdef";
    size_t i = 0;
    for (; i + 8 <= s.size; i += 8)
        at = put_hex8(at, s.data + i);
    for (; i < s.size; i++) {
        *at++ = (uint8_t)digits[s.data[i] >> 4];
        *at++ = (uint8_t)digits[s.data[i] & 15];
    }
    return at;
}

/* Room for 36. */
static inline uint8_t *put_uuid(uint8_t *at, const uint8_t uuid[16])
{
    uint8_t hex[32];
    put_hex8(put_hex8(hex, uuid), uuid + 8);
    memcpy(at, hex, 8);
    at[8] = '-';
    memcpy(at + 9, hex + 8, 4);
    at[13] = '-';
    memcpy(at + 14, hex + 12, 4);
    at[18] = '-';
    memcpy(at + 19, hex + 16, 4);
    at[23] = '-';
    memcpy(at + 24, hex + 20, 12);
    return at + 36;
}

/* Two decimal digits of v < 100. */
static inline void put_pair(uint8_t *at, unsigned v)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";
    memcpy(at, pairs + 2 * v, 2);
}

/* Decimal digits of v, at least 1. */
static inline unsigned put_digits_of(uint64_t v)
{
    static const uint64_t powers[] = {
        0,
        10,
        100,
        1000,
        10000,
        100000,
        1000000,
        10000000,
        100000000,
        1000000000,
        10000000000,
        100000000000,
        1000000000000,
        10000000000000,
        100000000000000,
        1000000000000000,
        10000000000000000,
        100000000000000000,
        1000000000000000000,
        UINT64_C(10000000000000000000),
    };
    unsigned bits = 64 - (unsigned)__builtin_clzll(v | 1);
    unsigned guess = bits * 1233 >> 12; /* log10(2) is 1233/4096 */
    return guess + (v >= powers[guess]);
}

/* Room for 20. Digits are written in their places: a copy of what was just written in pairs would
 * wait for them. */
static inline uint8_t *put_decimal(uint8_t *at, int64_t v)
{
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    *at = '-';
    at += v < 0;
    uint8_t *end = at + put_digits_of(rest);
    uint8_t *place = end;
    for (; rest >= 100; rest /= 100)
        put_pair(place -= 2, (unsigned)(rest % 100));
    if (rest >= 10)
        put_pair(place - 2, (unsigned)rest);
    else
        place[-1] = (uint8_t)('0' + rest);
    return end;
}

/* Do eight bytes need no escape in a JSON string? */
static inline bool put_is_plain(uint64_t v)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
    uint64_t quote = v ^ ones * '"', slash = v ^ ones * '\\';
    uint64_t found =
        ((v - ones * 0x20) & ~v) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
    return !(found & high);
}

/* Up to seven bytes. */
static inline uint8_t *put_short_text(uint8_t *at, struct slice s)
{
    const uint64_t blanks = UINT64_C(0x2020202020202020);
    unsigned bits = 8 * (unsigned)s.size;
    uint64_t v = 0;
    if (s.size >= 4) {
        v = slice_load4(s.data) | slice_load4(s.data + s.size - 4) << (bits - 32);
    } else if (s.size) {
        v = s.data[0] | (uint64_t)s.data[s.size / 2] << 8 * (s.size / 2) |
            (uint64_t)s.data[s.size - 1] << (bits - 8);
    }
    memcpy(at, &v, 8);
    return put_is_plain(v | blanks << bits) ? at + s.size : NULL;
}

/* The bytes of a string that needs no escape, without quotes; NULL when it does. Room for s.size
 * and PUT_SLACK. */
static inline uint8_t *put_plain(uint8_t *at, struct slice s)
{
    if (s.size < 8)
        return put_short_text(at, s);
    uint64_t v;
    for (size_t i = 0; i + 8 <= s.size; i += 8) {
        v = slice_load8(s.data + i);
        memcpy(at + i, &v, 8);
        if (!put_is_plain(v))
            return NULL;
    }
    v = slice_load8(s.data + s.size - 8);
    memcpy(at + s.size - 8, &v, 8);
    return put_is_plain(v) ? at + s.size : NULL;
}

#endif
