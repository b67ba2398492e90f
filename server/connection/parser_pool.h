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

/* A parser; the caller owns it until it returns it. NULL: no memory. */
struct http_parser *parser_pool_take(struct parser_pool *pool);
/* Returns the parser to the pool, which frees it if it holds enough. */
void parser_pool_give(struct parser_pool *pool, struct http_parser *parser);
/* Frees all parsers in the pool. */
void parser_pool_fini(struct parser_pool *pool);

#endif
