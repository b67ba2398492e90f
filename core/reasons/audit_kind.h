/* audit_kind.h: the kinds of audit records and their fields: rows of audit_kinds.def. Pure; thread:
 * any. */
#ifndef VSOC_CORE_AUDIT_KIND_H
#define VSOC_CORE_AUDIT_KIND_H

#include <stdbool.h>
#include <stdint.h>
#include "core/slice.h"

enum audit_kind {
#define AUDIT_KIND(name, by, record_kind, class_uid, class_name, activity_id, severity, fields,    \
                   help)                                                                           \
    AUDIT_##name,
#include "core/reasons/audit_kinds.def"
#undef AUDIT_KIND
    AUDIT_KIND_COUNT
};

enum audit_field_type { AUDIT_TEXT_FIELD, AUDIT_UINT_FIELD, AUDIT_TIME_FIELD };

struct audit_kind_info {
    const char *name, *class_name, *fields, *help;
    unsigned class_uid, activity_id, severity;
    uint8_t record_kind; /* of the record and its leaf: enum batch_kind */
    bool by_command;     /* subcommands record it; else only the server does */
};

struct audit_field_info {
    const char *name, *help;
    enum audit_field_type type;
};

/* Rows by enum audit_kind. */
extern const struct audit_kind_info audit_kind_table[AUDIT_KIND_COUNT];
/* Ended by a row without name. */
extern const struct audit_field_info audit_field_table[];

/* AUDIT_KIND_COUNT: there is no such kind. */
enum audit_kind audit_kind_find(struct slice name);
/* NULL: no such field. */
const struct audit_field_info *audit_field_find(struct slice name);
/* True if records of the kind may have the field. */
bool audit_kind_has(enum audit_kind kind, const char *field);

#endif
