/* otlp_columns.h: attributes of OTLP → columns of an event. Thread: any, one owner. */
#ifndef VSOC_PARSERS_OTLP_COLUMNS_H
#define VSOC_PARSERS_OTLP_COLUMNS_H

#include "parsers/formats/otlp/otlp_value.h"

/* Limit of a text of a resource or scope that is repeated in each of its events. Longer ones are
 * omitted: a body may hold many records. */
#define OTLP_LEVEL_BYTES_MAX 8192

/* The reading of one resource, scope or record. */
struct otlp_reading {
    struct text_event *t;
    struct json_object *all; /* of a level: what has a column too; else NULL */
    size_t column_bytes;     /* of a level */
    struct slice host_name;
    const char *error;
    size_t typos; /* noted */
};

extern const char otlp_two_vehicles[];

/* True when a column holds the attribute's whole value. The text must be repaired. An error is in
 * r->error or r->t->failed. */
bool otlp_column_take(struct otlp_reading *r, struct slice key, const struct otlp_value *value);

#endif
