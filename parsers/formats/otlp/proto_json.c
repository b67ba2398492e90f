/* proto_json.c: reads scalars of ProtoJSON. Pure, any thread. Knows no message types. */
#include "parsers/formats/otlp/proto_json.h"
#include "core/json/json_scalar.h"
#include "core/base64.h"

#include <math.h>

/* ---- integers ---- */

#define DIGITS_MAX 20 /* of 2^64 */

/* A number of RFC 8259 §6: digits without leading zeros and without trailing ones, and the power of
 * ten of the last. */
struct decimal {
    bool negative;
    uint8_t digits[DIGITS_MAX];
    size_t count;
    int64_t power;
    size_t zeros; /* trailing ones, not yet appended to digits */
};

/* False: more digits than a number of 64 bits has. */
static bool add_digit(struct decimal *d, uint8_t c)
{
    if (c == '0') {
        d->zeros += d->count > 0;
        return true;
    }
    if (d->count + d->zeros >= DIGITS_MAX)
        return false;
    memset(d->digits + d->count, 0, d->zeros);
    d->count += d->zeros;
    d->zeros = 0;
    d->digits[d->count++] = (uint8_t)(c - '0');
    return true;
}

static size_t add_digits(struct decimal *d, struct slice text, size_t at, int64_t power, bool *good)
{
    for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
        d->power += power;
        *good &= add_digit(d, text.data[at]);
    }
    return at;
}

#define POWER_MAX 1000000 /* no text of a record is as long */

static bool read_exponent(struct decimal *d, struct slice text, size_t at)
{
    bool negative = at < text.size && text.data[at] == '-';
    int64_t exponent = 0;
    at += at < text.size && (text.data[at] == '-' || text.data[at] == '+');
    size_t start = at;
    for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++)
        if (exponent < POWER_MAX)
            exponent = exponent * 10 + (text.data[at] - '0');
    d->power += negative ? -exponent : exponent;
    return at > start && at == text.size;
}

/* False: text is no number, or one of too many digits. */
static bool read_decimal(struct slice text, struct decimal *d)
{
    bool good = true;
    *d = (struct decimal){.negative = text.size && text.data[0] == '-'};
    size_t start = d->negative, at = add_digits(d, text, start, 0, &good);
    if (at == start || (at - start > 1 && text.data[start] == '0'))
        return false;
    if (at < text.size && text.data[at] == '.') {
        start = ++at;
        at = add_digits(d, text, at, -1, &good);
        good &= at > start;
    }
    if (at < text.size && (text.data[at] | 0x20) == 'e')
        return good && read_exponent(d, text, at + 1);
    return good && at == text.size;
}

/* The magnitude, when it is whole and fits. */
static bool whole_of(const struct decimal *d, uint64_t *value)
{
    uint64_t v = 0;
    int64_t power = d->power + (int64_t)d->zeros;
    if (d->count && (power < 0 || power > DIGITS_MAX))
        return false;
    for (size_t i = 0; i < d->count; i++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, d->digits[i], &v))
            return false;
    for (int64_t i = 0; d->count && i < power; i++)
        if (__builtin_mul_overflow(v, 10, &v))
            return false;
    *value = v;
    return true;
}

static struct slice digits_of(const struct json_node *node)
{
    switch (node->type) {
    case JSON_STRING:
    case JSON_BIG_UINT:
        return node->text;
    case JSON_DOUBLE:
        return node->raw;
    default:
        return SLICE_EMPTY;
    }
}

/* The common case: a text of digits that can't overflow. */
static bool read_plain(const struct json_node *node, uint64_t *value)
{
    uint64_t v = 0;
    struct slice text = node->type == JSON_STRING ? node->text : SLICE_EMPTY;
    if (!text.size || text.size >= DIGITS_MAX || (text.data[0] == '0' && text.size > 1))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = text.data[i] - (unsigned)'0';
        if (digit > 9)
            return false;
        v = v * 10 + digit;
    }
    *value = v;
    return true;
}

bool proto_json_uint(const struct json_node *node, uint64_t *value)
{
    struct decimal d;
    if (read_plain(node, value))
        return true;
    if (node->type == JSON_INT) {
        *value = (uint64_t)node->integer;
        return node->integer >= 0;
    }
    uint64_t v;
    if (!read_decimal(digits_of(node), &d) || !whole_of(&d, &v) || (d.negative && v))
        return false;
    *value = v;
    return true;
}

bool proto_json_int(const struct json_node *node, int64_t *value)
{
    struct decimal d;
    uint64_t v;
    if (node->type == JSON_INT) {
        *value = node->integer;
        return true;
    }
    if (read_plain(node, &v) && v <= INT64_MAX) {
        *value = (int64_t)v;
        return true;
    }
    if (!read_decimal(digits_of(node), &d) || !whole_of(&d, &v) ||
        v > (uint64_t)INT64_MAX + d.negative)
        return false;
    *value = d.negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

/* ---- doubles, bytes ---- */

static enum proto_json_real real_of_text(struct slice text, double *value)
{
    struct json_node node;
    const char *detail;
    if (slice_equal_text(text, "NaN"))
        *value = (double)NAN;
    else if (slice_equal_text(text, "Infinity"))
        *value = (double)INFINITY;
    else if (slice_equal_text(text, "-Infinity"))
        *value = -(double)INFINITY;
    else if (!text.size || (text.data[0] != '-' && (text.data[0] < '0' || text.data[0] > '9')))
        return PROTO_JSON_REAL_NONE;
    else {
        enum status status = json_scalar_read(text, &node, &detail);
        if (status != STATUS_OK)
            return status == STATUS_OUT_OF_RANGE ? PROTO_JSON_REAL_HUGE : PROTO_JSON_REAL_NONE;
        return proto_json_real(&node, value);
    }
    return PROTO_JSON_REAL;
}

/* 2^63 and more, in digits. */
static double real_of_digits(struct slice digits)
{
    uint64_t v = 0;
    for (size_t i = 0; i < digits.size; i++)
        v = v * 10 + (digits.data[i] - (unsigned)'0');
    return (double)v;
}

enum proto_json_real proto_json_real(const struct json_node *node, double *value)
{
    switch (node->type) {
    case JSON_INT:
        *value = (double)node->integer;
        return PROTO_JSON_REAL;
    case JSON_DOUBLE:
        *value = node->real;
        return PROTO_JSON_REAL;
    case JSON_BIG_UINT:
        *value = real_of_digits(node->text);
        return PROTO_JSON_REAL;
    case JSON_STRING:
        return real_of_text(node->text, value);
    default:
        return PROTO_JSON_REAL_NONE;
    }
}

bool proto_json_bytes(const struct parser_context *context, struct slice text, struct slice *bytes)
{
    uint8_t *standard = context->alloc(context, text.size + 1);
    uint8_t *out = context->alloc(context, base64_decoded_max(text.size));
    if (!standard || !out)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        standard[i] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    return base64_decode(slice_make(standard, text.size), out, bytes) == STATUS_OK;
}
