/* otlp_json.c: OTLP logs in JSON. Pure, any thread. The body is stepped through without a document
 * of the whole; a resource, a scope and each log record are documents of their own. Names are
 * lowerCamelCase; others are passed over, as the specification has it. */
#include "parsers/json_walk.h"
#include "parsers/otlp_json_value.h"
#include "parsers/otlp_read.h"

struct reading {
    const struct parser_context *context;
    struct slice body;
    struct otlp_level levels[2]; /* resource and scope being read */
    struct otlp_progress progress;
};

/* Objects that hold others, by how deep they stand: the request, a ResourceLogs, a ScopeLogs. */
static const struct {
    const char *level, *children;
} parts[] = {{NULL, "resourceLogs"}, {"resource", "scopeLogs"}, {"scope", "logRecords"}};

#define RECORD_DEPTH 3

static void reject(const struct reading *r, size_t offset, size_t end, const char *code,
                   const char *detail)
{
    r->context->reject(r->context, offset, end - offset, code, detail);
}

/* ---- log records ---- */

static bool read_digits(struct slice text, uint64_t *number)
{
    uint64_t v = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = text.data[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v))
            return false;
    }
    *number = v;
    return text.size > 0;
}

/* Of 64 bits, as number or text. */
static bool read_number(const struct json_node *node, uint64_t *number)
{
    switch (node->type) {
    case JSON_INT:
        *number = (uint64_t)node->integer;
        return node->integer >= 0;
    case JSON_BIG_UINT:
    case JSON_STRING:
        return read_digits(node->text, number);
    default:
        return node->type == JSON_NULL;
    }
}

static bool read_signed(const struct json_node *node, int64_t *number)
{
    if (node->type == JSON_INT)
        *number = node->integer;
    return node->type == JSON_INT || node->type == JSON_NULL;
}

static bool read_text(const struct json_node *node, struct slice *text)
{
    if (node->type == JSON_STRING)
        *text = node->text;
    return node->type == JSON_STRING || node->type == JSON_NULL;
}

/* False: the value is of another type. */
static bool read_field(const struct parser_context *context, const struct json_node *node,
                       struct otlp_record *record)
{
    struct slice key = node->key;
    if (slice_equal_text(key, "timeUnixNano"))
        return read_number(node, &record->time_unix_nano);
    if (slice_equal_text(key, "observedTimeUnixNano"))
        return read_number(node, &record->observed_time_unix_nano);
    if (slice_equal_text(key, "severityNumber"))
        return read_signed(node, &record->severity_number);
    if (slice_equal_text(key, "severityText"))
        return read_text(node, &record->severity_text);
    if (slice_equal_text(key, "body"))
        return otlp_json_value(context, node, &record->body);
    if (slice_equal_text(key, "attributes"))
        return otlp_json_attributes(context, node, &record->attributes);
    if (slice_equal_text(key, "droppedAttributesCount"))
        return read_number(node, &record->dropped_attributes_count);
    if (slice_equal_text(key, "flags"))
        return read_number(node, &record->flags);
    if (slice_equal_text(key, "traceId"))
        return read_text(node, &record->trace_id);
    if (slice_equal_text(key, "spanId"))
        return read_text(node, &record->span_id);
    return !slice_equal_text(key, "eventName") || read_text(node, &record->event_name);
}

static bool read_fields(const struct parser_context *context, const struct json_document *document,
                        struct otlp_record *record, struct parser_outcome *outcome)
{
    const struct json_node *nodes = document->nodes;
    for (size_t k = 1; k < nodes[0].span; k += nodes[k].span) {
        if (read_field(context, &nodes[k], record))
            continue;
        json_record_refuse(context, nodes[k].key, 0, "wrong_type",
                           "the value is none that OTLP/JSON has here", outcome);
        return false;
    }
    return true;
}

