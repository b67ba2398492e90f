/* reference_kafka.c: what the formats of sinks.kafka.format hold: tables for docs/kafka.md and JSON
 * Schemas, from the lists of steps that the sink runs on. Main thread. */
#include "server/commands/reference/reference.h"
#include "server/commands/reference/reference_schema_type.h"
#include "server/commands/reference/reference_text.h"

#include <stdio.h>
#include <string.h>

#include "core/event.h"
#include "core/writer.h"
#include "storage/sinks/kafka/kafka_map.h"

/* --- tables --------------------------------------------------------------------------------- */

static const struct {
    const char *field, *instead;
} lean_rows[] = {
#define KAFKA_LEAN_OMITS(field, instead) {#field, instead},
#include "storage/sinks/kafka/kafka_lean.def"
#undef KAFKA_LEAN_OMITS
};

void reference_kafka_lean(struct writer *out)
{
    writer_text(out, "| not in `json_lean` | where it is |\n| --- | --- |\n"
                     "| `time_event` | `time_event_ns`, as a time |\n"
                     "| `severity` | the word of `severity_id` |\n");
    for (size_t i = 0; i < sizeof lean_rows / sizeof *lean_rows; i++) {
        writer_format(out, "| `%s` | ", lean_rows[i].field);
        reference_cell(out, lean_rows[i].instead);
        writer_text(out, " |\n");
    }
}

static const char *const form_words[] = {
    [KAFKA_MAP_PLAIN] = "",
    [KAFKA_MAP_INTEGER] = "",
    [KAFKA_MAP_WORD] = ", as text",
    [KAFKA_MAP_MS] = ", ms since 1970",
    [KAFKA_MAP_TIME] = ", RFC 3339",
    [KAFKA_MAP_ARRAY] = ", in an array",
    [KAFKA_MAP_LAST_PART] = ", behind the last slash",
    [KAFKA_MAP_ATTACKS] = ", as `technique.uid` of each item",
    [KAFKA_MAP_VULNERABILITIES] = ", as `cve.uid` of each item",
};

static void write_source(struct writer *out, enum event_field field, enum kafka_map_form form)
{
    writer_format(out, "`%s`%s", event_field_table[field].name, form_words[form]);
}

/* What a member holds. */
static void write_content(struct writer *out, const struct kafka_map_step *step)
{
    if (step->kind == KAFKA_MAP_CONST) {
        writer_format(out, "constant `%s`", step->json);
    } else if (step->kind == KAFKA_MAP_REST) {
        writer_text(out, "an object of the other fields in the names of the event model, without "
                         "those that `json_lean` leaves out");
    } else {
        write_source(out, step->field, step->form);
        if (step->second == KAFKA_MAP_NO_FIELD)
            return;
        writer_text(out, "; without it ");
        write_source(out, step->second, step->second_form);
    }
}

/* Appends ".key" or takes it away again. */
static size_t path_add(char path[256], size_t size, const char *key, const char *more)
{
    int n = snprintf(path + size, 256 - size, "%s%s%s", size ? "." : "", key, more);
    return size + (size_t)n;
}

static void write_map(struct writer *out, const struct kafka_map_step *step)
{
    char path[256] = "";
    size_t sizes[8], depth = 0, size = 0;
    writer_text(out, "| member | event field |\n| --- | --- |\n");
    for (; step->kind != KAFKA_MAP_END; step++) {
        switch (step->kind) {
        case KAFKA_MAP_OPEN:
        case KAFKA_MAP_OPEN_ITEM:
            sizes[depth++] = size;
            size = path_add(path, size, step->key, step->kind == KAFKA_MAP_OPEN_ITEM ? "[]" : "");
            break;
        case KAFKA_MAP_CLOSE:
        case KAFKA_MAP_CLOSE_ITEM:
            size = sizes[--depth];
            break;
        default:
            (void)path_add(path, size, step->key, "");
            writer_format(out, "| `%s` | ", path);
            write_content(out, step);
            writer_text(out, " |\n");
        }
        path[size] = '\0';
    }
}

void reference_kafka_ecs(struct writer *out)
{
    write_map(out, kafka_map_ecs);
}

void reference_kafka_ocsf(struct writer *out)
{
    write_map(out, kafka_map_ocsf);
}

/* --- schemas -------------------------------------------------------------------------------- */

static bool opens(const struct kafka_map_step *step)
{
    return step->kind == KAFKA_MAP_OPEN || step->kind == KAFKA_MAP_OPEN_ITEM;
}

static bool closes(const struct kafka_map_step *step)
{
    return step->kind == KAFKA_MAP_CLOSE || step->kind == KAFKA_MAP_CLOSE_ITEM ||
           step->kind == KAFKA_MAP_END;
}

/* The step that closes the object, for the step behind its opening. */
static const struct kafka_map_step *object_end(const struct kafka_map_step *step)
{
    for (; !closes(step); step++)
        if (opens(step))
            step = object_end(step + 1);
    return step;
}

