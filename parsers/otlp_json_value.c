/* otlp_json_value.c: AnyValue of OTLP/JSON: an object whose one member says type and value. Pure,
 * any thread. */
#include "parsers/otlp_json_value.h"
#include "parsers/base64.h"

#include <math.h>

bool otlp_json_digits(struct slice text, int64_t *value)
{
    bool negative = text.size && text.data[0] == '-';
    int64_t v = 0;
    for (size_t i = negative; i < text.size; i++) {
        int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, negative ? -digit : digit, &v))
            return false;
    }
    *value = v;
    return text.size > negative;
}

static bool read_int(const struct json_node *node, int64_t *value)
{
    if (node->type == JSON_STRING)
        return otlp_json_digits(node->text, value);
    *value = node->integer;
    return node->type == JSON_INT;
}

static bool read_real(const struct json_node *node, double *value)
{
    *value = node->type == JSON_INT ? (double)node->integer : node->real;
    if (node->type != JSON_STRING)
        return node->type == JSON_INT || node->type == JSON_DOUBLE;
    *value = slice_equal_text(node->text, "NaN") ? (double)NAN : (double)INFINITY;
    if (slice_equal_text(node->text, "-Infinity"))
        *value = -(double)INFINITY;
    return isnan(*value) || slice_equal_text(node->text, "Infinity") || *value < 0;
}

static bool read_bytes(const struct parser_context *context, const struct json_node *node,
                       struct slice *bytes)
{
    if (node->type != JSON_STRING)
        return false;
    uint8_t *out = context->alloc(context, base64_decoded_max(node->text.size));
    return out && base64_decode(node->text, out, bytes) == STATUS_OK;
}

static bool next_child(struct otlp_cursor *cursor, struct slice *key, struct otlp_value *value);

/* Over the elements of an array. */
static struct otlp_cursor children_of(const struct parser_context *context,
                                      const struct json_node *array, bool is_map)
{
    return (struct otlp_cursor){.next = next_child,
                                .context = context,
                                .node = array + 1,
                                .end = array + array->span,
                                .is_map = is_map};
}

/* {"values":[…]}, where the array may be missing. */
static bool read_children(const struct parser_context *context, const struct json_node *node,
                          bool is_map, struct otlp_cursor *cursor)
{
    *cursor = (struct otlp_cursor){.next = NULL};
    if (node->type != JSON_OBJECT)
        return false;
    for (size_t k = 1; k < node->span; k += node[k].span) {
        if (!slice_equal_text(node[k].key, "values") || node[k].type == JSON_NULL)
            continue;
        if (node[k].type != JSON_ARRAY)
            return false;
        *cursor = children_of(context, &node[k], is_map);
    }
    return true;
}

/* False: *value can't be had from the member. Members that are no value are passed over. */
static bool read_member(const struct parser_context *context, const struct json_node *node,
                        struct otlp_value *value)
{
    static const struct {
        const char *key;
        enum otlp_kind kind;
    } names[] = {{"stringValue", OTLP_TEXT}, {"intValue", OTLP_INT},     {"boolValue", OTLP_BOOL},
                 {"doubleValue", OTLP_REAL}, {"arrayValue", OTLP_ARRAY}, {"kvlistValue", OTLP_MAP},
                 {"bytesValue", OTLP_BYTES}, {NULL, OTLP_EMPTY}};
    size_t i = 0;
    while (names[i].key && !slice_equal_text(node->key, names[i].key))
        i++;
    if (!names[i].key || node->type == JSON_NULL)
        return true;
    if (value->kind != OTLP_EMPTY)
        return false; /* two values */
    value->kind = names[i].kind;
    switch (names[i].kind) {
    case OTLP_TEXT:
        value->text = node->text;
        return node->type == JSON_STRING;
    case OTLP_INT:
        return read_int(node, &value->integer);
    case OTLP_BOOL:
        value->integer = node->boolean;
        return node->type == JSON_BOOL;
    case OTLP_REAL:
        return read_real(node, &value->real);
    case OTLP_BYTES:
        return read_bytes(context, node, &value->text);
    default:
        return read_children(context, node, value->kind == OTLP_MAP, &value->children);
    }
}

bool otlp_json_value(const struct parser_context *context, const struct json_node *node,
                     struct otlp_value *value)
{
    *value = (struct otlp_value){.kind = OTLP_EMPTY};
    if (node->type != JSON_OBJECT)
        return node->type == JSON_NULL;
    for (size_t k = 1; k < node->span; k += node[k].span)
        if (!read_member(context, &node[k], value))
            return false;
    return true;
}

static bool read_pair(const struct parser_context *context, const struct json_node *node,
                      struct slice *key, struct otlp_value *value)
{
    *value = (struct otlp_value){.kind = OTLP_EMPTY};
    if (node->type != JSON_OBJECT)
        return false;
    for (size_t k = 1; k < node->span; k += node[k].span) {
        if (slice_equal_text(node[k].key, "key") && node[k].type == JSON_STRING)
            *key = node[k].text;
        else if (slice_equal_text(node[k].key, "key"))
            return false;
        else if (slice_equal_text(node[k].key, "value") &&
                 !otlp_json_value(context, &node[k], value))
            return false;
    }
    return true;
}

static bool next_child(struct otlp_cursor *cursor, struct slice *key, struct otlp_value *value)
{
    *key = SLICE_EMPTY;
    if (cursor->node >= cursor->end)
        return false;
    const struct json_node *node = cursor->node;
    cursor->node += node->span;
    if (cursor->is_map ? read_pair(cursor->context, node, key, value)
                       : otlp_json_value(cursor->context, node, value))
        return true;
    cursor->error = "a value is none that OTLP/JSON has";
    return false;
}

bool otlp_json_attributes(const struct parser_context *context, const struct json_node *node,
                          struct otlp_cursor *cursor)
{
    if (node->type == JSON_ARRAY)
        *cursor = children_of(context, node, true);
    return node->type == JSON_ARRAY || node->type == JSON_NULL;
}
