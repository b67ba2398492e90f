/* json_case.h: one document through core/json/json.h, for the tests of it. */
#ifndef VSOC_TESTS_JSON_CASE_H
#define VSOC_TESTS_JSON_CASE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "core/json/json.h"

#define DEPTH 32
#define NODES 100000

static struct json_parser *parser;
static struct json_document doc;
static struct json_error error;
static uint8_t *copy; /* document on the heap, so that a sanitizer sees reads past its padding */

static inline int parser_start(void **state)
{
    (void)state;
    parser = json_parser_create(DEPTH, NODES);
    return parser ? 0 : -1;
}

static inline int parser_end(void **state)
{
    (void)state;
    json_parser_destroy(parser);
    free(copy);
    copy = NULL;
    return 0;
}

static inline enum status parse_bytes(const void *data, size_t size)
{
    free(copy);
    copy = malloc(size + JSON_PADDING);
    assert_non_null(copy);
    if (size)
        memcpy(copy, data, size);
    memset(copy + size, '}', JSON_PADDING); /* the padding's values must not matter */
    error = (struct json_error){0, NULL};
    return json_parse(parser, slice_make(copy, size), &doc, &error);
}

#endif
