/* inflate_isal.c: gzip through isa-l, two to three times as fast as zlib. Runs on a worker. Empty
 * where isa-l is missing. isa-l calls truncated input a success and stops behind a member; both are
 * dealt with here. */
#include "server/inflate_coding.h"

#ifdef HAVE_ISAL
#include <stdlib.h>
#include <isa-l/igzip_lib.h>

struct isal_state {
    struct inflate_state isal;
    bool ended; /* a member ended, and nothing came after it */
};

static void restart(void *state)
{
    struct isal_state *s = (struct isal_state *)state;
    isal_inflate_reset(&s->isal);
    s->isal.crc_flag = ISAL_GZIP;
    s->ended = false;
}

static void *create(void)
{
    struct isal_state *s = (struct isal_state *)malloc(sizeof(*s));
    if (!s)
        return NULL;
    isal_inflate_init(&s->isal);
    restart(s);
    return s;
}

static enum status feed(void *state, struct inflate_stream *stream, struct slice span)
{
    struct isal_state *s = (struct isal_state *)state;
    struct inflate_state *isal = &s->isal;
    if (span.size > UINT32_MAX)
        return STATUS_TOO_LARGE;
    isal->next_in = (uint8_t *)(uintptr_t)span.data;
    isal->avail_in = (uint32_t)span.size;
    isal->avail_out = 1;
    while (isal->avail_in > 0 || isal->avail_out == 0) {
        uint8_t *room;
        size_t size, before = isal->avail_in;
        if (s->ended && isal->avail_in == 0)
            break;
        if (s->ended) {
            uint8_t *next = isal->next_in;
            restart(s); /* what follows must be a member too: isa-l checks its header */
            isal->next_in = next;
            isal->avail_in = (uint32_t)before;
        }
        enum status status = inflate_stream_room(stream, &room, &size);
        if (status != STATUS_OK)
            return status;
        isal->next_out = room;
        isal->avail_out = (uint32_t)size;
        if (isal_inflate(isal) != ISAL_DECOMP_OK)
            return STATUS_MALFORMED;
        status = inflate_stream_wrote(stream, size - isal->avail_out);
        if (status != STATUS_OK)
            return status;
        s->ended = isal->block_state == ISAL_BLOCK_FINISH;
        if (!s->ended && isal->avail_in == before && isal->avail_out == size)
            return STATUS_MALFORMED; /* neither read nor wrote */
    }
    return STATUS_OK;
}

static bool at_end(const void *state)
{
    return ((const struct isal_state *)state)->ended;
}

const struct inflate_decoder inflate_isal_gzip = {create, free, restart, feed, at_end};
#endif
