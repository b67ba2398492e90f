/* erasure.c: what the record of an erasure says. Any thread. Erases nothing. */
#include "storage/spool/retire/erasure.h"

#include <string.h>

#include "core/json/json.h"
#include "core/reasons/audit_kind.h"

#define BYTES_MAX 65536 /* of the object */
#define NODES     64

enum status erasure_read(struct slice json, uint64_t *records)
{
    const char *name = audit_kind_table[AUDIT_vehicle_erased].name;
    uint8_t padded[BYTES_MAX + JSON_PADDING];
    struct json_document document;
    struct json_error error;
    *records = 0;
    if (!json.size || json.size > BYTES_MAX || !memmem(json.data, json.size, name, strlen(name)))
        return STATUS_OK;
    struct json_parser *parser = json_parser_create(2, NODES);
    if (!parser)
        return STATUS_NO_MEMORY;
    memcpy(padded, json.data, json.size);
    memset(padded + json.size, 0, JSON_PADDING);
    enum status status = json_parse(parser, slice_make(padded, json.size), &document, &error);
    if (status == STATUS_OK) {
        const struct json_node *kind = json_find(&document, 0, "kind");
        const struct json_node *count = json_find(&document, 0, "records");
        if (kind && kind->type == JSON_STRING && slice_equal_text(kind->text, name) && count &&
            count->type == JSON_INT && count->integer > 0)
            *records = (uint64_t)count->integer;
    }
    json_parser_destroy(parser);
    return status == STATUS_NO_MEMORY ? status : STATUS_OK;
}
