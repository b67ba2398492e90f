/* logcat.c: Android's logcat → one event per entry. Pure, any thread. SELinux denials go to the
 * parser of Linux audit, with the entry as envelope. Finds the lines of each entry; logcat_read.c
 * reads their heads. */
#include "parsers/formats/auditd/audit_read.h"
#include "parsers/read/record_refuse.h"
#include "parsers/registry/builtin.h"
#include "parsers/formats/logcat/logcat_read.h"
#include "parsers/fill/text_event.h"
#include "parsers/messages/uds_words.h"

struct logcat {
    const struct parser_context *context;
    struct slice body;
};

/* A line of the body without its end; *next: where the next one starts. */
static struct slice line_at(struct slice body, size_t at, size_t *next)
{
    struct slice rest = slice_sub(body, at, body.size), line;
    const uint8_t *lf = slice_find_byte(rest, '\n');
    line = slice_sub(rest, 0, lf ? (size_t)(lf - rest.data) : rest.size);
    *next = at + line.size + (lf != NULL);
    if (line.size && line.data[line.size - 1] == '\r')
        line.size--;
    return line;
}

/* ---- events ---- */

static const struct {
    char letter;
    const char *name;
    int severity_id;
} levels[] = {{'V', "verbose", 1}, {'D', "debug", 1}, {'I', "info", 1},   {'W', "warn", 2},
              {'E', "error", 3},   {'F', "fatal", 4}, {'A', "assert", 4}, {'S', "silent", 0}};

static void fill_level(struct text_event *t, char letter)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (levels[i].letter == letter) {
            EVENT_GUESS(&t->event, severity_id, levels[i].severity_id);
            EVENT_SET(&t->event, severity_source, slice_from_text(levels[i].name));
        }
}

static bool is_number(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
    return s.size > 0;
}

static void fill_head(struct text_event *t, const struct logcat_head *head)
{
    if (head->has_time) {
        EVENT_SET(&t->event, time_event_ns, head->time_ns);
        if (head->inferred)
            EVENT_SET(&t->event, time_quality, SLICE_LITERAL("inferred"));
    } else if (head->time.size) {
        EVENT_SET(&t->event, time_source, SLICE_LITERAL("monotonic"));
    }
    if (head->time.size)
        EVENT_SET(&t->event, time_event_raw, head->time);
    fill_level(t, head->level);
    if (head->pid >= 0)
        (void)text_event_set_int(t, EVENT_process_pid, head->pid);
    if (head->uid.size)
        (void)text_event_set(t, is_number(head->uid) ? EVENT_user_id : EVENT_user_name, head->uid);
    if (head->tid >= 0)
        json_object_add_int(&t->attributes, SLICE_LITERAL("tid"), head->tid);
    text_event_keep(t, SLICE_LITERAL("tag"), head->tag);
}

static void begin(struct text_event *t, const struct parser_context *context, struct slice *message,
                  struct logcat_head *head)
{
    text_event_init(t, context);
    text_event_repair(t, message);
    text_event_repair(t, &head->tag);
    fill_head(t, head);
}

/* The audit record in a message; false: there is none. */
static bool find_audit(struct slice message, struct slice *record)
{
    struct audit_header header;
    if (slice_starts_with(message, "audit: "))
        message = slice_sub(message, 7, message.size);
    *record = message;
    return audit_header_read(message, &header) &&
           (header.has_serial || audit_bare_is_denial(message));
}

/* False: no event came of the audit record. */
static bool hand_on(struct logcat *l, struct text_event *t, struct slice record, size_t start,
                    size_t size, struct parser_outcome *outcome)
{
    struct parser_outcome ignored = {.result = PARSER_OK};
    const struct parser_inner inner = {.bytes = record,
                                       .format = SLICE_LITERAL("auditd"),
                                       .offset = start,
                                       .size = size,
                                       .envelope = &t->event};
    if (!text_event_complete(t, outcome))
        return true;
    return l->context->hand_on(l->context, &inner, &ignored) == PARSER_OK;
}

