/* syslog.c: syslog lines (RFC 5424, RFC 3164) → events. Pure, any thread. Any line is an event: a
 * line without a header is a message, with parse_status partial. A message in another format goes
 * to the parser of that format, with the header as envelope. */
#include "parsers/registry/builtin.h"
#include "core/reasons/record_code.h"
#include "parsers/formats/syslog/syslog_data.h"
#include "parsers/formats/syslog/syslog_read.h"
#include "parsers/formats/syslog/syslog_tag.h"
#include "parsers/messages/host_line.h"
#include "parsers/engine/split_count.h"
#include "parsers/read/line_scan.h"
#include "parsers/formats/syslog/syslog_inner.h"
#include "parsers/formats/syslog/syslog_local.h"
#include "parsers/fill/text_event.h"
#include "parsers/messages/uds_words.h"

static void fill_time(struct text_event *t, const struct syslog_line *line)
{
    if (!line->has_time)
        return;
    EVENT_SET(&t->event, time_event_ns, line->time.ns);
    EVENT_SET(&t->event, time_event_raw, slice_sub(line->time.text, 0, 256));
    if (line->time.unsynced)
        EVENT_SET(&t->event, time_quality, SLICE_LITERAL("unsynced"));
    else if (line->time.inferred)
        EVENT_SET(&t->event, time_quality, SLICE_LITERAL("inferred"));
    text_event_keep(t, SLICE_LITERAL("sequence"), line->time.sequence);
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
    if (slice_equal_text(p->element, "meta") && slice_equal_text(p->name, "sequenceId"))
        return text_event_set_decimal(t, EVENT_vehicle_seq, value);
    if (slice_equal_text(p->element, "origin") && slice_equal_text(p->name, "swVersion"))
        return text_event_set(t, EVENT_ecu_sw_version, value);
    return false;
}

