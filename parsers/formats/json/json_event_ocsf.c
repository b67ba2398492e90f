/* json_event_ocsf.c: paths of the Open Cybersecurity Schema Framework (version 1) → columns. Pure,
 * any thread. */
#include "parsers/formats/json/json_event.h"
#include "core/reasons/record_code.h"
#include "parsers/formats/json/json_event_values.h"

struct json_path_table json_event_ocsf;

/* The scale is the event model's own. */
static bool take_severity(struct text_event *t, enum event_field field,
                          const struct json_node *value)
{
    bool known = value->type == JSON_INT && value->integer >= 0 &&
                 (value->integer <= 6 || value->integer == 99);
    if (!known)
        text_event_partial(t, RECORD_bad_severity, "severity_id is not one of 0 to 6 and 99");
    return known && text_event_set_int(t, field, value->integer);
}

static bool take_class(struct text_event *t, enum event_field field, const struct json_node *value)
{
    static const struct {
        int64_t first, last;
        const char *category;
    } table[] = {
        {1001, 1001, "host_file"},
        {1002, 1009, "host_process"},
        {201001, 201004, "configuration_change"},
        {2002, 2002, "software_integrity"},
        {3001, 3001, "authorization"},
        {3002, 3002, "authentication"},
        {3003, 3006, "authorization"},
        {5019, 5019, "configuration_change"},
        {6001, 6008, "backend"},
    };
    for (size_t i = 0; value->type == JSON_INT && i < sizeof table / sizeof *table; i++)
        if (value->integer >= table[i].first && value->integer <= table[i].last &&
            !event_is_set(&t->event, field))
            EVENT_GUESS(&t->event, event_category, slice_from_text(table[i].category));
    return false;
}

/* The action taken; blocked network activity is a filter's. */
static bool take_disposition(struct text_event *t, enum event_field field,
                             const struct json_node *value)
{
    static const char *const words[] = {NULL,      "allowed", "blocked", NULL,      NULL, NULL,
                                        "dropped", NULL,      NULL,      NULL,      NULL, NULL,
                                        NULL,      NULL,      NULL,      "detected"};
    int64_t id = value->type == JSON_INT ? value->integer : 0;
    if (id > 0 && id < (int64_t)(sizeof words / sizeof *words) && words[id])
        (void)text_event_set(t, field, slice_from_text(words[id]));
    return false;
}

static bool take_action(struct text_event *t, enum event_field field, const struct json_node *value)
{
    static const char *const words[] = {NULL, "allowed", "blocked"};
    if (value->type == JSON_INT && value->integer >= 1 && value->integer <= 2)
        (void)text_event_set(t, field, slice_from_text(words[value->integer]));
    return false;
}

static const struct json_path_row rows[] = {
    {"time", EVENT_time_event_ns, json_take_time},
    {"metadata.uid", EVENT_source_event_id, json_take_text},
    {"vin", EVENT_FIELD_COUNT, json_take_vin},
    {"device.vin", EVENT_FIELD_COUNT, json_take_vin},
    {"unmapped.vin", EVENT_FIELD_COUNT, json_take_vin},
    {"finding_info.title", EVENT_event_name, json_take_text},
    {"finding.title", EVENT_event_name, json_take_text},
    {"type_name", EVENT_event_name, json_take_text},
    {"class_name", EVENT_event_name, json_take_text},
    {"type_uid", EVENT_event_name, json_take_text},
    {"class_uid", EVENT_event_category, take_class},
    {"severity_id", EVENT_severity_id, take_severity},
    {"severity", EVENT_severity_source, json_take_text},
    {"disposition_id", EVENT_disposition, take_disposition},
    {"action_id", EVENT_disposition, take_action},
    {"confidence_score", EVENT_confidence, json_take_int},
    {"count", EVENT_count, json_take_int},
    {"metadata.sequence", EVENT_vehicle_seq, json_take_int},
    {"device.hostname", EVENT_ecu_id, json_take_text},
    {"device.name", EVENT_ecu_id, json_take_text},
    {"device.uid", EVENT_ecu_id, json_take_text},
    {"src_endpoint.ip", EVENT_src_ip, json_take_address},
    {"dst_endpoint.ip", EVENT_dst_ip, json_take_address},
    {"src_endpoint.port", EVENT_src_port, json_take_int},
    {"dst_endpoint.port", EVENT_dst_port, json_take_int},
    {"connection_info.protocol_name", EVENT_transport, json_take_lower},
    {"src_endpoint.vlan_uid", EVENT_vlan_id, json_take_int},
    {"finding_info.analytic.uid", EVENT_rule_id, json_take_text},
    {"finding_info.analytic.version", EVENT_rule_version, json_take_text},
    {"process.name", EVENT_process_name, json_take_text},
    {"process.pid", EVENT_process_pid, json_take_int},
    {"process.file.path", EVENT_process_executable, json_take_text},
    {"process.cmd_line", EVENT_process_command_line, json_take_text},
    {"actor.process.name", EVENT_process_name, json_take_text},
    {"actor.process.pid", EVENT_process_pid, json_take_int},
    {"actor.process.file.path", EVENT_process_executable, json_take_text},
    {"actor.process.cmd_line", EVENT_process_command_line, json_take_text},
    {"actor.user.name", EVENT_user_name, json_take_text},
    {"actor.user.uid", EVENT_user_id, json_take_text},
    {"user.name", EVENT_user_name, json_take_text},
    {"user.uid", EVENT_user_id, json_take_text},
    {"file.path", EVENT_file_path, json_take_text},
    {"message", EVENT_message, json_take_message},
};

__attribute__((constructor)) static void fill(void)
{
    json_paths_init(&json_event_ocsf, rows, sizeof rows / sizeof *rows);
}