static void emit(struct logcat *l, struct slice message, struct logcat_head head, size_t start,
                 size_t size, struct parser_outcome *outcome)
{
    struct text_event t;
    struct slice text = message, record;
    struct logcat_head as_read = head;
    begin(&t, l->context, &text, &head);
    if (find_audit(text, &record)) {
        if (hand_on(l, &t, record, start, size, outcome))
            return;
        text = message;
        head = as_read;
        begin(&t, l->context, &text, &head); /* what an envelope says is not an event's */
    }
    if (!text_event_set(&t, EVENT_event_name, head.tag))
        EVENT_GUESS(&t.event, event_name, SLICE_LITERAL("logcat"));
    uds_words_read(&t, text);
    text_event_set_message(&t, text);
    EVENT_SET(&t.event, raw_offset, (int64_t)start);
    EVENT_SET(&t.event, raw_size, (int64_t)size);
    text_event_emit(&t, outcome);
}

/* ---- entries ---- */

static bool is_blank(struct slice line)
{
    return !slice_trim(line).size;
}

/* End of the message below the head of -v long: before the next head, without blank lines. */
static size_t long_end(struct logcat *l, size_t at)
{
    struct logcat_head head;
    size_t end = at, next;
    for (; at < l->body.size; at = next) {
        struct slice line = line_at(l->body, at, &next);
        if (logcat_is_divider(line) || (slice_starts_with(line, "[ ") &&
                                        logcat_head_read(line, l->context->received_ns, &head)))
            break;
        if (!is_blank(line))
            end = at + line.size;
    }
    return end;
}

/* Reads the entry whose first line starts at `start`; returns its end. */
static size_t read_entry(struct logcat *l, struct slice line, size_t start, size_t next,
                         struct parser_outcome *outcome)
{
    struct logcat_head head;
    size_t end = start + line.size;
    if (!logcat_head_read(line, l->context->received_ns, &head)) {
        head = (struct logcat_head){.pid = -1, .tid = -1, .message = line}; /* -v raw */
    } else if (head.is_long) {
        size_t below = long_end(l, next);
        end = below > end ? below : end;
        head.message = slice_trim(slice_sub(l->body, next, end > next ? end - next : 0));
    }
    if (end - start > l->context->event_bytes) {
        record_reject(l->context, start, end - start, RECORD_event_too_large,
                      "the entry is over limits.event_bytes");
        return end > next ? end : next;
    }
    emit(l, head.message, head, start, end - start, outcome);
    return end > next ? end : next;
}

static void parse(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    struct logcat l = {context, record};
    size_t mark_bytes = slice_starts_with(record, "\xEF\xBB\xBF") ? 3 : 0;
    (void)outcome;
    for (size_t at = mark_bytes, next; at < record.size; at = next) {
        struct slice line = line_at(record, at, &next);
        struct parser_outcome one = {.result = PARSER_OK};
        if (is_blank(line))
            continue;
        const void *mark = context->mark(context);
        size_t behind = read_entry(&l, line, at, next, &one);
        if (one.result != PARSER_OK)
            record_reject_outcome(context, at, behind - at, &one);
        context->release(context, mark);
        next = behind;
    }
}

/* The first line that is not a divider. A level and a tag alone could be any text. */
static int probe(struct slice head)
{
    struct logcat_head first;
    size_t at = 0, next;
    bool has_divider = false;
    for (; at < head.size; at = next) {
        struct slice line = line_at(head, at, &next);
        has_divider |= logcat_is_divider(line);
        if (is_blank(line) || logcat_is_divider(line))
            continue;
        if (!logcat_head_read(line, 0, &first))
            return 0;
        return first.time.size ? 82 : first.pid >= 0 || has_divider ? 62 : 30;
    }
    return has_divider ? 62 : 0;
}

const struct parser parser_logcat = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "logcat",
    .version = "1.0.0",
    .description = "Android's logcat in all its forms, with SELinux denials in it",
    .framing = PARSER_FRAMING_BODY,
    .probe = probe,
    .guessed_by = "the head of an entry, such as `11-29 12:00:00.123  1234  5678 I Tag: ` or "
                  "`I/Tag( 1234): `, in the first line",
    .parse = parse,
};
