/* fuzz_json.c: bytes as a JSON document. What is taken must be laid out as core/json/json.h says
 * and lie within the document or the parser's own memory. */
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
    free(copy);
    return 0;
}
