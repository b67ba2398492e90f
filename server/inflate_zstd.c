/* inflate_zstd.c: zstd through libzstd. Runs on a worker. The window is bound to what RFC 9659 lets
 * an HTTP sender use; no dictionaries. */
#include "server/inflate_coding.h"

#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define WINDOW_LOG_MAX 23 /* 8 MiB */

struct zstd_state {
    ZSTD_DCtx *zstd;
    bool between; /* the next byte is the first of a frame */
    bool ended;   /* a frame ended, and nothing came after it */
};

/* Of a frame or skippable frame (RFC 8878, 3.1.1 and 3.1.2). libzstd would also read the formats
 * from before 0.8, which no standard has and whose decoders nobody tests any more. */
static bool starts_frame(uint8_t first)
{
    return first == 0x28 || (first & 0xf0) == 0x50;
}

static void destroy(void *state)
{
    struct zstd_state *s = (struct zstd_state *)state;
    ZSTD_freeDCtx(s->zstd);
    free(s);
}

static void restart(void *state)
{
    struct zstd_state *s = (struct zstd_state *)state;
    ZSTD_DCtx_reset(s->zstd, ZSTD_reset_session_only);
    s->between = true;
    s->ended = false;
}

static void *create(void)
{
    struct zstd_state *s = (struct zstd_state *)calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->zstd = ZSTD_createDCtx();
    if (!s->zstd ||
        ZSTD_isError(ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
        destroy(s);
        return NULL;
    }
    restart(s);
    return s;
}

static enum status feed(void *state, struct inflate_stream *stream, struct slice span)
{
    struct zstd_state *s = (struct zstd_state *)state;
    ZSTD_inBuffer in = {.src = span.data, .size = span.size};
    bool full = false; /* the last step used all its room: more may come without input */
    while (in.pos < in.size || full) {
        if (s->between && !starts_frame(span.data[in.pos]))
            return STATUS_MALFORMED;
        uint8_t *room;
        size_t size;
        enum status status = inflate_stream_room(stream, &room, &size);
        if (status != STATUS_OK)
            return status;
        ZSTD_outBuffer out = {.dst = room, .size = size};
        size_t before = in.pos;
        size_t result = ZSTD_decompressStream(s->zstd, &out, &in);
        if (ZSTD_isError(result))
            return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation ? STATUS_NO_MEMORY
                                                                             : STATUS_MALFORMED;
        status = inflate_stream_step(stream, in.pos - before, out.pos);
        if (status != STATUS_OK)
            return status;
        s->between = s->ended = result == 0;
        full = out.pos == out.size && !s->ended;
    }
    return STATUS_OK;
}

static bool at_end(const void *state)
{
    return ((const struct zstd_state *)state)->ended;
}

const struct inflate_decoder inflate_zstd = {create, destroy, restart, feed, at_end};
