/* json.cpp: JSON text → checked node array. One owner thread a parser. simdjson's first stage finds
 * where tokens start and checks UTF-8, quotes and control characters at some GB/s; the walk over
 * these tokens is ours, because it must keep every value's bytes, reject duplicate keys and U+0000,
 * and see every value (simdjson's on-demand reader does not check what is skipped). Does not
 * allocate per value and does not recurse. The only file that knows simdjson. */
#include "core/json.h"

#include "core/json_keys.h"
#include "core/json_scalar.h"

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include <cstdlib>
#include <new>

namespace
{
/* A container that is still open. */
struct frame {
    uint32_t node;
    uint32_t members;
    struct json_key_filter filter;
};
} // namespace

struct json_parser {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;
    size_t stage_bytes; /* longest document stage can take */
    size_t max_depth, max_nodes;
    struct frame *frames; /* max_depth of them */
    struct json_node *nodes;
    size_t node_count, node_capacity;
    uint8_t *unescaped; /* texts of the current document that had escapes */
    size_t unescaped_used, unescaped_capacity;
    struct json_keys keys;
    /* The current document. */
    struct slice text;
    const uint32_t *tokens;    /* offsets of token starts */
    size_t token_count, token; /* token: the next one */
    size_t depth;
    struct json_error *error;
};

