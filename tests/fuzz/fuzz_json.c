/* fuzz_json.c: bytes as a JSON document, and as lines of documents. What is taken must be laid out
 * as core/json/json.h says and lie within the document or the parser's own memory; a parser that
 * reads ahead must say the same of each line as one that does not. */
#include <stdint.h>
#include <stdlib.h>

#include "core/json/json.h"
#include "core/thread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ensure_laid_out(const struct json_document *d, struct slice text)
{
    ensure(d->count > 0 && d->nodes[0].span == d->count);
    for (size_t i = 0; i < d->count; i++) {
        const struct json_node *n = &d->nodes[i];
        bool container = n->type == JSON_ARRAY || n->type == JSON_OBJECT;
        ensure(n->span >= 1 && i + n->span <= d->count && (container || n->span == 1));
        ensure(n->raw.size > 0 && n->raw.data >= text.data &&
               n->raw.data + n->raw.size <= text.data + text.size);
        if (n->type == JSON_STRING)
            ensure(!n->text.size || !memchr(n->text.data, 0, n->text.size));
        if (!container)
            continue;
        size_t k = i + 1, end = i + n->span;
        for (; k < end; k += d->nodes[k].span)
            ensure(d->nodes[k].has_key == (n->type == JSON_OBJECT));
        ensure(k == end);
    }
}

/* Each line alone, with both parsers. */
static void ensure_same_ahead(struct json_parser *parser, struct slice text)
{
    static struct json_parser *ahead;
    if (!ahead)
        ahead = json_parser_create(16, 4096);
    ensure(ahead);
    json_parser_ahead(ahead, text);
    for (size_t at = 0, end; at < text.size; at = end + 1) {
        const uint8_t *lf = memchr(text.data + at, '\n', text.size - at);
        struct json_document a = {NULL, 0}, b = {NULL, 0};
        struct json_error error = {0, NULL}, other = {0, NULL};
        end = lf ? (size_t)(lf - text.data) : text.size;
        struct slice line = slice_sub(text, at, end - at);
        enum status status = json_parse(parser, line, &a, &error);
        ensure(json_parse(ahead, line, &b, &other) == status && a.count == b.count);
        ensure(error.offset == other.offset && error.detail == other.detail);
        for (size_t i = 0; i < a.count; i++)
            ensure(a.nodes[i].type == b.nodes[i].type && a.nodes[i].span == b.nodes[i].span &&
                   a.nodes[i].raw.data == b.nodes[i].raw.data &&
                   a.nodes[i].raw.size == b.nodes[i].raw.size &&
                   slice_equal(a.nodes[i].key, b.nodes[i].key));
    }
    json_parser_ahead(ahead, SLICE_EMPTY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json_parser *parser;
    struct json_document document;
    struct json_error error = {0, NULL};
    if (!parser)
        parser = json_parser_create(16, 4096);
    uint8_t *copy = malloc(size + JSON_PADDING);
    ensure(parser && copy);
    if (size)
        memcpy(copy, data, size);
    memset(copy + size, '"', JSON_PADDING);
    struct slice text = slice_make(copy, size);
    if (json_parse(parser, text, &document, &error) == STATUS_OK)
        ensure_laid_out(&document, text);
    else
        ensure(error.detail && error.offset <= size);
    ensure_same_ahead(parser, text);
    free(copy);
    return 0;
}
