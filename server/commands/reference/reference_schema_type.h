/* reference_schema_type.h: parts of JSON Schemas of written events that several pages share.
 * Thread: main. */
#ifndef VSOC_SERVER_REFERENCE_SCHEMA_TYPE_H
#define VSOC_SERVER_REFERENCE_SCHEMA_TYPE_H

struct event_field_info;
struct event_json_style;
struct writer;

/* Keywords of a field's value, without braces. */
void reference_schema_type(struct writer *out, const struct event_field_info *field);
/* The schema of what event_json_write_styled writes. about: sentences. */
void reference_schema_of_style(struct writer *out, const struct event_json_style *style,
                               const char *title, const char *about);

#endif
