/* json_event_ecs.c: paths of the Elastic Common Schema (version 8) → columns. Pure, any thread. */
#include "parsers/formats/json/json_event.h"
#include "parsers/formats/json/json_event_values.h"

struct json_path_table json_event_ecs;

/* event.category determines the event's category. */
static bool take_category(struct text_event *t, enum event_field field,
                          const struct json_node *value)
{
    static const struct {
        const char *word, *category;
    } table[] = {
        {"authentication", "authentication"},
        {"session", "authentication"},
        {"iam", "authorization"},
        {"configuration", "configuration_change"},
        {"registry", "configuration_change"},
        {"intrusion_detection", "network_anomaly"},
        {"process", "host_process"},
        {"driver", "host_process"},
        {"malware", "software_integrity"},
        {"vulnerability", "software_integrity"},
        {"file", "host_file"},
        {"package", "software_update"},
        {"web", "backend"},
        {"database", "backend"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (size_t k = value->type == JSON_ARRAY; k < value->span; k++)
            if (!event_is_set(&t->event, field) && value[k].type == JSON_STRING &&
                slice_equal_text(value[k].text, table[i].word))
                EVENT_GUESS(&t->event, event_category, slice_from_text(table[i].category));
    return false;
}

/* event.type of what somebody decided. */
static bool take_type(struct text_event *t, enum event_field field, const struct json_node *value)
{
    for (size_t k = value->type == JSON_ARRAY; k < value->span; k++) {
        struct slice word = value[k].type == JSON_STRING ? value[k].text : SLICE_EMPTY;
        if (slice_equal_text(word, "denied"))
            (void)text_event_set(t, field, SLICE_LITERAL("blocked"));
        else if (slice_equal_text(word, "allowed"))
            (void)text_event_set(t, field, SLICE_LITERAL("allowed"));
    }
    return false;
}

/* event.severity is each source's own scale; Elastic's own has four values. */
static bool take_severity(struct text_event *t, enum event_field field,
                          const struct json_node *value)
{
    static const struct {
        int64_t value, severity_id;
    } elastic[] = {{21, 2}, {47, 3}, {73, 4}, {99, 5}};
    for (size_t i = 0; value->type == JSON_INT && i < sizeof elastic / sizeof *elastic; i++)
        if (value->integer == elastic[i].value && !EVENT_HAS(&t->event, severity_id))
            EVENT_GUESS(&t->event, severity_id, elastic[i].severity_id);
    return value->type == JSON_INT && text_event_set(t, field, value->raw);
}

static bool take_syslog(struct text_event *t, enum event_field field, const struct json_node *value)
{
    (void)field;
    if (value->type != JSON_INT || value->integer < 0 || value->integer > 7 ||
        EVENT_HAS(&t->event, severity_source))
        return false;
    text_event_set_syslog_severity(t, (int)value->integer);
    return true;
}

static const struct json_path_row rows[] = {
    {"@timestamp", EVENT_time_event_ns, json_take_time},
    {"event.id", EVENT_source_event_id, json_take_text},
    {"vin", EVENT_FIELD_COUNT, json_take_vin},
    {"vehicle.vin", EVENT_FIELD_COUNT, json_take_vin},
    {"labels.vin", EVENT_FIELD_COUNT, json_take_vin},
    {"event.action", EVENT_event_name, json_take_text},
    {"rule.name", EVENT_event_name, json_take_text},
    {"event.code", EVENT_event_name, json_take_text},
    {"event.dataset", EVENT_event_name, json_take_text},
    {"event.category", EVENT_event_category, take_category},
    {"event.type", EVENT_disposition, take_type},
    {"kibana.alert.severity", EVENT_severity_id, json_take_level},
    {"log.syslog.severity.code", EVENT_severity_id, take_syslog},
    {"event.severity", EVENT_severity_source, take_severity},
    {"log.level", EVENT_severity_source, json_take_level},
    {"event.sequence", EVENT_vehicle_seq, json_take_int},
    {"host.name", EVENT_ecu_id, json_take_text},
    {"host.hostname", EVENT_ecu_id, json_take_text},
    {"observer.name", EVENT_ecu_id, json_take_text},
    {"observer.hostname", EVENT_ecu_id, json_take_text},
    {"agent.name", EVENT_ecu_id, json_take_text},
    {"service.version", EVENT_ecu_sw_version, json_take_text},
    {"source.ip", EVENT_src_ip, json_take_address},
    {"client.ip", EVENT_src_ip, json_take_address},
    {"source.address", EVENT_src_ip, json_take_address},
    {"destination.ip", EVENT_dst_ip, json_take_address},
    {"server.ip", EVENT_dst_ip, json_take_address},
    {"destination.address", EVENT_dst_ip, json_take_address},
    {"source.port", EVENT_src_port, json_take_int},
    {"client.port", EVENT_src_port, json_take_int},
    {"destination.port", EVENT_dst_port, json_take_int},
    {"server.port", EVENT_dst_port, json_take_int},
    {"network.transport", EVENT_transport, json_take_lower},
    {"network.vlan.id", EVENT_vlan_id, json_take_int},
    {"vlan.id", EVENT_vlan_id, json_take_int},
    {"rule.id", EVENT_rule_id, json_take_text},
    {"rule.version", EVENT_rule_version, json_take_text},
    {"vulnerability.id", EVENT_cve, json_take_list},
    {"process.name", EVENT_process_name, json_take_text},
    {"process.pid", EVENT_process_pid, json_take_int},
    {"process.executable", EVENT_process_executable, json_take_text},
    {"process.command_line", EVENT_process_command_line, json_take_text},
    {"user.name", EVENT_user_name, json_take_text},
    {"user.id", EVENT_user_id, json_take_text},
    {"file.path", EVENT_file_path, json_take_text},
    {"message", EVENT_message, json_take_message},
};

__attribute__((constructor)) static void fill(void)
{
    json_paths_init(&json_event_ecs, rows, sizeof rows / sizeof *rows);
}
