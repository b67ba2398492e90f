/* record_object.c: parses the body of a record of the log. The caller's thread. Knows no members.
 */
#include "storage/spool/retire/record_object.h"

#include <string.h>

#define NODES 64

enum status record_object_open(struct record_object *object, struct slice json, size_t depth)
{
    struct json_error error;
    if (!json.size || json.size > RECORD_OBJECT_BYTES_MAX)
        return STATUS_MALFORMED;
    object->parser = json_parser_create(depth, NODES);
    if (!object->parser)
        return STATUS_NO_MEMORY;
    memcpy(object->text, json.data, json.size);
    memset(object->text + json.size, 0, JSON_PADDING);
    enum status status =
        json_parse(object->parser, slice_make(object->text, json.size), &object->document, &error);
    if (status == STATUS_OK)
        return STATUS_OK;
    record_object_close(object);
    return status == STATUS_NO_MEMORY ? status : STATUS_MALFORMED;
}

void record_object_close(struct record_object *object)
{
    json_parser_destroy(object->parser);
}
