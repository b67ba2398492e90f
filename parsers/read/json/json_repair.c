/* json_repair.c: duplicate keys and huge numbers of a JSON record. Pure, any thread. Does not
 * change records that json_parse accepts. */
#include "parsers/read/json/json_repair.h"
#include "parsers/read/json/json_object.h"
#include "parsers/read/json/json_record.h"
#include "parsers/read/record_memory.h"

#include <stdio.h>

#define SUFFIX_BYTES 4 /* #2 to #255 */
/* A key renamed to KEY#2 may collide with an existing key: hostile ones are refused. */
#define ROUNDS_MAX 3

static bool is_huge(const struct json_node *node)
{
    return node->type == JSON_STRING && node->raw.data[0] != '"';
}

static bool is_listed(const char *const *names, struct slice key)
{
    for (; names && *names; names++)
        if (slice_equal_text(key, *names))
            return true;
    return false;
}

/* ---- what is refused ---- */

static bool refuse(const struct parser_context *context, const struct json_node *node,
                   struct slice record, enum status *status, struct parser_outcome *outcome)
{
    bool inside = node->raw.data >= record.data && node->raw.data <= record.data + record.size;
    size_t offset = inside ? (size_t)(node->raw.data - record.data) : 0;
    *status = is_huge(node) && !node->repeat ? STATUS_OUT_OF_RANGE : STATUS_DUPLICATE_KEY;
    if (*status == STATUS_OUT_OF_RANGE)
        record_refuse(outcome, offset, RECORD_out_of_range, "number is too large for a double");
    else
        json_record_refuse(context, node->key, offset, RECORD_duplicate_key,
                           "occurs twice in one object", outcome);
    return false;
}

static bool own_may_pass(const struct json_repair_rules *rules, const struct json_node *node)
{
    if (rules->every_own && (node->repeat || (is_huge(node) && node->name)))
        return false;
    return !node->repeat || !is_listed(rules->own, node->key);
}

static bool inner_may_pass(const struct json_repair_rules *rules, const struct json_node *node)
{
    static const char *const ids[] = {"id", "source_event_id", NULL};
    return !rules->inner_ids || !node->repeat || !is_listed(ids, node->key);
}

/* False: *status and *outcome say why the record is refused. */
static bool may_pass(const struct parser_context *context, const struct json_repair_rules *rules,
                     const struct json_document *document, struct slice record, enum status *status,
                     struct parser_outcome *outcome)
{
    const struct json_node *nodes = document->nodes;
    for (size_t k = 1; k < nodes[0].span; k += nodes[k].span) {
        if (!own_may_pass(rules, &nodes[k]))
            return refuse(context, &nodes[k], record, status, outcome);
        for (size_t i = k + 1; i < k + nodes[k].span; i += nodes[i].span)
            if (!inner_may_pass(rules, &nodes[i]))
                return refuse(context, &nodes[i], record, status, outcome);
    }
    for (size_t k = 1; k < document->count; k++)
        if (nodes[k].repeat == JSON_REPEAT_MAX ||
            (nodes[k].repeat && slice_equal_nocase(nodes[k].key, "vin")))
            return refuse(context, &nodes[k], record, status, outcome);
    return true;
}

/* ---- the copy ---- */

/* Offset of the quote that ends the key of the value at raw. */
static const uint8_t *key_end(const uint8_t *raw)
{
    const uint8_t *at = raw - 1;
    while (*at != ':')
        at--;
    while (*at != '"')
        at--;
    return at;
}

/* Appends the record's bytes up to `end`. */
static void copy_to(struct writer *w, const uint8_t **from, const uint8_t *end)
{
    writer_bytes(w, *from, (size_t)(end - *from));
    *from = end;
}

