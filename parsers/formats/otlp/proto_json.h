/* proto_json.h: values as ProtoJSON writes them (protobuf.dev, "ProtoJSON format"): numbers as
 * numbers or text, with fraction and exponent when they are whole; base64 in either alphabet.
 * Thread: any. */
#ifndef VSOC_PARSERS_PROTO_JSON_H
#define VSOC_PARSERS_PROTO_JSON_H

#include "core/json/json.h"
#include "parsers/parser.h"

/* Integers of a node: a number, or its text. *value is exact. False: the node is no whole number
 * that fits. */
bool proto_json_uint(const struct json_node *node, uint64_t *value);
bool proto_json_int(const struct json_node *node, int64_t *value);
enum proto_json_real {
    PROTO_JSON_REAL,
    PROTO_JSON_REAL_HUGE, /* a number that no double holds: *value is not set */
    PROTO_JSON_REAL_NONE,
};
/* Double of a node: a number, its text, "NaN", "Infinity" or "-Infinity". */
enum proto_json_real proto_json_real(const struct json_node *node, double *value);
/* Bytes of a text in base64, in the standard or the URL-safe alphabet, with or without padding.
 * False: invalid, or out of memory. */
bool proto_json_bytes(const struct parser_context *context, struct slice text, struct slice *bytes);

#endif
