/* trc.c: the plug-in: PEAK CAN traces (.trc) → one event a line. What the first lines say counts
 * for all below, so the parser takes the whole body. Any thread; keeps nothing between calls. */
#include <parsers/parser.h>

#include <inttypes.h>
#include <stdio.h>

#include "trc_line.h"

static const char *const names[] = {
    [TRC_FRAME] = "can_frame",
    [TRC_REMOTE] = "can_remote_frame",
    [TRC_ERROR] = "can_error_frame",
    [TRC_STATUS] = "can_bus_status",
    [TRC_COUNTERS] = "can_error_counters",
    [TRC_EVENT] = "trace_event",
};

/* The clock is the recording computer's, in its zone, which the file does not name. */
static void fill_time(struct event *event, const struct trc_header *header,
                      const struct trc_line *line)
{
    EVENT_SET(event, time_event_raw, line->offset);
    if (header->has_start) {
        EVENT_SET(event, time_event_ns, header->start_ns + line->offset_ns);
        EVENT_SET(event, time_source, SLICE_LITERAL("rtc"));
        EVENT_SET(event, time_quality, SLICE_LITERAL("inferred"));
    } else {
        EVENT_SET(event, time_source, SLICE_LITERAL("monotonic"));
    }
}

/* What has no column of its own. json has room for all of it. */
static void fill_attributes(struct event *event, const struct trc_line *line, char *json,
                            size_t size)
{
    int n = snprintf(json, size, "{\"number\":%" PRIu64, line->number);
    if (line->direction)
        n += snprintf(json + n, size - (size_t)n, ",\"direction\":\"%s\"", line->direction);
    if (line->kind == TRC_REMOTE)
        n += snprintf(json + n, size - (size_t)n, ",\"dlc\":%u", line->dlc);
    if (line->kind == TRC_ERROR && line->has_id)
        n += snprintf(json + n, size - (size_t)n, ",\"error_type\":%u", line->id);
    n += snprintf(json + n, size - (size_t)n, "}");
    EVENT_SET(event, attributes, slice_make(json, (size_t)n));
}

static void fill_trouble(struct event *event)
{
    EVENT_GUESS(event, event_category, SLICE_LITERAL("bus_error"));
    EVENT_GUESS(event, severity_id, 2);
}

static void fill_frame(struct event *event, const struct trc_line *line)
{
    bool is_frame = line->kind == TRC_FRAME || line->kind == TRC_REMOTE;
    EVENT_SET(event, bus_type,
              line->flags & TRC_FDF ? SLICE_LITERAL("canfd") : SLICE_LITERAL("can"));
    EVENT_SET(event, can_flags, line->flags);
    if (line->bus.size)
        EVENT_SET(event, bus_id, line->bus);
    if (is_frame && line->has_id)
        EVENT_SET(event, can_id, line->id);
    if (line->kind != TRC_REMOTE)
        EVENT_SET(event, context_raw, slice_make(line->data, line->size));
    if (line->flags & TRC_FDF)
        EVENT_SET(event, event_name, SLICE_LITERAL("canfd_frame"));
    if (!is_frame)
        fill_trouble(event);
}

/* size bytes at offset of the body. */
static void emit(const struct parser_context *context, const struct trc_header *header,
                 const struct trc_line *line, size_t offset, size_t size)
{
    char json[128];
    struct event event;
    event_clear(&event);
    EVENT_SET(&event, raw_offset, (int64_t)offset);
    EVENT_SET(&event, raw_size, (int64_t)size);
    EVENT_SET(&event, sensor_kind, SLICE_LITERAL("can_ids"));
    EVENT_SET(&event, event_name, slice_from_text(names[line->kind]));
    fill_time(&event, header, line);
    fill_attributes(&event, line, json, sizeof json);
    if (line->kind == TRC_EVENT)
        EVENT_SET(&event, message, line->text);
    else
        fill_frame(&event, line);
    context->emit(context, &event);
}

static void take_line(const struct parser_context *context, struct trc_header *header,
                      struct slice body, size_t offset, size_t size)
{
    struct slice text = slice_trim(slice_sub(body, offset, size));
    struct trc_line line;
    if (!text.size)
        return;
    if (text.data[0] == ';') {
        trc_header_read(header, text);
        return;
    }
    const char *problem = trc_line_read(header, text, &line);
    if (problem)
        context->reject(context, offset, size, "malformed", problem);
    else
        emit(context, header, &line, offset, size);
}

static void parse(struct slice body, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    struct trc_header header;
    trc_header_init(&header);
    for (size_t at = 0; at < body.size;) {
        const uint8_t *end = memchr(body.data + at, '\n', body.size - at);
        size_t size = end ? (size_t)(end - body.data) - at : body.size - at;
        take_line(context, &header, body, at, size);
        at += size + 1;
    }
    outcome->result = PARSER_OK;
}

static int probe(struct slice head)
{
    return slice_starts_with(slice_trim(head), ";$FILEVERSION=") ? 95 : 0;
}

static const char *const content_types[] = {"application/vnd.peak.trc", NULL};

static const struct parser trc = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .event_abi = VSOC_EVENT_ABI,
    .event_size = sizeof(struct event),
    .name = "trc",
    .version = "1.0.0",
    .description = "PEAK CAN traces (.trc, 1.0 to 2.1): CAN, CAN FD, error frames, bus states",
    .content_types = content_types,
    .framing = PARSER_FRAMING_BODY,
    .probe = probe,
    .guessed_by = "`;$FILEVERSION=` at the start",
    .parse = parse,
};

const struct parser *vsoc_parser_plugin(void)
{
    return &trc;
}
