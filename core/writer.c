/* writer.c: growth of the byte writer, and the text forms: decimal, hex, base64, JSON. Thread: the
 * writer's owner. Does not check UTF-8. */
#include "core/writer.h"
#include "core/json_text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define WRITER_FIRST_BYTES ((size_t)256)

static const char hex_digits[] = "0123456789abcdef";

void writer_init(struct writer *w, size_t limit_bytes)
{
    *w = (struct writer){.limit = limit_bytes, .status = STATUS_OK};
}

void writer_fini(struct writer *w)
{
    free(w->data);
    w->data = NULL;
    w->size = w->capacity = 0;
}

#define WRITER_TRIM_BYTES ((size_t)4096)

void writer_trim(struct writer *w)
{
    if (w->capacity - w->size < WRITER_TRIM_BYTES)
        return;
    size_t capacity = w->size ? w->size : 1;
    uint8_t *data = realloc(w->data, capacity);
    if (!data)
        return;
    w->data = data;
    w->capacity = capacity;
}

bool writer_reserve_slow(struct writer *w, size_t size)
{
    if (w->status != STATUS_OK)
        return false;
    if (size <= w->capacity - w->size)
        return true;
    if (w->size > w->limit || size > w->limit - w->size) {
        w->status = STATUS_TOO_LARGE;
        return false;
    }
    size_t need = w->size + size;
    size_t capacity = w->capacity ? w->capacity : WRITER_FIRST_BYTES;
    while (capacity < need && capacity <= w->limit / 2)
        capacity *= 2;
    if (capacity < need || capacity > w->limit)
        capacity = w->limit;
    uint8_t *data = realloc(w->data, capacity);
    if (!data) {
        w->status = STATUS_NO_MEMORY;
        return false;
    }
    w->data = data;
    w->capacity = capacity;
    return true;
}

void writer_decimal(struct writer *w, int64_t v)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";
    char digits[20];
    size_t start = sizeof digits;
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    for (; rest >= 10; rest /= 100)
        memcpy(digits + (start -= 2), pairs + 2 * (rest % 100), 2);
    if (rest || start == sizeof digits)
        digits[--start] = (char)('0' + rest);
    if (v < 0)
        digits[--start] = '-';
    writer_bytes(w, digits + start, sizeof digits - start);
}

void writer_hex(struct writer *w, struct slice s)
{
    if (s.size == 0 || s.size > SIZE_MAX / 2 || !writer_reserve(w, 2 * s.size))
        return;
    uint8_t *out = w->data + w->size;
    for (size_t i = 0; i < s.size; i++) {
        *out++ = (uint8_t)hex_digits[s.data[i] >> 4];
        *out++ = (uint8_t)hex_digits[s.data[i] & 15];
    }
    w->size += 2 * s.size;
}

void writer_base64(struct writer *w, struct slice s)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (s.size == 0 || s.size > SIZE_MAX / 2 || !writer_reserve(w, (s.size + 2) / 3 * 4))
        return;
    uint8_t *out = w->data + w->size;
    w->size += (s.size + 2) / 3 * 4;
    for (size_t i = 0; i < s.size; i += 3) {
        size_t left = s.size - i;
        uint32_t v = (uint32_t)s.data[i] << 16 | (left > 1 ? (uint32_t)s.data[i + 1] << 8 : 0) |
                     (left > 2 ? s.data[i + 2] : 0);
        *out++ = (uint8_t)alphabet[v >> 18];
        *out++ = (uint8_t)alphabet[v >> 12 & 63];
        *out++ = left > 1 ? (uint8_t)alphabet[v >> 6 & 63] : '=';
        *out++ = left > 2 ? (uint8_t)alphabet[v & 63] : '=';
    }
}

/* Length of the run at the head of s[0, size) that needs no escape in a JSON string. Checks eight
 * bytes at a time; at the end of a text the blocks overlap. */
