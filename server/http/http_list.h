/* http_list.h: comma-separated lists of header values (RFC 9110 §5.6.1). Pure. Thread: any. */
#ifndef VSOC_SERVER_HTTP_LIST_H
#define VSOC_SERVER_HTTP_LIST_H

#include "core/slice.h"

/* The next element of *list, which is moved behind it; false at the end. Empty elements are passed
 * over, as a recipient must. No commas in quoted strings: for lists of tokens. */
bool http_list_next(struct slice *list, struct slice *element);

#endif
