/* json_scalar.h: numbers, literals and strings of JSON (RFC 8259 §3, §6, §7) once their bytes are
 * known to be UTF-8 and their ends are known. For json.cpp only. Thread: any. */
#ifndef VSOC_CORE_JSON_SCALAR_H
#define VSOC_CORE_JSON_SCALAR_H

#include "core/json/json_node.h"
#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Reads true, false, null or a number that takes all of token into type and value of *node. On
 * failure *node is undefined and *detail says why. MALFORMED, OUT_OF_RANGE (does not fit a double).
 */
enum status json_scalar_read(struct slice token, struct json_node *node,
                             const char **detail) must_check;

/* Most numbers are integers or decimals of at most 15 digits: nothing overflows, and digits and
 * power of ten are exact doubles, so that one division rounds correctly (Clinger 1990). True with
 * the value in *node when token, which is not empty, is such a number; false: undecided. */
static inline bool json_number_is_simple(struct slice token, struct json_node *node)
{
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    bool negative = token.data[0] == '-';
    const uint8_t *start = token.data + negative, *end = token.data + token.size, *at = start;
    uint64_t value = 0;
    if (token.size > 16)
        return false;
    for (; at < end && (uint8_t)(*at - '0') < 10; at++)
        value = value * 10 + (uint8_t)(*at - '0');
    if (at == start || (*start == '0' && at - start > 1))
        return false;
    if (at == end) {
        node->type = JSON_INT;
        node->integer = negative ? -(int64_t)value : (int64_t)value;
        return true;
    }
    const uint8_t *fraction = at + 1;
    if (*at != '.' || fraction == end)
        return false;
    for (at = fraction; at < end && (uint8_t)(*at - '0') < 10; at++)
        value = value * 10 + (uint8_t)(*at - '0');
    double real = (double)value / powers[at - fraction];
    node->type = JSON_DOUBLE;
    node->real = negative ? -real : real;
    return at == end;
}

/* True with the value in *node when token is true, false or null. Its size is 1 or more, and 4
 * bytes of it can be read. */
static inline bool json_scalar_is_word(struct slice token, struct json_node *node)
{
    bool is_true = memcmp(token.data, "true", 4) == 0;
    if (token.size == 4 && (is_true || memcmp(token.data, "null", 4) == 0)) {
        node->type = is_true ? JSON_BOOL : JSON_NULL;
        node->boolean = is_true;
        return true;
    }
    node->type = JSON_BOOL;
    node->boolean = false;
    return token.size == 5 && memcmp(token.data, "fals", 4) == 0 && token.data[4] == 'e';
}

/* Unescapes inner, the bytes between a string's quotes, into out, which has room for inner.size
 * bytes. *size: bytes written. On failure *error_at is the offset in inner and *detail says why.
 * MALFORMED (unknown escape, lone surrogate), REFUSED (U+0000). */
enum status json_string_unescape(struct slice inner, uint8_t *out, size_t *size, size_t *error_at,
                                 const char **detail) must_check;

#ifdef __cplusplus
}
#endif

#endif
