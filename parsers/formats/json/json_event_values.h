/* json_event_values.h: values of ECS, OCSF and other JSON → columns, for the rows of
 * json_event_*.c. A function returns true when the column holds the whole value. Thread: any, one
 * owner. */
#ifndef VSOC_PARSERS_JSON_EVENT_VALUES_H
#define VSOC_PARSERS_JSON_EVENT_VALUES_H

#include "parsers/formats/json/json_paths.h"

#define JSON_TAKE(name)                                                                            \
    bool name(struct text_event *t, enum event_field field, const struct json_node *value)

JSON_TAKE(json_take_text);    /* a text, a number's digits, or the first text of an array */
JSON_TAKE(json_take_message); /* a text */
JSON_TAKE(json_take_time);    /* parsers/fill/time_guess.h */
JSON_TAKE(json_take_int);     /* an integer, or its digits */
JSON_TAKE(json_take_lower);   /* a text, in lower case */
JSON_TAKE(json_take_address);
JSON_TAKE(json_take_vin);
JSON_TAKE(json_take_list);  /* a text, or an array of texts */
JSON_TAKE(json_take_level); /* name of a log level, as in syslog, or of a rating */

/* Name → severity_id, in any case: of log levels (emergency to trace), and of ratings (low to
 * critical; critical is 5 there, 4 among levels). 0: unknown. */
int64_t json_level_severity(struct slice word, bool is_rating);

#endif
