/* syslog_word.h: splits a syslog line into words. For the files of syslog only. */
#ifndef VSOC_PARSERS_SYSLOG_WORD_H
#define VSOC_PARSERS_SYSLOG_WORD_H

#include "core/slice.h"

static inline bool syslog_is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static inline struct slice syslog_from(struct slice s, size_t at)
{
    return slice_sub(s, at, s.size);
}

static inline struct slice syslog_skip_blanks(struct slice s)
{
    while (s.size && s.data[0] == ' ')
        s = syslog_from(s, 1);
    return s;
}

/* Bytes up to the next blank. */
static inline size_t syslog_word_bytes(struct slice s)
{
    const uint8_t *space = slice_find_byte(s, ' ');
    return space ? (size_t)(space - s.data) : s.size;
}

/* Bytes up to the next blank; *s moves past it. */
static inline struct slice syslog_take_word(struct slice *s)
{
    size_t size = syslog_word_bytes(*s);
    struct slice word = slice_sub(*s, 0, size);
    *s = syslog_from(*s, size + 1);
    return word;
}

/* PRINTUSASCII, at least one. */
static inline bool syslog_is_printable(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.data[i] < 33 || s.data[i] > 126)
            return false;
    return s.size > 0;
}

#endif