static bool fits(const struct reading *r, struct slice json, struct parser_outcome *outcome)
{
    if (json.size <= r->context->event_bytes)
        return true;
    parser_malformed(outcome, 0, "event_too_large", "object is longer than limits.event_bytes");
    return false;
}

static void read_record(struct reading *r, size_t start, size_t end)
{
    const void *mark = otlp_count_record(&r->progress, r->context, start);
    struct parser_outcome outcome = {.result = PARSER_OK};
    struct slice json = slice_sub(r->body, start, end - start);
    struct text_event t;
    struct json_document document;
    struct otlp_record record = {.offset = start, .size = json.size};
    if (!mark)
        return;
    text_event_init(&t, r->context);
    if (fits(r, json, &outcome) && text_event_read_json(&t, NULL, json, &document, &outcome) &&
        read_fields(r->context, &document, &record, &outcome))
        otlp_record_emit(&t, &record, &r->levels[0], &r->levels[1], &outcome);
    if (outcome.result != PARSER_OK)
        reject(r, start, end, outcome.code, outcome.detail);
    r->context->release(r->context, mark);
}

/* ---- what holds them ---- */

struct span {
    size_t start, end; /* end 0: not there */
};

/* What find_members found of an object. */
struct members {
    struct span level, children;
    size_t end;  /* of the object */
    bool twice;  /* one of the two stands twice */
    bool broken; /* the object has no end */
};

/* Goes once over the object at start. A member without end takes the rest of the body. */
static struct members find_members(const struct reading *r, size_t depth, size_t start)
{
    struct members m = {.end = start};
    struct slice key;
    enum json_walk_result result;
    struct json_walk walk = json_walk_make(r->body, start);
    while ((result = json_walk_next(&walk, &key)) == JSON_WALK_VALUE) {
        struct span span = {walk.at, r->body.size};
        m.broken = !json_walk_skip(&walk);
        if (!m.broken)
            span.end = walk.at;
        struct span *wanted = slice_equal_text(key, parts[depth].children) ? &m.children : NULL;
        if (parts[depth].level && slice_equal_text(key, parts[depth].level))
            wanted = &m.level;
        if (wanted) {
            m.twice |= wanted->end != 0;
            *wanted = span;
        }
        if (m.broken)
            return m;
    }
    m.end = walk.at;
    m.broken = result == JSON_WALK_BROKEN;
    return m;
}

static bool is_null(const struct reading *r, struct span span)
{
    return slice_equal_text(slice_sub(r->body, span.start, span.end - span.start), "null");
}

static bool read_level(const struct reading *r, struct span span, struct otlp_level *level,
                       struct parser_outcome *outcome)
{
    struct slice json = slice_sub(r->body, span.start, span.end - span.start);
    struct text_event t;
    struct json_document document;
    struct otlp_cursor attributes = {.next = NULL};
    struct slice name = SLICE_EMPTY, version = SLICE_EMPTY;
    bool good = true;
    text_event_init(&t, r->context);
    if (!span.end || is_null(r, span))
        return otlp_level_read(&t, name, version, attributes, level, outcome);
    if (!fits(r, json, outcome) || !text_event_read_json(&t, NULL, json, &document, outcome))
        return false;
    const struct json_node *nodes = document.nodes;
    for (size_t k = 1; good && k < nodes[0].span; k += nodes[k].span) {
        if (slice_equal_text(nodes[k].key, "attributes"))
            good = otlp_json_attributes(r->context, &nodes[k], &attributes);
        else if (slice_equal_text(nodes[k].key, "name"))
            good = read_text(&nodes[k], &name);
        else if (slice_equal_text(nodes[k].key, "version"))
            good = read_text(&nodes[k], &version);
    }
    if (!good)
        parser_malformed(outcome, 0, "wrong_type",
                         "resource or scope has a value that OTLP/JSON has not there");
    return good && otlp_level_read(&t, name, version, attributes, level, outcome);
}

