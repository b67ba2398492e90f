/* inflate_coding.h: one decoder of one content coding, for inflate*.c only. */
#ifndef VSOC_SERVER_INFLATE_CODING_H
#define VSOC_SERVER_INFLATE_CODING_H

#include <stdbool.h>
#include "server/inflate/inflate_stream.h"

struct inflate_decoder {
    void *(*create)(void); /* ready for a body; NULL when memory is out */
    void (*destroy)(void *state);
    void (*restart)(void *state); /* for the next body */
    /* All of span. MALFORMED, TOO_LARGE, TOO_DENSE, TOO_MANY, OUT_OF_RANGE, CLOSED, NO_MEMORY. */
    enum status (*feed)(void *state, struct inflate_stream *stream, struct slice span);
    bool (*at_end)(const void *state); /* the body may end here */
};

extern const struct inflate_decoder inflate_zlib_gzip;    /* RFC 1952, several members */
extern const struct inflate_decoder inflate_zlib_deflate; /* RFC 1950, or RFC 1951 bare */
extern const struct inflate_decoder inflate_isal_gzip;    /* only with HAVE_ISAL; blocks are not
                                                             counted */
extern const struct inflate_decoder inflate_zstd;         /* RFC 8878, several frames */

#endif
