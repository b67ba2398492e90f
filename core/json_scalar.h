/* json_scalar.h: numbers, literals and strings of JSON (RFC 8259 §3, §6, §7) once their bytes are
 * known to be UTF-8 and their ends are known. For json.cpp only. Thread: any. */
#ifndef VSOC_CORE_JSON_SCALAR_H
#define VSOC_CORE_JSON_SCALAR_H

#include "core/json.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Reads true, false, null or a number that takes all of token into type and value of *node. On
 * failure *node is undefined and *detail says why. MALFORMED, OUT_OF_RANGE (does not fit a double).
 */
enum status json_scalar_read(struct slice token, struct json_node *node,
                             const char **detail) must_check;

/* Unescapes inner, the bytes between a string's quotes, into out, which has room for inner.size
 * bytes. *size: bytes written. On failure *error_at is the offset in inner and *detail says why.
 * MALFORMED (unknown escape, lone surrogate), REFUSED (U+0000). */
enum status json_string_unescape(struct slice inner, uint8_t *out, size_t *size, size_t *error_at,
                                 const char **detail) must_check;

#ifdef __cplusplus
}
#endif

#endif
