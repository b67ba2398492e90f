/* vsoc_json.c: the native event: one JSON object, keys named as the fields of the event model.
 * Pure, any thread. Ranges are checked by the normaliser. */
#include "core/hash.h"
#include "parsers/registry/builtin.h"
#include "parsers/formats/json/json_event.h"
#include "parsers/read/json/json_head.h"
#include "parsers/read/json/json_object.h"
#include "parsers/read/json/json_record.h"
#include "parsers/read/json/json_repair.h"
#include "parsers/read/record_memory.h"
#include "parsers/engine/pipeline_run.h"
#include "parsers/fill/time_guess.h"
#include "parsers/formats/json/vsoc_json.h"
#include "parsers/formats/json/vsoc_json_keys.h"
#include "parsers/formats/json/vsoc_json_typo.h"
#include "parsers/fill/vsoc_json_value.h"

#include <stdio.h>

/* Members used as the time when neither time nor time_event_ns is present; the first one that
 * parses counts: the names of Fluent Bit, Beats and others. */
static const struct slice other_times[] = {SLICE_LITERAL("timestamp"), SLICE_LITERAL("@timestamp"),
                                           SLICE_LITERAL("date")};
#define OTHER_TIMES (sizeof other_times / sizeof *other_times)

/* One record being read. */
struct reading {
    struct slice record;
    const struct parser_context *context;
    struct parser_outcome *outcome;
    struct json_document document;
    struct json_object attributes;
    const struct json_node *sent_attributes; /* value of the key "attributes", or NULL */
    bool has_unknown;
    const struct json_node *times[OTHER_TIMES]; /* members that may be the time */
    struct event event;
};

/* ---- refusals ---- */

/* Place of a node in the record; values end up in it. */
static size_t offset_of(const struct reading *r, const struct json_node *node)
{
    const uint8_t *at = node->raw.data;
    return at >= r->record.data && at <= r->record.data + r->record.size
               ? (size_t)(at - r->record.data)
               : 0;
}

static bool refuse(struct reading *r, const struct json_node *node, enum record_code code,
                   const char *text)
{
    json_record_refuse(r->context, node->key, offset_of(r, node), code, text, r->outcome);
    return false;
}

static bool refuse_value(struct reading *r, const struct json_node *node, enum status status,
                         enum event_kind kind)
{
    char text[80];
    switch (status) {
    case STATUS_NO_MEMORY:
        return refuse(r, node, RECORD_no_memory, RECORD_MEMORY_TEXT);
    case STATUS_OUT_OF_RANGE:
        return refuse(r, node, RECORD_out_of_range, "number or time is out of range");
    default:
        snprintf(text, sizeof text, "%s is needed", vsoc_json_value_wanted(kind));
        return refuse(
            r, node, status == STATUS_MALFORMED ? RECORD_malformed_value : RECORD_wrong_type, text);
    }
}

/* ---- members ---- */

static bool take_attributes(struct reading *r, const struct json_node *node)
{
    if (node->type != JSON_OBJECT)
        return refuse_value(r, node, STATUS_WRONG_TYPE, EVENT_KIND_JSON);
    r->sent_attributes = node;
    return true;
}

/* A value that is converted, or is not of the field's kind. */
static __attribute__((noinline)) bool
take_other_field(struct reading *r, const struct json_node *node, enum event_field number)
{
    const struct event_field_info *field = &event_field_table[number];
    if (field->kind == EVENT_KIND_JSON)
        return take_attributes(r, node);
    enum status status = vsoc_json_value_read_any(r->context, node, field, &r->event);
    return status == STATUS_OK ? true : refuse_value(r, node, status, field->kind);
}

static inline bool take_field(struct reading *r, const struct json_node *node,
                              const struct vsoc_json_key *key)
{
    enum event_field field = (enum event_field)key->field;
    void *member = (uint8_t *)&r->event + key->offset;
    if (event_is_set(&r->event, field))
        return refuse(r, node, RECORD_duplicate_key, "occurs twice, once under its short name");
    if (node->type != key->as_is)
        return take_other_field(r, node, field);
    if (node->type == JSON_STRING)
        *(struct slice *)member = node->text;
    else if (node->type == JSON_INT)
        *(int64_t *)member = node->integer;
    else if (node->type == JSON_DOUBLE)
        *(double *)member = node->real;
    else
        *(int64_t *)member = node->boolean;
    event_mark(&r->event, field);
    return true;
}

static bool take_vin(struct reading *r, const struct json_node *node)
{
    if (node->type != JSON_STRING)
        return refuse_value(r, node, STATUS_WRONG_TYPE, EVENT_KIND_TEXT);
    r->event.vin =
        slice_make(node->text.data ? node->text.data : (const uint8_t *)"", node->text.size);
    return true;
}

#define RAW_TIME_MAX 256 /* more is only digits of a fraction */

