/* audit_kind.c: the tables made from audit_kinds.def. Any thread. Writes no records. */
#include "core/reasons/audit_kind.h"

#include <string.h>

#define AUDIT_BY_COMMAND true
#define AUDIT_BY_SERVER  false

#define AUDIT_TYPE_TEXT AUDIT_TEXT_FIELD
#define AUDIT_TYPE_UINT AUDIT_UINT_FIELD
#define AUDIT_TYPE_TIME AUDIT_TIME_FIELD

const struct audit_kind_info audit_kind_table[AUDIT_KIND_COUNT] = {
#define AUDIT_KIND(name, by, record_kind, class_uid, class_name, activity_id, severity, fields,    \
                   help)                                                                           \
    [AUDIT_##name] = {#name,       class_name, fields,      help,         class_uid,               \
                      activity_id, severity,   record_kind, AUDIT_BY_##by},
#include "core/reasons/audit_kinds.def"
#undef AUDIT_KIND
};

const struct audit_field_info audit_field_table[] = {
#define AUDIT_FIELD(name, type, help) {#name, help, AUDIT_TYPE_##type},
#include "core/reasons/audit_kinds.def"
#undef AUDIT_FIELD
    {NULL, NULL, AUDIT_TEXT_FIELD},
};

enum audit_kind audit_kind_find(struct slice name)
{
    unsigned i = 0;
    while (i < AUDIT_KIND_COUNT && !slice_equal_text(name, audit_kind_table[i].name))
        i++;
    return (enum audit_kind)i;
}

const struct audit_field_info *audit_field_find(struct slice name)
{
    for (const struct audit_field_info *f = audit_field_table; f->name; f++)
        if (slice_equal_text(name, f->name))
            return f;
    return NULL;
}

bool audit_kind_has(enum audit_kind kind, const char *field)
{
    size_t size = strlen(field);
    for (const char *at = audit_kind_table[kind].fields; *at;) {
        size_t word = strcspn(at, " ");
        if (word == size && !memcmp(at, field, size))
            return true;
        at += word + (at[word] == ' ');
    }
    return false;
}
