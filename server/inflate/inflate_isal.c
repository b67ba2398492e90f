/* inflate_isal.c: gzip through isa-l, two to three times as fast as zlib. Runs on a worker. Empty
 * where isa-l is missing. isa-l reports truncated input as a success and stops after a member; both
 * are handled here. It gets no headers (see inflate_gzip_header.c), but checks the trailers. */
#include "server/inflate/inflate_coding.h"
#include "core/object.h"

#ifdef HAVE_ISAL
#include <stdlib.h>
#include <isa-l/igzip_lib.h>
#include "server/inflate/inflate_gzip_header.h"

#define ISAL_STATE_MAGIC 0x4953414cU

struct isal_state {
    unsigned magic; /* ISAL_STATE_MAGIC */
    struct inflate_state isal;
    struct gzip_header header;
    bool in_header;
    bool ended; /* a member ended, and nothing came after it */
};

OBJECT_CAST(isal_state, ISAL_STATE_MAGIC)

static void begin_member(struct isal_state *s)
{
    isal_inflate_reset(&s->isal);
    s->isal.crc_flag = ISAL_GZIP_NO_HDR_VER;
    inflate_gzip_header_start(&s->header);
    s->in_header = true;
    s->ended = false;
}

static void restart(void *state)
{
    begin_member((struct isal_state *)state);
}

static void *create(void)
{
    struct isal_state *s = (struct isal_state *)malloc(sizeof(*s));
    if (!s)
        return NULL;
    s->magic = ISAL_STATE_MAGIC;
    isal_inflate_init(&s->isal);
    begin_member(s);
    return s;
}

/* Deflate data and trailer of one member, as far as span goes; *used of it. */
static enum status run(struct isal_state *s, struct inflate_stream *stream, struct slice span,
                       size_t *used)
{
    struct inflate_state *isal = &s->isal;
    isal->next_in = (uint8_t *)(uintptr_t)span.data;
    isal->avail_in = (uint32_t)span.size;
    do {
        uint8_t *room;
        size_t size, before = isal->avail_in;
        enum status status = inflate_stream_room(stream, &room, &size);
        if (status != STATUS_OK)
            return status;
        isal->next_out = room;
        isal->avail_out = (uint32_t)size;
        if (isal_inflate(isal) != ISAL_DECOMP_OK)
            return STATUS_MALFORMED;
        status = inflate_stream_step(stream, before - isal->avail_in, size - isal->avail_out);
        if (status != STATUS_OK)
            return status;
        s->ended = isal->block_state == ISAL_BLOCK_FINISH;
        if (!s->ended && before > 0 && isal->avail_in == before && isal->avail_out == size)
            return STATUS_MALFORMED; /* neither read nor wrote */
    } while (!s->ended && (isal->avail_in > 0 || isal->avail_out == 0));
    *used = span.size - isal->avail_in;
    return STATUS_OK;
}

static enum status read_header(struct isal_state *s, struct inflate_stream *stream,
                               struct slice span, size_t *used)
{
    enum status status = inflate_gzip_header_feed(&s->header, span, used);
    s->in_header = status == STATUS_END;
    if (status != STATUS_OK && status != STATUS_END)
        return status;
    return inflate_stream_step(stream, *used, 0);
}

static enum status feed(void *state, struct inflate_stream *stream, struct slice span)
{
    struct isal_state *s = isal_state_cast(state);
    while (span.size > 0) {
        size_t used = 0;
        if (s->ended)
            begin_member(s);
        enum status status = s->in_header ? read_header(s, stream, span, &used)
                                          : run(s, stream, slice_sub(span, 0, UINT32_MAX), &used);
        if (status == STATUS_OK && s->ended)
            status = inflate_stream_owe(stream, INFLATE_WORTH_OF_BLOCK);
        if (status != STATUS_OK)
            return status;
        span = slice_sub(span, used, span.size);
    }
    return STATUS_OK;
}

static bool at_end(const void *state)
{
    return ((const struct isal_state *)state)->ended;
}

const struct inflate_decoder inflate_isal_gzip = {create, free, restart, feed, at_end};
#endif
