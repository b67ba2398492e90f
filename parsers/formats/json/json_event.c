/* json_event.c: distinguishes kinds of JSON objects and fills events from them. Pure, any thread.
 * Their paths are in json_event_ecs.c, json_event_ocsf.c and json_event_other.c. */
#include "parsers/formats/json/json_event.h"
#include "parsers/formats/json/json_paths.h"
#include "parsers/formats/json/vsoc_json_keys.h"

enum {
    HAS_ECS = 1,
    HAS_ECS_VERSION = 2,
    HAS_TIMESTAMP = 4,
    HAS_CLASS = 8,
    HAS_METADATA = 16,
};

static bool is(struct slice key, const char *text)
{
    return memcmp(key.data, text, key.size) == 0;
}

/* Sizes differ, and most keys have another one. */
static unsigned mark_of(struct slice key)
{
    switch (key.size) {
    case sizeof "ecs" - 1:
        return is(key, "ecs") ? HAS_ECS : 0;
    case sizeof "metadata" - 1:
        return is(key, "metadata") ? HAS_METADATA : 0;
    case sizeof "class_uid" - 1:
        return is(key, "class_uid") ? HAS_CLASS : 0;
    case sizeof "@timestamp" - 1:
        return is(key, "@timestamp") ? HAS_TIMESTAMP : 0;
    case sizeof "ecs.version" - 1:
        return is(key, "ecs.version") ? HAS_ECS_VERSION : 0;
    default:
        return 0;
    }
}

enum json_event_kind json_event_kind(const struct json_document *document)
{
    const struct json_node *nodes = document->nodes;
    unsigned seen = 0;
    for (size_t k = 1; k < nodes[0].span; k += nodes[k].span) {
        if (!nodes[k].name) {
            seen |= mark_of(nodes[k].key);
            continue;
        }
        const struct vsoc_json_key *key = &vsoc_json_keys[nodes[k].name];
        if ((key->field == EVENT_event_name || key->field == EVENT_sev_id) &&
            key->kind == VSOC_JSON_KEY_FIELD && nodes[k].type != JSON_NULL)
            return JSON_EVENT_NATIVE;
    }
    if (seen & HAS_ECS_VERSION || (seen & HAS_ECS && seen & HAS_TIMESTAMP))
        return JSON_EVENT_ECS;
    return seen & HAS_CLASS && seen & HAS_METADATA ? JSON_EVENT_OCSF : JSON_EVENT_OTHER;
}

/* Sensor kind of events about a host's processes, users and files, or about network traffic. */
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
