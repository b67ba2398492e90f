/* hec.c: the objects of Splunk's HTTP Event Collector, one per record, → events. Pure, any thread.
 * The contents go to the parser of their format, with the object's metadata as envelope. */
#include "parsers/registry/builtin.h"
#include "parsers/read/record_refuse.h"
#include "parsers/read/json/json_head.h"
#include "parsers/engine/pipeline.h"
#include "parsers/fill/text_event.h"
#include "parsers/fill/vsoc_json_value.h"

struct hec {
    struct text_event t;
    const struct json_node *event;      /* value of that member; NULL: no such member */
    const struct json_node *columns[2]; /* time and host, where a column holds them */
    size_t record_bytes;
};

/* ---- metadata ---- */

#define RAW_TIME_MAX 256

/* True: the column says all that the value does. */
static bool take_time(struct hec *h, const struct json_node *node)
{
    struct slice raw = node->type == JSON_STRING ? node->text : node->raw;
    int64_t ns;
    if (vsoc_json_time_read(node, &ns) != STATUS_OK) {
        text_event_partial(&h->t, RECORD_bad_time, "time is no epoch number and no RFC 3339 time");
        return false;
    }
    EVENT_SET(&h->t.event, time_event_ns, ns);
    EVENT_SET(&h->t.event, time_event_raw, slice_sub(raw, 0, RAW_TIME_MAX));
    return raw.size <= RAW_TIME_MAX;
}

/* A text under `vin` is the vehicle, valid or not: it is kept nowhere else. */
static bool take_vin(struct hec *h, const struct json_node *node)
{
    if (node->type != JSON_STRING)
        return false;
    if (!h->t.event.vin.size)
        h->t.event.vin = node->text;
    else if (!slice_equal(h->t.event.vin, node->text))
        text_event_partial(&h->t, RECORD_other_vehicle,
                           "names a second vehicle, which is left out");
    return true;
}

/* A member that is an object, unchanged except for the vehicle in it. */
static void keep_object(struct hec *h, const struct json_node *object)
{
    struct json_object *all = &h->t.attributes;
    json_object_open(all, object->key);
    for (size_t k = 1; k < object->span; k += object[k].span)
        if (!slice_equal_text(object[k].key, "vin") || !take_vin(h, &object[k]))
            json_object_add_raw(all, object[k].key, object[k].raw);
    json_object_close(all);
}

static void keep(struct hec *h, const struct json_node *node)
{
    if (node->type == JSON_OBJECT)
        keep_object(h, node);
    else
        json_object_add_raw(&h->t.attributes, node->key, node->raw);
}

static void take_member(struct hec *h, const struct json_node *node)
{
    if (node->type == JSON_NULL)
        return; /* as if it were not there */
    if (slice_equal_text(node->key, "event"))
        h->event = node;
    else if (slice_equal_text(node->key, "time") && take_time(h, node))
        h->columns[0] = node;
    else if (slice_equal_text(node->key, "host") && node->type == JSON_STRING &&
             text_event_set(&h->t, EVENT_ecu_id, node->text))
        h->columns[1] = node;
    else
        keep(h, node);
}

/* ---- the event inside ---- */

/* A copy that parsers may read past the end of. */
static bool copy_text(struct hec *h, struct slice text, struct slice *copy)
{
    uint8_t *out = h->t.context->alloc(h->t.context, text.size + PIPELINE_PADDING);
    if (!out)
        return false;
    memcpy(out, text.data, text.size);
    memset(out + text.size, 0, PIPELINE_PADDING);
    *copy = slice_make(out, text.size);
    return true;
}

static enum parser_result hand_on(struct hec *h, struct parser_outcome *outcome)
{
    struct event *envelope = &h->t.event;
    struct json_object attributes = h->t.attributes; /* a copy: more may come into them */
    struct parser_inner inner = {.size = h->record_bytes, .envelope = envelope};
    inner.bytes = h->event->raw;
    if (h->event->type == JSON_STRING && !copy_text(h, h->event->text, &inner.bytes))
        h->t.failed = true;
    for (size_t i = 0; i < 2; i++)
        if (h->columns[i]) /* which the event inside may say too */
            json_object_add_raw(&attributes, h->columns[i]->key, h->columns[i]->raw);
    h->t.failed |= attributes.failed;
    if (h->t.failed)
        return PARSER_NOT_MINE;
    if (json_object_end(&attributes, &envelope->attributes))
        event_mark(envelope, EVENT_attributes);
    enum parser_result result = h->t.context->hand_on(h->t.context, &inner, outcome);
    event_unmark(envelope, EVENT_attributes);
    return result;
}

/* An object that is not a native event is plain data, and so is text that only resembles another
 * format; a broken native event gets a note. */
static void note_broken(struct hec *h, const struct parser_outcome *outcome)
{
    if (h->event->type == JSON_OBJECT && record_reason_of(outcome, "").code != RECORD_missing_field)
        text_event_partial_inner(&h->t, outcome, "can't be read");
}

/* What no other parser has read. */
static void keep_event(struct hec *h)
{
    switch (h->event->type) {
    case JSON_OBJECT:
        keep_object(h, h->event);
        break;
    case JSON_ARRAY:
        json_object_add_raw(&h->t.attributes, h->event->key, h->event->raw);
        break;
    case JSON_STRING:
        text_event_set_message(&h->t, h->event->text);
        break;
    default:
        text_event_set_message(&h->t, h->event->raw);
    }
}

static void finish(struct hec *h, struct parser_outcome *outcome)
{
    struct parser_outcome inner = {.result = PARSER_OK};
    bool can_be_other = h->event->type == JSON_STRING || h->event->type == JSON_OBJECT;
    if (can_be_other && !h->t.failed && !h->t.attributes.failed) {
        enum parser_result result = hand_on(h, &inner);
        if (result == PARSER_OK)
            return;
        if (result == PARSER_MALFORMED)
            note_broken(h, &inner);
    }
    keep_event(h);
    text_event_emit(&h->t, outcome);
}

static void parse(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    struct hec h; /* large: text_event_init sets what is read of h.t */
    struct json_document document;
    static const struct json_repair_rules rules = {.inner_ids = true};
    text_event_init(&h.t, context);
    h.event = h.columns[0] = h.columns[1] = NULL;
    h.record_bytes = record.size;
    if (!text_event_read_json(&h.t, NULL, &rules, record, &document, outcome))
        return;
    const struct json_node *nodes = document.nodes;
    for (size_t k = 1; k < nodes[0].span; k += nodes[k].span)
        take_member(&h, &nodes[k]);
    if (!h.event)
        record_refuse(outcome, 0, RECORD_event_missing, "event is needed");
    else if (h.event->type == JSON_STRING && !slice_trim(h.event->text).size)
        record_refuse(outcome, 0, RECORD_event_blank, "event is an empty text");
    else
        finish(&h, outcome);
}

/* An object with `event`, and none of the names that make another format of it. */
static int probe(struct slice head)
{
    static const char *const names[] = {"event",      "event_name",  "sev_id",      "message",
                                        "event_type", "specversion", "resourceLogs"};
    return json_head_keys(head, names, sizeof names / sizeof *names, ~1u) == 1 ? 60 : 0;
}

const struct parser parser_hec = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "hec",
    .version = "1.0.0",
    .description = "Splunk HTTP Event Collector: objects with metadata and an event of any format",
    .framing = PARSER_FRAMING_JSON,
    .probe = probe,
    .guessed_by = "the first object has `event`, but not `event_name`, `sev_id`, `message`, "
                  "`event_type`, `specversion` or `resourceLogs`",
    .parse = parse,
};
