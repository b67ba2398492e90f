/* otlp_json.c: OTLP logs in JSON. Pure, any thread. The body is stepped through without a document
 * of the whole; a resource, a scope and each log record are documents of their own. Unknown members
 * are skipped, as the specification requires, unless they contain logs: these are rejected, so that
 * no log vanishes. */
#include "parsers/read/json/json_walk.h"
#include "parsers/read/record_refuse.h"
#include "parsers/fill/otel_severity.h"
#include "parsers/formats/otlp/otlp_json_value.h"
#include "parsers/formats/otlp/otlp_read.h"
#include "parsers/engine/pipeline.h"
#include "parsers/formats/otlp/proto_json.h"

struct reading {
    const struct parser_context *context;
    struct slice body;
    struct work *work;
    struct otlp_level levels[2]; /* resource and scope being read */
    struct otlp_progress progress;
};

/* What a member of a part is. */
enum role { ROLE_LEVEL, ROLE_CHILDREN, ROLE_OLD_CHILDREN, ROLE_OTHER, ROLE_COUNT };

/* Members of the objects that contain others, by depth: the request, a ResourceLogs, a ScopeLogs.
 * The names used until version 0.14 of the protocol are read too. */
static const struct {
    size_t depth;
    const char *name;
    enum role role;
} known_members[] = {
    {0, "resourceLogs", ROLE_CHILDREN}, {1, "resource", ROLE_LEVEL},
    {1, "scopeLogs", ROLE_CHILDREN},    {1, "instrumentationLibraryLogs", ROLE_OLD_CHILDREN},
    {2, "scope", ROLE_LEVEL},           {2, "instrumentationLibrary", ROLE_LEVEL},
    {2, "logRecords", ROLE_CHILDREN},   {2, "logs", ROLE_OLD_CHILDREN},
};

#define RECORD_DEPTH 3

static const struct json_repair_rules repair_rules = {.own = NULL};

static void reject(const struct reading *r, size_t offset, size_t end, enum record_code code,
                   const char *detail)
{
    record_reject(r->context, offset, end - offset, code, detail);
}

/* ---- log records ---- */

/* Null is as if it were not there. */
static bool read_number(const struct json_node *node, uint64_t *number)
{
    return node->type == JSON_NULL || proto_json_uint(node, number);
}

/* The number, its text, or its name in the .proto file. */
static bool read_severity(const struct json_node *node, int64_t *number)
{
    int64_t named = node->type == JSON_STRING ? otel_severity_number(node->text) : -1;
    if (named >= 0)
        *number = named;
    return named >= 0 || node->type == JSON_NULL || proto_json_int(node, number);
}

static bool read_text(const struct json_node *node, struct slice *text)
{
    if (node->type == JSON_STRING)
        *text = node->text;
    return node->type == JSON_STRING || node->type == JSON_NULL;
}

/* False: the value is of another type. `name` was the event's name until version 0.12. */
static bool read_field(const struct parser_context *context, const struct json_node *node,
                       struct otlp_record *record)
{
    struct slice key = node->key;
    if (slice_equal_text(key, "timeUnixNano"))
        return read_number(node, &record->time_unix_nano);
    if (slice_equal_text(key, "observedTimeUnixNano"))
        return read_number(node, &record->observed_time_unix_nano);
    if (slice_equal_text(key, "severityNumber"))
        return read_severity(node, &record->severity_number);
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
    if (slice_equal_text(key, "eventName"))
        return read_text(node, &record->event_name);
    return !slice_equal_text(key, "name") || read_text(node, &record->old_name);
}

static bool read_fields(const struct parser_context *context, const struct json_document *document,
                        struct otlp_record *record, struct parser_outcome *outcome)
{
    const struct json_node *nodes = document->nodes;
    for (size_t k = 1; k < nodes[0].span; k += nodes[k].span) {
        if (read_field(context, &nodes[k], record))
            continue;
        json_record_refuse(context, nodes[k].key, 0, RECORD_wrong_type,
                           "OTLP/JSON does not allow this value here", outcome);
        return false;
    }
    return true;
}