static void write_node(struct writer *w, const struct json_node *node, const uint8_t **from)
{
    char suffix[SUFFIX_BYTES + 1];
    if (node->repeat) {
        copy_to(w, from, key_end(node->raw.data));
        writer_bytes(w, suffix, (size_t)snprintf(suffix, sizeof suffix, "#%u", node->repeat + 1u));
    }
    if (is_huge(node)) {
        copy_to(w, from, node->raw.data);
        writer_u8(w, '"');
        copy_to(w, from, node->raw.data + node->raw.size);
        writer_u8(w, '"');
    }
}

static struct slice copy_key(const struct parser_context *context, struct slice key)
{
    uint8_t *copy = key.size ? context->alloc(context, key.size) : NULL;
    if (!copy)
        return SLICE_EMPTY;
    memcpy(copy, key.data, key.size);
    return slice_make(copy, key.size);
}

/* Replaces *record by a copy in which keys are unique and every number fits a double. */
static bool rewrite(const struct parser_context *context, const struct json_document *document,
                    struct slice *record, struct json_repair *repair)
{
    size_t odd = 0;
    for (size_t k = 1; k < document->count; k++) {
        const struct json_node *node = &document->nodes[k];
        odd += node->repeat || is_huge(node);
        if (node->repeat && !repair->repeated.size)
            repair->repeated = copy_key(context, node->key);
        if (is_huge(node) && !repair->number.size)
            repair->number = copy_key(context, slice_sub(node->raw, 0, 32));
    }
    size_t size = record->size + odd * (SUFFIX_BYTES + 2);
    struct writer w = {.limit = size, .capacity = size};
    w.data = context->alloc(context, size + JSON_PADDING);
    if (!w.data)
        return false;
    const uint8_t *from = record->data;
    for (size_t k = 1; k < document->count; k++)
        write_node(&w, &document->nodes[k], &from);
    copy_to(&w, &from, record->data + record->size);
    memset(w.data + w.size, ' ', JSON_PADDING);
    *record = writer_slice(&w);
    return w.status == STATUS_OK;
}

enum status json_repair_read(const struct parser_context *context, const struct json_names *names,
                             const struct json_repair_rules *rules, struct slice record,
                             struct json_document *document, struct json_repair *repair,
                             struct parser_outcome *outcome)
{
    enum status status = json_record_read(context, names, record, document, outcome);
    *repair = (struct json_repair){.repeated = SLICE_EMPTY};
    for (size_t i = 0;
         i < ROUNDS_MAX && (status == STATUS_DUPLICATE_KEY || status == STATUS_OUT_OF_RANGE); i++) {
        struct json_error error = {0, NULL};
        enum status lenient = json_parse_lenient(context->json, names, record, document, &error);
        if (lenient != STATUS_OK) {
            json_record_tell(context, record, lenient, &error, outcome);
            return lenient;
        }
        if (!may_pass(context, rules, document, record, &status, outcome))
            return status;
        if (!rewrite(context, document, &record, repair)) {
            record_memory_refuse(outcome, 0);
            return STATUS_NO_MEMORY;
        }
        *outcome = (struct parser_outcome){.result = PARSER_OK};
        status = json_record_read(context, names, record, document, outcome);
    }
    return status;
}

bool json_repair_note(const struct parser_context *context, const struct json_repair *repair,
                      struct event *event)
{
    bool good = true;
    if (!repair->repeated.size && !repair->number.size)
        return true;
    EVENT_SET(event, parse_status, SLICE_LITERAL("partial"));
    if (repair->repeated.size)
        good = json_note_add(
            context, event, RECORD_duplicate_key,
            json_record_about(context, repair->repeated,
                              "occurs more than once in one object; the first one counts, the "
                              "others are KEY#2, KEY#3, …"),
            JSON_NOTE_NO_OFFSET);
    if (good && repair->number.size)
        good = json_note_add(context, event, RECORD_huge_number,
                             json_record_about(context, repair->number,
                                               "a number that no double holds is kept as text"),
                             JSON_NOTE_NO_OFFSET);
    return good;
}
