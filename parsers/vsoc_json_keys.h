/* vsoc_json_keys.h: what a key of the native event means. Thread: any. */
#ifndef VSOC_PARSERS_VSOC_JSON_KEYS_H
#define VSOC_PARSERS_VSOC_JSON_KEYS_H

#include "core/event.h"

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

/* Meaning of a key. */
struct vsoc_json_key vsoc_json_key_find(struct slice name);

#endif
