/* otlp_protobuf.c: OTLP logs in Protocol Buffers. Pure, any thread. Messages are read in place,
 * each twice at most. Unknown fields, and fields of another wire type, are skipped as Protocol
 * Buffers requires, unless they contain messages that look like logs: these are rejected. */
#include "parsers/formats/otlp/otlp_read.h"
#include "parsers/read/record_refuse.h"
#include "parsers/engine/pipeline.h"

/* Field numbers of opentelemetry-proto (logs/v1, resource/v1, common/v1). */
enum {
    REQUEST_RESOURCE_LOGS = 1,
    PART_LEVEL = 1,    /* ResourceLogs.resource, ScopeLogs.scope */
    PART_CHILDREN = 2, /* ResourceLogs.scope_logs, ScopeLogs.log_records */
    PART_SCHEMA_URL = 3,
    OLD_SCOPE_LOGS = 1000, /* ResourceLogs.instrumentation_library_logs, until version 0.19 */
    RESOURCE_ATTRIBUTES = 1,
    SCOPE_NAME = 1,
    SCOPE_VERSION = 2,
    SCOPE_ATTRIBUTES = 3,
    RECORD_TIME = 1,
    RECORD_SEVERITY_NUMBER = 2,
    RECORD_SEVERITY_TEXT = 3,
    RECORD_OLD_NAME = 4, /* name, until version 0.12 */
    RECORD_BODY = 5,
    RECORD_ATTRIBUTES = 6,
    RECORD_DROPPED = 7,
    RECORD_FLAGS = 8,
    RECORD_TRACE_ID = 9,
    RECORD_SPAN_ID = 10,
    RECORD_OBSERVED_TIME = 11,
    RECORD_EVENT_NAME = 12,
    VALUE_TEXT = 1,
    VALUE_BOOL = 2,
    VALUE_INT = 3,
    VALUE_REAL = 4,
    VALUE_ARRAY = 5,
    VALUE_MAP = 6,
    VALUE_BYTES = 7,
    CHILDREN = 1, /* ArrayValue.values, KeyValueList.values */
    KEY = 1,
    KEY_VALUE = 2,
};

/* What holds others. */
enum { RESOURCE_DEPTH, SCOPE_DEPTH };

static const char not_protobuf[] = "message does not follow Protocol Buffers";

/* ---- values ---- */

static bool next_child(struct otlp_cursor *cursor, struct slice *key, struct otlp_value *value);

static struct otlp_cursor children_of(struct slice message, uint32_t number, bool is_map)
{
    return (struct otlp_cursor){.next = next_child,
                                .message = proto_reader_make(message),
                                .number = number,
                                .is_map = is_map};
}

static void set_value(struct otlp_value *value, const struct proto_field *f)
{
    switch (f->number << 2 | f->type) {
    case VALUE_TEXT << 2 | PROTO_BYTES:
        value->kind = OTLP_TEXT;
        value->text = f->bytes;
        break;
    case VALUE_BYTES << 2 | PROTO_BYTES:
        value->kind = OTLP_BYTES;
        value->text = f->bytes;
        break;
    case VALUE_BOOL << 2 | PROTO_VARINT:
        value->kind = OTLP_BOOL;
        value->integer = f->value != 0;
        break;
    case VALUE_INT << 2 | PROTO_VARINT:
        value->kind = OTLP_INT;
        value->integer = (int64_t)f->value;
        break;
    case VALUE_REAL << 2 | PROTO_FIXED64:
        value->kind = OTLP_REAL;
        memcpy(&value->real, &f->value, sizeof value->real);
        break;
    case VALUE_ARRAY << 2 | PROTO_BYTES:
        value->kind = OTLP_ARRAY;
        value->children = children_of(f->bytes, CHILDREN, false);
        break;
    case VALUE_MAP << 2 | PROTO_BYTES:
        value->kind = OTLP_MAP;
        value->children = children_of(f->bytes, CHILDREN, true);
        break;
    default:
        break;
    }
}

/* The last value counts. */
static bool read_value(struct slice message, struct otlp_value *value)
{
    struct proto_reader reader = proto_reader_make(message);
    struct proto_field f;
    value->kind = OTLP_EMPTY;
    while (proto_next(&reader, &f))
        set_value(value, &f);
    return !reader.broken;
}

static bool read_pair(struct slice message, struct slice *key, struct otlp_value *value)
{
    struct proto_reader reader = proto_reader_make(message);
    struct proto_field f;
    struct slice value_message = SLICE_EMPTY;
    while (proto_next(&reader, &f)) {
        if (f.number == KEY && f.type == PROTO_BYTES)
            *key = f.bytes;
        else if (f.number == KEY_VALUE && f.type == PROTO_BYTES)
            value_message = f.bytes;
    }
    return !reader.broken && read_value(value_message, value);
}

