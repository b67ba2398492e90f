/* http_query.c: one value of a query. Any thread. Names are compared as they are sent: those that
 * the server knows need no percent-encoding. */
#include "server/http/http_query.h"

#include "core/hex.h"

static enum status decode(struct slice text, struct arena *arena, struct slice *out)
{
    uint8_t *bytes = arena_alloc(arena, text.size);
    size_t size = 0;
    if (!bytes)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == '%') {
            int high = i + 2 < text.size ? hex_digit_value(text.data[i + 1]) : -1;
            int low = i + 2 < text.size ? hex_digit_value(text.data[i + 2]) : -1;
            if (high < 0 || low < 0)
                return STATUS_MALFORMED;
            c = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        bytes[size++] = c;
    }
    *out = slice_make(bytes, size);
    return STATUS_OK;
}

enum status http_query_value(struct slice query, const char *name, struct arena *arena,
                             struct slice *out)
{
    size_t n = strlen(name);
    while (query.size) {
        const uint8_t *end = memchr(query.data, '&', query.size);
        size_t size = end ? (size_t)(end - query.data) : query.size;
        struct slice one = slice_sub(query, 0, size);
        if (slice_starts_with(one, name) && one.size > n && one.data[n] == '=')
            return decode(slice_sub(one, n + 1, one.size), arena, out);
        query = slice_sub(query, size + 1, query.size);
    }
    return STATUS_NOT_FOUND;
}
