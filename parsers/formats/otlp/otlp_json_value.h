/* otlp_json_value.h: AnyValue and KeyValue of OTLP/JSON. Thread: any. */
#ifndef VSOC_PARSERS_OTLP_JSON_VALUE_H
#define VSOC_PARSERS_OTLP_JSON_VALUE_H

#include "parsers/formats/otlp/otlp_value.h"

/* False: it is not a value. The value points into the document. */
bool otlp_json_value(const struct parser_context *context, const struct json_node *node,
                     struct otlp_value *value);
/* An array of KeyValue, or null. False: it is neither. */
bool otlp_json_attributes(const struct parser_context *context, const struct json_node *node,
                          struct otlp_cursor *cursor);

#endif