static bool fits(const struct reading *r, struct slice json, struct parser_outcome *outcome)
{
    if (json.size <= r->context->event_bytes)
        return true;
    record_refuse(outcome, 0, RECORD_event_too_large, "object is longer than limits.event_bytes");
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
    if (fits(r, json, &outcome) &&
        text_event_read_json(&t, NULL, &repair_rules, json, &document, &outcome) &&
        read_fields(r->context, &document, &record, &outcome))
        otlp_record_emit(&t, &record, &r->levels[0], &r->levels[1], &outcome);
    if (outcome.result != PARSER_OK)
        record_reject_outcome(r->context, start, end - start, &outcome);
    r->context->release(r->context, mark);
}

/* ---- what holds them ---- */

struct span {
    size_t start, end; /* end 0: not there */
};

/* What find_members found of an object. */
struct members {
    struct span spans[ROLE_COUNT]; /* of OTHER: one of those that hold logs */
    size_t end;                    /* of the object */
    bool twice;                    /* a member occurs twice */
    bool broken;                   /* the object has no end */
};

static bool has_children(const struct members *m)
{
    return m->spans[ROLE_CHILDREN].end || m->spans[ROLE_OLD_CHILDREN].end;
}

static enum role role_of(size_t depth, struct slice key)
{
    for (size_t i = 0; i < sizeof known_members / sizeof *known_members; i++)
        if (known_members[i].depth == depth && slice_equal_text(key, known_members[i].name))
            return known_members[i].role;
    return ROLE_OTHER;
}

static bool contains(struct slice text, const char *part)
{
    return text.size && memmem(text.data, text.size, part, strlen(part));
}

/* An unknown member that contains log records. */
static bool holds_logs(struct slice key, struct slice value)
{
    bool is_container = value.data[0] == '[' || value.data[0] == '{';
    size_t first = json_walk_space(value, 1);
    if (!is_container || first + 1 >= value.size)
        return false; /* a scalar, or empty */
    for (size_t i = 0; i + 3 <= key.size; i++)
        if (slice_equal_nocase(slice_sub(key, i, 3), "log"))
            return true;
    return contains(value, "\"logRecords\"") || contains(value, "\"timeUnixNano\"") ||
           contains(value, "\"stringValue\"");
}

static void note_member(const struct reading *r, size_t depth, struct slice key, struct span span,
                        struct members *m)
{
    enum role role = role_of(depth, key);
    struct span *place = &m->spans[role];
    if (role != ROLE_OTHER)
        m->twice |= place->end != 0;
    if (role != ROLE_OTHER ||
        holds_logs(key, slice_sub(r->body, span.start, span.end - span.start)))
        *place = span;
}

/* Steps once over the object at start. A member without an end takes the rest of the body. */
static struct members find_members(const struct reading *r, size_t depth, size_t start)
{
    struct members m = {.end = start};
    struct slice key;
    enum json_walk_result result;
    struct json_walk walk = json_walk_make(r->body, start);
    walk.work = r->work;
    while ((result = json_walk_next(&walk, &key)) == JSON_WALK_VALUE) {
        struct span span = {walk.at, r->body.size};
        m.broken = !json_walk_skip(&walk);
        if (!m.broken)
            span.end = walk.at;
        note_member(r, depth, key, span, &m);
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
    if (!fits(r, json, outcome) ||
        !text_event_read_json(&t, NULL, &repair_rules, json, &document, outcome))
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
        record_refuse(outcome, 0, RECORD_wrong_type,
                      "resource or scope has a value that OTLP/JSON has not there");
    return good && otlp_level_read(&t, name, version, attributes, level, outcome);
}

static bool is_empty(const struct reading *r, size_t start)
{
    size_t at = json_walk_space(r->body, start + 1);
    return at < r->body.size && r->body.data[at] == '}';
}

static bool read_part(struct reading *r, size_t depth, size_t start, size_t *end);

/* Reads the array at this depth. False: the body can't be parsed from *end on. */
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
    walk.work = r->work;
    while (!r->progress.stopped && (result = json_walk_next(&walk, &key)) == JSON_WALK_VALUE) {
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
            reject(r, start, walk.at, RECORD_wrong_type, "an object is needed");
        }
        *end = walk.at;
    }
    return result == JSON_WALK_END;
}