namespace
{
const size_t FIRST_NODES = 256;
const size_t FIRST_BYTES = 4096;
/* simdjson counts bytes in 32 bits. */
const size_t MAX_BYTES = UINT32_MAX - 256;

enum status fail(struct json_parser *p, enum status status, size_t offset, const char *detail)
{
    p->error->offset = offset;
    p->error->detail = detail;
    return status;
}

enum status no_memory(struct json_parser *p)
{
    return fail(p, STATUS_NO_MEMORY, 0, "memory is out");
}

/* First byte of the next token, 0 at the end (no token starts with it that we know). */
uint8_t peek(const struct json_parser *p)
{
    return p->token < p->token_count ? p->text.data[p->tokens[p->token]] : 0;
}

size_t token_offset(const struct json_parser *p)
{
    return p->token < p->token_count ? p->tokens[p->token] : p->text.size;
}

bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next token's bytes up to the one after it, without the white space between; moves on. */
struct slice take(struct json_parser *p)
{
    size_t start = p->tokens[p->token++];
    size_t end = p->tokens[p->token];
    while (is_space(p->text.data[end - 1]))
        end--;
    return slice_make(p->text.data + start, end - start);
}

/* Looks at whole blocks of eight: up to seven bytes past s, inside the padding. */
bool has_backslash(struct slice s)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    for (size_t i = 0; i < s.size; i += 8) {
        uint64_t word;
        memcpy(&word, s.data + i, sizeof word);
        word ^= ones * '\\';
        if ((word - ones) & ~word & (ones * 0x80))
            return memchr(s.data + i, '\\', s.size - i) != nullptr;
    }
    return false;
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
inline enum status take_string(struct json_parser *p, struct slice *raw, struct slice *text)
{
    *raw = take(p);
    if (raw->size < 2 || raw->data[raw->size - 1] != '"')
        return fail(p, STATUS_MALFORMED, (size_t)(raw->data - p->text.data), "string has no end");
    struct slice inner = slice_make(raw->data + 1, raw->size - 2);
    if (has_backslash(inner))
        return unescape(p, inner, text);
    *text = inner;
    return STATUS_OK;
}

enum status nodes_grow(struct json_parser *p)
{
    if (p->node_count >= p->max_nodes)
        return fail(p, STATUS_TOO_MANY, token_offset(p), "too many values in one document");
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

enum status container_open(struct json_parser *p, struct json_node *node, uint8_t type)
{
    size_t offset = p->tokens[p->token];
    if (p->depth == p->max_depth)
        return fail(p, STATUS_TOO_DEEP, offset, "nested too deeply");
    node->type = type;
    node->raw = slice_make(p->text.data + offset, 1); /* its end is set when it closes */
    struct frame *frame = &p->frames[p->depth++];
    *frame = {};
    frame->node = (uint32_t)(p->node_count - 1);
    p->token++;
    return STATUS_OK;
}

enum status take_scalar(struct json_parser *p, struct json_node *node)
{
    node->raw = take(p);
    const char *detail = nullptr;
    enum status status = json_scalar_read(node->raw, node, &detail);
    if (status != STATUS_OK)
        return fail(p, status, (size_t)(node->raw.data - p->text.data), detail);
    return STATUS_OK;
}

/* The value that starts at the next token, into the node made for it. */
inline enum status take_value(struct json_parser *p, struct json_node *node)
{
    switch (peek(p)) {
    case '"':
        node->type = JSON_STRING;
        return take_string(p, &node->raw, &node->text);
    case '{':
        return container_open(p, node, JSON_OBJECT);
    case '[':
        return container_open(p, node, JSON_ARRAY);
    case 0:
    case '}':
    case ']':
    case ',':
    case ':':
        return fail(p, STATUS_MALFORMED, token_offset(p), "a value is expected here");
    default:
        return take_scalar(p, node);
    }
}

inline enum status node_add(struct json_parser *p, struct json_node **node)
{
    if (p->node_count == p->node_capacity) {
        enum status status = nodes_grow(p);
        if (status != STATUS_OK)
            return status;
    }
    *node = &p->nodes[p->node_count++];
    (*node)->has_key = false;
    (*node)->span = 1;
    (*node)->key = SLICE_EMPTY;
    return STATUS_OK;
}

/* Key and colon of the member whose node is `node`. */
inline enum status take_key(struct json_parser *p, struct frame *frame, struct json_node *node)
{
    size_t offset = token_offset(p);
    if (peek(p) != '"')
        return fail(p, STATUS_MALFORMED, offset, "a key in quotes is expected here");
    struct slice raw;
    enum status status = take_string(p, &raw, &node->key);
    if (status != STATUS_OK)
        return status;
    node->has_key = true;
    if (frame->members < JSON_KEYS_SMALL &&
        json_keys_repeated(&frame->filter, p->nodes, frame->node, (size_t)(node - p->nodes)))
        return fail(p, STATUS_DUPLICATE_KEY, offset, "a key stands twice in one object");
    if (peek(p) != ':')
        return fail(p, STATUS_MALFORMED, token_offset(p), "a colon is expected behind a key");
    p->token++;
    return STATUS_OK;
}

/* The next member or element of the innermost container. */
inline enum status take_member(struct json_parser *p, struct frame *frame, bool object)
{
    struct json_node *node;
    if (frame->members > 0) {
        if (peek(p) != ',')
            return fail(p, STATUS_MALFORMED, token_offset(p),
                        object ? "a comma or } is expected here" : "a comma or ] is expected here");
        p->token++;
    }
    enum status status = node_add(p, &node);
    if (status == STATUS_OK && object)
        status = take_key(p, frame, node);
    frame->members++;
    if (status == STATUS_OK)
        status = take_value(p, node);
    return status;
}

enum status container_close(struct json_parser *p, struct frame *frame)
{
    struct json_node *node = &p->nodes[frame->node];
    size_t end = p->tokens[p->token] + 1;
    node->span = (uint32_t)(p->node_count - frame->node);
    node->raw.size = end - (size_t)(node->raw.data - p->text.data);
    p->token++;
    p->depth--;
    if (node->type != JSON_OBJECT || frame->members <= JSON_KEYS_SMALL)
        return STATUS_OK;
    size_t child = 0;
    enum status status = json_keys_check(&p->keys, p->nodes, frame->node, frame->members, &child);
    if (status == STATUS_DUPLICATE_KEY)
        return fail(p, status, (size_t)(p->nodes[child].raw.data - p->text.data),
                    "a key stands twice in one object");
    return status == STATUS_OK ? status : no_memory(p);
}

enum status walk(struct json_parser *p)
{
    struct json_node *root;
    enum status status = node_add(p, &root);
    if (status == STATUS_OK)
        status = take_value(p, root);
    while (status == STATUS_OK && p->depth > 0) {
        struct frame *frame = &p->frames[p->depth - 1];
        bool object = p->nodes[frame->node].type == JSON_OBJECT;
        if (peek(p) == (object ? '}' : ']'))
            status = container_close(p, frame);
        else
            status = take_member(p, frame, object);
    }
    if (status == STATUS_OK && p->token < p->token_count)
        return fail(p, STATUS_MALFORMED, token_offset(p), "something follows the document");
    return status;
}

/* Bytes of the UTF-8 sequence at data (RFC 3629 §4), 0 when it is none. */
size_t utf8_sequence(struct slice s)
{
    uint8_t c = s.data[0];
    size_t size = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (size == 0 || size > s.size)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((s.data[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (c == 0xe0 && s.data[1] < 0xa0) || (c == 0xf0 && s.data[1] < 0x90);
    bool outside = (c == 0xed && s.data[1] > 0x9f) || (c == 0xf4 && s.data[1] > 0x8f);
    return overlong || outside ? 0 : size;
}

enum status fail_utf8(struct json_parser *p)
{
    size_t at = 0, step = 1;
    while (at < p->text.size && step) {
        step = utf8_sequence(slice_sub(p->text, at, 4));
        at += step;
    }
    return fail(p, STATUS_INVALID_UTF8, at, "text is not valid UTF-8");
}

/* Finds what the first stage saw but did not place: a control character in a string, or a string
 * without end. */
enum status fail_string(struct json_parser *p)
{
    size_t start = 0;
    bool inside = false;
    for (size_t at = 0; at < p->text.size; at++) {
        uint8_t c = p->text.data[at];
        if (inside && c < 0x20)
            return fail(p, STATUS_MALFORMED, at, "control character in a string is not escaped");
        if (inside && c == '\\')
            at++;
        else if (c == '"') {
            inside = !inside;
            start = at;
        }
    }
    return fail(p, STATUS_MALFORMED, start, "string has no end");
}

enum status stage_reserve(struct json_parser *p, size_t size)
{
    if (size <= p->stage_bytes)
        return STATUS_OK;
    if (size > MAX_BYTES)
        return fail(p, STATUS_TOO_LARGE, 0, "document is too large");
    size_t bytes = p->stage_bytes ? p->stage_bytes : FIRST_BYTES;
    while (bytes < size)
        bytes = bytes > MAX_BYTES / 2 ? MAX_BYTES : bytes * 2;
    if (p->stage->set_capacity(bytes) != simdjson::SUCCESS) {
        p->stage_bytes = 0; /* its buffer is gone */
        return no_memory(p);
    }
    p->stage_bytes = bytes;
    return STATUS_OK;
}

enum status find_tokens(struct json_parser *p)
{
    enum status status = stage_reserve(p, p->text.size);
    if (status != STATUS_OK)
        return status;
    simdjson::error_code code =
        p->stage->stage1(p->text.data, p->text.size, simdjson::stage1_mode::regular);
    if (code == simdjson::UTF8_ERROR)
        return fail_utf8(p);
    if (code == simdjson::UNESCAPED_CHARS || code == simdjson::UNCLOSED_STRING)
        return fail_string(p);
    if (code == simdjson::EMPTY)
        return fail(p, STATUS_MALFORMED, 0, "document is empty");
    if (code == simdjson::MEMALLOC)
        return no_memory(p);
    if (code != simdjson::SUCCESS)
        return fail(p, STATUS_MALFORMED, 0, "document does not follow JSON");
    p->token_count = p->stage->n_structural_indexes;
    p->stage->structural_indexes[p->token_count] = (uint32_t)p->text.size;
    p->tokens = p->stage->structural_indexes.get();
    return STATUS_OK;
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
    const simdjson::implementation *cpu = simdjson::get_active_implementation();
    if (!p->frames ||
        cpu->create_dom_parser_implementation(FIRST_BYTES, 1, p->stage) != simdjson::SUCCESS) {
        json_parser_destroy(p);
        return nullptr;
    }
    p->stage_bytes = FIRST_BYTES;
    return p;
}

void json_parser_destroy(struct json_parser *p)
{
    if (!p)
        return;
    json_keys_fini(&p->keys);
    free(p->frames);
    free(p->nodes);
    free(p->unescaped);
    delete p;
}

enum status json_parse(struct json_parser *p, struct slice text, struct json_document *document,
                       struct json_error *error)
{
    p->text = text;
    p->error = error;
    p->token = p->token_count = p->node_count = p->depth = p->unescaped_used = 0;
    if (text.size == 0)
        return fail(p, STATUS_MALFORMED, 0, "document is empty");
    enum status status = find_tokens(p);
    if (status == STATUS_OK)
        status = walk(p);
    if (status == STATUS_OK)
        *document = json_document{p->nodes, p->node_count};
    return status;
}