static bool is_empty(const struct reading *r, size_t start)
{
    size_t at = json_walk_space(r->body, start + 1);
    return at < r->body.size && r->body.data[at] == '}';
}

static bool read_part(struct reading *r, size_t depth, size_t start, size_t *end);

/* Reads the array of what stands at depth. False: from *end on nothing can be told apart. */
static bool read_array(struct reading *r, size_t depth, struct span span, size_t *end)
{
    struct slice key;
    enum json_walk_result result = JSON_WALK_BROKEN;
    *end = span.start;
    if (is_null(r, span)) {
        *end = span.end;
        return true;
    }
    if (r->body.data[span.start] != '[')
        return false;
    struct json_walk walk = json_walk_make(r->body, span.start);
    while (!r->progress.code && (result = json_walk_next(&walk, &key)) == JSON_WALK_VALUE) {
        size_t start = *end = walk.at;
        bool is_object = r->body.data[start] == '{';
        if (is_object && depth < RECORD_DEPTH) {
            if (!read_part(r, depth, start, end))
                return false;
            walk.at = *end;
        } else if (!json_walk_skip(&walk)) {
            return false;
        } else if (is_object) {
            read_record(r, start, walk.at);
        } else {
            reject(r, start, walk.at, "wrong_type", "an object is needed");
        }
        *end = walk.at;
    }
    return result == JSON_WALK_END;
}

/* What stands in a part whose level is read. *end as in read_array. */
static bool read_children(struct reading *r, size_t depth, const struct members *m, size_t *end)
{
    bool whole = read_array(r, depth + 1, m->children, end);
    if (m->broken || r->progress.code)
        return false;
    if (!whole)
        reject(r, *end, m->end, "malformed", "array does not follow JSON");
    *end = m->end;
    return true;
}

/* What stands in a part beside its children. False: *outcome is MALFORMED. */
static bool read_head(struct reading *r, size_t depth, size_t start, const struct members *m,
                      struct parser_outcome *outcome)
{
    if (m->twice)
        parser_malformed(outcome, 0, "duplicate_key", "a member stands twice");
    else if (!m->children.end && !depth && !is_empty(r, start))
        parser_malformed(outcome, 0, "missing_field", "resourceLogs is needed");
    else if (depth && m->children.end)
        (void)read_level(r, m->level, &r->levels[depth - 1], outcome);
    return outcome->result == PARSER_OK;
}

/* Reads the object at start. False: from *end on nothing can be told apart. */
static bool read_part(struct reading *r, size_t depth, size_t start, size_t *end)
{
    struct members m = find_members(r, depth, start);
    struct parser_outcome outcome = {.result = PARSER_OK};
    *end = start;
    if (!otlp_count_part(&r->progress, start))
        return false;
    if (m.broken && (m.twice || !m.children.end || (depth && !m.level.end)))
        return false; /* what was cut off may have been the level */
    const void *mark = r->context->mark(r->context);
    bool whole = !m.broken;
    if (!read_head(r, depth, start, &m, &outcome)) {
        if (whole)
            reject(r, start, m.end, outcome.code, outcome.detail);
        *end = whole ? m.end : start;
    } else if (m.children.end) {
        whole = read_children(r, depth, &m, end);
    } else {
        *end = m.end;
    }
    r->context->release(r->context, mark);
    return whole;
}

void otlp_read_json(struct slice body, const struct parser_context *context,
                    struct parser_outcome *outcome)
{
    struct reading r = {.context = context, .body = body};
    size_t at = slice_starts_with(body, "\xEF\xBB\xBF") ? 3 : 0;
    bool whole = true;
    for (at = json_walk_space(body, at); whole && at < body.size; at = json_walk_space(body, at))
        whole = body.data[at] == '{' && read_part(&r, 0, at, &at);
    if (r.progress.code)
        parser_malformed(outcome, r.progress.end, r.progress.code, r.progress.detail);
    else if (!whole)
        parser_malformed(outcome, at, "malformed", "body does not follow JSON");
}
