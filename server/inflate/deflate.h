/* deflate.h: compresses a whole body for the small client. Any thread. */
#ifndef VSOC_SERVER_DEFLATE_H
#define VSOC_SERVER_DEFLATE_H

#include "core/writer.h"
#include "server/inflate/inflate.h"

/* Compresses in with coding (IDENTITY, GZIP or ZSTD) into *out, which is emptied first. The same
 * bytes give the same result. UNSUPPORTED, NO_MEMORY, TOO_LARGE (out's limit). */
enum status deflate_body(enum inflate_coding coding, struct slice in,
                         struct writer *out) must_check;

#endif
