/* json_event_other.c: names that many senders of JSON share, and those of Falco, osquery, Zeek,
 * laurel and Kuksa → columns. Pure, any thread. */
#include "parsers/formats/json/json_event.h"
#include "parsers/formats/json/json_event_values.h"
#include "parsers/read/timestamp.h"

struct json_path_table json_event_other;

/* These members belong to the event only when they are texts: other products have objects there. */
static bool take_name(struct text_event *t, enum event_field field, const struct json_node *value)
{
    return value->type == JSON_STRING && json_take_text(t, field, value);
}

/* laurel's ID, time and serial number of an audit record: 1795342502.250:15558. */
static bool take_audit_id(struct text_event *t, enum event_field field,
                          const struct json_node *value)
{
    struct slice text = value->type == JSON_STRING ? value->text : SLICE_EMPTY;
    const uint8_t *colon = slice_find_byte(text, ':');
    int64_t ns;
    if (!colon || event_is_set(&t->event, field))
        return false;
    struct slice time = slice_make(text.data, (size_t)(colon - text.data));
    struct slice serial = slice_sub(text, time.size + 1, text.size);
    if (timestamp_epoch_text(time, &ns) != STATUS_OK ||
        !text_event_set_decimal(t, EVENT_vehicle_seq, serial))
        return false;
    EVENT_SET(&t->event, time_event_ns, ns);
    EVENT_SET(&t->event, time_event_raw, slice_sub(time, 0, 64));
    return true;
}

static const struct json_path_row rows[] = {
    {"time", EVENT_time_event_ns, json_take_time},
    {"@timestamp", EVENT_time_event_ns, json_take_time},
    {"timestamp", EVENT_time_event_ns, json_take_time},
    {"ts", EVENT_time_event_ns, json_take_time},
    {"unixTime", EVENT_time_event_ns, json_take_time},
    {"date", EVENT_time_event_ns, json_take_time},
    {"dp.timestamp", EVENT_time_event_ns, json_take_time},
    {"ID", EVENT_time_event_ns, take_audit_id},
    {"vin", EVENT_FIELD_COUNT, json_take_vin},
    {"vehicle.vin", EVENT_FIELD_COUNT, json_take_vin},
    {"event_name", EVENT_event_name, take_name},
    {"rule", EVENT_event_name, take_name},
    {"_path", EVENT_event_name, take_name},
    {"event_type", EVENT_event_name, take_name},
    {"event", EVENT_event_name, take_name},
    {"path", EVENT_event_name, take_name},
    {"name", EVENT_event_name, take_name},
    {"type", EVENT_event_name, take_name},
    {"severity", EVENT_severity_id, json_take_level},
    {"priority", EVENT_severity_source, json_take_level},
    {"level", EVENT_severity_source, json_take_level},
    {"ecu_id", EVENT_ecu_id, take_name},
    {"hostname", EVENT_ecu_id, take_name},
    {"host", EVENT_ecu_id, take_name},
    {"hostIdentifier", EVENT_ecu_id, take_name},
    {"NODE", EVENT_ecu_id, take_name},
    {"src_ip", EVENT_src_ip, json_take_address},
    {"id.orig_h", EVENT_src_ip, json_take_address},
    {"dst_ip", EVENT_dst_ip, json_take_address},
    {"dest_ip", EVENT_dst_ip, json_take_address},
    {"id.resp_h", EVENT_dst_ip, json_take_address},
    {"src_port", EVENT_src_port, json_take_int},
    {"id.orig_p", EVENT_src_port, json_take_int},
    {"dst_port", EVENT_dst_port, json_take_int},
    {"dest_port", EVENT_dst_port, json_take_int},
    {"id.resp_p", EVENT_dst_port, json_take_int},
    {"proto", EVENT_transport, json_take_lower},
    {"output_fields.proc.name", EVENT_process_name, json_take_text},
    {"output_fields.proc.pid", EVENT_process_pid, json_take_int},
    {"output_fields.proc.exepath", EVENT_process_executable, json_take_text},
    {"output_fields.proc.cmdline", EVENT_process_command_line, json_take_text},
    {"output_fields.user.name", EVENT_user_name, json_take_text},
    {"output_fields.user.uid", EVENT_user_id, json_take_text},
    {"SYSCALL.key", EVENT_rule_id, take_name},
    {"SYSCALL.comm", EVENT_process_name, json_take_text},
    {"SYSCALL.pid", EVENT_process_pid, json_take_int},
    {"SYSCALL.exe", EVENT_process_executable, json_take_text},
    {"EXECVE.ARGV_STR", EVENT_process_command_line, json_take_text},
    {"SYSCALL.UID", EVENT_user_name, json_take_text},
    {"SYSCALL.uid", EVENT_user_id, json_take_text},
    {"columns.pid", EVENT_process_pid, json_take_int},
    {"columns.cmdline", EVENT_process_command_line, json_take_text},
    {"columns.path", EVENT_process_executable, json_take_text},
    {"columns.uid", EVENT_user_id, json_take_text},
    {"columns.target_path", EVENT_file_path, json_take_text},
    {"message", EVENT_message, json_take_message},
    {"msg", EVENT_message, json_take_message},
    {"output", EVENT_message, json_take_message},
    {"log", EVENT_message, json_take_message},
    {"text", EVENT_message, json_take_message},
};

__attribute__((constructor)) static void fill(void)
{
    json_paths_init(&json_event_other, rows, sizeof rows / sizeof *rows);
}
