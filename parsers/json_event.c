/* json_event.c: tells kinds of JSON objects apart and fills events from them. Pure, any thread.
 * Their paths are in json_event_ecs.c, json_event_ocsf.c and json_event_other.c. */
#include "parsers/json_event.h"
#include "parsers/json_paths.h"
#include "parsers/vsoc_json_keys.h"

enum {
    HAS_ECS = 1,
    HAS_ECS_VERSION = 2,
    HAS_TIMESTAMP = 4,
    HAS_CLASS = 8,
    HAS_METADATA = 16,
};

static unsigned mark_of(struct slice key)
{
    static const struct {
        const char *key;
        unsigned mark;
    } marks[] = {{"ecs", HAS_ECS},
                 {"ecs.version", HAS_ECS_VERSION},
                 {"@timestamp", HAS_TIMESTAMP},
                 {"class_uid", HAS_CLASS},
                 {"metadata", HAS_METADATA}};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (slice_equal_text(key, marks[i].key))
            return marks[i].mark;
    return 0;
}

enum json_event_kind json_event_kind(const struct json_document *document)
{
    const struct json_node *nodes = document->nodes;
    unsigned seen = 0;
    for (size_t k = 1; k < nodes[0].span; k += nodes[k].span) {
        const struct event_field_info *field = vsoc_json_keys[nodes[k].name].field;
        bool is_native = field == &event_field_table[EVENT_event_name] ||
                         field == &event_field_table[EVENT_sev_id];
        if (is_native && nodes[k].type != JSON_NULL)
            return JSON_EVENT_NATIVE;
        if (!nodes[k].name)
            seen |= mark_of(nodes[k].key);
    }
    if (seen & HAS_ECS_VERSION || (seen & HAS_ECS && seen & HAS_TIMESTAMP))
        return JSON_EVENT_ECS;
    return seen & HAS_CLASS && seen & HAS_METADATA ? JSON_EVENT_OCSF : JSON_EVENT_OTHER;
}

/* Who reports what a host's processes, users and files do, or what goes over its network. */
static void set_sensor_kind(struct event *event)
{
    if (EVENT_HAS(event, process_name) || EVENT_HAS(event, process_executable) ||
        EVENT_HAS(event, process_command_line) || EVENT_HAS(event, user_name) ||
        EVENT_HAS(event, file_path))
        EVENT_SET(event, sensor_kind, SLICE_LITERAL("host_ids"));
    else if (EVENT_HAS(event, src_ip) || EVENT_HAS(event, dst_ip))
        EVENT_SET(event, sensor_kind, SLICE_LITERAL("net_ids"));
}

static void set_category(struct event *event)
{
    if (!EVENT_HAS(event, event_category) && EVENT_HAS(event, disposition) &&
        slice_equal_text(event->sensor_kind, "net_ids") &&
        !slice_equal_text(event->disposition, "allowed"))
        EVENT_GUESS(event, event_category, SLICE_LITERAL("network_filter"));
}

void json_event_fill(struct text_event *t, const struct json_document *document,
                     enum json_event_kind kind)
{
    const struct json_path_table *table = kind == JSON_EVENT_ECS    ? &json_event_ecs
                                          : kind == JSON_EVENT_OCSF ? &json_event_ocsf
                                                                    : &json_event_other;
    json_paths_take(t, table, document);
    set_sensor_kind(&t->event);
    if (EVENT_HAS(&t->event, sensor_kind))
        set_category(&t->event);
}

void json_event_emit(struct text_event *t, const struct json_document *document,
                     enum json_event_kind kind, struct parser_outcome *outcome)
{
    json_event_fill(t, document, kind);
    text_event_emit(t, outcome);
}
