/* http_query.h: values of a request target's query (application/x-www-form-urlencoded). Pure;
 * thread: any. */
#ifndef VSOC_SERVER_HTTP_QUERY_H
#define VSOC_SERVER_HTTP_QUERY_H

#include "core/arena.h"

/* The first value of name, percent-decoded into the arena. NOT_FOUND: no such name; MALFORMED: a %
 * is not followed by two hex digits; NO_MEMORY. */
enum status http_query_value(struct slice query, const char *name, struct arena *arena,
                             struct slice *out) must_check;

#endif
