/* audit_field.h: one field of an audit record, as callers pass it. Rows:
 * core/reasons/audit_kinds.def.
 */
#ifndef VSOC_SERVER_AUDIT_FIELD_H
#define VSOC_SERVER_AUDIT_FIELD_H

#include "core/reasons/audit_kind.h"

enum audit_field_id {
#define AUDIT_FIELD(name, type, help) AUDIT_FIELD_##name,
#include "core/reasons/audit_kinds.def"
#undef AUDIT_FIELD
    AUDIT_FIELD_COUNT
};

/* Texts are copied and cut to AUDIT_TEXT_BYTES; an empty text is left out. */
struct audit_field {
    enum audit_field_id id;
    struct slice text;
    uint64_t number; /* UINT; TIME: ns since 1970, 0: left out */
};

#define AUDIT_TEXT_BYTES   1024
#define AUDIT_FIELDS_MAX   16 /* of a record */
#define AUDIT_RECORD_BYTES ((size_t)32 << 10)

#define AUDIT_SLICE(field, value) ((struct audit_field){.id = AUDIT_FIELD_##field, .text = (value)})
#define AUDIT_TEXT(field, value)  AUDIT_SLICE(field, slice_from_text(value))
#define AUDIT_UINT(field, value)                                                                   \
    ((struct audit_field){.id = AUDIT_FIELD_##field, .number = (uint64_t)(value)})
#define AUDIT_TIME(field, ns) AUDIT_UINT(field, ns)

#endif
