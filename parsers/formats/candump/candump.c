/* candump.c: log lines of candump (can-utils) → one event per frame. Pure, any thread. Logs have
 * many lines, so attributes repeat nothing that has a column. */
#include "parsers/registry/builtin.h"
#include "parsers/read/record_refuse.h"
#include "parsers/formats/candump/can_error.h"
#include "parsers/formats/candump/can_uds.h"
#include "parsers/formats/candump/candump_read.h"
#include "parsers/formats/candump/candump_terminal.h"
#include "parsers/fill/text_event.h"

#include <stdio.h>

#define NS_PER_S UINT64_C(1000000000)
/* Smaller ones (before March 1973) are seconds since the capture's or the vehicle's start. */
#define EPOCH_SECONDS_MIN UINT64_C(100000000)

static const struct {
    struct slice bus_type, event_name, message;
} kinds[] = {
    [CANDUMP_CLASSICAL] = {SLICE_LITERAL("can"), SLICE_LITERAL("can_frame"),
                           SLICE_LITERAL("CAN frame")},
    [CANDUMP_FD] = {SLICE_LITERAL("canfd"), SLICE_LITERAL("canfd_frame"),
                    SLICE_LITERAL("CAN FD frame")},
    [CANDUMP_XL] = {SLICE_LITERAL("canxl"), SLICE_LITERAL("canxl_frame"),
                    SLICE_LITERAL("CAN XL frame")},
    [CANDUMP_REMOTE] = {SLICE_LITERAL("can"), SLICE_LITERAL("can_remote_frame"),
                        SLICE_LITERAL("CAN remote frame")},
    [CANDUMP_ERROR] = {SLICE_LITERAL("can"), SLICE_LITERAL("can_error_frame"),
                       SLICE_LITERAL("CAN error frame")},
    [CANDUMP_DROPS] = {SLICE_LITERAL("can"), SLICE_LITERAL("can_frames_dropped"),
                       SLICE_LITERAL("CAN frames were lost before they were logged")},
};

static void fill_time(struct event *event, const struct candump_line *line)
{
    if (line->has_no_time)
        return;
    EVENT_SET(event, time_event_raw, line->time);
    if (line->is_local)
        EVENT_SET(event, time_quality, SLICE_LITERAL("inferred"));
    if (line->time_ns >= EPOCH_SECONDS_MIN * NS_PER_S)
        EVENT_SET(event, time_event_ns, (int64_t)line->time_ns);
    else
        EVENT_SET(event, time_source, SLICE_LITERAL("monotonic"));
}

static void add_int(struct text_event *t, const char *key, int64_t value)
{
    json_object_add_int(&t->attributes, slice_from_text(key), value);
}

static void fill_xl(struct text_event *t, const struct candump_line *line)
{
    add_int(t, "vcid", line->vcid);
    add_int(t, "xl_flags", line->xl_flags);
    add_int(t, "sdt", line->sdt);
    add_int(t, "acceptance", line->acceptance);
}

static void fill_error(struct text_event *t, const struct candump_line *line)
{
    EVENT_GUESS(&t->event, event_category, SLICE_LITERAL("bus_error"));
    EVENT_GUESS(&t->event, severity_id, can_error_severity(line->id));
    can_error_describe(line->id, slice_make(line->data, line->size), &t->attributes);
}

static void name_kind(struct text_event *t, enum candump_kind kind)
{
    EVENT_GUESS(&t->event, event_name, kinds[kind].event_name);
    EVENT_GUESS(&t->event, message, kinds[kind].message);
}

/* What the catalogue is asked for. */
static void name_response_code(struct text_event *t)
{
    char *id = t->context->alloc(t->context, sizeof "nrc:0x00");
    if (!id) {
        t->failed = true;
        return;
    }
    int size = snprintf(id, sizeof "nrc:0x00", "nrc:0x%02x", (unsigned)t->event.uds_nrc & 0xFF);
    t->event.catalog_id = slice_make(id, (size_t)size);
}

static void fill_frame(struct text_event *t, const struct candump_line *line)
{
    struct slice data = slice_make(line->data, line->size);
    bool may_be_uds = line->kind == CANDUMP_CLASSICAL || line->kind == CANDUMP_FD;
    fill_time(&t->event, line);
    EVENT_SET(&t->event, can_id, line->id);
    EVENT_SET(&t->event, can_flags, line->flags);
    if (line->kind != CANDUMP_REMOTE)
        EVENT_SET(&t->event, context_raw, data);
    if (line->dlc >= 0)
        add_int(t, "dlc", line->dlc);
    if (line->direction)
        json_object_add_text(&t->attributes, SLICE_LITERAL("direction"),
                             line->direction == 'R' ? SLICE_LITERAL("rx") : SLICE_LITERAL("tx"));
    if (line->kind == CANDUMP_XL)
        fill_xl(t, line);
    if (line->kind == CANDUMP_ERROR)
        fill_error(t, line);
    if (!may_be_uds || !can_uds_fill(&t->event, line->id, line->flags & CANDUMP_EXT, data))
        name_kind(t, line->kind);
    if (EVENT_HAS(&t->event, uds_nrc))
        name_response_code(t);
}

static void fill_drops(struct text_event *t, const struct candump_line *line)
{
    name_kind(t, line->kind);
    EVENT_GUESS(&t->event, event_category, SLICE_LITERAL("ids_health"));
    EVENT_GUESS(&t->event, severity_id, 2);
    add_int(t, "dropped", line->dropped);
    add_int(t, "total_drops", line->total_drops);
}

static void parse(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    struct text_event t;
    struct candump_line line;
    struct candump_error error;
    text_event_init(&t, context);
    text_event_repair(&t, &record);
    bool is_read = candump_terminal_begins(record) ? candump_terminal_read(record, &line, &error)
                                                   : candump_read(record, &line, &error);
    if (!is_read) {
        outcome->result = PARSER_NOT_MINE;
        if (error.detail)
            record_refuse(outcome, error.offset, RECORD_malformed, error.detail);
        return;
    }
    EVENT_SET(&t.event, bus_type, kinds[line.kind].bus_type);
    EVENT_SET(&t.event, bus_id, line.bus);
    if (line.kind == CANDUMP_DROPS)
        fill_drops(&t, &line);
    else
        fill_frame(&t, &line);
    text_event_emit(&t, outcome);
}

/* Lines that somebody has written over a log. */
static struct slice without_comments(struct slice head)
{
    while (head.size && (head.data[0] == '#' || head.data[0] == '\n' || head.data[0] == '\r')) {
        const uint8_t *lf = memchr(head.data, '\n', head.size);
        size_t size = lf ? (size_t)(lf - head.data) + 1 : head.size;
        head = slice_sub(head, size, head.size);
    }
    return head;
}

static int probe(struct slice head)
{
    head = without_comments(head);
    if (candump_begins(head))
        return 90;
    return candump_terminal_begins(head) ? 88 : 0;
}

const struct parser parser_candump = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "candump",
    .version = "1.0.0",
    .description =
        "candump (can-utils): logs (-l, -L) and terminal output; CAN, CAN FD, CAN XL, error frames",
    .framing = PARSER_FRAMING_LINES,
    .probe = probe,
    .guessed_by =
        "`(SECONDS.FRACTION) INTERFACE ID#`, `INTERFACE ID [LENGTH]`, or `DROPCOUNT:`, at the "
        "start, also behind comments (`#`)",
    .parse = parse,
};
