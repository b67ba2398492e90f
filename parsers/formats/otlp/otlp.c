/* otlp.c: OpenTelemetry logs: a request, as OTLP/HTTP posts it, in JSON or Protocol Buffers. Pure,
 * any thread. Detects the encoding; otlp_json.c and otlp_protobuf.c read it. */
#include "parsers/registry/builtin.h"
#include "parsers/read/json/json_walk.h"
#include "parsers/formats/otlp/otlp_read.h"
#include "parsers/engine/pipeline.h"
#include "parsers/read/proto_reader.h"

static size_t first_byte(struct slice body, struct work *work)
{
    return work_skip_space(work, body, slice_starts_with(body, "\xEF\xBB\xBF") ? 3 : 0);
}

/* A request in Protocol Buffers starts with the tag of its only field, which equals a line feed, as
 * JSON text may start; and its length may equal {. So a key or the end must follow. An array is not
 * a request either, but its sender means JSON. */
static bool is_json(struct slice body, struct work *work)
{
    size_t at = first_byte(body, work);
    if (at == body.size)
        return true;
    if (body.data[0] != '\n')
        return body.data[at] == '{' || body.data[at] == '[';
    if (body.data[at] != '{')
        return false;
    at = work_skip_space(work, body, at + 1);
    if (at == body.size)
        return false;
    uint8_t next = at + 1 < body.size ? body.data[at + 1] : 0;
    return body.data[at] == '}' || (body.data[at] == '"' && next >= 'A' && next <= 'z');
}

static void parse(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    if (is_json(record, pipeline_work(context)))
        otlp_read_json(record, context, outcome);
    else
        otlp_read_protobuf(record, context, outcome);
}

/* A message's field 1 or 2, whose announced length exceeds the head or which lies inside it */
static bool step_in(struct slice *message, size_t *left)
{
    size_t at = 1, shift = 0, size = 0;
    if (message->size < 2 || (message->data[0] != 0x0A && message->data[0] != 0x12))
        return false;
    do {
        size |= (size_t)(message->data[at] & 0x7F) << shift;
        shift += 7;
    } while (message->data[at++] & 0x80 && at < message->size && shift < 35);
    if (size > *left - at || !size)
        return false;
    *message = slice_sub(*message, at, message->size);
    *left = size;
    return true;
}

/* A ResourceLogs that holds a resource with an attribute, or a ScopeLogs. */
static bool is_protobuf(struct slice head)
{
    size_t left = SIZE_MAX;
    size_t steps = 0;
    while (steps < 4 && head.size && (steps || head.data[0] == 0x0A) && step_in(&head, &left))
        steps++;
    return steps >= 3;
}

static int probe(struct slice head)
{
    size_t at = first_byte(head, NULL);
    if (at == head.size || head.data[at] != '{')
        return is_protobuf(head) ? 60 : 0;
    at = json_walk_space(head, at + 1);
    return slice_starts_with(slice_sub(head, at, head.size), "\"resourceLogs\"") ? 80 : 0;
}

static const char *const content_types[] = {"application/x-protobuf", "application/protobuf",
                                            "application/vnd.google.protobuf", NULL};

const struct parser parser_otlp = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "otlp",
    .version = "1.0.0",
    .description = "OpenTelemetry logs (OTLP) in JSON and Protocol Buffers",
    .content_types = content_types,
    .framing = PARSER_FRAMING_BODY,
    .probe = probe,
    .guessed_by = "`{\"resourceLogs\"` at the start, or a message that holds at least two others "
                  "at its start",
    .parse = parse,
};
