/* erasure.c: what the record of an erasure says. Any thread. Erases nothing. */
#include "storage/spool/retire/erasure.h"

#include <string.h>

#include "core/reasons/audit_kind.h"
#include "storage/spool/retire/record_object.h"

#define DEPTH 2

enum status erasure_read(struct slice json, uint64_t *records)
{
    const char *name = audit_kind_table[AUDIT_vehicle_erased].name;
    struct record_object object;
    *records = 0;
    if (!json.size || !memmem(json.data, json.size, name, strlen(name)))
        return STATUS_OK;
    enum status status = record_object_open(&object, json, DEPTH);
    if (status != STATUS_OK)
        return status == STATUS_NO_MEMORY ? status : STATUS_OK;
    const struct json_node *kind = json_find(&object.document, 0, "kind");
    const struct json_node *count = json_find(&object.document, 0, "records");
    if (kind && kind->type == JSON_STRING && slice_equal_text(kind->text, name) && count &&
        count->type == JSON_INT && count->integer > 0)
        *records = (uint64_t)count->integer;
    record_object_close(&object);
    return STATUS_OK;
}
