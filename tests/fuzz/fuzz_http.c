/* fuzz_http.c: bytes of a connection through pre-scan and parser. Whatever they are: no crash, and
 * the same requests, bodies and refusal whether they come at once or in pieces. The first byte is
 * the size of the pieces. */
#include <stdint.h>
#include <stdlib.h>
#include "core/thread.h"
#include "server/http/http_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUESTS_MAX 64

/* What must not depend on the pieces. Of a request that is refused in its body, more or less of
 * that body may have been given before. */
struct outcome {
    uint64_t hash;     /* of the request being read, and all before it */
    uint64_t complete; /* of those that ended */
    unsigned requests;
    const char *code;
};

static void mix(struct outcome *o, struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        o->hash = (o->hash ^ s.data[i]) * UINT64_C(0x100000001b3);
}

static void see_head(struct outcome *o, const struct http_request *r)
{
    mix(o, r->method);
    mix(o, r->path);
    mix(o, r->query);
    for (size_t i = 0; i < r->field_count; i++) {
        mix(o, r->fields[i].name);
        mix(o, r->fields[i].value);
    }
    ensure(r->path.size > 0);
    ensure(r->chunked == (r->content_length == -1));
    o->hash = (o->hash ^ (uint64_t)r->content_length) * 31 + (r->keep_alive ? 1 : 0);
}

static bool feed(struct http_parser *parser, const struct http_limits *limits, struct slice in,
                 struct outcome *o)
{
    for (;;) {
        size_t consumed;
        struct slice body;
        enum http_parser_event event = http_parser_feed(parser, in, &consumed, &body);
        ensure(consumed <= in.size);
        in = slice_sub(in, consumed, in.size);
        switch (event) {
        case HTTP_PARSER_MORE:
            ensure(in.size == 0);
            return true;
        case HTTP_PARSER_HEAD:
            see_head(o, http_parser_request(parser));
            break;
        case HTTP_PARSER_BODY:
            mix(o, body);
            break;
        case HTTP_PARSER_END:
            o->complete = o->hash;
            if (++o->requests == REQUESTS_MAX)
                return false;
            http_parser_start(parser, limits);
            break;
        case HTTP_PARSER_REFUSED:
            o->code = http_parser_refusal(parser)->code;
            ensure(http_parser_refusal(parser)->status >= 400);
            return false;
        }
    }
}

static struct outcome run(const uint8_t *data, size_t size, size_t piece)
{
    static const struct http_limits limits = {
        .header_bytes = 2048, .header_count = 16, .target_bytes = 256};
    struct outcome o = {0};
    struct http_parser *parser = http_parser_create();
    ensure(parser);
    http_parser_start(parser, &limits);
    for (size_t at = 0; at < size; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        uint8_t *block = (uint8_t *)malloc(n); /* of its own: overruns show */
        ensure(block);
        memcpy(block, data + at, n);
        bool more = feed(parser, &limits, slice_make(block, n), &o);
        free(block);
        if (!more)
            break;
    }
    http_parser_destroy(parser);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 65536)
        return 0;
    struct outcome whole = run(data + 1, size - 1, size), pieces;
    pieces = run(data + 1, size - 1, (size_t)data[0] + 1);
    ensure(whole.requests == pieces.requests && !whole.code == !pieces.code);
    ensure(whole.complete == pieces.complete);
    return 0;
}