/* element.name as key. */
static struct slice param_key(struct text_event *t, const struct syslog_param *p)
{
    if (!p->element.size)
        return p->name;
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

/* keep_all: also what has a column. */
static void fill_data(struct text_event *t, struct slice data, bool keep_all)
{
    struct syslog_param param;
    struct syslog_data_place place = {.at = 0};
    while (!t->failed && t->keys.count < KEY_LIST_MAX && syslog_param_next(data, &place, &param)) {
        if (!param.name.size) { /* an SD-ID alone */
            text_event_keep(t, SLICE_LITERAL("structured_data"), param.element);
            continue;
        }
        struct slice value = text_event_plain(t, param.value, "\"\\]", false); /* §6.3.3 */
        bool is_known = take_known(t, &param, value);
        if (!is_known || (keep_all && !slice_equal_nocase(param.name, "vin")))
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
    if (facility == 4 || facility == 10)
        EVENT_GUESS(&t->event, event_category, SLICE_LITERAL("authentication"));
}

static void note_flaws(struct text_event *t, unsigned flaws)
{
    static const struct {
        enum record_code code;
        const char *detail;
    } notes[SYSLOG_FLAW_COUNT] = {
#define X(name, code, detail) {RECORD_##code, detail},
        SYSLOG_FLAWS(X)
#undef X
    };
    for (unsigned i = 0; i < SYSLOG_FLAW_COUNT; i++)
        if (flaws >> i & 1)
            text_event_partial(t, notes[i].code, notes[i].detail);
}

static void fill_header(struct text_event *t, const struct syslog_line *line)
{
    fill_time(t, line);
    if (line->priority >= 0) {
        text_event_set_syslog_severity(t, line->priority & 7);
        fill_facility(t, line->priority >> 3);
    }
    if (!text_event_set(t, EVENT_event_name, line->msgid))
        (void)text_event_set(t, EVENT_event_name, line->app);
    if (!text_event_set(t, EVENT_ecu_id, line->host))
        text_event_keep(t, SLICE_LITERAL("hostname"), line->host);
    text_event_keep(t, SLICE_LITERAL("app_name"), line->app);
    text_event_keep(t, SLICE_LITERAL("procid"), line->procid);
    text_event_keep(t, SLICE_LITERAL("msgid"), line->msgid);
    text_event_keep(t, SLICE_LITERAL("timestamp"), line->bad_time);
    note_flaws(t, line->flaws);
}

static struct slice without_line_ends(struct slice s)
{
    while (s.size && (s.data[s.size - 1] == '\n' || s.data[s.size - 1] == '\r'))
        s.size--;
    return s;
}

/* The event of a line without its message, and the line as read. */
static void begin(struct text_event *t, const struct parser_context *context, struct slice record,
                  struct syslog_line *line)
{
    text_event_init(t, context);
    text_event_repair(t, &record);
    syslog_read(record, context->received_ns, line);
    fill_header(t, line);
}

static void keep_uptime(struct text_event *t, struct slice message)
{
    if (!syslog_stamp_bytes(message))
        return;
    struct slice rest = slice_sub(message, 1, message.size);
    text_event_keep(t, SLICE_LITERAL("uptime"), slice_trim(line_until(&rest, ']')));
}

/* Columns that an envelope drops when the inner event sets them too. */
static void keep_columns(struct text_event *t, const struct syslog_line *line)
{
    if (EVENT_HAS(&t->event, ecu_id))
        text_event_keep(t, SLICE_LITERAL("hostname"), line->host);
    if (line->has_time)
        text_event_keep(t, SLICE_LITERAL("timestamp"), line->time.text);
    if (EVENT_HAS(&t->event, severity_source))
        text_event_keep(t, SLICE_LITERAL("severity"), t->event.severity_source);
    keep_uptime(t, line->message);
}

static enum parser_result hand_on(struct text_event *t, const struct syslog_line *line,
                                  struct slice bytes, struct slice format, size_t record_bytes,
                                  struct parser_outcome *outcome)
{
    struct parser_outcome inner_outcome = {.result = PARSER_OK};
    const struct parser_inner inner = {
        .bytes = bytes, .format = format, .size = record_bytes, .envelope = &t->event};
    keep_columns(t, line);
    fill_data(t, line->data, true);
    if (!text_event_complete(t, outcome))
        return PARSER_OK; /* which *outcome says otherwise of */
    return t->context->hand_on(t->context, &inner, &inner_outcome);
}

/* The program that wrote the line; the kernel and devices (%ASA-…) do not count. */
static void fill_process(struct text_event *t, const struct syslog_line *line)
{
    struct slice app = line->app;
    if (!app.size || app.data[0] == '%' || slice_equal_text(app, "kernel"))
        return;
    const uint8_t *slash = app.data[0] == '/' ? memrchr(app.data, '/', app.size) : NULL;
    if (slash) {
        (void)text_event_set(t, EVENT_process_executable, app);
        app = slice_sub(app, (size_t)(slash - app.data) + 1, app.size);
    }
    (void)text_event_set(t, EVENT_process_name, app);
    (void)text_event_set_decimal(t, EVENT_process_pid, line->procid);
}

static void emit_message(struct text_event *t, const struct syslog_line *line,
                         struct parser_outcome *outcome)
{
    if (!EVENT_HAS(&t->event, event_name))
        EVENT_GUESS(&t->event, event_name, SLICE_LITERAL("syslog"));
    fill_data(t, line->data, false);
    fill_process(t, line);
    host_line_read(t, line->app,
                   slice_sub(line->message, syslog_stamp_bytes(line->message), line->message.size));
    uds_words_read(t, line->message);
    text_event_set_message(t, line->message);
    text_event_emit(t, outcome);
}

static void parse(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    struct text_event t;
    struct syslog_line line;
    struct slice text = without_line_ends(split_count_message(record));
    begin(&t, context, text, &line);
    struct slice format, bytes = syslog_inner_find(&line, &format);
    if (bytes.size) {
        enum parser_result inner = hand_on(&t, &line, bytes, format, record.size, outcome);
        if (inner == PARSER_OK)
            return;
        begin(&t, context, text, &line); /* what an envelope says is not an event's */
        if (inner == PARSER_MALFORMED)
            text_event_partial(&t, RECORD_bad_inner, "message breaks the format it begins as");
    }
    emit_message(&t, &line, outcome);
}

/* "<13>" is syslog, and so is a line that starts with a BSD time, or with a name before a record of
 * another format; other text is ambiguous. */
static int probe(struct slice head)
{
    struct syslog_line line;
    head = slice_sub(head, split_count_size(head), head.size);
    const uint8_t *lf = slice_find_byte(head, '\n');
    syslog_read(slice_sub(head, 0, lf ? (size_t)(lf - head.data) : head.size), 0, &line);
    if (line.is_5424)
        return 70;
    if (line.is_local)
        return 76; /* surer than an array of JSON */
    if (line.priority >= 0)
        return 60;
    return line.has_time || line.host.size ? 40 : 0;
}

const struct parser parser_syslog = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "syslog",
    .version = "1.0.0",
    .description = "syslog of RFC 5424 and RFC 3164, with CEF, LEEF, JSON and audit records in it",
    .framing = PARSER_FRAMING_SYSLOG,
    .probe = probe,
    .guessed_by =
        "`<PRI>`, also behind an octet count, a time like `Oct 11 22:14:15`, a kernel stamp "
        "like `[   12.345678]`, or a name and CEF or LEEF, at the start",
    .parse = parse,
};
