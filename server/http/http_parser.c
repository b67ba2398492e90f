/* http_parser.c: bytes of a connection → requests, one thing at a time. Runs on the connection's
 * worker. The only file that knows llhttp. A head is read twice, by our own split of the scanned
 * lines and by llhttp with every lenient flag off; both must agree on the request. Bodies are read
 * by http_chunk.c or counted here. */
#include "server/http/http_parser.h"

#include <stdlib.h>
#include <llhttp.h>
#include "server/http/http_chunk.h"
#include "server/http/http_rules.h"

enum stage { STAGE_HEAD, STAGE_BODY, STAGE_TRAILERS, STAGE_END, STAGE_REFUSED };

#define HEAD_BYTES_FIRST 1024
/* Head storage above this is freed at the next start. */
#define HEAD_BYTES_KEPT 4096

struct http_parser {
    llhttp_t http;
    struct http_scan scan;
    struct http_limits limits;
    enum stage stage;
    struct http_request request;
    struct refusal refusal;
    uint8_t *head;
    size_t head_bytes, head_capacity;
    size_t field_capacity;
    bool complete; /* llhttp saw the end of a message without a body */
    uint64_t left; /* of a body with Content-Length */
    struct http_chunks chunks;
};

static struct http_parser *of(llhttp_t *http)
{
    return (struct http_parser *)http->data;
}

