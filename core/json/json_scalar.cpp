/* json_scalar.cpp: value of one JSON number, literal or escaped string. Any thread. Does not find
 * the end of a token and does not check UTF-8: simdjson's first stage does. C++ for
 * std::from_chars, the only correctly rounded, locale-independent reader of doubles available. */
#include "core/json/json_scalar.h"
#include "core/utf8.h"

#include <charconv>

namespace
{
bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Offsets of the parts of a number: -, integer digits, fraction digits, exponent. */
struct number_shape {
    bool negative, real;
    size_t integer_start, integer_end;
    size_t fraction_start, fraction_end;
    size_t exponent_start; /* after e; 0: no exponent */
};

size_t skip_digits(struct slice token, size_t at)
{
    while (at < token.size && is_digit(token.data[at]))
        at++;
    return at;
}

/* RFC 8259 §6, all of token. */
bool number_scan(struct slice token, struct number_shape *shape)
{
    size_t at = 0;
    *shape = {};
    shape->negative = token.data[0] == '-';
    at = shape->integer_start = shape->negative;
    at = shape->integer_end = skip_digits(token, at);
    size_t digits = at - shape->integer_start;
    if (digits == 0 || (digits > 1 && token.data[shape->integer_start] == '0'))
        return false;
    if (at < token.size && token.data[at] == '.') {
        shape->real = true;
        shape->fraction_start = at + 1;
        at = shape->fraction_end = skip_digits(token, at + 1);
        if (shape->fraction_start == at)
            return false;
    }
    if (at < token.size && (token.data[at] | 0x20) == 'e') {
        shape->real = true;
        shape->exponent_start = ++at;
        if (at < token.size && (token.data[at] == '+' || token.data[at] == '-'))
            at++;
        size_t first = at;
        at = skip_digits(token, at);
        if (first == at)
            return false;
    }
    return at == token.size;
}

/* Power of ten of the first digit that is not zero, roughly: enough to distinguish 1e999 from
 * 1e-999. */
bool number_is_huge(struct slice token, const struct number_shape *shape)
{
    int64_t exponent = 0;
    if (shape->exponent_start) {
        size_t at = shape->exponent_start;
        bool negative = token.data[at] == '-';
        at += negative || token.data[at] == '+';
        for (; at < token.size && exponent < INT64_C(1000000000000); at++)
            exponent = exponent * 10 + (token.data[at] - '0');
        if (negative)
            exponent = -exponent;
    }
    if (token.data[shape->integer_start] != '0')
        return exponent + (int64_t)(shape->integer_end - shape->integer_start) > 0;
    size_t at = shape->fraction_start;
    while (at < shape->fraction_end && token.data[at] == '0')
        at++;
    return at < shape->fraction_end && exponent > (int64_t)(at - shape->fraction_start);
}

enum status real_read(struct slice token, const struct number_shape *shape, struct json_node *node,
                      const char **detail)
{
    const char *first = (const char *)token.data, *end = first + token.size;
    double real = 0;
    std::from_chars_result result = std::from_chars(first, end, real);
    if (result.ec == std::errc::result_out_of_range) {
        if (number_is_huge(token, shape)) {
            *detail = "number is too large for a double";
            return STATUS_OUT_OF_RANGE;
        }
        real = shape->negative ? -0.0 : 0.0;
    } else if (result.ec != std::errc() || result.ptr != end) {
        *detail = "number does not follow JSON";
        return STATUS_MALFORMED;
    }
    node->type = JSON_DOUBLE;
    node->real = real;
    return STATUS_OK;
}

/* Any number. */
enum status number_read(struct slice token, struct json_node *node, const char **detail)
{
    struct number_shape shape;
    if (!number_scan(token, &shape)) {
        *detail = "number does not follow JSON";
        return STATUS_MALFORMED;
    }
    size_t digits = shape.integer_end - shape.integer_start;
    if (shape.real || digits > 20)
        return real_read(token, &shape, node, detail);
    uint64_t value = 0;
    for (size_t at = shape.integer_start; at < shape.integer_end; at++) {
        uint64_t digit = token.data[at] - '0';
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, digit, &value))
            return real_read(token, &shape, node, detail);
    }
    if (value <= (uint64_t)INT64_MAX + shape.negative) {
        node->type = JSON_INT;
        node->integer = (int64_t)(shape.negative ? 0 - value : value);
    } else if (!shape.negative) {
        node->type = JSON_BIG_UINT;
        node->text = token;
    } else {
        return real_read(token, &shape, node, detail);
    }
    return STATUS_OK;
}

