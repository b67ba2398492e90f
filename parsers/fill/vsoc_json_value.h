/* vsoc_json_value.h: JSON values → members of struct event, by the kind of the field. */
#ifndef VSOC_PARSERS_VSOC_JSON_VALUE_H
#define VSOC_PARSERS_VSOC_JSON_VALUE_H

#include "core/json/json.h"
#include "core/status.h"
#include "parsers/parser.h"

/* Any kind, any type: see vsoc_json_value_read. */
enum status vsoc_json_value_read_any(const struct parser_context *context,
                                     const struct json_node *nodes,
                                     const struct event_field_info *field,
                                     struct event *event) must_check;

/* Reads nodes[0] (and its children) into the field of *event and marks it. Does not check ranges:
 * the normaliser does. WRONG_TYPE, OUT_OF_RANGE, MALFORMED (invalid time, base64 or number),
 * NO_MEMORY. Thread: the one that parses. */
must_check static inline enum status vsoc_json_value_read(const struct parser_context *context,
                                                          const struct json_node *nodes,
                                                          const struct event_field_info *field,
                                                          struct event *event)
{
    if (field->kind == EVENT_KIND_TEXT && nodes->type == JSON_STRING)
        *event_slice_at(event, field) = nodes->text;
    else if (field->kind == EVENT_KIND_INT && nodes->type == JSON_INT)
        *event_int_at(event, field) = nodes->integer;
    else
        return vsoc_json_value_read_any(context, nodes, field, event);
    event_mark(event, (enum event_field)(field - event_field_table));
    return STATUS_OK;
}

/* RFC 3339, or an epoch number or its digits as text. Same statuses. */
enum status vsoc_json_time_read(const struct json_node *node, int64_t *ns) must_check;

/* What a field of this kind takes, for people. */
const char *vsoc_json_value_wanted(enum event_kind kind);

#endif
