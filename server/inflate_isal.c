/* inflate_isal.c: gzip through isa-l, two to three times as fast as zlib. Runs on a worker. Empty
 * where isa-l is missing. isa-l calls truncated input a success and stops behind a member; both are
 * dealt with here. */
#include "server/inflate_coding.h"

#ifdef HAVE_ISAL
#include <stdlib.h>
#include <isa-l/igzip_lib.h>

struct isal_state {
    struct inflate_state isal;
    bool ended;   /* a member ended, and nothing came after it */
    size_t magic; /* bytes of the member's magic number seen */
};

static void restart(void *state)
{
    struct isal_state *s = (struct isal_state *)state;
    isal_inflate_reset(&s->isal);
    s->isal.crc_flag = ISAL_GZIP;
    s->ended = false;
    s->magic = 0;
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

/* isa-l judges a header only when all of it is there; a few bytes of garbage behind a member would
 * pass for the start of one. */
static bool check_magic(struct isal_state *s)
{
    static const uint8_t magic[] = {0x1f, 0x8b, 8};
    for (size_t i = 0; s->magic < sizeof(magic) && i < s->isal.avail_in; i++)
        if (s->isal.next_in[i] != magic[s->magic++])
            return false;
    return true;
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
    if (!s->ended && !check_magic(s))
        return STATUS_MALFORMED;
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
            if (!check_magic(s))
                return STATUS_MALFORMED;
        }
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
