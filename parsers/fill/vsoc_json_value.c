/* vsoc_json_value.c: one reader per kind of field. Pure, any thread. */
#include "parsers/fill/vsoc_json_value.h"
#include "core/base64.h"
#include "parsers/read/timestamp.h"

enum status vsoc_json_time_read(const struct json_node *node, int64_t *ns)
{
    enum status status;
    switch (node->type) {
    case JSON_INT:
        return timestamp_epoch_int(node->integer, ns);
    case JSON_DOUBLE: /* the digits are exact, the double is not; but it has no exponent */
        status = timestamp_epoch_text(node->raw, ns);
        return status == STATUS_MALFORMED ? timestamp_epoch_real(node->real, ns) : status;
    case JSON_BIG_UINT:
        return STATUS_OUT_OF_RANGE;
    case JSON_STRING:
        if (node->text.size > 4 && node->text.data[4] == '-')
            return timestamp_rfc3339(node->text, ns);
        return timestamp_epoch_text(node->text, ns);
    default:
        return STATUS_WRONG_TYPE;
    }
}

/* Decimal text → integer, exactly. */
static enum status read_digits(struct slice text, int64_t *value)
{
    bool negative = text.size && text.data[0] == '-';
    size_t i = negative;
    int64_t v = 0;
    if (i == text.size)
        return STATUS_MALFORMED;
    for (; i < text.size; i++) {
        int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9)
            return STATUS_MALFORMED;
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, negative ? -digit : digit, &v))
            return STATUS_OUT_OF_RANGE;
    }
    *value = v;
    return STATUS_OK;
}

/* A JSON number written without fraction and exponent. */
static bool is_whole(const struct json_node *node)
{
    for (size_t i = 0; i < node->raw.size; i++)
        if (strchr(".eE", node->raw.data[i]))
            return false;
    return true;
}

static enum status read_int(const struct json_node *node, bool text_too, int64_t *value)
{
    if (node->type == JSON_INT) {
        *value = node->integer;
        return STATUS_OK;
    }
    if (node->type == JSON_STRING && text_too)
        return read_digits(node->text, value);
    bool is_too_large =
        node->type == JSON_BIG_UINT || (node->type == JSON_DOUBLE && is_whole(node));
    return is_too_large ? STATUS_OUT_OF_RANGE : STATUS_WRONG_TYPE;
}

static enum status read_real(const struct json_node *node, double *value)
{
    if (node->type == JSON_DOUBLE)
        *value = node->real;
    else if (node->type == JSON_INT)
        *value = (double)node->integer;
    else
        return node->type == JSON_BIG_UINT ? STATUS_OUT_OF_RANGE : STATUS_WRONG_TYPE;
    return STATUS_OK;
}

static enum status read_bool(const struct json_node *node, int64_t *value)
{
    if (node->type != JSON_BOOL)
        return STATUS_WRONG_TYPE;
    *value = node->boolean;
    return STATUS_OK;
}

static enum status read_text(const struct json_node *node, struct slice *value)
{
    if (node->type != JSON_STRING)
        return STATUS_WRONG_TYPE;
    *value = node->text;
    return STATUS_OK;
}

static enum status read_base64(const struct parser_context *context, const struct json_node *node,
                               struct slice *value)
{
    if (node->type != JSON_STRING)
        return STATUS_WRONG_TYPE;
    uint8_t *out = context->alloc(context, base64_decoded_max(node->text.size));
    if (!out)
        return STATUS_NO_MEMORY;
    return base64_decode(node->text, out, value);
}

static enum status read_list(const struct parser_context *context, const struct json_node *nodes,
                             struct slice_list *value)
{
    if (nodes[0].type != JSON_ARRAY)
        return STATUS_WRONG_TYPE;
    size_t count = nodes[0].span - 1; /* texts have span 1; anything else is refused below */
    struct slice *items = context->alloc(context, count * sizeof *items);
    if (!items)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (nodes[i + 1].type != JSON_STRING)
            return STATUS_WRONG_TYPE;
        items[i] = nodes[i + 1].text;
    }
    *value = (struct slice_list){items, count};
    return STATUS_OK;
}

enum status vsoc_json_value_read_any(const struct parser_context *context,
                                     const struct json_node *nodes,
                                     const struct event_field_info *field, struct event *event)
{
    enum status status = STATUS_WRONG_TYPE;
    switch (field->kind) {
    case EVENT_KIND_TEXT:
    case EVENT_KIND_INET:
        status = read_text(nodes, event_slice_at(event, field));
        break;
    case EVENT_KIND_INT:
        status = read_int(nodes, false, event_int_at(event, field));
        break;
    case EVENT_KIND_BIG:
        status = read_int(nodes, true, event_int_at(event, field));
        break;
    case EVENT_KIND_BOOL:
        status = read_bool(nodes, event_int_at(event, field));
        break;
    case EVENT_KIND_REAL:
        status = read_real(nodes, event_real_at(event, field));
        break;
    case EVENT_KIND_TIME:
        status = vsoc_json_time_read(nodes, event_int_at(event, field));
        break;
    case EVENT_KIND_BASE64:
        status = read_base64(context, nodes, event_slice_at(event, field));
        break;
    case EVENT_KIND_LIST:
        status = read_list(context, nodes, event_list_at(event, field));
        break;
    case EVENT_KIND_UUID: /* no sender sets these */
    case EVENT_KIND_HEX:
    case EVENT_KIND_JSON:
        break;
    }
    if (status == STATUS_OK)
        event_mark(event, (enum event_field)(field - event_field_table));
    return status;
}

const char *vsoc_json_value_wanted(enum event_kind kind)
{
    switch (kind) {
    case EVENT_KIND_INT:
        return "an integer";
    case EVENT_KIND_BIG:
        return "an integer or its digits as text";
    case EVENT_KIND_BOOL:
        return "true or false";
    case EVENT_KIND_REAL:
        return "a number";
    case EVENT_KIND_TIME:
        return "an RFC 3339 time or an epoch number";
    case EVENT_KIND_BASE64:
        return "base64 text";
    case EVENT_KIND_LIST:
        return "an array of texts";
    case EVENT_KIND_JSON:
        return "an object";
    default:
        return "a text";
    }
}
