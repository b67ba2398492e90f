/* http_parser.h: bytes of a connection → requests. Strict HTTP/1.1 and 1.0 (RFC 9112): http_scan
 * checks the bytes, llhttp parses, then the rules that neither knows. Takes pieces of any size and
 * returns one element at a time. Thread: any, one owner. Does not know sockets or answers. */
#ifndef VSOC_SERVER_HTTP_PARSER_H
#define VSOC_SERVER_HTTP_PARSER_H

#include "core/slice.h"
#include "core/status.h"
#include "server/http/http_request.h"
#include "server/http/http_scan.h"

enum http_parser_event {
    HTTP_PARSER_MORE,    /* all bytes consumed, nothing to report yet */
    HTTP_PARSER_HEAD,    /* the head is complete: http_parser_request */
    HTTP_PARSER_BODY,    /* *body is a span of the body, in the caller's bytes */
    HTTP_PARSER_END,     /* the request is complete; start the next */
    HTTP_PARSER_REFUSED, /* http_parser_refusal; no further byte may be trusted */
};

struct http_parser;

/* NULL when memory is out. Memory held afterwards is bounded by the limits of its requests. */
struct http_parser *http_parser_create(void);
void http_parser_destroy(struct http_parser *parser);
/* Begins the next request of a connection. limits are copied. */
void http_parser_start(struct http_parser *parser, const struct http_limits *limits);
/* Continues reading; *consumed bytes of in were processed. Call again with the rest until MORE.
 * After END and REFUSED only a start is allowed. An empty in is allowed: END may follow HEAD or
 * BODY. */
enum http_parser_event http_parser_feed(struct http_parser *parser, struct slice in,
                                        size_t *consumed, struct slice *body);
/* After HEAD. */
const struct http_request *http_parser_request(const struct http_parser *parser);
/* After REFUSED. */
const struct refusal *http_parser_refusal(const struct http_parser *parser);
/* A byte of the request was seen (an empty line before it does not count). */
bool http_parser_has_begun(const struct http_parser *parser);

#endif
