/* vsoc_json_keys.h: meaning of a native event's key. Thread: any. */
#ifndef VSOC_PARSERS_VSOC_JSON_KEYS_H
#define VSOC_PARSERS_VSOC_JSON_KEYS_H

#include "core/event.h"
#include "core/json/json.h"
#include "core/json/json_names.h"

enum vsoc_json_key_kind {
    VSOC_JSON_KEY_UNKNOWN, /* kept in attributes; so are names that belong to the server */
    VSOC_JSON_KEY_FIELD,   /* a field of the model that a sender may set */
    VSOC_JSON_KEY_VIN,
    VSOC_JSON_KEY_TIME,
};

/* as_is of a field whose values are all converted: no node has this type. */
#define VSOC_JSON_KEY_CONVERTED UINT8_MAX

/* Small: the key of each member of each record is looked up here. */
struct vsoc_json_key {
    uint8_t kind;    /* enum vsoc_json_key_kind */
    uint8_t value;   /* of FIELD: enum event_kind */
    uint8_t field;   /* of FIELD: enum event_field */
    uint8_t as_is;   /* of FIELD: enum json_type that is stored without a conversion */
    uint16_t offset; /* of FIELD: of its member in struct event */
};

/* Both tables are made before main by a constructor of this priority. */
#define VSOC_JSON_KEYS_PRIORITY 101

/* The names of the native event, for json_parse_named. */
extern struct json_names vsoc_json_names;
/* Meaning of each, by its number; of 0: UNKNOWN. */
extern struct vsoc_json_key vsoc_json_keys[JSON_NAMES_MAX + 1];

#endif
