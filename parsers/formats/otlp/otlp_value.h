/* otlp_value.h: AnyValue of OTLP, for both encodings. An encoding gives cursors over the children
 * of arrays and maps; the conversion of values is common. Thread: any, one owner. */
#ifndef VSOC_PARSERS_OTLP_VALUE_H
#define VSOC_PARSERS_OTLP_VALUE_H

#include "core/json/json.h"
#include "parsers/read/proto_reader.h"
#include "parsers/fill/text_event.h"

enum otlp_kind {
    OTLP_EMPTY,
    OTLP_TEXT,
    OTLP_BOOL,
    OTLP_INT,
    OTLP_REAL,
    OTLP_BYTES,
    OTLP_ARRAY,
    OTLP_MAP,
};

struct otlp_value;

/* Children of an array, or keys and values of a map. Copies start at the original's position. */
struct otlp_cursor {
    /* Next child; false at the end, and when the next one is invalid: then *error says why. key is
     * empty in an array. NULL: no children. */
    bool (*next)(struct otlp_cursor *cursor, struct slice *key, struct otlp_value *value);
    const char *error; /* sentence, static */
    const struct parser_context *context;
    /* Set by the encodings: a message and the number of its field, or nodes. */
    struct proto_reader message;
    uint32_t number;
    bool is_map;
    const struct json_node *node, *end;
};

struct otlp_value {
    enum otlp_kind kind;
    union {
        struct slice text; /* TEXT (any bytes, in protobuf), BYTES */
        int64_t integer;   /* INT, BOOL */
        double real;
        struct otlp_cursor children;
    };
};

/* Limit of nested arrays and maps in one value, and the error text beyond it. */
#define OTLP_DEPTH_MAX 16
extern const char otlp_too_deep[];

/* The value as JSON: bytes as base64, numbers that JSON can't express as "NaN", "Infinity",
 * "-Infinity"; texts are repaired and keys made unique, with a note in t. Points into memory of the
 * call. False: *error says why, or t->failed. */
bool otlp_value_json(struct text_event *t, const struct otlp_value *value, struct slice *json,
                     const char **error);

#endif
