/* http_list.h: comma-separated lists of header values (RFC 9110 §5.6.1). Pure. Thread: any. */
#ifndef VSOC_SERVER_HTTP_LIST_H
#define VSOC_SERVER_HTTP_LIST_H

#include "core/slice.h"

/* Returns the next element and advances *list past it; false at the end. Skips empty elements, as a
 * recipient must. No commas in quoted strings: for lists of tokens only. */
bool http_list_next(struct slice *list, struct slice *element);

#endif
