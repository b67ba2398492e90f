/* reference_schema_out.c: the JSON Schema of the events that vsocd writes, from the table of the
 * event model. Main thread. Describes the output of core/event/event_json.c. */
#include "server/commands/reference/reference.h"
#include "server/commands/reference/reference_schema_type.h"

#include "core/event.h"
#include "core/event/event_json.h"
#include "core/writer.h"

#define UUID      "\"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$\""
#define TIME      "\"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}Z$\""
#define BIG_TEXT  "{\"type\": \"string\", \"pattern\": \"^-?[0-9]{16,19}$\"}"
#define EXACT_MAX ((INT64_C(1) << 53) - 1)

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The table counts bytes, a schema characters, of 1 to 4 bytes. */
static void write_text(const struct event_field_info *f, struct writer *out)
{
    writer_format(out, "\"type\": \"string\", \"minLength\": %lld, \"maxLength\": %lld",
                  (long long)(f->min + 3) / 4, (long long)f->max);
}

static void write_number(const char *type, int64_t min, int64_t max, struct writer *out)
{
    writer_format(out, "\"type\": \"%s\", \"minimum\": %lld, \"maximum\": %lld", type,
                  (long long)min, (long long)max);
}

static void write_big(const struct event_field_info *f, struct writer *out)
{
    int64_t min = f->min < -EXACT_MAX ? -EXACT_MAX : f->min;
    if (f == &event_field_table[EVENT_time_event_ns]) {
        writer_text(out, "\"type\": \"string\", \"pattern\": \"^-?[0-9]{1,19}$\"");
        return;
    }
    if (f->max <= EXACT_MAX && f->min >= -EXACT_MAX) {
        write_number("integer", f->min, f->max, out);
        return;
    }
    writer_text(out, "\"anyOf\": [{");
    write_number("integer", min, smaller(f->max, EXACT_MAX), out);
    writer_text(out, "}, " BIG_TEXT "]");
}

static void write_hex(const struct event_field_info *f, struct writer *out)
{
    if (f == &event_field_table[EVENT_time_event_raw])
        writer_format(out, "\"type\": \"string\", \"maxLength\": %lld", (long long)f->max * 2);
    else
        writer_format(out, "\"type\": \"string\", \"pattern\": \"^([0-9a-f]{2}){%lld,%lld}$\"",
                      (long long)f->min, (long long)f->max);
}

static void write_list(const struct event_field_info *f, struct writer *out)
{
    writer_text(out, "\"type\": \"array\", \"items\": {");
    write_text(f, out);
    writer_u8(out, '}');
}

static void write_json(const struct event_field_info *f, struct writer *out)
{
    if (f == &event_field_table[EVENT_parse_notes])
        writer_text(out,
                    "\"type\": \"array\", \"items\": {\"type\": \"object\", \"required\": "
                    "[\"code\", \"detail\"], \"properties\": {\"code\": {\"type\": \"string\"}, "
                    "\"detail\": {\"type\": \"string\"}, \"offset\": {\"type\": \"integer\", "
                    "\"minimum\": 0}}, \"additionalProperties\": false}");
    else
        writer_text(out, "\"type\": \"object\"");
}

void reference_schema_type(struct writer *out, const struct event_field_info *f)
{
    switch (f->kind) {
    case EVENT_KIND_UUID:
        writer_text(out, "\"type\": \"string\", \"pattern\": " UUID);
        return;
    case EVENT_KIND_TEXT:
        write_text(f, out);
        return;
    case EVENT_KIND_INT:
        write_number("integer", f->min, f->max, out);
        if (f == &event_field_table[EVENT_severity_id])
            writer_text(out, ", \"enum\": [0, 1, 2, 3, 4, 5, 6, 99]");
        return;
    case EVENT_KIND_BIG:
        write_big(f, out);
        return;
    case EVENT_KIND_BOOL:
        writer_text(out, "\"type\": \"boolean\"");
        return;
    case EVENT_KIND_REAL:
        write_number("number", f->min, f->max, out);
        return;
    case EVENT_KIND_TIME:
        writer_text(out, "\"type\": \"string\", \"pattern\": " TIME);
        return;
    case EVENT_KIND_HEX:
        write_hex(f, out);
        return;
    case EVENT_KIND_BASE64:
        writer_text(out, "\"type\": \"string\", \"contentEncoding\": \"base64\", \"pattern\": "
                         "\"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$\"");
        return;
    case EVENT_KIND_INET:
        writer_text(out, "\"type\": \"string\", \"anyOf\": [{\"format\": \"ipv4\"}, {\"format\": "
                         "\"ipv6\"}]");
        return;
    case EVENT_KIND_LIST:
        write_list(f, out);
        return;
    case EVENT_KIND_JSON:
        write_json(f, out);
        return;
    }
}

