/* Content codings a vehicle may send: one coder for many batches. */
#ifndef LOAD_TESTS_FLEET_ENCODE_H
#define LOAD_TESTS_FLEET_ENCODE_H

#include <stdbool.h>
#include <stddef.h>

enum fleet_encoding { FLEET_IDENTITY, FLEET_GZIP, FLEET_DEFLATE, FLEET_ZSTD };

struct fleet_encoder;

/* Finds a coding by its HTTP name ("identity", "gzip", "deflate", "zstd"); false when there is
 * none. */
__attribute__((warn_unused_result)) bool fleet_encoding_find(const char *name,
                                                             enum fleet_encoding *encoding);

/* The HTTP name of a coding; static. */
const char *fleet_encoding_name(enum fleet_encoding encoding);

/* Makes a coder. level: the library's own scale, or -1 for its default. NULL when the library
 * refuses. Thread: one at a time. */
struct fleet_encoder *fleet_encoder_create(enum fleet_encoding encoding, int level);
void fleet_encoder_destroy(struct fleet_encoder *encoder);

/* Codes one body. *out becomes a malloc'ed block of exactly *out_bytes that the caller frees. On
 * false (out of memory) both are untouched. */
__attribute__((warn_unused_result)) bool fleet_encoder_run(struct fleet_encoder *encoder,
                                                           const char *in, size_t in_bytes,
                                                           char **out, size_t *out_bytes);

#endif
