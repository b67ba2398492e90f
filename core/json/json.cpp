/* json.cpp: JSON text → checked node array. One owner thread per parser. json_stage.cpp finds the
 * start of tokens and checks UTF-8, quotes and control characters at some GB/s. The walk over these
 * tokens is ours, because it must keep every value's bytes, reject duplicate keys and U+0000, and
 * check every value (simdjson's on-demand reader does not check what is skipped). Does not allocate
 * per value and does not recurse. */
#include "core/json/json.h"

#include "core/json/json_keys.h"
#include "core/json/json_names.h"
#include "core/json/json_scalar.h"
#include "core/json/json_stage.h"
#include "core/json/json_walk.h"

#include <cstdlib>
#include <new>

namespace
{
/* State of the walk. A copy of the parser's, so that it stays in registers. */
struct walk {
    const uint8_t *text;
    const uint32_t *token, *end; /* the next token, and the one after the last */
};

/* A container that is still open. */
struct frame {
    uint32_t node;
    uint32_t members;
    bool has_repeats; /* lenient: a key occurs twice */
    struct json_keys_seen seen;
};
} // namespace

struct json_parser {
    struct json_stage *stage;
    size_t max_depth, max_nodes;
    struct frame *frames; /* max_depth of them */
    struct json_node *nodes;
    size_t node_count, node_capacity;
    uint8_t *unescaped; /* texts of the current document that had escapes */
    size_t unescaped_used, unescaped_capacity;
    struct json_keys keys;
    struct json_order order;
    uint8_t last_name;
    /* The current document. */
    const struct json_names *names;
    struct slice text;
    struct json_tokens tokens;
    bool is_lenient;
    size_t depth;
    struct json_error *error;
};