static size_t json_plain_run(const uint8_t *s, size_t size)
{
    size_t i = 0;
    while (i + 8 <= size && json_text_is_plain(slice_load8(s + i)))
        i += 8;
    if (i + 8 > size && size >= 8 && json_text_is_plain(slice_load8(s + size - 8)))
        return size;
    if (size >= 4 && size < 8 &&
        json_text_is_plain(slice_load4(s) | slice_load4(s + size - 4) << 32))
        return size;
    while (i < size && s[i] >= 0x20 && s[i] != '"' && s[i] != '\\')
        i++;
    return i;
}

static void json_escape_byte(struct writer *w, uint8_t byte)
{
    static const char short_forms[] = "btn\0fr"; /* 0x08 … 0x0d */
    if (byte == '"' || byte == '\\') {
        writer_bytes(w, (const uint8_t[]){'\\', byte}, 2);
    } else if (byte >= 0x08 && byte <= 0x0d && short_forms[byte - 8]) {
        writer_bytes(w, (const uint8_t[]){'\\', (uint8_t)short_forms[byte - 8]}, 2);
    } else {
        writer_bytes(w, "\\u00", 4);
        writer_hex(w, slice_make(&byte, 1));
    }
}

/* Bytes that the escape of a byte adds. */
static size_t json_escape_more(uint8_t byte)
{
    bool has_short = byte == '"' || byte == '\\' || (byte >= 0x08 && byte <= 0x0d && byte != 0x0b);
    return has_short ? 1 : 5;
}

size_t writer_json_fitting(struct slice s, size_t more)
{
    if (s.size <= more / 5)
        return s.size;
    for (size_t i = json_plain_run(s.data, s.size); i < s.size;) {
        size_t one = json_escape_more(s.data[i]);
        if (one > more)
            return i; /* an escaped byte is a character */
        more -= one;
        i++;
        i += json_plain_run(s.data + i, s.size - i);
    }
    return s.size;
}

void writer_json_string(struct writer *w, struct slice s)
{
    writer_u8(w, '"');
    while (s.size && writer_reserve(w, s.size + 1)) {
        size_t run = json_text_copy(w->data + w->size, s);
        w->size += run;
        if (run == s.size)
            break;
        json_escape_byte(w, s.data[run]);
        s = slice_make(s.data + run + 1, s.size - run - 1);
    }
    writer_u8(w, '"');
}

/* Sensors rarely send more than three decimals: these are written without printf. Two different
 * decimals of at most 15 digits never read as the same double, so what reads back is the shortest.
 */
static bool write_thousandths(struct writer *w, double v)
{
    if (!(v > -1e9 && v < 1e9) || v == 0)
        return false;
    int64_t scaled = (int64_t)(v * 1000 + (v < 0 ? -0.5 : 0.5));
    if ((double)scaled / 1000 != v)
        return false;
    if (v < 0)
        writer_u8(w, '-');
    uint64_t rest = v < 0 ? 0 - (uint64_t)scaled : (uint64_t)scaled;
    writer_decimal(w, (int64_t)(rest / 1000));
    char decimals[4] = {'.', (char)('0' + rest / 100 % 10), (char)('0' + rest / 10 % 10),
                        (char)('0' + rest % 10)};
    size_t size = sizeof decimals;
    while (decimals[size - 1] == '0')
        size--;
    writer_bytes(w, decimals, size);
    return true;
}

void writer_json_double(struct writer *w, double v)
{
    if (!isfinite(v)) {
        writer_text(w, "null");
        return;
    }
    if (v > -1e15 && v < 1e15 && (double)(int64_t)v == v && !(v == 0 && signbit(v))) {
        writer_decimal(w, (int64_t)v);
        return;
    }
    if (write_thousandths(w, v))
        return;
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    writer_text(w, text);
}

void writer_format(struct writer *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0 || !writer_reserve(w, (size_t)size + 1)) /* vsnprintf ends with a NUL */
        return;
    va_start(args, format);
    vsnprintf((char *)w->data + w->size, (size_t)size + 1, format, args);
    va_end(args);
    w->size += (size_t)size;
}
