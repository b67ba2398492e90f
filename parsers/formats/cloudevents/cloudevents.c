/* cloudevents.c: CloudEvents as JSON, one object a record, → events (CloudEvents 1.0.2, JSON event
 * format). Pure, any thread. */
#include "parsers/registry/builtin.h"
#include "parsers/read/record_refuse.h"
#include "core/base64.h"
#include "parsers/formats/cloudevents/cloud_event.h"
#include "parsers/read/json/json_head.h"
#include "parsers/read/json/json_record.h"
#include "parsers/engine/pipeline.h"

/* A copy that parsers may read past the end of. */
static bool copy_data(struct cloud_event *e, struct slice text)
{
    uint8_t *copy = e->t.context->alloc(e->t.context, text.size + PIPELINE_PADDING);
    if (!copy)
        return false;
    memcpy(copy, text.data, text.size);
    memset(copy + text.size, 0, PIPELINE_PADDING);
    e->data = slice_make(copy, text.size);
    return true;
}

static bool take_string(struct cloud_event *e, const struct json_node *node)
{
    e->kind = CLOUD_DATA_STRING;
    return !node->text.size || copy_data(e, node->text);
}

static enum status take_base64(struct cloud_event *e, const struct json_node *node)
{
    if (node->type != JSON_STRING)
        return STATUS_WRONG_TYPE;
    uint8_t *out =
        e->t.context->alloc(e->t.context, base64_decoded_max(node->text.size) + PIPELINE_PADDING);
    if (!out)
        return STATUS_NO_MEMORY;
    e->kind = CLOUD_DATA_BYTES;
    enum status status = base64_decode(node->text, out, &e->data);
    if (status == STATUS_OK)
        memset(out + e->data.size, 0, PIPELINE_PADDING);
    return status;
}

/* Offset of a node in the record; unknown in a repaired record. */
static size_t offset_of(const struct cloud_event *e, const struct json_node *node)
{
    const uint8_t *at = node->raw.data;
    return at >= e->record.data && at <= e->record.data + e->record.size
               ? (size_t)(at - e->record.data)
               : 0;
}

/* data or data_base64. False: *outcome says what is wrong. */
static bool take_data(struct cloud_event *e, const struct json_node *node, bool is_base64,
                      struct parser_outcome *outcome)
{
    size_t offset = offset_of(e, node);
    enum status status = STATUS_OK;
    if (e->kind != CLOUD_DATA_NONE) {
        record_refuse(outcome, offset, RECORD_duplicate_key, "data and data_base64 stand both");
        return false;
    }
    if (is_base64) {
        status = take_base64(e, node);
    } else if (node->type == JSON_STRING) {
        e->t.failed |= !take_string(e, node);
    } else {
        e->kind = CLOUD_DATA_JSON;
        e->data = node->raw;
    }
    e->t.failed |= status == STATUS_NO_MEMORY;
    if (status == STATUS_WRONG_TYPE || status == STATUS_MALFORMED)
        json_record_refuse(e->t.context, node->key, offset, RECORD_malformed_value,
                           "standard base64 is needed", outcome);
    return outcome->result == PARSER_OK;
}

static bool is_required(struct slice name)
{
    return slice_equal_text(name, "id") || slice_equal_text(name, "source") ||
           slice_equal_text(name, "type") || slice_equal_text(name, "specversion");
}

static bool take_member(struct cloud_event *e, const struct json_node *node,
                        struct parser_outcome *outcome)
{
    bool is_base64 = slice_equal_text(node->key, "data_base64");
    if (node->type == JSON_NULL)
        return true; /* as if it were not there */
    if (is_base64 || slice_equal_text(node->key, "data"))
        return take_data(e, node, is_base64, outcome);
    if (node->type == JSON_STRING)
        cloud_event_take(e, node->key, node->text, SLICE_EMPTY);
    else if (is_required(node->key))
        json_record_refuse(e->t.context, node->key, offset_of(e, node), RECORD_wrong_type,
                           "a text is needed", outcome);
    else
        cloud_event_take(e, node->key, node->raw, node->raw);
    return outcome->result == PARSER_OK;
}

static void parse(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    struct cloud_event e;
    static const char *const own[] = {"id",           "source",      "type", "subject",
                                      "partitionkey", "specversion", NULL};
    static const struct json_repair_rules rules = {.own = own, .inner_ids = true};
    struct json_document document;
    struct json_repair repair;
    if (json_repair_read(context, NULL, &rules, record, &document, &repair, outcome) != STATUS_OK)
        return;
    cloud_event_init(&e, context, record);
    e.t.failed |= !json_repair_note(context, &repair, &e.t.event);
    const struct json_node *nodes = document.nodes;
    for (size_t k = 1; k < nodes[0].span; k += nodes[k].span)
        if (!take_member(&e, &nodes[k], outcome))
            return;
    cloud_event_finish(&e, outcome);
}

static int probe(struct slice head)
{
    static const char *const names[] = {"specversion", "type", "source"};
    return json_head_keys(head, names, 3, 0) == 7 ? 80 : 0;
}

static const char *const content_types[] = {"application/cloudevents+json",
                                            "application/cloudevents-batch+json", NULL};

const struct parser parser_cloudevents = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "cloudevents",
    .version = "1.0.0",
    .description = "CloudEvents as JSON, alone or in a batch, with data in any other format",
    .content_types = content_types,
    .framing = PARSER_FRAMING_JSON,
    .probe = probe,
    .guessed_by = "the first object has `specversion`, `type` and `source`",
    .parse = parse,
};
