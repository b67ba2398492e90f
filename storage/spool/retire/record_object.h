/* record_object.h: the JSON object of a record of the log. Thread: the caller's. */
#ifndef VSOC_STORAGE_SPOOL_RECORD_OBJECT_H
#define VSOC_STORAGE_SPOOL_RECORD_OBJECT_H

#include "core/json/json.h"

#define RECORD_OBJECT_BYTES_MAX 65536

struct record_object {
    struct json_document document; /* while it is open */
    struct json_parser *parser;
    uint8_t text[RECORD_OBJECT_BYTES_MAX + JSON_PADDING];
};

/* Parses it, with at most so many levels. MALFORMED: it is no such object, or over
 * RECORD_OBJECT_BYTES_MAX; NO_MEMORY. */
enum status record_object_open(struct record_object *object, struct slice json,
                               size_t depth) must_check;
void record_object_close(struct record_object *object);

#endif
