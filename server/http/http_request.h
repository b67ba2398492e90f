/* http_request.h: the head of a request, parsed. */
#ifndef VSOC_SERVER_HTTP_REQUEST_H
#define VSOC_SERVER_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/slice.h"

struct http_field {
    struct slice name, value; /* value without white space around it */
};

/* Head of a request. Its slices point into the parser and stay valid until the next
 * http_parser_start. */
struct http_request {
    struct slice method;      /* as sent, a method that llhttp knows */
    struct slice path, query; /* of origin-form or absolute-form targets; query without '?' */
    struct http_field *fields;
    size_t field_count;
    bool version_11; /* else 1.0 */
    bool keep_alive; /* the client wants to keep the connection */
    bool expect_continue;
    bool chunked;
    int64_t content_length; /* -1 when chunked, 0 when there is no body */
};

#endif
