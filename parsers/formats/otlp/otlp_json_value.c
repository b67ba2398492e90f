/* otlp_json_value.c: AnyValue of OTLP/JSON: an object whose one member gives type and value. Pure,
 * any thread. */
#include "parsers/formats/otlp/otlp_json_value.h"
#include "parsers/formats/otlp/proto_json.h"

/* An integer that not even a double can hold remains the text of its digits. */
static bool read_int(const struct json_node *node, struct otlp_value *value)
{
    double real;
    if (proto_json_int(node, &value->integer))
        return true;
    if (proto_json_real(node, &real) != PROTO_JSON_REAL_HUGE)
        return false;
    value->kind = OTLP_TEXT;
    value->text = node->text;
    return true;
}

/* So does a double. */
static bool read_real(const struct json_node *node, struct otlp_value *value)
{
    enum proto_json_real result = proto_json_real(node, &value->real);
    if (result == PROTO_JSON_REAL_HUGE)
        *value = (struct otlp_value){.kind = OTLP_TEXT, .text = node->text};
    return result != PROTO_JSON_REAL_NONE;
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

/* False: the member is not a valid value. Members other than values are skipped. */
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
        return read_int(node, value);
    case OTLP_BOOL:
        value->integer = node->type == JSON_BOOL && node->boolean;
        return node->type == JSON_BOOL;
    case OTLP_REAL:
        return read_real(node, value);
    case OTLP_BYTES:
        return node->type == JSON_STRING && proto_json_bytes(context, node->text, &value->text);
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
    value->kind = OTLP_EMPTY;
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
    cursor->error = "OTLP/JSON does not allow a value";
    return false;
}

bool otlp_json_attributes(const struct parser_context *context, const struct json_node *node,
                          struct otlp_cursor *cursor)
{
    if (node->type == JSON_ARRAY)
        *cursor = children_of(context, node, true);
    return node->type == JSON_ARRAY || node->type == JSON_NULL;
}
