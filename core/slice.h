/* slice.h: pointer and length of bytes owned by somebody else. */
#ifndef VSOC_CORE_SLICE_H
#define VSOC_CORE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes owned by somebody else. data may be NULL only when size is 0. Not NUL-terminated. */
struct slice {
    const uint8_t *data;
    size_t size; /* bytes */
};

/* Several slices, owned by whoever owns the items array. */
struct slice_list {
    const struct slice *items;
    size_t count;
};

#define SLICE_EMPTY ((struct slice){NULL, 0})
/* Slice of a string literal, without its NUL. */
#define SLICE_LITERAL(text) ((struct slice){(const uint8_t *)("" text), sizeof(text) - 1})
/* For printf("%.*s", SLICE_ARGS(s)). */
#define SLICE_ARGS(s) (int)(s).size, (const char *)(s).data

static inline struct slice slice_make(const void *data, size_t size)
{
    return (struct slice){(const uint8_t *)data, size};
}

static inline struct slice slice_from_text(const char *text)
{
    return slice_make(text, text ? strlen(text) : 0);
}

/* [start, start + size) of s, cut to what s has. */
static inline struct slice slice_sub(struct slice s, size_t start, size_t size)
{
    if (start >= s.size)
        return SLICE_EMPTY;
    size_t left = s.size - start;
    return slice_make(s.data + start, size < left ? size : left);
}

static inline uint64_t slice_load8(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline uint64_t slice_load4(const uint8_t *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* The n bytes at p, less than 8 and at least 1, as the low bytes of a word. The loads overlap, and
 * read nothing else. */
static inline uint64_t slice_load_some(const uint8_t *p, size_t n)
{
    if (n >= 4)
        return slice_load4(p) | slice_load4(p + n - 4) << (8 * (n - 4));
    return p[0] | (uint64_t)p[n / 2] << (8 * (n / 2)) | (uint64_t)p[n - 1] << (8 * (n - 1));
}

/* First and last bytes of s: together with the size they identify texts of up to 16 bytes. */
struct slice_ends {
    uint64_t head, tail;
};

/* The loads overlap where the size is between two steps. */
static inline struct slice_ends slice_ends_of(struct slice s)
{
    const uint8_t *p = s.data;
    size_t n = s.size;
    if (n >= 8)
        return (struct slice_ends){slice_load8(p), slice_load8(p + n - 8)};
    if (n >= 4)
        return (struct slice_ends){slice_load4(p), slice_load4(p + n - 4)};
    if (n)
        return (struct slice_ends){p[0] | (uint64_t)p[n / 2] << 8, p[n - 1]};
    return (struct slice_ends){0, 0};
}

/* Most texts are short or differ at an end: a call of memcmp is the last resort. */
static inline bool slice_equal(struct slice a, struct slice b)
{
    if (a.size != b.size)
        return false;
    struct slice_ends x = slice_ends_of(a), y = slice_ends_of(b);
    return x.head == y.head && x.tail == y.tail &&
           (a.size <= 16 || memcmp(a.data + 8, b.data + 8, a.size - 16) == 0);
}

/* Most texts that are compared with a table's differ in the first byte: no length is needed then.
 */
static inline bool slice_may_start_with(struct slice s, const char *text)
{
    return !*text || (s.size && s.data[0] == (uint8_t)*text);
}

/* Compared with a literal, whose size and words are constants then. */
static inline __attribute__((always_inline)) bool slice_equal_literal(struct slice a,
                                                                      const char *text)
{
    return a.size == strlen(text) && memcmp(a.data, text, strlen(text)) == 0;
}

static inline bool slice_equal_any_text(struct slice a, const char *text)
{
    return slice_may_start_with(a, text) && slice_equal(a, slice_from_text(text));
}

static inline __attribute__((always_inline)) bool slice_equal_text(struct slice a, const char *text)
{
    if (__builtin_constant_p(strlen(text)))
        return strlen(text) ? slice_equal_literal(a, text) : !a.size;
    return slice_equal_any_text(a, text);
}

/* Equal but for ASCII letter case. */
static inline bool slice_equal_nocase(struct slice a, const char *text)
{
    if (a.size && ((a.data[0] ^ (uint8_t)*text) & 0xdf))
        return false;
    struct slice b = slice_from_text(text);
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++) {
        uint8_t x = a.data[i], y = b.data[i];
        if (x >= 'A' && x <= 'Z')
            x = (uint8_t)(x + 32);
        if (y >= 'A' && y <= 'Z')
            y = (uint8_t)(y + 32);
        if (x != y)
            return false;
    }
    return true;
}

static inline bool slice_starts_with_any(struct slice s, const char *text)
{
    if (!slice_may_start_with(s, text))
        return false;
    size_t n = strlen(text);
    return s.size >= n && memcmp(s.data, text, n) == 0;
}

static inline __attribute__((always_inline)) bool slice_starts_with(struct slice s,
                                                                    const char *text)
{
    if (__builtin_constant_p(strlen(text)))
        return !*text || (s.size >= strlen(text) && memcmp(s.data, text, strlen(text)) == 0);
    return slice_starts_with_any(s, text);
}

/* The first byte c; NULL: there is none. Unlike memchr it takes an empty slice without data. */
static inline const uint8_t *slice_find_byte(struct slice s, uint8_t c)
{
    return s.size ? (const uint8_t *)memchr(s.data, c, s.size) : NULL;
}

/* s without spaces, tabs, CR and LF at both ends. */
static inline struct slice slice_trim(struct slice s)
{
    while (s.size &&
           (s.data[0] == ' ' || s.data[0] == '\t' || s.data[0] == '\r' || s.data[0] == '\n'))
        s = slice_make(s.data + 1, s.size - 1);
    while (s.size && (s.data[s.size - 1] == ' ' || s.data[s.size - 1] == '\t' ||
                      s.data[s.size - 1] == '\r' || s.data[s.size - 1] == '\n'))
        s.size--;
    return s;
}

#endif
