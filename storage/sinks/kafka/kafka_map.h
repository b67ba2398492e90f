/* kafka_map.h: an event in the names of another schema, by a list of steps (kafka_ecs.def,
 * kafka_ocsf.def). For kafka_value.c and the reference pages. Thread: any; the lists are immutable.
 *
 *   MAP_OPEN(key)             an object, left out when nothing is written into it
 *   MAP_OPEN_IF(key, field)   the same, and left out without the field
 *   MAP_OPEN_ITEM(key)        an array of one such object
 *   MAP_CLOSE, MAP_CLOSE_ITEM
 *   MAP_CONST(key, json)
 *   MAP_FIELD(key, field, form)
 *   MAP_FIRST(key, field, form, second, second_form)   the first field that is set
 *   MAP_REST(key)             an object of all fields that no step has written, in the names of the
 *                             event model, less what kafka_lean.def leaves out */
#ifndef VSOC_STORAGE_KAFKA_MAP_H
#define VSOC_STORAGE_KAFKA_MAP_H

#include "core/event/event_json.h"

enum kafka_map_kind {
    KAFKA_MAP_OPEN,
    KAFKA_MAP_OPEN_ITEM,
    KAFKA_MAP_CLOSE,
    KAFKA_MAP_CLOSE_ITEM,
    KAFKA_MAP_CONST,
    KAFKA_MAP_FIELD,
    KAFKA_MAP_REST,
    KAFKA_MAP_END,
};

enum kafka_map_form {
    KAFKA_MAP_PLAIN,           /* as core/event/event_json.h writes the field */
    KAFKA_MAP_INTEGER,         /* a number, however large */
    KAFKA_MAP_WORD,            /* a number as text */
    KAFKA_MAP_MS,              /* ns as ms since 1970 */
    KAFKA_MAP_TIME,            /* ns as RFC 3339 */
    KAFKA_MAP_ARRAY,           /* an array with the text */
    KAFKA_MAP_LAST_PART,       /* of a path */
    KAFKA_MAP_ATTACKS,         /* texts as [{"technique":{"uid":…}}] */
    KAFKA_MAP_VULNERABILITIES, /* texts as [{"cve":{"uid":…}}] */
};

#define KAFKA_MAP_NO_FIELD EVENT_FIELD_COUNT

struct kafka_map_step {
    enum kafka_map_kind kind;
    const char *key;  /* of CONST, FIELD, OPEN, OPEN_ITEM, REST */
    const char *head; /* the text of a member's start: a comma, the key and what it opens, or the
                         whole constant */
    size_t head_size;
    const char *json;               /* of CONST */
    enum event_field field, second; /* or KAFKA_MAP_NO_FIELD; of OPEN the condition */
    enum kafka_map_form form, second_form;
};

extern const struct kafka_map_step kafka_map_ecs[], kafka_map_ocsf[]; /* ended by END */
/* What json_lean writes. */
const struct event_json_style *kafka_map_lean(void);

/* Appends the event. Errors are sticky in w->status. */
void kafka_map_write(struct writer *w, const struct event *event,
                     const struct kafka_map_step *steps, struct event_json_memo *memo);

#endif