static bool next_child(struct otlp_cursor *cursor, struct slice *key, struct otlp_value *value)
{
    struct proto_field f;
    *key = SLICE_EMPTY;
    while (proto_next(&cursor->message, &f)) {
        if (f.number != cursor->number || f.type != PROTO_BYTES)
            continue;
        if (cursor->is_map ? read_pair(f.bytes, key, value) : read_value(f.bytes, value))
            return true;
        cursor->message.broken = true;
    }
    if (cursor->message.broken)
        cursor->error = not_protobuf;
    return false;
}

/* ---- log records ---- */

struct reading {
    const struct parser_context *context;
    struct slice body;
    struct work *work;
    struct otlp_level levels[2]; /* resource and scope being read */
    struct otlp_progress progress;
};

static size_t offset_of(const struct reading *r, struct slice message)
{
    return (size_t)(message.data - r->body.data);
}

static void reject(const struct reading *r, struct slice bytes, const struct parser_outcome *o)
{
    record_reject_outcome(r->context, offset_of(r, bytes), bytes.size, o);
}

static struct slice hex(struct text_event *t, struct slice bytes)
{
    size_t size = 2 * bytes.size;
    struct writer w = {.limit = size, .capacity = size};
    w.data = size ? t->context->alloc(t->context, size) : NULL;
    t->failed |= size && !w.data;
    if (!w.data)
        return SLICE_EMPTY;
    writer_hex(&w, bytes);
    return writer_slice(&w);
}

static void set_record_field(struct text_event *t, struct otlp_record *record,
                             const struct proto_field *f)
{
    switch (f->number << 2 | f->type) {
    case RECORD_TIME << 2 | PROTO_FIXED64:
        record->time_unix_nano = f->value;
        break;
    case RECORD_OBSERVED_TIME << 2 | PROTO_FIXED64:
        record->observed_time_unix_nano = f->value;
        break;
    case RECORD_SEVERITY_NUMBER << 2 | PROTO_VARINT:
        record->severity_number = (int32_t)f->value;
        break;
    case RECORD_SEVERITY_TEXT << 2 | PROTO_BYTES:
        record->severity_text = f->bytes;
        break;
    case RECORD_DROPPED << 2 | PROTO_VARINT:
        record->dropped_attributes_count = (uint32_t)f->value;
        break;
    case RECORD_FLAGS << 2 | PROTO_FIXED32:
        record->flags = f->value;
        break;
    case RECORD_TRACE_ID << 2 | PROTO_BYTES:
        record->trace_id = hex(t, f->bytes);
        break;
    case RECORD_SPAN_ID << 2 | PROTO_BYTES:
        record->span_id = hex(t, f->bytes);
        break;
    case RECORD_EVENT_NAME << 2 | PROTO_BYTES:
        record->event_name = f->bytes;
        break;
    case RECORD_OLD_NAME << 2 | PROTO_BYTES:
        record->old_name = f->bytes;
        break;
    default:
        break;
    }
}

static bool read_record_fields(struct text_event *t, struct slice message,
                               struct otlp_record *record)
{
    struct proto_reader reader = proto_reader_make(message);
    struct proto_field f;
    bool good = true;
    while (good && proto_next(&reader, &f)) {
        if (f.number == RECORD_BODY && f.type == PROTO_BYTES)
            good = read_value(f.bytes, &record->body);
        else
            set_record_field(t, record, &f);
    }
    return good && !reader.broken;
}

static void read_record(struct reading *r, struct slice message)
{
    const void *mark = otlp_count_record(&r->progress, r->context, offset_of(r, message));
    struct parser_outcome outcome = {.result = PARSER_OK};
    struct text_event t;
    struct otlp_record record = {.offset = offset_of(r, message),
                                 .size = message.size,
                                 .attributes = children_of(message, RECORD_ATTRIBUTES, true)};
    if (!mark)
        return;
    text_event_init(&t, r->context);
    if (message.size > r->context->event_bytes)
        record_refuse(&outcome, 0, RECORD_event_too_large,
                      "record is longer than limits.event_bytes");
    else if (!read_record_fields(&t, message, &record))
        record_refuse(&outcome, 0, RECORD_malformed, not_protobuf);
    else
        otlp_record_emit(&t, &record, &r->levels[0], &r->levels[1], &outcome);
    if (outcome.result != PARSER_OK)
        reject(r, message, &outcome);
    r->context->release(r->context, mark);
}

/* ---- resources and scopes ---- */

/* Protocol Buffers merges a level that occurs twice: texts of the last, attributes of all. Here the
 * last one counts, with its bytes in the evidence: no encoder writes two. */
static bool find_level(struct slice message, struct work *work, struct slice *level)
{
    struct proto_reader reader = proto_reader_make(message);
    reader.work = work;
    struct proto_field f;
    bool found = false;
    while (proto_next(&reader, &f)) {
        if (f.number != PART_LEVEL || f.type != PROTO_BYTES)
            continue;
        *level = f.bytes;
        found = true;
    }
    return found || !reader.broken; /* what was cut off may have been the level */
}

