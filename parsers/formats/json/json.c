/* json.c: JSON objects of any kind, one per record, for senders that select this format: Elastic
 * Common Schema, OCSF, native events and others. Pure, any thread. */
#include "parsers/registry/builtin.h"
#include "parsers/formats/json/json_event.h"
#include "parsers/read/json/json_head.h"
#include "parsers/formats/json/vsoc_json.h"
#include "parsers/formats/json/vsoc_json_keys.h"

/* A native event that breaks its rules is read as any other object and gets a note. */
static bool read_native(struct text_event *t, struct slice record,
                        const struct json_document *document)
{
    static const struct json_repair none = {.repeated = {NULL, 0}};
    struct parser_outcome outcome = {.result = PARSER_OK};
    vsoc_json_read(record, t->context, document, &none, &outcome);
    if (outcome.result == PARSER_OK)
        return true;
    text_event_partial_inner(t, &outcome, "is no native event");
    return false;
}

static void parse(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    static const struct json_repair_rules rules = {.own = NULL};
    struct text_event t;
    struct json_document document;
    text_event_init(&t, context);
    if (!text_event_read_json(&t, &vsoc_json_names, &rules, record, &document, outcome))
        return;
    enum json_event_kind kind = json_event_kind(&document);
    /* The note of this event reports the repair, which a native event does not allow. */
    if (kind == JSON_EVENT_NATIVE && !EVENT_HAS(&t.event, parse_notes) &&
        read_native(&t, record, &document))
        return;
    json_event_emit(&t, &document, kind, outcome);
}

/* Claims only objects with the marks of a kind: others are native events, or unknown. */
static int probe(struct slice head)
{
    static const char *const names[] = {"ecs",      "ecs.version", "@timestamp", "class_uid",
                                        "metadata", "event_name",  "sev_id"};
    unsigned seen = json_head_keys(head, names, sizeof names / sizeof *names, 32 | 64);
    bool is_native = seen & (32 | 64);
    bool is_ecs = seen & 2 || (seen & 1 && seen & 4);
    bool is_ocsf = seen & 8 && seen & 16;
    return !is_native && (is_ecs || is_ocsf) ? 75 : 0;
}

const struct parser parser_json = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "json",
    .version = "1.0.0",
    .description = "JSON objects of any kind: Elastic Common Schema, OCSF, native events, others",
    .framing = PARSER_FRAMING_JSON,
    .probe = probe,
    .guessed_by = "the first object has `ecs.version`, `ecs` and `@timestamp`, or `class_uid` and "
                  "`metadata`, but not `event_name` or `sev_id`",
    .parse = parse,
};
