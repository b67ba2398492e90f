/* json_bind.h: stores the members of a JSON object where a table says, without nodes. For objects
 * as most senders write them: known keys once each, and texts without escapes, numbers, true and
 * false, or an object of these. Anything else is undecided, and json_parse_named must be asked: it
 * has the last word on every document that has an error. */
#ifndef VSOC_CORE_JSON_BIND_H
#define VSOC_CORE_JSON_BIND_H

#include "core/json/json.h"
#include "core/json/json_names.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a member must be; only these are stored. */
enum json_bind_type {
    JSON_BIND_NOTHING, /* a member of this name is undecided */
    JSON_BIND_TEXT,    /* struct slice */
    JSON_BIND_INT,     /* int64_t */
    JSON_BIND_REAL,    /* double; an integer too */
    JSON_BIND_BOOL,    /* int64_t, 0 or 1 */
    JSON_BIND_OBJECT,  /* struct slice: the bytes of an object of a few scalars without blanks */
    JSON_BIND_RAW,     /* struct slice: the value's bytes, with quotes: a text, or digits alone */
};

/* Meaning of one name. */
struct json_binding {
    uint8_t type; /* enum json_bind_type */
    uint8_t bit;  /* set when the member is stored, 0 to 127; several names may have the same */
    uint16_t offset;
    /* Least and most: of numbers their value, of texts their size. Others are undecided. */
    int64_t min, max;
};

/* Number of a name → its binding; of 0: no binding. */
struct json_bindings {
    const struct json_names *names;
    struct json_binding items[JSON_NAMES_COUNT];
};

/* Reads the object that begins at start, in the body of json_parser_ahead. True: it ends behind
 * *size bytes, each member is stored at its offset from base, and bits says which; texts live as
 * long as the body. False: undecided, base, bits and *size are undefined. Two members with one bit
 * are undecided. Where most objects are undecided, some are not even tried.
 * Thread: the parser's owner. */
bool json_bind(struct json_parser *parser, const struct json_bindings *bindings,
               const uint8_t *start, void *base, uint64_t bits[2], size_t *size) must_check;

#ifdef __cplusplus
}
#endif

#endif