static bool read_level(const struct reading *r, struct slice message, bool is_scope,
                       struct otlp_level *level, struct parser_outcome *outcome)
{
    struct proto_reader reader = proto_reader_make(message);
    struct proto_field f;
    struct slice name = SLICE_EMPTY, version = SLICE_EMPTY;
    struct text_event t;
    text_event_init(&t, r->context);
    while (is_scope && proto_next(&reader, &f)) {
        if (f.number == SCOPE_NAME && f.type == PROTO_BYTES)
            name = f.bytes;
        else if (f.number == SCOPE_VERSION && f.type == PROTO_BYTES)
            version = f.bytes;
    }
    if (message.size > r->context->event_bytes) {
        record_refuse(outcome, 0, RECORD_event_too_large,
                      "resource or scope is longer than limits.event_bytes");
        return false;
    }
    uint32_t number = is_scope ? SCOPE_ATTRIBUTES : RESOURCE_ATTRIBUTES;
    return otlp_level_read(&t, name, version, children_of(message, number, true), level, outcome);
}

/* A message with a field that is a message with fields, as in logs; texts rarely look like that. */
static bool holds_messages(struct slice bytes, struct work *work)
{
    struct proto_reader outer = proto_reader_make(bytes);
    struct proto_field f, inner;
    bool found = false;
    outer.work = work;
    while (proto_next(&outer, &f)) {
        if (f.type != PROTO_BYTES || !f.bytes.size)
            continue;
        struct proto_reader child = proto_reader_make(f.bytes);
        child.work = work;
        while (proto_next(&child, &inner))
            continue;
        found |= !child.broken;
    }
    return found && !outer.broken;
}

/* An unknown field at a place of logs. */
static void reject_other(const struct reading *r, const struct proto_field *f)
{
    if (f->type == PROTO_BYTES && holds_messages(f->bytes, r->work))
        record_reject(r->context, offset_of(r, f->bytes), f->bytes.size, RECORD_unknown_member,
                      "messages in a field that OTLP has not here");
}

static void read_part(struct reading *r, size_t depth, struct slice message);

/* Reads the children of a message at this depth, after its level. */
static void read_children(struct reading *r, size_t depth, struct slice message)
{
    struct proto_reader reader = proto_reader_make(message);
    struct proto_field f;
    reader.work = r->work;
    while (!r->progress.stopped && proto_next(&reader, &f)) {
        bool is_old = depth == RESOURCE_DEPTH && f.number == OLD_SCOPE_LOGS;
        if (f.number == PART_LEVEL || f.number == PART_SCHEMA_URL)
            continue;
        if ((f.number != PART_CHILDREN && !is_old) || f.type != PROTO_BYTES)
            reject_other(r, &f);
        else if (depth == SCOPE_DEPTH)
            read_record(r, f.bytes);
        else
            read_part(r, depth + 1, f.bytes);
    }
    if (reader.broken)
        record_reject(r->context, offset_of(r, message) + reader.at, message.size - reader.at,
                      RECORD_malformed, not_protobuf);
}

/* A ResourceLogs or a ScopeLogs. */
static void read_part(struct reading *r, size_t depth, struct slice message)
{
    struct parser_outcome outcome = {.result = PARSER_OK};
    struct slice level = SLICE_EMPTY;
    if (!otlp_count_part(&r->progress, offset_of(r, message)))
        return;
    const void *mark = r->context->mark(r->context);
    if (!find_level(message, r->work, &level))
        record_refuse(&outcome, 0, RECORD_malformed, not_protobuf);
    else if (read_level(r, level, depth == SCOPE_DEPTH, &r->levels[depth], &outcome))
        read_children(r, depth, message);
    if (outcome.result != PARSER_OK)
        reject(r, message, &outcome);
    r->context->release(r->context, mark);
}

static bool has_resource_logs(const struct reading *r)
{
    struct proto_reader reader = proto_reader_make(r->body);
    struct proto_field f;
    reader.work = r->work;
    while (proto_next(&reader, &f))
        if (f.number == REQUEST_RESOURCE_LOGS && f.type == PROTO_BYTES)
            return true;
    return reader.broken; /* what was cut off may have been some */
}

void otlp_read_protobuf(struct slice body, const struct parser_context *context,
                        struct parser_outcome *outcome)
{
    struct reading r = {.context = context, .body = body, .work = pipeline_work(context)};
    struct proto_reader reader = proto_reader_make(body);
    struct proto_field f;
    if (!has_resource_logs(&r)) {
        record_refuse(outcome, 0, RECORD_missing_field, "resource_logs is needed, field 1");
        return;
    }
    reader.work = r.work;
    while (!r.progress.stopped && proto_next(&reader, &f)) {
        if (f.number == REQUEST_RESOURCE_LOGS && f.type == PROTO_BYTES)
            read_part(&r, RESOURCE_DEPTH, f.bytes);
        else
            reject_other(&r, &f);
    }
    if (r.progress.stopped)
        record_refuse(outcome, r.progress.end, r.progress.code, r.progress.detail);
    else if (reader.broken)
        record_refuse(outcome, reader.at, RECORD_malformed, not_protobuf);
}
