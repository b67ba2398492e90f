/* inflate_zstd.c: zstd through libzstd. Runs on a worker. The window is bound to what RFC 9659 lets
 * an HTTP sender use; no dictionaries. inflate_zstd_frame.c finds the end of each frame and what it
 * declares: libzstd gets no byte after it, nor the formats from before 0.8, which no standard
 * defines. */
#include "server/inflate/inflate_coding.h"
#include "core/object.h"
#include "server/inflate/inflate_zstd_frame.h"

#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define WINDOW_LOG_MAX 23 /* 8 MiB */

#define ZSTD_STATE_MAGIC 0x5a535444U

struct zstd_state {
    unsigned magic; /* ZSTD_STATE_MAGIC */
    ZSTD_DCtx *zstd;
    struct zstd_frame frame;
    uint64_t frame_bytes; /* that came out of the frame */
    bool ended;           /* a frame ended, and nothing came after it */
};

OBJECT_CAST(zstd_state, ZSTD_STATE_MAGIC)

static void destroy(void *state)
{
    struct zstd_state *s = zstd_state_cast(state);
    ZSTD_freeDCtx(s->zstd);
    free(s);
}

static void restart(void *state)
{
    struct zstd_state *s = zstd_state_cast(state);
    ZSTD_DCtx_reset(s->zstd, ZSTD_reset_session_only);
    zstd_frame_start(&s->frame);
    s->frame_bytes = 0;
    s->ended = false;
}

static void *create(void)
{
    struct zstd_state *s = (struct zstd_state *)calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->magic = ZSTD_STATE_MAGIC;
    s->zstd = ZSTD_createDCtx();
    if (!s->zstd ||
        ZSTD_isError(ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
        destroy(s);
        return NULL;
    }
    restart(s);
    return s;
}

static enum status status_of(size_t error)
{
    switch (ZSTD_getErrorCode(error)) {
    case ZSTD_error_memory_allocation:
        return STATUS_NO_MEMORY;
    case ZSTD_error_frameParameter_windowTooLarge:
        return STATUS_OUT_OF_RANGE;
    default:
        return STATUS_MALFORMED;
    }
}

/* Reads bytes of one frame. *ended: libzstd has reached its end too. */
static enum status decode(struct zstd_state *s, struct inflate_stream *stream, struct slice bytes,
                          bool *ended)
{
    ZSTD_inBuffer in = {.src = bytes.data, .size = bytes.size};
    bool full; /* the last step used all its room: more may come without input */
    *ended = false;
    do {
        uint8_t *room;
        size_t size;
        enum status status = inflate_stream_room(stream, &room, &size);
        if (status != STATUS_OK)
            return status;
        ZSTD_outBuffer out = {.dst = room, .size = size};
        size_t before = in.pos;
        size_t result = ZSTD_decompressStream(s->zstd, &out, &in);
        if (ZSTD_isError(result))
            return status_of(result);
        s->frame_bytes += out.pos;
        status = inflate_stream_step(stream, in.pos - before, out.pos);
        if (status != STATUS_OK)
            return status;
        *ended = result == 0;
        full = out.pos == out.size;
    } while (!*ended && (in.pos < in.size || full));
    return in.pos == in.size ? STATUS_OK : STATUS_MALFORMED;
}

/* The frame is complete: its size must be the declared one, however its bytes were split. */
static enum status end_frame(struct zstd_state *s, bool decoder_ended)
{
    if (!decoder_ended || (s->frame.declares_size && s->frame_bytes != s->frame.content_bytes))
        return STATUS_MALFORMED;
    s->frame_bytes = 0;
    s->ended = true;
    return STATUS_OK;
}

static enum status feed(void *state, struct inflate_stream *stream, struct slice span)
{
    struct zstd_state *s = zstd_state_cast(state);
    while (span.size > 0) {
        size_t size;
        bool ended;
        s->ended = false;
        enum status walked = zstd_frame_feed(&s->frame, span, &size);
        if (walked != STATUS_OK && walked != STATUS_END)
            return walked;
        enum status status = decode(s, stream, slice_sub(span, 0, size), &ended);
        if (status == STATUS_OK && walked == STATUS_OK)
            status = end_frame(s, ended);
        else if (status == STATUS_OK && ended)
            status = STATUS_MALFORMED;
        if (status == STATUS_OK && s->frame.ended)
            status =
                inflate_stream_owe(stream, (size_t)INFLATE_WORTH_OF_ZSTD_BLOCK * s->frame.ended);
        if (status != STATUS_OK)
            return status;
        span = slice_sub(span, size, span.size);
    }
    return STATUS_OK;
}

static bool at_end(const void *state)
{
    return ((const struct zstd_state *)state)->ended;
}

const struct inflate_decoder inflate_zstd = {create, destroy, restart, feed, at_end};
