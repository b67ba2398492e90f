/* reference_tables.c: pages of metrics, event fields and formats, from their tables. Main thread.
 */
#include "server/commands/reference/reference.h"

#include "core/metrics/metrics.h"
#include "parsers/registry/registry.h"
#include "server/commands/reference/reference_text.h"

void reference_metrics(struct writer *out)
{
    static const char *const types[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
    writer_text(out,
                "# Metrics\n\n"
                "This page is printed by `vsocd reference metrics`, from the table that the "
                "program runs on.\n\n"
                "`GET /metrics` on the admin listener (default `127.0.0.1:9600`) answers in "
                "Prometheus text format 0.0.4. No label takes a value from a client. Histograms "
                "have fixed buckets, in seconds. Counters start at 0 with the process.\n\n"
                "| metric | type | meaning |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < METRIC_FAMILY_COUNT; i++) {
        const struct metric_family_info *m = &metric_family_table[i];
        writer_format(out, "| `%s` | %s | ", m->name, types[m->type]);
        reference_cell(out, m->help);
        writer_text(out, " |\n");
    }
}

struct field {
    const char *name, *kind, *sql, *origin, *help;
    int64_t min, max;
    bool required;
};

static const struct field fields[] = {
#define EVENT_FIELD(name, kind, sql, origin, min, max, required, help)                             \
    {#name, #kind, sql, #origin, help, min, max, required},
#include "core/event_fields.def"
#undef EVENT_FIELD
};

/* "0 to 1023", "1 to 64 bytes", or nothing if the kind determines it. */
static void write_range(const struct field *f, struct writer *out)
{
    bool bytes = !strcmp(f->kind, "TEXT") || !strcmp(f->kind, "HEX") ||
                 !strcmp(f->kind, "BASE64") || !strcmp(f->kind, "LIST");
    if ((f->min == 0 && f->max == 0) || (f->min == INT64_MIN && f->max == INT64_MAX))
        return;
    if (f->min == f->max)
        writer_format(out, "%lld", (long long)f->min);
    else if (f->max == INT64_MAX)
        writer_format(out, "from %lld", (long long)f->min);
    else
        writer_format(out, "%lld to %lld", (long long)f->min, (long long)f->max);
    writer_text(out, bytes ? " bytes" : "");
}

void reference_events(struct writer *out)
{
    writer_text(
        out,
        "# Event model\n\n"
        "This page is printed by `vsocd reference events`, from the table that the program runs "
        "on.\n\n"
        "Every format is converted to this one model. A field is a column of `vsoc.events` in "
        "PostgreSQL, a key of the JSON value in Kafka and in files, and, if a sender may set it, a "
        "key of the native format (`vsoc_json`). Only the server sets fields marked *server*: a "
        "sender's value for them is kept in `attributes`. Fields marked *always* are in "
        "every event.\n\n"
        "Kinds in JSON: UUID, TEXT, INET text; INT, REAL number; BIG number up to "
        "2^53-1, larger ones decimal digits in a string (not every reader keeps 64 bits of a "
        "number); TIME RFC 3339 with microseconds, UTC; HEX and BASE64 text; LIST array of text; "
        "JSON unchanged. Absent fields have no key. `time_event_ns` is always a string of digits, "
        "and `time_event` beside it is the same time in RFC 3339; `time_event_raw` is the text as "
        "received, or hex of bytes; `severity` beside `severity_id` is its word (`unknown`, "
        "`informational`, `low`, `medium`, `high`, `critical`, `fatal`, `other`). "
        "[vsoc-event-out.schema.json](vsoc-event-out.schema.json) describes all this as JSON "
        "Schema.\n\n"
        "| field | kind | SQL | range | | meaning |\n| --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const struct field *f = &fields[i];
        bool server = !strcmp(f->origin, "SERVER");
        writer_format(out, "| `%s` | %s | `%s` | ", f->name, f->kind, f->sql);
        write_range(f, out);
        writer_format(out, " | %s%s%s | ", server ? "server" : "",
                      server && f->required ? ", " : "", f->required ? "always" : "");
        reference_cell(out, f->help);
        writer_text(out, " |\n");
    }
}

static void write_parser(const struct parser *p, struct writer *out)
{
    static const char *const framings[] = {
        [PARSER_FRAMING_JSON] = "JSON values: one, an array of them, or one after the other",
        [PARSER_FRAMING_LINES] = "lines",
        [PARSER_FRAMING_SYSLOG] = "lines, or octet-counted frames",
        [PARSER_FRAMING_STREAM] = "messages delimit themselves; or `; framing=u16` / `u32`",
        [PARSER_FRAMING_BODY] = "the format finds them"};
    writer_format(out, "| `%s` | ", p->name);
    for (const char *const *type = p->content_types; type && *type; type++)
        writer_format(out, "%s`%s`", type == p->content_types ? "" : ", ", *type);
    writer_format(out, "%s | %s | ", p->content_types ? "" : "by name", framings[p->framing]);
    reference_cell(out, p->guessed_by ? p->guessed_by : "never");
    writer_text(out, " |\n");
}

void reference_formats(struct writer *out)
{
    struct registry *registry = registry_create();
    if (!registry)
        return;
    writer_text(out, "| format | content types | how a body is split into records | guessed if |\n"
                     "| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < registry_count(registry); i++)
        write_parser(registry_at(registry, i), out);
    registry_destroy(registry);
}

static const struct mapping {
    const char *column, *source, *from;
} mappings[] = {
#define MAPPING(column, source, from) {#column, #source, from},
#include "parsers/engine/mapping.def"
#undef MAPPING
};

static bool is_format(const char *source)
{
    return strcmp(source, "request") && strcmp(source, "catalogue") && strcmp(source, "else");
}

void reference_mapping(struct writer *out)
{
    const char *column = "";
    writer_text(out, "| column | comes from |\n| --- | --- |");
    for (size_t i = 0; i < sizeof mappings / sizeof *mappings; i++) {
        const struct mapping *m = &mappings[i];
        const char *quote = is_format(m->source) ? "`" : "";
        if (strcmp(m->column, column) != 0)
            writer_format(out, "%s\n| `%s` | ", i ? " |" : "", m->column);
        else
            writer_text(out, "; ");
        writer_format(out, "%s%s%s: %s", quote, m->source, quote, m->from);
        column = m->column;
    }
    writer_text(out, " |\n");
}