int hex_digit(uint8_t c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of \uXXXX at data, or -1. */
int32_t hex4(struct slice inner, size_t at)
{
    if (inner.size - at < 4)
        return -1;
    int32_t code = 0;
    for (size_t i = at; i < at + 4; i++) {
        int digit = hex_digit(inner.data[i]);
        if (digit < 0)
            return -1;
        code = code << 4 | digit;
    }
    return code;
}

/* The \u escape whose backslash is at *at; moves *at past it, past both halves of a surrogate pair.
 */
enum status unicode_read(struct slice inner, size_t *at, uint32_t *code, const char **detail)
{
    int32_t high = hex4(inner, *at + 2);
    if (high < 0) {
        *detail = "\\u needs four hex digits";
        return STATUS_MALFORMED;
    }
    if (high == 0) {
        *detail = "text contains U+0000";
        return STATUS_REFUSED;
    }
    *code = (uint32_t)high;
    size_t next = *at + 6;
    if (high >= 0xd800 && high <= 0xdfff) {
        bool pair = high < 0xdc00 && inner.size - next >= 6 && inner.data[next] == '\\' &&
                    inner.data[next + 1] == 'u';
        int32_t low = pair ? hex4(inner, next + 2) : -1;
        if (low < 0xdc00 || low > 0xdfff) {
            *detail = "unpaired surrogate";
            return STATUS_MALFORMED;
        }
        *code = 0x10000 + ((uint32_t)high - 0xd800) * 0x400 + ((uint32_t)low - 0xdc00);
        next += 6;
    }
    *at = next;
    return STATUS_OK;
}

/* Character of a two-character escape, 0 for an unknown escape. */
uint8_t short_escape(uint8_t c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

/* The escape whose backslash is at *at. */
enum status escape_read(struct slice inner, size_t *at, uint8_t *out, size_t *size,
                        const char **detail)
{
    uint8_t c = *at + 1 < inner.size ? inner.data[*at + 1] : 0;
    if (c == 'u') {
        uint32_t code = 0;
        enum status status = unicode_read(inner, at, &code, detail);
        if (status == STATUS_OK)
            *size += utf8_write(code, out + *size);
        return status;
    }
    uint8_t plain = short_escape(c);
    if (!plain) {
        *detail = "unknown escape in a string";
        return STATUS_MALFORMED;
    }
    out[(*size)++] = plain;
    *at += 2;
    return STATUS_OK;
}
} // namespace

enum status json_scalar_read(struct slice token, struct json_node *node, const char **detail)
{
    uint8_t c = token.data[0];
    if (c == '-' || is_digit(c))
        return json_number_is_simple(token, node) ? STATUS_OK : number_read(token, node, detail);
    if (slice_equal(token, SLICE_LITERAL("null"))) {
        node->type = JSON_NULL;
        return STATUS_OK;
    }
    bool is_true = slice_equal(token, SLICE_LITERAL("true"));
    if (is_true || slice_equal(token, SLICE_LITERAL("false"))) {
        node->type = JSON_BOOL;
        node->boolean = is_true;
        return STATUS_OK;
    }
    *detail = "a value is expected here";
    return STATUS_MALFORMED;
}

enum status json_string_unescape(struct slice inner, uint8_t *out, size_t *size, size_t *error_at,
                                 const char **detail)
{
    size_t written = 0, at = 0;
    while (at < inner.size) {
        const void *found = memchr(inner.data + at, '\\', inner.size - at);
        size_t plain = found ? (size_t)((const uint8_t *)found - inner.data) - at : inner.size - at;
        memcpy(out + written, inner.data + at, plain);
        written += plain;
        at += plain;
        if (!found)
            break;
        enum status status = escape_read(inner, &at, out, &written, detail);
        if (status != STATUS_OK) {
            *error_at = at;
            return status;
        }
    }
    *size = written;
    return STATUS_OK;
}
