/* parser_pool.c: parsers that are not in use. Runs on the loop that owns the pool. */
#include "server/connection/parser_pool.h"

#include "server/http/http_parser.h"

struct http_parser *parser_pool_take(struct parser_pool *pool)
{
    if (pool->count > 0)
        return pool->idle[--pool->count];
    return http_parser_create();
}

void parser_pool_give(struct parser_pool *pool, struct http_parser *parser)
{
    if (pool->count < sizeof pool->idle / sizeof *pool->idle)
        pool->idle[pool->count++] = parser;
    else
        http_parser_destroy(parser);
}

void parser_pool_fini(struct parser_pool *pool)
{
    while (pool->count > 0)
        http_parser_destroy(pool->idle[--pool->count]);
}