static bool is_always(enum event_field field)
{
    return field != KAFKA_MAP_NO_FIELD && event_field_table[field].required;
}

/* The member is in every event that has its object. */
static bool is_required(const struct kafka_map_step *step)
{
    if (step->kind == KAFKA_MAP_CONST)
        return true;
    if (step->kind == KAFKA_MAP_FIELD)
        return is_always(step->field) || is_always(step->second);
    if (!opens(step) || step->field != KAFKA_MAP_NO_FIELD)
        return false;
    for (step++; !closes(step); step = opens(step) ? object_end(step + 1) + 1 : step + 1)
        if (is_required(step))
            return true;
    return false;
}

static void write_form_type(struct writer *out, enum event_field field, enum kafka_map_form form)
{
    switch (form) {
    case KAFKA_MAP_PLAIN:
        reference_schema_type(out, &event_field_table[field]);
        return;
    case KAFKA_MAP_INTEGER:
    case KAFKA_MAP_MS:
        writer_text(out, "\"type\": \"integer\"");
        return;
    case KAFKA_MAP_WORD:
    case KAFKA_MAP_LAST_PART:
        writer_text(out, "\"type\": \"string\"");
        return;
    case KAFKA_MAP_TIME:
        writer_text(out, "\"type\": \"string\", \"format\": \"date-time\"");
        return;
    case KAFKA_MAP_ARRAY:
        writer_text(out, "\"type\": \"array\", \"items\": {\"type\": \"string\"}");
        return;
    case KAFKA_MAP_ATTACKS:
    case KAFKA_MAP_VULNERABILITIES:
        writer_text(out, "\"type\": \"array\", \"items\": {\"type\": \"object\"}");
        return;
    }
}

static void write_member_type(struct writer *out, const struct kafka_map_step *step)
{
    if (step->second == KAFKA_MAP_NO_FIELD) {
        write_form_type(out, step->field, step->form);
        return;
    }
    writer_text(out, "\"anyOf\": [{");
    write_form_type(out, step->field, step->form);
    writer_text(out, "}, {");
    write_form_type(out, step->second, step->second_form);
    writer_text(out, "}]");
}

static void write_object(struct writer *out, const struct kafka_map_step *step);

static void write_step(struct writer *out, const struct kafka_map_step *step)
{
    writer_format(out, "\"%s\": {", step->key);
    if (step->kind == KAFKA_MAP_CONST)
        writer_format(out, "\"const\": %s", step->json);
    else if (step->kind == KAFKA_MAP_REST)
        writer_text(out, "\"type\": \"object\"");
    else if (step->kind == KAFKA_MAP_FIELD)
        write_member_type(out, step);
    else if (step->kind == KAFKA_MAP_OPEN)
        write_object(out, step + 1);
    if (step->kind == KAFKA_MAP_OPEN_ITEM) {
        writer_text(out, "\"type\": \"array\", \"items\": {");
        write_object(out, step + 1);
        writer_u8(out, '}');
    }
    writer_u8(out, '}');
}

/* Keywords of an object, from the step behind its opening. */
static void write_object(struct writer *out, const struct kafka_map_step *first)
{
    const char *comma = "";
    writer_text(out, "\"type\": \"object\", \"required\": [");
    for (const struct kafka_map_step *s = first; !closes(s);
         s = opens(s) ? object_end(s + 1) + 1 : s + 1) {
        if (!is_required(s))
            continue;
        writer_format(out, "%s\"%s\"", comma, s->key);
        comma = ", ";
    }
    writer_text(out, "], \"additionalProperties\": false, \"properties\": {\n");
    comma = "";
    for (const struct kafka_map_step *s = first; !closes(s);
         s = opens(s) ? object_end(s + 1) + 1 : s + 1) {
        writer_text(out, comma);
        write_step(out, s);
        comma = ",\n";
    }
    writer_u8(out, '}');
}

static void write_schema(struct writer *out, const char *title, const struct kafka_map_step *steps)
{
    writer_format(out,
                  "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n\"title\": "
                  "\"%s\",\n\"description\": \"Printed by `vsocd reference` from the list of steps "
                  "that the program runs on. Members may be added.\",\n",
                  title);
    write_object(out, steps);
    writer_text(out, "}\n");
}

void reference_schema_lean(struct writer *out)
{
    reference_schema_of_style(out, kafka_map_lean(),
                              "Event in Kafka with sinks.kafka.format=json_lean",
                              "Printed by `vsocd reference schema-lean` from the table that the "
                              "program runs on.");
}

void reference_schema_ecs(struct writer *out)
{
    write_schema(out, "Event in Kafka with sinks.kafka.format=ecs", kafka_map_ecs);
}

void reference_schema_ocsf(struct writer *out)
{
    write_schema(out, "Event in Kafka with sinks.kafka.format=ocsf", kafka_map_ocsf);
}
