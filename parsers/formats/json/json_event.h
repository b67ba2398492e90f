/* json_event.h: JSON objects that are not native events: ECS, OCSF and any other → events. Thread:
 * any, one owner. */
#ifndef VSOC_PARSERS_JSON_EVENT_H
#define VSOC_PARSERS_JSON_EVENT_H

#include "parsers/fill/text_event.h"

enum json_event_kind {
    JSON_EVENT_NATIVE, /* has event_name or sev_id: a native event */
    JSON_EVENT_ECS,    /* Elastic Common Schema: ecs.version, or ecs and @timestamp */
    JSON_EVENT_OCSF,   /* Open Cybersecurity Schema Framework: class_uid and metadata */
    JSON_EVENT_OTHER,
};

/* Decides by the members of the object itself. The document was read with vsoc_json_names. */
enum json_event_kind json_event_kind(const struct json_document *document);
/* Fills t from the object; members without a column are kept in t->attributes. */
void json_event_fill(struct text_event *t, const struct json_document *document,
                     enum json_event_kind kind);
/* The same, and emits the event, or answers MALFORMED. */
void json_event_emit(struct text_event *t, const struct json_document *document,
                     enum json_event_kind kind, struct parser_outcome *outcome);

/* The tables of paths, one a kind; before main. */
struct json_path_table;
extern struct json_path_table json_event_ecs, json_event_ocsf, json_event_other;

#endif
