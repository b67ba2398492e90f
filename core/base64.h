/* base64.h: base64 text → bytes (RFC 4648 §4). Thread: any. */
#ifndef VSOC_CORE_BASE64_H
#define VSOC_CORE_BASE64_H

#include "core/slice.h"
#include "core/status.h"

/* Bytes that text_bytes characters may decode to. */
static inline size_t base64_decoded_max(size_t text_bytes)
{
    return text_bytes / 4 * 3 + 3;
}

/* Value of a character of either alphabet (RFC 4648 §4, and §5: - and _); -1: it is in none. */
static inline int base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Decodes text of §4 into out (base64_decoded_max bytes) and points *bytes at it. Padding may be
 * left out; MALFORMED for any other character, for bits that would be lost, or for a wrong length.
 */
enum status base64_decode(struct slice text, uint8_t *out, struct slice *bytes) must_check;

#endif