static bool read_span(struct reading *r, size_t depth, const struct members *m, struct span span,
                      size_t *end)
{
    if (!span.end)
        return true;
    bool whole = read_array(r, depth + 1, span, end);
    if (r->progress.stopped || (m->broken && !whole))
        return false;
    if (!whole)
        reject(r, *end, span.end, RECORD_malformed, "array does not follow JSON");
    *end = span.end;
    return true;
}

/* Reads the children of a part whose level is read, in order. *end as in read_array. */
static bool read_children(struct reading *r, size_t depth, const struct members *m, size_t *end)
{
    struct span first = m->spans[ROLE_CHILDREN], second = m->spans[ROLE_OLD_CHILDREN];
    bool is_swapped = second.end && second.start < first.start;
    if (!read_span(r, depth, m, is_swapped ? second : first, end) ||
        !read_span(r, depth, m, is_swapped ? first : second, end) || m->broken)
        return false;
    *end = m->end;
    return true;
}

/* Rejects logs under names that the protocol does not define in the object at start. */
static void reject_others(const struct reading *r, size_t depth, size_t start)
{
    struct slice key;
    struct json_walk walk = json_walk_make(r->body, start);
    walk.work = r->work;
    while (json_walk_next(&walk, &key) == JSON_WALK_VALUE) {
        size_t at = walk.at;
        if (!json_walk_skip(&walk))
            return;
        if (role_of(depth, key) == ROLE_OTHER &&
            holds_logs(key, slice_sub(r->body, at, walk.at - at)))
            reject(r, at, walk.at, RECORD_unknown_member,
                   "logs under a name that OTLP has not here; it has resourceLogs, in these "
                   "scopeLogs, in these logRecords");
    }
}

/* Reads the members of a part other than its children. False: *outcome is MALFORMED. */
static bool read_head(struct reading *r, size_t depth, size_t start, const struct members *m,
                      struct parser_outcome *outcome)
{
    if (m->twice)
        record_refuse(outcome, 0, RECORD_duplicate_key, "a member occurs twice");
    else if (!has_children(m) && !depth && !is_empty(r, start))
        record_refuse(outcome, 0, RECORD_missing_field, "resourceLogs is needed");
    else if (depth && has_children(m))
        (void)read_level(r, m->spans[ROLE_LEVEL], &r->levels[depth - 1], outcome);
    return outcome->result == PARSER_OK;
}

/* Reads the object at start. False: the body can't be parsed from *end on. */
static bool read_part(struct reading *r, size_t depth, size_t start, size_t *end)
{
    struct members m = find_members(r, depth, start);
    struct parser_outcome outcome = {.result = PARSER_OK};
    *end = start;
    if (!otlp_count_part(&r->progress, start))
        return false;
    if (m.broken && (m.twice || !has_children(&m) || (depth && !m.spans[ROLE_LEVEL].end)))
        return false; /* what was cut off may have been the level */
    const void *mark = r->context->mark(r->context);
    bool whole = !m.broken;
    if (!read_head(r, depth, start, &m, &outcome)) {
        if (whole)
            record_reject_outcome(r->context, start, m.end - start, &outcome);
        *end = whole ? m.end : start;
    } else {
        if (has_children(&m))
            whole = read_children(r, depth, &m, end);
        else
            *end = m.end;
        if (m.spans[ROLE_OTHER].end && !m.broken)
            reject_others(r, depth, start);
    }
    r->context->release(r->context, mark);
    return whole;
}

void otlp_read_json(struct slice body, const struct parser_context *context,
                    struct parser_outcome *outcome)
{
    struct reading r = {.context = context, .body = body, .work = pipeline_work(context)};
    size_t at = slice_starts_with(body, "\xEF\xBB\xBF") ? 3 : 0;
    bool whole = true;
    for (at = json_walk_space(body, at); whole && at < body.size; at = json_walk_space(body, at))
        whole = body.data[at] == '{' && read_part(&r, 0, at, &at);
    if (r.progress.stopped)
        record_refuse(outcome, r.progress.end, r.progress.code, r.progress.detail);
    else if (!whole)
        record_refuse(outcome, at, RECORD_malformed, "body does not follow JSON");
}
