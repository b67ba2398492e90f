/* Writes the head of the request that carries a batch. */
#ifndef LOAD_TESTS_FLEET_REQUEST_H
#define LOAD_TESTS_FLEET_REQUEST_H

#include "fleet_options.h"

/* A fleet_head_writer for options of the source: context is a struct fleet_options. */
size_t fleet_request_head(const void *context, const struct fleet_batch *batch, char *out,
                          size_t capacity, size_t *key_at);

#endif
