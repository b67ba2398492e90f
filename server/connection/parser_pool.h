/* parser_pool.h: parsers that are not in use, kept for the next requests. Thread: the loop's. */
#ifndef VSOC_SERVER_PARSER_POOL_H
#define VSOC_SERVER_PARSER_POOL_H

#include <stddef.h>

struct http_parser;

/* All zero: empty. */
struct parser_pool {
    struct http_parser *idle[64];
    size_t count;
};

/* A parser, the caller's until it gives it back. NULL when memory is out. */
struct http_parser *parser_pool_take(struct parser_pool *pool);
/* Takes the parser back; frees it when enough are kept. */
void parser_pool_give(struct parser_pool *pool, struct http_parser *parser);
/* Frees what is kept. */
void parser_pool_fini(struct parser_pool *pool);

#endif
