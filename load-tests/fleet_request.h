/* Writes the request that carries a batch. */
#ifndef LOAD_TESTS_FLEET_REQUEST_H
#define LOAD_TESTS_FLEET_REQUEST_H

#include "fleet_options.h"

#include <event2/buffer.h>

/* Appends head and body of the POST. The same batch gives the same bytes each time, so a repeat is
 * one. The body is copied: the batch may end before `out` was sent. Thread: the loop's. */
void fleet_request_write(const struct fleet_options *options, const struct fleet_batch *batch,
                         struct evbuffer *out);

#endif