static bool take_time(struct reading *r, const struct json_node *node)
{
    int64_t ns;
    if (EVENT_HAS(&r->event, time_event_ns))
        return refuse(r, node, RECORD_duplicate_key, "time_event_ns is present too");
    enum status status = vsoc_json_time_read(node, &ns);
    if (status != STATUS_OK)
        return refuse_value(r, node, status, EVENT_KIND_TIME);
    EVENT_SET(&r->event, time_event_ns, ns);
    EVENT_SET(&r->event, time_event_raw,
              slice_sub(node->type == JSON_STRING ? node->text : node->raw, 0, RAW_TIME_MAX));
    return true;
}

static void take_unknown(struct reading *r, const struct json_node *node)
{
    r->has_unknown = true;
    for (size_t i = 0; i < OTHER_TIMES; i++)
        if (slice_equal(node->key, other_times[i])) {
            r->times[i] = node;
            return;
        }
    json_object_add_raw(&r->attributes, node->key, node->raw);
}

/* One of the alternative times becomes the event's, unless it or its envelope has one; the others
 * go to attributes. */
static void take_other_times(struct reading *r)
{
    const struct event *envelope = pipeline_envelope(r->context);
    bool has_time = envelope && EVENT_HAS(envelope, time_event_ns);
    for (size_t i = 0; i < OTHER_TIMES; i++)
        if (r->times[i] && (has_time || EVENT_HAS(&r->event, time_event_ns) ||
                            !time_guess_take(r->times[i], &r->event)))
            json_object_add_raw(&r->attributes, r->times[i]->key, r->times[i]->raw);
}

static bool take_member(struct reading *r, const struct json_node *node)
{
    const struct vsoc_json_key *key = &vsoc_json_keys[node->name];
    if (key->kind == VSOC_JSON_KEY_UNKNOWN) {
        take_unknown(r, node);
        return true;
    }
    if (node->type == JSON_NULL)
        return true; /* as if it were not there */
    if (key->kind == VSOC_JSON_KEY_FIELD)
        return take_field(r, node, key);
    return key->kind == VSOC_JSON_KEY_VIN ? take_vin(r, node) : take_time(r, node);
}

/* ---- attributes ---- */

/* Table of the unknown keys of the root: node numbers, 0 free. */
struct key_table {
    uint32_t *slots;
    size_t mask;
    uint64_t seed[2]; /* of the instant, which no sender knows beforehand */
};

static size_t key_slot(const struct key_table *t, struct slice key)
{
    return (size_t)hash_keyed(t->seed, key) & t->mask;
}

static bool key_table_fill(struct reading *r, struct key_table *t)
{
    const struct json_node *nodes = r->document.nodes;
    size_t capacity = 16;
    while (capacity < 2 * (size_t)nodes[0].span)
        capacity *= 2;
    t->slots = r->context->alloc(r->context, capacity * sizeof *t->slots);
    if (!t->slots)
        return false;
    memset(t->slots, 0, capacity * sizeof *t->slots);
    t->mask = capacity - 1;
    t->seed[0] = t->seed[1] = (uint64_t)r->context->received_ns;
    for (size_t k = 1; k < nodes[0].span; k += nodes[k].span) {
        if (nodes[k].name)
            continue;
        size_t i = key_slot(t, nodes[k].key);
        while (t->slots[i])
            i = (i + 1) & t->mask;
        t->slots[i] = (uint32_t)k;
    }
    return true;
}

static bool key_table_has(const struct reading *r, const struct key_table *t, struct slice key)
{
    for (size_t i = key_slot(t, key); t->slots[i]; i = (i + 1) & t->mask)
        if (slice_equal(r->document.nodes[t->slots[i]].key, key))
            return true;
    return false;
}

/* Adds the sender's "attributes" to the unknown keys; a key in both is a duplicate. */
static bool merge_attributes(struct reading *r)
{
    const struct json_node *sent = r->sent_attributes;
    struct key_table table = {NULL, 0, {0, 0}};
    if (!r->has_unknown && json_object_is_written(sent)) {
        EVENT_SET(&r->event, attributes, sent->raw);
        return true;
    }
    if (r->has_unknown && !key_table_fill(r, &table))
        return refuse_value(r, sent, STATUS_NO_MEMORY, EVENT_KIND_JSON);
    for (size_t k = 1; k < sent->span; k += sent[k].span) {
        if (r->has_unknown && key_table_has(r, &table, sent[k].key))
            return refuse(r, &sent[k], RECORD_duplicate_key,
                          "occurs both in attributes and outside");
        json_object_add_raw(&r->attributes, sent[k].key, sent[k].raw);
    }
    return true;
}

/* ---- the event ---- */

/* A member that only native events have: its name is not common elsewhere. */
static bool has_own_name(const struct reading *r)
{
    const struct json_node *nodes = r->document.nodes;
    for (size_t k = 1; k < nodes[0].span; k += nodes[k].span)
        if (vsoc_json_keys[nodes[k].name].kind == VSOC_JSON_KEY_FIELD &&
            nodes[k].type != JSON_NULL && memchr(nodes[k].key.data, '_', nodes[k].key.size))
            return true;
    return false;
}

