/* inflate_coding.h: one decoder of one content coding, for inflate*.c only. */
#ifndef VSOC_SERVER_INFLATE_CODING_H
#define VSOC_SERVER_INFLATE_CODING_H

#include "server/inflate.h"

/* What a decoder writes at most before the limits are looked at again. */
#define INFLATE_STEP_BYTES ((size_t)64 * 1024)
/* What a decoder is given at most before others may go first: the worst input costs half a
 * microsecond a byte. */
#define INFLATE_SPAN_BYTES ((size_t)2 * 1024)
/* A byte read counts as so much work, a byte written as 1. */
#define INFLATE_WORK_OF_INPUT 4

/* One body. */
struct inflate_stream {
    struct writer *out;
    uint64_t max_ratio;
    uint64_t in_bytes; /* that decoders have taken */
    struct work *work; /* NULL: never pauses */
};

/* Room for the next step: *size bytes at *room. TOO_LARGE, NO_MEMORY. */
enum status inflate_stream_room(struct inflate_stream *stream, uint8_t **room,
                                size_t *size) must_check;
/* The step took `read` bytes of input and used `written` bytes of the room: the limits now.
 * TOO_LARGE, TOO_DENSE, CLOSED. */
enum status inflate_stream_step(struct inflate_stream *stream, size_t read,
                                size_t written) must_check;

struct inflate_decoder {
    void *(*create)(void); /* ready for a body; NULL when memory is out */
    void (*destroy)(void *state);
    void (*restart)(void *state); /* for the next body */
    /* All of span. MALFORMED, TOO_LARGE, TOO_DENSE, NO_MEMORY. */
    enum status (*feed)(void *state, struct inflate_stream *stream, struct slice span);
    bool (*at_end)(const void *state); /* the body may end here */
};

extern const struct inflate_decoder inflate_zlib_gzip;    /* RFC 1952, several members */
extern const struct inflate_decoder inflate_zlib_deflate; /* RFC 1950, or RFC 1951 bare */
extern const struct inflate_decoder inflate_isal_gzip;    /* only with HAVE_ISAL */
extern const struct inflate_decoder inflate_zstd;         /* RFC 8878, several frames */

#endif
