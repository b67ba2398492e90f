/* reference_audit.c: kinds and fields of audit records, as tables and as JSON Schema. Main thread.
 */
#include "server/commands/reference/reference.h"

#include <string.h>

#include "core/reasons/audit_kind.h"
#include "core/writer.h"
#include "server/audit/audit_field.h"
#include "server/commands/reference/reference_text.h"

/* The words of a kind's fields, each through write. */
static void each_field(struct writer *out, const char *fields,
                       void (*write)(struct writer *out, struct slice name, bool first))
{
    for (const char *at = fields; *at;) {
        size_t size = strcspn(at, " ");
        write(out, slice_make(at, size), at == fields);
        at += size + (at[size] == ' ');
    }
}

static void cell_field(struct writer *out, struct slice name, bool first)
{
    writer_text(out, first ? "`" : ", `");
    writer_add_slice(out, name);
    writer_u8(out, '`');
}

void reference_audit_kinds(struct writer *out)
{
    writer_text(out, "| kind | when | by | record | OCSF class, activity | severity | fields |\n"
                     "| --- | --- | --- | ---: | --- | --- | --- |\n");
    for (size_t i = 0; i < AUDIT_KIND_COUNT; i++) {
        const struct audit_kind_info *k = &audit_kind_table[i];
        writer_format(out, "| `%s` | ", k->name);
        reference_cell(out, k->help);
        writer_format(out, " | %s | %u | %u %s, %u | %u | ", k->by_command ? "command" : "server",
                      k->record_kind, k->class_uid, k->class_name, k->activity_id, k->severity);
        each_field(out, k->fields, cell_field);
        writer_text(out, " |\n");
    }
}

static const char *const types[] = {
    [AUDIT_TEXT_FIELD] = "text", [AUDIT_UINT_FIELD] = "number", [AUDIT_TIME_FIELD] = "time"};

void reference_audit_fields(struct writer *out)
{
    writer_text(out, "| field | type | meaning |\n| --- | --- | --- |\n");
    for (const struct audit_field_info *f = audit_field_table; f->name; f++) {
        writer_format(out, "| `%s` | %s | ", f->name, types[f->type]);
        reference_cell(out, f->help);
        writer_text(out, " |\n");
    }
}

#define UUID "\"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$\""
#define TIME "\"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}Z$\""

static void schema_field(struct writer *out, struct slice name, bool first)
{
    const struct audit_field_info *f = audit_field_find(name);
    (void)first;
    writer_format(out, ",\n    \"%s\": {", f->name);
    switch (f->type) {
    case AUDIT_TEXT_FIELD:
        writer_format(out, "\"type\": \"string\", \"maxLength\": %d", AUDIT_TEXT_BYTES);
        break;
    case AUDIT_UINT_FIELD:
        writer_text(out, "\"type\": \"integer\", \"minimum\": 0");
        break;
    case AUDIT_TIME_FIELD:
        writer_text(out, "\"type\": \"string\", \"pattern\": " TIME);
        break;
    }
    writer_text(out, ", \"description\": ");
    writer_json_string(out, slice_from_text(f->help));
    writer_u8(out, '}');
}

static void schema_kind(struct writer *out, const struct audit_kind_info *k)
{
    writer_text(out, "  {\"title\": ");
    writer_json_string(out, slice_from_text(k->name));
    writer_text(out, ", \"description\": ");
    writer_json_string(out, slice_from_text(k->help));
    writer_format(out,
                  ",\n   \"type\": \"object\", \"additionalProperties\": false,\n   \"required\": "
                  "[\"audit_uid\", \"time\", \"instance\", \"kind\", \"severity_id\", "
                  "\"class_uid\", \"class_name\", \"activity_id\"],\n   \"properties\": {\n"
                  "    \"audit_uid\": {\"type\": \"string\", \"pattern\": " UUID "},\n"
                  "    \"time\": {\"type\": \"string\", \"pattern\": " TIME "},\n"
                  "    \"instance\": {\"type\": \"string\"},\n    \"kind\": {\"const\": \"%s\"},\n"
                  "    \"severity_id\": {\"const\": %u},\n    \"class_uid\": {\"const\": %u},\n"
                  "    \"class_name\": {\"const\": \"%s\"},\n    \"activity_id\": {\"const\": %u}",
                  k->name, k->severity, k->class_uid, k->class_name, k->activity_id);
    each_field(out, k->fields, schema_field);
    writer_text(out, "}}");
}

void reference_schema_audit(struct writer *out)
{
    writer_text(out, "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
                     " \"title\": \"Audit record of vsocd\",\n \"oneOf\": [\n");
    for (size_t i = 0; i < AUDIT_KIND_COUNT; i++) {
        schema_kind(out, &audit_kind_table[i]);
        writer_text(out, i + 1 < AUDIT_KIND_COUNT ? ",\n" : "\n");
    }
    writer_text(out, "]}\n");
}