/* Inside another format, which may name the event, one name of the model is enough. */
static bool is_native(const struct reading *r)
{
    const struct event *event = &r->event;
    if (EVENT_HAS(event, event_name) || EVENT_HAS(event, sev_id) || EVENT_HAS(event, message))
        return true;
    return pipeline_envelope(r->context) && has_own_name(r);
}

/* Limit of unknown keys that are checked, and of notes about them. */
#define TYPO_KEYS  16
#define TYPO_NOTES 4

/* Notes keys that are nearly known ones. */
static void note_typos(struct reading *r)
{
    const struct json_node *nodes = r->document.nodes;
    size_t looked_at = 0, noted = 0;
    for (size_t k = 1; k < nodes[0].span && looked_at < TYPO_KEYS && noted < TYPO_NOTES;
         k += nodes[k].span) {
        if (nodes[k].name)
            continue;
        const char *near = vsoc_json_typo(nodes[k].key);
        looked_at++;
        if (!near)
            continue;
        noted++;
        r->attributes.failed |= !vsoc_json_typo_note(r->context, nodes[k].key, near, &r->event);
    }
}

static bool finish(struct reading *r)
{
    struct slice text;
    take_other_times(r);
    if (r->has_unknown)
        note_typos(r);
    if (r->sent_attributes && !merge_attributes(r))
        return false;
    if (json_object_end(&r->attributes, &text))
        EVENT_SET(&r->event, attributes, text);
    if (r->attributes.failed) {
        record_memory_refuse(r->outcome, 0);
        return false;
    }
    if (!is_native(r)) {
        record_refuse(r->outcome, 0, RECORD_missing_field,
                      "event_name, sev_id or message is needed; /v1/events/json takes any object");
        return false;
    }
    return true;
}

void vsoc_json_read(struct slice record, const struct parser_context *context,
                    const struct json_document *document, const struct json_repair *repair,
                    struct parser_outcome *outcome)
{
    struct reading r;
    const struct json_node *nodes = document->nodes;
    r.record = record;
    r.context = context;
    r.outcome = outcome;
    r.document = *document;
    r.sent_attributes = NULL;
    r.has_unknown = false;
    memset(r.times, 0, sizeof r.times);
    event_clear(&r.event);
    if (!json_repair_note(context, repair, &r.event)) {
        record_memory_refuse(outcome, 0);
        return;
    }
    json_object_init(&r.attributes, context);
    for (size_t k = 1; k < nodes[0].span; k += nodes[k].span)
        if (!take_member(&r, &nodes[k]))
            return;
    if (finish(&r))
        context->emit(context, &r.event);
}

/* Events of Elastic Common Schema and OCSF come as application/json too. */
static void read_other(const struct parser_context *context, const struct json_document *document,
                       enum json_event_kind kind, const struct json_repair *repair,
                       struct parser_outcome *outcome)
{
    struct text_event t;
    text_event_init(&t, context);
    t.failed |= !json_repair_note(context, repair, &t.event);
    EVENT_SET(&t.event, parser_name, slice_from_text(parser_json.name));
    EVENT_SET(&t.event, parser_version, slice_from_text(parser_json.version));
    json_event_emit(&t, document, kind, outcome);
}

static void parse(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    static const struct json_repair_rules rules = {.every_own = true};
    struct json_document document;
    struct json_repair repair;
    struct event event;
    size_t size;
    if (parser_vsoc_json_quick(record.data, context, &event, &size) && size == record.size) {
        context->emit(context, &event);
        return;
    }
    if (json_repair_read(context, &vsoc_json_names, &rules, record, &document, &repair, outcome) !=
        STATUS_OK)
        return;
    enum json_event_kind kind = json_event_kind(&document);
    if (kind == JSON_EVENT_ECS || kind == JSON_EVENT_OCSF)
        read_other(context, &document, kind, &repair, outcome);
    else
        vsoc_json_read(record, context, &document, &repair, outcome);
}

static int probe(struct slice head)
{
    return json_head_is_json(head) ? 50 : 0;
}

/* JSON, and the names that senders have for JSON one a line. */
static const char *const content_types[] = {"application/json",
                                            "application/x-ndjson",
                                            "application/ndjson",
                                            "application/jsonl",
                                            "application/x-jsonl",
                                            "application/jsonlines",
                                            "application/x-jsonlines",
                                            "application/json-lines",
                                            "application/x-json-stream",
                                            "application/json-seq",
                                            "application/x-json",
                                            "text/json",
                                            "text/jsonl",
                                            "text/x-jsonl",
                                            "text/ndjson",
                                            "text/x-ndjson",
                                            NULL};

const struct parser parser_vsoc_json = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "vsoc_json",
    .version = "1.0.0",
    .description = "native events: JSON objects with the event model's names",
    .content_types = content_types,
    .framing = PARSER_FRAMING_JSON,
    .probe = probe,
    .guessed_by = "the head starts with `{`, or with `[` and then `{`, `[`, `]` or `\"`",
    .parse = parse,
};