static void write_property(const struct event_field_info *f, struct writer *out)
{
    writer_format(out, "    \"%s\": {", f->name);
    reference_schema_type(out, f);
    writer_text(out, ", \"description\": ");
    writer_json_string(out, slice_from_text(f->help));
    writer_text(out, "}");
}

/* Members that repeat a field, for people and for readers without 64-bit integers. */
static void write_companion(const struct event_field_info *f, struct writer *out)
{
    if (f == &event_field_table[EVENT_time_event_ns])
        writer_text(out, ",\n    \"time_event\": {\"type\": \"string\", \"pattern\": " TIME
                         ", \"description\": \"time_event_ns in RFC 3339\"}");
    if (f != &event_field_table[EVENT_severity_id])
        return;
    writer_text(out, ",\n    \"severity\": {\"enum\": [");
    for (int64_t i = 0; i <= 6; i++)
        writer_format(out, "\"%s\", ", event_json_severity(i));
    writer_format(out, "\"%s\"], \"description\": \"severity_id as a word (OCSF)\"}",
                  event_json_severity(99));
}

static bool is_in(const struct event_json_style *style, size_t field)
{
    return style->fields[field / 64] >> (field % 64) & 1;
}

static void write_required(const struct event_json_style *style, struct writer *out)
{
    const char *comma = "";
    for (size_t i = 0; i < EVENT_FIELD_COUNT; i++) {
        if (!event_field_table[i].required || !is_in(style, i))
            continue;
        writer_format(out, "%s\"%s\"", comma, event_field_table[i].name);
        comma = ", ";
    }
}

void reference_schema_of_style(struct writer *out, const struct event_json_style *style,
                               const char *title, const char *about)
{
    const char *comma = "";
    writer_format(out,
                  "{\n"
                  "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
                  "  \"title\": \"%s\",\n"
                  "  \"description\": \"%s Integers are numbers up to 2^53-1, larger ones their "
                  "decimal digits; "
                  "time_event_ns is always digits. time_event_raw is the text as received, or hex "
                  "of bytes. Fields may be added; consumers must ignore those that they do not "
                  "know.\",\n"
                  "  \"type\": \"object\",\n"
                  "  \"required\": [",
                  title, about);
    write_required(style, out);
    if (style->companions)
        writer_text(out, ", \"severity\"],\n  \"dependentRequired\": {\"time_event_ns\": "
                         "[\"time_event\"]},\n");
    else
        writer_text(out, "],\n");
    writer_text(out, "  \"additionalProperties\": false,\n  \"properties\": {\n");
    for (size_t i = 0; i < EVENT_FIELD_COUNT; i++) {
        if (!is_in(style, i))
            continue;
        writer_text(out, comma);
        comma = ",\n";
        write_property(&event_field_table[i], out);
        if (style->companions)
            write_companion(&event_field_table[i], out);
    }
    writer_text(out, "\n  }\n}\n");
}

void reference_schema_out(struct writer *out)
{
    reference_schema_of_style(
        out, &event_json_whole, "Event written by vsocd",
        "The value of a Kafka record, a line of the file sink, of `vsocd spool export` and, "
        "without "
        "what the batch and the spool say, of `vsocd parse`. Printed by `vsocd reference "
        "schema-out` from the table that the program runs on.");
}