static int on_message_complete(llhttp_t *http)
{
    of(http)->complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t callbacks = {
    .on_message_complete = on_message_complete,
};

struct http_parser *http_parser_create(void)
{
    return (struct http_parser *)calloc(1, sizeof(struct http_parser));
}

void http_parser_destroy(struct http_parser *parser)
{
    if (!parser)
        return;
    free(parser->head);
    free(parser->request.fields);
    free(parser);
}

void http_parser_start(struct http_parser *parser, const struct http_limits *limits)
{
    uint8_t *head = parser->head;
    size_t head_capacity = parser->head_capacity, field_capacity = parser->field_capacity;
    struct http_field *fields = parser->request.fields;
    if (head_capacity > HEAD_BYTES_KEPT) {
        free(head);
        head = NULL;
        head_capacity = 0;
    }
    *parser = (struct http_parser){.limits = *limits,
                                   .head = head,
                                   .head_capacity = head_capacity,
                                   .field_capacity = field_capacity,
                                   .request.fields = fields};
    llhttp_init(&parser->http, HTTP_REQUEST, &callbacks);
    parser->http.data = parser;
    http_scan_start_head(&parser->scan, limits);
}

static enum http_parser_event refuse_memory(struct http_parser *parser)
{
    refusal_set(&parser->refusal, REFUSAL_no_memory);
    parser->stage = STAGE_REFUSED;
    return HTTP_PARSER_REFUSED;
}

static enum http_parser_event refused(struct http_parser *parser)
{
    parser->stage = STAGE_REFUSED;
    return HTTP_PARSER_REFUSED;
}

/* The scan has already bounded head_bytes. */
static bool keep_head(struct http_parser *parser, struct slice piece)
{
    size_t need = parser->head_bytes + piece.size;
    if (need > parser->head_capacity) {
        size_t capacity = parser->head_capacity ? parser->head_capacity : HEAD_BYTES_FIRST;
        while (capacity < need)
            capacity *= 2;
        uint8_t *head = (uint8_t *)realloc(parser->head, capacity);
        if (!head)
            return false;
        parser->head = head;
        parser->head_capacity = capacity;
    }
    if (piece.size)
        memcpy(parser->head + parser->head_bytes, piece.data, piece.size);
    parser->head_bytes = need;
    return true;
}

static struct slice until(struct slice *rest, uint8_t end)
{
    const uint8_t *at = slice_find_byte(*rest, end);
    size_t size = at ? (size_t)(at - rest->data) : rest->size;
    struct slice piece = slice_make(rest->data, size);
    *rest = slice_sub(*rest, at ? size + 1 : size, rest->size);
    return piece;
}

static bool add_field(struct http_parser *parser, struct http_field field)
{
    struct http_request *r = &parser->request;
    if (r->field_count == parser->field_capacity) {
        size_t capacity = parser->field_capacity ? 2 * parser->field_capacity : 16;
        struct http_field *fields =
            (struct http_field *)realloc(r->fields, capacity * sizeof(*fields));
        if (!fields)
            return false;
        r->fields = fields;
        parser->field_capacity = capacity;
    }
    r->fields[r->field_count++] = field;
    return true;
}

/* The scan guarantees that the lines have this form. */
static bool split_head(struct http_parser *parser, struct slice *target)
{
    struct slice rest = slice_make(parser->head, parser->head_bytes);
    struct slice line = until(&rest, '\n');
    parser->request.method = until(&line, ' ');
    *target = until(&line, ' ');
    uint8_t *minor = (uint8_t *)(uintptr_t)line.data + sizeof("HTTP/1.") - 1;
    parser->request.version_11 = *minor != '0';
    if (*minor > '1')
        *minor = '1'; /* RFC 9110 §2.5: served as the highest minor version that is known */
    for (line = until(&rest, '\n'); line.size > 1; line = until(&rest, '\n')) {
        struct http_field field = {.name = until(&line, ':')};
        field.value = slice_trim(line);
        if (!add_field(parser, field))
            return false;
    }
    return true;
}

/* The answer if llhttp refuses a head that our own parser accepted. */
static void refuse_as_llhttp(struct http_parser *parser, enum llhttp_errno error)
{
    struct refusal *refusal = &parser->refusal;
    switch (error) {
    case HPE_INVALID_METHOD:
        refusal_set(refusal, REFUSAL_unknown_method);
        break;
    case HPE_INVALID_URL:
        refusal_set(refusal, REFUSAL_bad_target);
        break;
    default:
        refusal_say(refusal, REFUSAL_bad_request, "the request is malformed: %s",
                    llhttp_get_error_reason(&parser->http) ? llhttp_get_error_reason(&parser->http)
                                                           : llhttp_errno_name(error));
    }
}

/* Checks the head with llhttp as well. */
static bool confirm_head(struct http_parser *parser)
{
    const struct http_request *r = &parser->request;
    llhttp_t *http = &parser->http;
    enum llhttp_errno error = llhttp_execute(http, (const char *)parser->head, parser->head_bytes);
    if (error != HPE_OK && error != HPE_PAUSED && error != HPE_PAUSED_UPGRADE) {
        refuse_as_llhttp(parser, error);
        return false;
    }
    const char *method = llhttp_method_name((llhttp_method_t)http->method);
    bool has_body = r->chunked || r->content_length > 0;
    bool agree = slice_equal_text(r->method, method) && parser->complete == !has_body &&
                 r->chunked == !!(http->flags & F_CHUNKED) &&
                 (r->content_length <= 0 || http->content_length == (uint64_t)r->content_length);
    if (!agree) {
        refusal_say(&parser->refusal, REFUSAL_bad_request, "the request can be read in two ways");
        return false;
    }
    return true;
}

static enum http_parser_event feed_head(struct http_parser *parser, struct slice in,
                                        size_t *consumed)
{
    struct slice target;
    enum http_scan_result result = http_scan_feed(&parser->scan, in, consumed, &parser->refusal);
    if (result == HTTP_SCAN_REFUSED)
        return refused(parser);
    if (!keep_head(parser, slice_sub(in, 0, *consumed)))
        return refuse_memory(parser);
    if (result == HTTP_SCAN_MORE)
        return HTTP_PARSER_MORE;
    if (parser->scan.leading_bytes) {
        parser->head_bytes -= parser->scan.leading_bytes;
        memmove(parser->head, parser->head + parser->scan.leading_bytes, parser->head_bytes);
    }
    if (!split_head(parser, &target))
        return refuse_memory(parser);
    if (!http_rules_apply(&parser->request, target, &parser->refusal) || !confirm_head(parser))
        return refused(parser);
    bool has_body = parser->request.chunked || parser->request.content_length > 0;
    parser->left = parser->request.chunked ? 0 : (uint64_t)parser->request.content_length;
    http_chunks_start(&parser->chunks);
    parser->stage = has_body ? STAGE_BODY : STAGE_END;
    return HTTP_PARSER_HEAD;
}

static enum http_parser_event feed_chunks(struct http_parser *parser, struct slice in,
                                          size_t *consumed, struct slice *body)
{
    switch (http_chunks_feed(&parser->chunks, in, consumed, body, &parser->refusal)) {
    case HTTP_CHUNKS_DATA:
        return HTTP_PARSER_BODY;
    case HTTP_CHUNKS_LAST:
        parser->stage = STAGE_TRAILERS;
        http_scan_start_trailers(&parser->scan, &parser->limits);
        return HTTP_PARSER_MORE;
    case HTTP_CHUNKS_REFUSED:
        return refused(parser);
    default:
        return HTTP_PARSER_MORE;
    }
}

static enum http_parser_event feed_body(struct http_parser *parser, struct slice in,
                                        size_t *consumed, struct slice *body)
{
    if (parser->request.chunked)
        return feed_chunks(parser, in, consumed, body);
    *body = slice_sub(in, 0, parser->left < in.size ? (size_t)parser->left : in.size);
    *consumed = body->size;
    parser->left -= body->size;
    if (!parser->left)
        parser->stage = STAGE_END;
    return HTTP_PARSER_BODY;
}

/* Trailers are checked and dropped (RFC 9110 §6.5.1). */
static enum http_parser_event feed_trailers(struct http_parser *parser, struct slice in,
                                            size_t *consumed)
{
    enum http_scan_result result = http_scan_feed(&parser->scan, in, consumed, &parser->refusal);
    if (result == HTTP_SCAN_REFUSED)
        return refused(parser);
    if (result == HTTP_SCAN_END)
        parser->stage = STAGE_END;
    return HTTP_PARSER_MORE;
}

enum http_parser_event http_parser_feed(struct http_parser *parser, struct slice in,
                                        size_t *consumed, struct slice *body)
{
    *consumed = 0;
    *body = SLICE_EMPTY;
    for (;;) {
        size_t used = 0;
        enum http_parser_event event = HTTP_PARSER_MORE;
        if (parser->stage == STAGE_END)
            return HTTP_PARSER_END;
        if (parser->stage == STAGE_REFUSED)
            return HTTP_PARSER_REFUSED;
        if (in.size == 0)
            return HTTP_PARSER_MORE;
        if (parser->stage == STAGE_HEAD)
            event = feed_head(parser, in, &used);
        else if (parser->stage == STAGE_BODY)
            event = feed_body(parser, in, &used, body);
        else
            event = feed_trailers(parser, in, &used);
        *consumed += used;
        in = slice_sub(in, used, in.size);
        if (event != HTTP_PARSER_MORE)
            return event;
    }
}

const struct http_request *http_parser_request(const struct http_parser *parser)
{
    return &parser->request;
}

const struct refusal *http_parser_refusal(const struct http_parser *parser)
{
    return &parser->refusal;
}

bool http_parser_has_begun(const struct http_parser *parser)
{
    return parser->stage != STAGE_HEAD || http_scan_has_begun(&parser->scan);
}
