/* A bounded text writer with a sticky overflow: write everything, look at it once. */
#ifndef LOAD_TESTS_FLEET_TEXT_H
#define LOAD_TESTS_FLEET_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* The caller owns the buffer. `used` never passes `capacity`; nothing is zero-terminated. */
struct fleet_text {
    char *data;
    size_t used, capacity;
    bool overflow;
};

/* Appends bytes. When they do not fit nothing is written and `overflow` stays set. */
static inline void fleet_text_put(struct fleet_text *text, const char *bytes, size_t size)
{
    if (text->overflow || size > text->capacity - text->used) {
        text->overflow = true;
        return;
    }
    memcpy(text->data + text->used, bytes, size);
    text->used += size;
}

/* Appends a zero-terminated string. */
static inline void fleet_text_puts(struct fleet_text *text, const char *string)
{
    fleet_text_put(text, string, strlen(string));
}

/* Appends formatted text; one call may write up to 511 bytes. */
__attribute__((format(printf, 2, 3))) static inline void fleet_text_printf(struct fleet_text *text,
                                                                           const char *format, ...)
{
    char piece[512];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= sizeof piece)
        text->overflow = true;
    else
        fleet_text_put(text, piece, (size_t)size);
}

#endif
