/* vsoc_json_keys.h: what a key of the native event means. Thread: any. */
#ifndef VSOC_PARSERS_VSOC_JSON_KEYS_H
#define VSOC_PARSERS_VSOC_JSON_KEYS_H

#include "core/event.h"
#include "core/json.h"
#include "core/json_names.h"

enum vsoc_json_key_kind {
    VSOC_JSON_KEY_UNKNOWN, /* kept in attributes; so are names that belong to the server */
    VSOC_JSON_KEY_FIELD,   /* a field of the model that a sender may set */
    VSOC_JSON_KEY_VIN,
    VSOC_JSON_KEY_TIME,
};

struct vsoc_json_key {
    enum vsoc_json_key_kind kind;
    const struct event_field_info *field; /* of FIELD */
};

/* The names of the native event, for json_parse_named. */
extern struct json_names vsoc_json_names;
/* Meaning of each, by its number; of 0: UNKNOWN. */
extern struct vsoc_json_key vsoc_json_keys[JSON_NAMES_MAX + 1];

#endif
