/* json_error.h: why a JSON document was refused. Plain data, any thread. */
#ifndef VSOC_CORE_JSON_ERROR_H
#define VSOC_CORE_JSON_ERROR_H

#include <stddef.h>

struct json_error {
    size_t offset;      /* byte in the document near which the error is */
    const char *detail; /* static text for people */
};

#endif
