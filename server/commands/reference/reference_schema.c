/* reference_schema.c: the JSON Schema of a native event, from the table of the event model. Main
 * thread. The schema's description has the rules that a schema can't express. */
#include "server/commands/reference/reference.h"

#include "core/event.h"
#include "core/writer.h"

#define LIST_ITEMS_MAX 64 /* texts in one list (docs/formats.md, too_many_values) */

/* A JSON string that is a regular expression. */
#define DIGITS "\"^-?[0-9]+$\""
#define TIME                                                                                       \
    "\"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}"   \
    ":?[0-9]{2})$|^[+-]?[0-9]+([.][0-9]+)?$\""
#define VIN    "\"^\\\\s*[A-HJ-NPR-Za-hj-npr-z0-9]{17}\\\\s*$\""
#define BASE64 "\"^[A-Za-z0-9+/]*={0,2}$\""

/* The table counts bytes, a schema characters, of 1 to 4 bytes. */
static void write_text_length(const struct event_field_info *f, struct writer *out)
{
    writer_format(out, ", \"minLength\": %lld, \"maxLength\": %lld", (long long)(f->min + 3) / 4,
                  (long long)f->max);
}

static void write_number_range(const struct event_field_info *f, struct writer *out)
{
    writer_format(out, ", \"minimum\": %lld, \"maximum\": %lld", (long long)f->min,
                  (long long)f->max);
}

/* Every value may be null, which means that the key is missing. */
static void write_type(const struct event_field_info *f, struct writer *out)
{
    switch (f->kind) {
    case EVENT_KIND_TEXT:
        writer_text(out, "\"type\": [\"string\", \"null\"]");
        write_text_length(f, out);
        break;
    case EVENT_KIND_INET:
        writer_text(out, "\"type\": [\"string\", \"null\"], \"anyOf\": [{\"type\": \"null\"}, "
                         "{\"format\": \"ipv4\"}, {\"format\": \"ipv6\"}]");
        break;
    case EVENT_KIND_INT:
        writer_text(out, "\"type\": [\"integer\", \"null\"]");
        write_number_range(f, out);
        break;
    case EVENT_KIND_BIG:
        writer_text(out, "\"type\": [\"integer\", \"string\", \"null\"], \"pattern\": " DIGITS);
        write_number_range(f, out);
        break;
    case EVENT_KIND_BOOL:
        writer_text(out, "\"type\": [\"boolean\", \"null\"]");
        break;
    case EVENT_KIND_REAL:
        writer_text(out, "\"type\": [\"number\", \"null\"]");
        write_number_range(f, out);
        break;
    case EVENT_KIND_TIME:
        writer_text(out, "\"type\": [\"string\", \"number\", \"null\"], \"pattern\": " TIME);
        break;
    case EVENT_KIND_HEX:
    case EVENT_KIND_BASE64:
        writer_text(out, "\"type\": [\"string\", \"null\"], \"contentEncoding\": \"base64\", "
                         "\"pattern\": " BASE64);
        writer_format(out, ", \"maxLength\": %lld", (long long)(f->max + 2) / 3 * 4);
        break;
    case EVENT_KIND_LIST:
        writer_format(out,
                      "\"type\": [\"array\", \"null\"], \"maxItems\": %d, \"items\": {\"type\": "
                      "\"string\"",
                      LIST_ITEMS_MAX);
        write_text_length(f, out);
        writer_u8(out, '}');
        break;
    case EVENT_KIND_JSON:
    case EVENT_KIND_UUID:
        writer_text(out, "\"type\": [\"object\", \"null\"]");
        break;
    }
    if (f == &event_field_table[EVENT_severity_id])
        writer_text(out, ", \"enum\": [0, 1, 2, 3, 4, 5, 6, 99, null]");
}

static void write_field(const struct event_field_info *f, const char *name, const char *help,
                        struct writer *out)
{
    writer_format(out, "    \"%s\": {", name);
    write_type(f, out);
    writer_text(out, ", \"description\": ");
    writer_json_string(out, slice_from_text(help));
    writer_text(out, "}");
}

/* Of the two keys of the same value, only one may be present. */
static void write_one_of_two(const char *one, const char *other, struct writer *out)
{
    writer_format(out,
                  "    {\"not\": {\"required\": [\"%s\", \"%s\"], \"properties\": {\"%s\": "
                  "{\"not\": {\"type\": \"null\"}}, \"%s\": {\"not\": {\"type\": \"null\"}}}}}",
                  one, other, one, other);
}

static void write_properties(struct writer *out)
{
    static const struct event_field_info any = {.kind = EVENT_KIND_TIME};
    write_field(&event_field_table[EVENT_source_event_id], "id", "short for source_event_id", out);
    writer_text(out, ",\n    \"vin\": {\"type\": [\"string\", \"null\"], \"pattern\": " VIN
                     ", \"description\": \"the vehicle (ISO 3779); stored as a pseudonym\"},\n");
    write_field(&any, "time",
                "time of the event: RFC 3339, or an epoch number or its digits: below 1e11 s, 1e14 "
                "ms, 1e17 us, else ns",
                out);
    for (size_t i = 0; i < EVENT_FIELD_COUNT; i++) {
        const struct event_field_info *f = &event_field_table[i];
        if (f->origin != EVENT_ORIGIN_SENDER)
            continue;
        writer_text(out, ",\n");
        write_field(f, f->name, f->help, out);
    }
}

void reference_schema(struct writer *out)
{
    static const char *const needed[] = {"event_name", "sev_id", "message"};
    writer_text(
        out,
        "{\n"
        "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
        "  \"title\": \"Native event of vsocd\",\n"
        "  \"description\": \"One object of the format vsoc_json. Printed by `vsocd reference "
        "schema` from the table that the program runs on. All that the server accepts is valid; "
        "the "
        "server refuses more, because a schema can't express that lengths are counted in bytes of "
        "UTF-8; an integer is written without fraction and exponent; digits in a string and times "
        "are in range, days exist; base64 loses no bits; an address has no zone; no key of the "
        "event occurs twice, nor both in attributes and outside; no text has U+0000. Keys that are "
        "not named here are kept in attributes.\",\n"
        "  \"type\": \"object\",\n"
        "  \"anyOf\": [");
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        writer_format(out,
                      "%s\n    {\"required\": [\"%s\"], \"properties\": {\"%s\": {\"not\": "
                      "{\"type\": \"null\"}}}}",
                      i ? "," : "", needed[i], needed[i]);
    writer_text(out, "\n  ],\n  \"allOf\": [\n");
    write_one_of_two("id", "source_event_id", out);
    writer_text(out, ",\n");
    write_one_of_two("time", "time_event_ns", out);
    writer_text(out, "\n  ],\n  \"properties\": {\n");
    write_properties(out);
    writer_text(out, "\n  }\n}\n");
}
