/* json_node.h: one value of a parsed JSON document. Plain data, any thread. */
#ifndef VSOC_CORE_JSON_NODE_H
#define VSOC_CORE_JSON_NODE_H

#include "core/slice.h"

enum json_type {
    JSON_NULL,
    JSON_BOOL,     /* boolean */
    JSON_INT,      /* integer */
    JSON_BIG_UINT, /* integer of 2^63 to 2^64-1: text holds its digits */
    JSON_DOUBLE,   /* real */
    JSON_STRING,   /* text, unescaped, valid UTF-8, no U+0000 */
    JSON_ARRAY,
    JSON_OBJECT,
};

/* Largest value of repeat; it stays there for further repeats. */
#define JSON_REPEAT_MAX 255

struct json_node {
    uint8_t type; /* enum json_type */
    bool has_key;
    uint8_t name;     /* number of the key among the names given, 0: not among them */
    uint8_t repeat;   /* json_parse_lenient: how often the key occurred before in its object */
    uint32_t span;    /* nodes of this value, itself included */
    struct slice key; /* unescaped, when the parent is an object */
    struct slice raw; /* the value's bytes in the document, containers included */
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct slice text;
    };
};

#endif
