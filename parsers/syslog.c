/* syslog.c: syslog lines (RFC 5424, RFC 3164) → events. Pure, any thread. Any line is an event:
 * what has no header is a message, with parse_status partial. */
#include "parsers/builtin.h"
#include "parsers/syslog_event.h"

static void fill_time(struct text_event *t, const struct syslog_line *line)
{
    if (!line->has_time || EVENT_HAS(&t->event, time_event_ns))
        return;
    EVENT_SET(&t->event, time_event_ns, line->time_ns);
    EVENT_SET(&t->event, time_event_raw, slice_sub(line->time_text, 0, 256));
    if (line->time_inferred)
        EVENT_SET(&t->event, time_quality, SLICE_LITERAL("inferred"));
}

/* \" \\ and \] without their backslash; any other backslash stays (RFC 5424 §6.3.3). */
static struct slice unescape(struct text_event *t, struct slice value)
{
    if (!value.size || !memchr(value.data, '\\', value.size))
        return value;
    uint8_t *out = t->context->alloc(t->context, value.size);
    size_t size = 0;
    if (!out) {
        t->failed = true;
        return SLICE_EMPTY;
    }
    for (size_t i = 0; i < value.size; i++) {
        uint8_t next = i + 1 < value.size ? value.data[i + 1] : 0;
        if (value.data[i] == '\\' && (next == '"' || next == '\\' || next == ']'))
            i++;
        out[size++] = value.data[i];
    }
    return slice_make(out, size);
}

/* Decimal number of at most 18 digits, -1 when it is none. */
static int64_t read_number(struct slice s)
{
    int64_t v = 0;
    if (!s.size || s.size > 18)
        return -1;
    for (size_t i = 0; i < s.size; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return -1;
        v = v * 10 + (s.data[i] - '0');
    }
    return v;
}

/* Parameters that have a column (RFC 5424 §7; vin: ours). */
static bool take_known(struct text_event *t, const struct syslog_param *p, struct slice value)
{
    if (slice_equal_nocase(p->name, "vin")) {
        t->event.vin = value;
        return true;
    }
    if (slice_equal_text(p->element, "timeQuality") && slice_equal_text(p->name, "isSynced")) {
        EVENT_SET(&t->event, time_quality,
                  slice_equal_text(value, "1") ? SLICE_LITERAL("synced")
                                               : SLICE_LITERAL("unsynced"));
        return true;
    }
    if (slice_equal_text(p->element, "meta") && slice_equal_text(p->name, "sequenceId")) {
        int64_t number = read_number(value);
        if (number >= 0)
            EVENT_SET(&t->event, vehicle_seq, number);
        return number >= 0;
    }
    if (slice_equal_text(p->element, "origin") && slice_equal_text(p->name, "swVersion"))
        return text_event_set(t, EVENT_ecu_sw_version, value);
    return false;
}

/* element.name as key. */
static struct slice param_key(struct text_event *t, const struct syslog_param *p)
{
    uint8_t *key = t->context->alloc(t->context, p->element.size + 1 + p->name.size);
    if (!key) {
        t->failed = true;
        return SLICE_EMPTY;
    }
    memcpy(key, p->element.data, p->element.size);
    key[p->element.size] = '.';
    memcpy(key + p->element.size + 1, p->name.data, p->name.size);
    return slice_make(key, p->element.size + 1 + p->name.size);
}

static void fill_data(struct text_event *t, struct slice data)
{
    struct syslog_param param;
    struct slice element = SLICE_EMPTY;
    size_t at = 0;
    while (!t->failed && t->keys.count < KEY_LIST_MAX &&
           syslog_param_next(data, &at, &element, &param)) {
        struct slice value = unescape(t, param.value);
        if (!take_known(t, &param, value))
            text_event_keep(t, param_key(t, &param), value);
    }
    if (t->keys.count == KEY_LIST_MAX)
        text_event_note_full(t);
}

static void fill_facility(struct text_event *t, int facility)
{
    static const char *const names[24] = {
        "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
        "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
        "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};
    text_event_keep(t, SLICE_LITERAL("facility"), slice_from_text(names[facility % 24]));
    if ((facility == 4 || facility == 10) && !EVENT_HAS(&t->event, event_category))
        EVENT_SET(&t->event, event_category, SLICE_LITERAL("authentication"));
}

void syslog_event_fill(struct text_event *t, const struct syslog_line *line)
{
    fill_time(t, line);
    if (line->priority >= 0) {
        if (!EVENT_HAS(&t->event, severity_id))
            text_event_set_syslog_severity(t, line->priority & 7);
        fill_facility(t, line->priority >> 3);
    }
    if (!text_event_set(t, EVENT_ecu_id, line->host))
        text_event_keep(t, SLICE_LITERAL("hostname"), line->host);
    text_event_keep(t, SLICE_LITERAL("app_name"), line->app);
    text_event_keep(t, SLICE_LITERAL("procid"), line->procid);
    text_event_keep(t, SLICE_LITERAL("msgid"), line->msgid);
    fill_data(t, line->data);
    if (line->note)
        text_event_partial(t, line->note, line->detail);
}

static void parse(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    struct text_event t;
    struct syslog_line line;
    text_event_init(&t, context);
    text_event_repair(&t, &record);
    syslog_read(record, context->received_ns, &line);
    if (!text_event_set(&t, EVENT_event_name, line.msgid) &&
        !text_event_set(&t, EVENT_event_name, line.app))
        EVENT_SET(&t.event, event_name, SLICE_LITERAL("syslog"));
    syslog_event_fill(&t, &line);
    text_event_set_message(&t, line.message);
    text_event_emit(&t, outcome);
}

/* "<13>" is syslog, and so is a line that starts with a BSD time; other text could be anything. */
static int probe(struct slice head)
{
    struct syslog_line line;
    const uint8_t *lf = head.size ? memchr(head.data, '\n', head.size) : NULL;
    syslog_read(slice_sub(head, 0, lf ? (size_t)(lf - head.data) : head.size), 0, &line);
    if (line.is_5424)
        return 70;
    if (line.priority >= 0)
        return 60;
    return line.has_time ? 40 : 0;
}

const struct parser parser_syslog = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "syslog",
    .version = "1.0.0",
    .description = "syslog lines of RFC 5424 and RFC 3164",
    .framing = PARSER_FRAMING_LINES,
    .probe = probe,
    .parse = parse,
};