namespace
{
const size_t FIRST_NODES = 256;
const size_t FIRST_BYTES = 4096;

enum status fail(struct json_parser *p, enum status status, size_t offset, const char *detail)
{
    p->error->offset = offset;
    p->error->detail = detail;
    return status;
}

enum status no_memory(struct json_parser *p)
{
    return fail(p, STATUS_NO_MEMORY, 0, "out of memory");
}

/* First byte of the next token, 0 at the end (no valid token starts with it). */
inline uint8_t peek(const struct walk &w)
{
    return w.token < w.end ? w.text[*w.token] : 0;
}

inline size_t token_offset(const struct walk &w)
{
    return *w.token; /* the entry after the last one is the text's size */
}

inline bool is_space(uint8_t c)
{
    return c <= ' ' && (c == ' ' || c == '\t' || c == '\n' || c == '\r');
}

/* The next token's bytes up to the one after it, without the white space between; moves on. */
inline struct slice take(struct walk &w)
{
    size_t start = *w.token++;
    size_t end = *w.token;
    while (is_space(w.text[end - 1]))
        end--;
    return slice_make(w.text + start, end - start);
}

enum status unescape(struct json_parser *p, struct slice inner, struct slice *out)
{
    if (p->unescaped_capacity < p->text.size) { /* only before the first escape of a document */
        size_t capacity = p->text.size < FIRST_BYTES ? FIRST_BYTES : p->text.size;
        free(p->unescaped);
        p->unescaped = (uint8_t *)malloc(capacity);
        p->unescaped_capacity = p->unescaped ? capacity : 0;
        if (!p->unescaped)
            return no_memory(p);
    }
    uint8_t *start = p->unescaped + p->unescaped_used;
    size_t size = 0, at = 0;
    const char *detail = nullptr;
    enum status status = json_string_unescape(inner, start, &size, &at, &detail);
    if (status != STATUS_OK)
        return fail(p, status, (size_t)(inner.data - p->text.data) + at, detail);
    p->unescaped_used += size;
    *out = slice_make(start, size);
    return STATUS_OK;
}

/* The next token, which starts with a quote, as text; *raw: with quotes and escapes. */
inline enum status take_string(struct json_parser *p, struct walk &w, struct slice *raw,
                               struct slice *text)
{
    struct slice token = take(w);
    *raw = token;
    if (token.size < 2 || token.data[token.size - 1] != '"')
        return fail(p, STATUS_MALFORMED, (size_t)(token.data - w.text), "string has no end");
    struct slice inner = slice_make(token.data + 1, token.size - 2);
    if (p->tokens.has_escapes && memchr(inner.data, '\\', inner.size))
        return unescape(p, inner, text);
    *text = inner;
    return STATUS_OK;
}

enum status nodes_grow(struct json_parser *p, size_t offset)
{
    if (p->node_count >= p->max_nodes)
        return fail(p, STATUS_TOO_MANY, offset, "too many values in one document");
    size_t capacity = p->node_capacity ? p->node_capacity * 2 : FIRST_NODES;
    if (capacity > p->max_nodes)
        capacity = p->max_nodes;
    void *nodes = realloc(p->nodes, capacity * sizeof *p->nodes);
    if (!nodes)
        return no_memory(p);
    p->nodes = (struct json_node *)nodes;
    p->node_capacity = capacity;
    return STATUS_OK;
}

enum status container_open(struct json_parser *p, struct walk &w, struct json_node *node,
                           uint8_t type)
{
    size_t offset = *w.token++;
    if (p->depth == p->max_depth)
        return fail(p, STATUS_TOO_DEEP, offset, "nested too deeply");
    node->type = type;
    node->raw = slice_make(w.text + offset, 1); /* its end is set when it closes */
    struct frame *frame = &p->frames[p->depth++];
    *frame = {};
    frame->node = (uint32_t)(p->node_count - 1);
    return STATUS_OK;
}

/* A number that is not simple, true, false, null or an invalid token. */
__attribute__((noinline)) enum status scalar_read(struct json_parser *p, struct json_node *node)
{
    const char *detail = nullptr;
    enum status status = json_scalar_read(node->raw, node, &detail);
    if (status == STATUS_OUT_OF_RANGE && p->is_lenient) {
        node->type = JSON_STRING;
        node->text = node->raw;
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return fail(p, status, (size_t)(node->raw.data - p->text.data), detail);
    return STATUS_OK;
}

/* The value that starts at the next token and is not a string. */
__attribute__((noinline)) enum status take_other(struct json_parser *p, struct walk &w,
                                                 struct json_node *node)
{
    switch (peek(w)) {
    case '{':
        return container_open(p, w, node, JSON_OBJECT);
    case '[':
        return container_open(p, w, node, JSON_ARRAY);
    case 0:
    case '}':
    case ']':
    case ',':
    case ':':
        return fail(p, STATUS_MALFORMED, token_offset(w), "a value is expected here");
    default:
        break;
    }
    struct slice token = take(w);
    node->raw = token;
    return json_number_is_simple(token, node) ? STATUS_OK : scalar_read(p, node);
}

/* The value that starts at the next token, into the node made for it. */
inline enum status take_value(struct json_parser *p, struct walk &w, struct json_node *node)
{
    if (peek(w) != '"')
        return take_other(p, w, node);
    node->type = JSON_STRING;
    return take_string(p, w, &node->raw, &node->text);
}

inline enum status node_add(struct json_parser *p, size_t offset, struct json_node **node)
{
    if (p->node_count == p->node_capacity) {
        enum status status = nodes_grow(p, offset);
        if (status != STATUS_OK)
            return status;
    }
    *node = &p->nodes[p->node_count++];
    (*node)->has_key = false;
    (*node)->name = 0;
    (*node)->repeat = 0;
    (*node)->span = 1;
    (*node)->key = SLICE_EMPTY;
    return STATUS_OK;
}

/* Sets whether the key at node is known, and whether it occurs for the first time in its object. */
inline bool key_repeated(struct json_parser *p, struct frame *frame, struct json_node *node)
{
    unsigned name = p->names ? json_names_find(p->names, node->key) : 0;
    node->name = (uint8_t)name;
    if (name)
        return json_name_repeated(&frame->seen, name);
    return frame->members < JSON_KEYS_SMALL &&
           json_key_repeated(&frame->seen, p->nodes, frame->node, (size_t)(node - p->nodes));
}

/* Key and colon of the member whose node is `node`. */
inline enum status take_key(struct json_parser *p, struct walk &w, struct frame *frame,
                            struct json_node *node)
{
    size_t offset = token_offset(w);
    if (peek(w) != '"')
        return fail(p, STATUS_MALFORMED, offset, "a key in quotes is expected here");
    struct slice raw;
    enum status status = take_string(p, w, &raw, &node->key);
    if (status != STATUS_OK)
        return status;
    node->has_key = true;
    bool is_repeated = key_repeated(p, frame, node);
    frame->has_repeats |= is_repeated;
    if (is_repeated && !p->is_lenient)
        return fail(p, STATUS_DUPLICATE_KEY, offset, "a key occurs twice in one object");
    if (peek(w) != ':')
        return fail(p, STATUS_MALFORMED, token_offset(w), "a colon is expected behind a key");
    w.token++;
    return STATUS_OK;
}

/* The next member or element of the innermost container. */
template <bool OBJECT>
inline enum status take_member(struct json_parser *p, struct walk &w, struct frame *frame)
{
    struct json_node *node;
    if (frame->members > 0) {
        if (peek(w) != ',')
            return fail(p, STATUS_MALFORMED, token_offset(w),
                        OBJECT ? "a comma or } is expected here" : "a comma or ] is expected here");
        w.token++;
    }
    enum status status = node_add(p, token_offset(w), &node);
    if (status == STATUS_OK && OBJECT)
        status = take_key(p, w, frame, node);
    frame->members++;
    if (status == STATUS_OK)
        status = take_value(p, w, node);
    return status;
}

enum status container_close(struct json_parser *p, struct walk &w, struct frame *frame)
{
    struct json_node *node = &p->nodes[frame->node];
    size_t end = *w.token++ + 1;
    node->span = (uint32_t)(p->node_count - frame->node);
    node->raw.size = end - (size_t)(node->raw.data - w.text);
    p->depth--;
    bool is_many = node->type == JSON_OBJECT && frame->members > JSON_KEYS_SMALL;
    if (p->is_lenient && (is_many || frame->has_repeats))
        return json_keys_number(&p->keys, p->nodes, frame->node, frame->members) == STATUS_OK
                   ? STATUS_OK
                   : no_memory(p);
    if (!is_many)
        return STATUS_OK;
    size_t child = 0;
    enum status status = json_keys_check(&p->keys, p->nodes, frame->node, frame->members, &child);
    if (status == STATUS_DUPLICATE_KEY)
        return fail(p, status, (size_t)(p->nodes[child].raw.data - w.text),
                    "a key occurs twice in one object");
    return status == STATUS_OK ? status : no_memory(p);
}

/* ---- the usual member ---- */

/* Offsets of the tokens of a member, and of what follows. */
struct member {
    size_t key, colon, value, next;
};

/* The value, when it is a text without escapes, a short number, true, false or null, directly
 * before the next token. Sets all but the node's head; its type is in *type. */
inline bool quick_value(const uint8_t *text, const struct member &m, bool has_escapes,
                        struct json_node *node)
{
    const uint8_t *data = text + m.value;
    size_t size = m.next - m.value;
    node->raw = slice_make(data, size);
    if (*data == '"') {
        node->type = JSON_STRING;
        node->text = slice_make(data + 1, size - 2);
        return text[m.next - 1] == '"' && size >= 2 && !(has_escapes && memchr(data, '\\', size));
    }
    if ((uint8_t)(*data - '0') < 10)
        return json_number_is_simple(node->raw, node);
    return json_scalar_is_word(node->raw, node);
}

/* The key, between quotes directly before the colon. */
inline bool quick_key(const uint8_t *text, const struct member &m, bool has_escapes,
                      struct json_node *node)
{
    size_t size = m.colon - m.key - 2;
    node->has_key = true;
    node->repeat = 0;
    node->span = 1;
    node->key = slice_make(text + m.key + 1, size);
    return text[m.key] == '"' && text[m.colon] == ':' && text[m.colon - 1] == '"' &&
           m.colon - m.key > 2 && !(has_escapes && memchr(node->key.data, '\\', size));
}

/* Number of the key's name into its node. False: the key is among those before. */
inline bool quick_name(struct json_parser *p, const struct json_names *names, struct frame *frame,
                       size_t members, struct json_node *node)
{
    uint8_t *after = &p->order.after[p->last_name];
    unsigned name = names ? json_names_find_padded(names, *after, node->key) : 0;
    node->name = (uint8_t)name;
    if (!name)
        return members >= JSON_KEYS_SMALL ||
               !json_key_repeated(&frame->seen, p->nodes, frame->node, (size_t)(node - p->nodes));
    p->last_name = *after = (uint8_t)name;
    return !json_name_repeated(&frame->seen, name);
}

/* Takes members as most senders write them, up to one that is not; take_member reads that one. */
inline void take_quick_members(struct json_parser *p, struct walk &w, struct frame *frame)
{
    const uint8_t *const text = w.text;
    const uint32_t *at = w.token, *const last = w.end;
    const struct json_names *const names = p->names;
    const bool has_escapes = p->tokens.has_escapes;
    struct json_node *node = p->nodes + p->node_count, *const end = p->nodes + p->node_capacity;
    size_t members = frame->members;
    if (members > 0 && (at == last || text[*at++] != ','))
        return;
    while (last - at > 3 && node < end) {
        const struct member m = {at[0], at[1], at[2], at[3]};
        if (!quick_key(text, m, has_escapes, node) || !quick_value(text, m, has_escapes, node) ||
            !quick_name(p, names, frame, members, node))
            break;
        node++;
        members++;
        w.token = at + 3;
        if (text[m.next] != ',')
            break;
        at += 4;
    }
    frame->members = (uint32_t)members;
    p->node_count = (size_t)(node - p->nodes);
}

/* Members of the innermost container, to its end or to a container in it. */
template <bool OBJECT> enum status take_members(struct json_parser *p, struct walk &walk)
{
    struct walk w = walk;
    size_t depth = p->depth;
    struct frame *frame = &p->frames[depth - 1];
    enum status status = STATUS_OK;
    while (status == STATUS_OK && p->depth == depth) {
        if (OBJECT)
            take_quick_members(p, w, frame);
        if (peek(w) == (OBJECT ? '}' : ']'))
            status = container_close(p, w, frame);
        else
            status = take_member<OBJECT>(p, w, frame);
    }
    walk = w;
    return status;
}

enum status walk_document(struct json_parser *p)
{
    struct walk w = {p->tokens.base, p->tokens.first, p->tokens.last};
    struct json_node *root;
    enum status status = node_add(p, 0, &root);
    if (status == STATUS_OK)
        status = take_value(p, w, root);
    while (status == STATUS_OK && p->depth > 0) {
        bool object = p->nodes[p->frames[p->depth - 1].node].type == JSON_OBJECT;
        status = object ? take_members<true>(p, w) : take_members<false>(p, w);
    }
    if (status == STATUS_OK && w.token < w.end)
        return fail(p, STATUS_MALFORMED, token_offset(w), "something follows the document");
    return status;
}
} // namespace

struct json_parser *json_parser_create(size_t max_depth, size_t max_nodes)
{
    struct json_parser *p = new (std::nothrow) json_parser();
    if (!p)
        return nullptr;
    json_keys_init(&p->keys);
    p->max_depth = max_depth;
    p->max_nodes = max_nodes < UINT32_MAX ? max_nodes : UINT32_MAX;
    p->frames = (struct frame *)malloc((max_depth ? max_depth : 1) * sizeof *p->frames);
    p->stage = json_stage_create();
    if (!p->frames || !p->stage) {
        json_parser_destroy(p);
        return nullptr;
    }
    return p;
}

void json_parser_destroy(struct json_parser *p)
{
    if (!p)
        return;
    json_keys_fini(&p->keys);
    json_stage_destroy(p->stage);
    free(p->frames);
    free(p->nodes);
    free(p->unescaped);
    delete p;
}

struct json_parts json_parser_parts(struct json_parser *p)
{
    return {p->stage, &p->order, p->max_depth, p->max_nodes};
}

enum status json_parse(struct json_parser *p, struct slice text, struct json_document *document,
                       struct json_error *error)
{
    return json_parse_named(p, nullptr, text, document, error);
}

/* Walks over the tokens that are set. */
static enum status walk_tokens(struct json_parser *p, struct json_document *document)
{
    p->node_count = p->depth = p->unescaped_used = 0;
    p->last_name = 0;
    enum status status = walk_document(p);
    if (status == STATUS_OK)
        *document = json_document{p->nodes, p->node_count};
    return status;
}

static enum status parse(struct json_parser *p, const struct json_names *names, struct slice text,
                         struct json_document *document, struct json_error *error)
{
    p->names = names;
    p->text = text;
    p->error = error;
    if (text.size == 0)
        return fail(p, STATUS_MALFORMED, 0, "document is empty");
    /* An error is looked for again in the text alone: its words and place depend on that. */
    if (!p->is_lenient && json_stage_next(p->stage, text, &p->tokens) &&
        walk_tokens(p, document) == STATUS_OK)
        return STATUS_OK;
    enum status status = json_stage_find(p->stage, text, &p->tokens, error);
    return status == STATUS_OK ? walk_tokens(p, document) : status;
}

enum status json_parse_named(struct json_parser *p, const struct json_names *names,
                             struct slice text, struct json_document *document,
                             struct json_error *error)
{
    p->is_lenient = false;
    return parse(p, names, text, document, error);
}

enum status json_parse_lenient(struct json_parser *p, const struct json_names *names,
                               struct slice text, struct json_document *document,
                               struct json_error *error)
{
    p->is_lenient = true;
    return parse(p, names, text, document, error);
}
