/* json_head.c: finds the keys of the first object without reading the values. Pure, any thread.
 * Does not check the JSON. */
#include "parsers/read/json/json_head.h"
#include "parsers/read/byte_scan.h"

static unsigned bit_of(struct slice key, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slice_equal_text(key, names[i]))
            return 1u << i;
    return 0;
}

/* Offset after the string whose first byte is at `at`; over head.size when it has no end. */
static size_t string_end(struct slice head, size_t at)
{
    at = byte_scan_either(head, at, '"', '\\');
    while (at < head.size && head.data[at] == '\\')
        at = byte_scan_either(head, at + 2, '"', '\\');
    return at + 1;
}

static unsigned keys_of(struct slice head, const char *const *names, size_t count, unsigned enough)
{
    unsigned seen = 0;
    size_t depth = 0;
    bool is_key = false; /* the next string names a member of the object itself */
    for (size_t i = 0; i < head.size; i++) {
        uint8_t c = head.data[i];
        if (c == '{' || c == '[') {
            is_key = ++depth == 1;
        } else if (c == '}' || c == ']') {
            if (--depth == 0)
                return seen;
        } else if (c == ',') {
            is_key = depth == 1;
        } else if (c == '"') {
            size_t start = i + 1;
            i = string_end(head, start) - 1;
            if (is_key && i < head.size)
                seen |= bit_of(slice_sub(head, start, i - start), names, count);
            if (seen & enough)
                return seen;
            is_key = false;
        }
    }
    return seen;
}

static struct slice without_mark(struct slice head)
{
    if (slice_starts_with(head, "\xEF\xBB\xBF"))
        head = slice_sub(head, 3, head.size);
    return slice_trim(head);
}

unsigned json_head_keys(struct slice head, const char *const *names, size_t count, unsigned enough)
{
    if (head.size && head.data[0] > ' ' && head.data[0] < 0x80 && head.data[0] != '[' &&
        head.data[0] != '{')
        return 0;
    head = without_mark(head);
    if (slice_starts_with(head, "["))
        head = slice_trim(slice_sub(head, 1, head.size));
    return slice_starts_with(head, "{") ? keys_of(head, names, count, enough) : 0;
}

bool json_head_is_json(struct slice head)
{
    if (head.size && head.data[0] == '{')
        return true;
    head = without_mark(head);
    if (!slice_starts_with(head, "["))
        return slice_starts_with(head, "{");
    /* Logs begin lines with [2026-…], [   12.345678], [ERROR]. */
    head = slice_trim(slice_sub(head, 1, head.size));
    return !head.size || memchr("{[]\"", head.data[0], 4);
}
