/* line_scan.h: matches fixed phrases in a message for people. Thread: any. */
#ifndef VSOC_PARSERS_LINE_SCAN_H
#define VSOC_PARSERS_LINE_SCAN_H

#include "core/slice.h"

/* Moves *s past the phrase at its head; false when it does not start with it. */
static inline bool line_take(struct slice *s, const char *words)
{
    size_t size = strlen(words);
    if (!slice_starts_with(*s, words))
        return false;
    *s = slice_make(s->data + size, s->size - size);
    return true;
}

/* The text before the next `end`, or all of it; *s moves past it. */
static inline struct slice line_until(struct slice *s, char end)
{
    const uint8_t *at = slice_find_byte(*s, end);
    size_t size = at ? (size_t)(at - s->data) : s->size;
    struct slice word = slice_sub(*s, 0, size);
    *s = slice_sub(*s, size + (at != NULL), s->size);
    return word;
}

/* Offset of the last occurrence of the phrase in s, s.size when it does not occur. The text before
 * it may be user input. */
static inline size_t line_find_last(struct slice s, const char *words)
{
    size_t size = strlen(words);
    for (size_t at = s.size < size ? 0 : s.size - size + 1; at-- > 0;)
        if (!memcmp(s.data + at, words, size))
            return at;
    return s.size;
}

/* Offset after the first occurrence of the phrase, 0 when it does not occur. */
static inline size_t line_find(struct slice s, const char *words)
{
    const uint8_t *at = s.size ? memmem(s.data, s.size, words, strlen(words)) : NULL;
    return at ? (size_t)(at - s.data) + strlen(words) : 0;
}

#endif
