/* inflate_zlib.c: gzip and deflate through zlib. Runs on a worker. gzip here is the fallback where
 * isa-l is missing. The coding named deflate is the zlib format (RFC 9110 §8.4.1.2); some senders
 * send bare deflate data under that name, which is recognised by its first two bytes. */
#include "server/inflate/inflate_coding.h"
#include "core/object.h"

#include <stdlib.h>
#include <zlib.h>

#define WINDOW_GZIP (15 + 16)
#define WINDOW_ZLIB 15
#define WINDOW_BARE (-15)

/* An empty block of at most this many bytes has no tables to set up: the result of a flush. */
#define CHEAP_BLOCK_BYTES 5

#define ZLIB_STATE_MAGIC 0x5a4c4942U

struct zlib_state {
    unsigned magic; /* ZLIB_STATE_MAGIC */
    z_stream z;
    bool gzip;
    bool ended; /* a member ended, and nothing came after it */
    uint8_t start[2];
    size_t start_bytes; /* of deflate, before its form is known */
    bool form_known;
    bool header_due; /* zlib's next stop is after a header, not a block */
    bool block_is_empty;
    uint64_t block_bytes; /* of the block being read */
    size_t member_owes;   /* so far, for its blocks */
};

OBJECT_CAST(zlib_state, ZLIB_STATE_MAGIC)

/* A header or a block begins. */
static void begin_part(struct zlib_state *s, bool has_header)
{
    s->header_due = has_header;
    s->block_bytes = 0;
    s->block_is_empty = true;
}

static void *create(bool gzip)
{
    struct zlib_state *s = (struct zlib_state *)calloc(1, sizeof(*s));
    if (!s || inflateInit2(&s->z, gzip ? WINDOW_GZIP : WINDOW_ZLIB) != Z_OK) {
        free(s);
        return NULL;
    }
    s->magic = ZLIB_STATE_MAGIC;
    s->gzip = gzip;
    begin_part(s, true);
    return s;
}

static void *create_gzip(void)
{
    return create(true);
}

static void *create_deflate(void)
{
    return create(false);
}

static void destroy(void *state)
{
    struct zlib_state *s = zlib_state_cast(state);
    inflateEnd(&s->z);
    free(s);
}

static void restart(void *state)
{
    struct zlib_state *s = zlib_state_cast(state);
    inflateReset2(&s->z, s->gzip ? WINDOW_GZIP : WINDOW_ZLIB);
    s->ended = s->form_known = false;
    s->member_owes = 0;
    begin_part(s, true);
    s->start_bytes = 0;
}

static enum status status_of(int result)
{
    switch (result) {
    case Z_OK:
    case Z_STREAM_END:
    case Z_BUF_ERROR: /* no progress possible: wants input or room */
        return STATUS_OK;
    case Z_MEM_ERROR:
        return STATUS_NO_MEMORY;
    default:
        return STATUS_MALFORMED;
    }
}

/* zlib stopped after a block, or after the header (Z_BLOCK). */
static enum status end_block(struct zlib_state *s, struct inflate_stream *stream)
{
    bool costs = !s->block_is_empty || s->block_bytes > CHEAP_BLOCK_BYTES;
    bool is_header = s->header_due;
    begin_part(s, false);
    if (is_header)
        return STATUS_OK;
    size_t worth = costs ? INFLATE_WORTH_OF_BLOCK : INFLATE_WORTH_OF_NO_BLOCK;
    s->member_owes += worth;
    return inflate_stream_owe(stream, worth);
}

/* A member of gzip costs as much as a block, also when its blocks hold nothing. */
static enum status end_member(struct zlib_state *s, struct inflate_stream *stream)
{
    return s->member_owes < INFLATE_WORTH_OF_BLOCK
               ? inflate_stream_owe(stream, INFLATE_WORTH_OF_BLOCK - s->member_owes)
               : STATUS_OK;
}

/* Reads one member, as far as span goes, and uses *used bytes. Stops after each block to count it;
 * the rest may then be an end that needs no more input. */
static enum status run(struct zlib_state *s, struct inflate_stream *stream, struct slice span,
                       size_t *used)
{
    int result = Z_OK;
    bool stopped = false;
    s->z.next_in = (Bytef *)(uintptr_t)span.data;
    s->z.avail_in = (uInt)span.size;
    s->z.avail_out = 0;
    while (result == Z_OK && (s->z.avail_in > 0 || s->z.avail_out == 0 || stopped)) {
        uint8_t *room;
        size_t size;
        enum status status = inflate_stream_room(stream, &room, &size);
        if (status != STATUS_OK)
            return status;
        size_t before = s->z.avail_in;
        s->z.next_out = room;
        s->z.avail_out = (uInt)size;
        result = inflate(&s->z, Z_BLOCK);
        stopped = s->z.data_type & 128;
        size_t read = before - s->z.avail_in, written = size - s->z.avail_out;
        status = inflate_stream_step(stream, read, written);
        if (status == STATUS_OK)
            status = status_of(result);
        s->block_bytes += read;
        s->block_is_empty &= written == 0;
        if (status == STATUS_OK && stopped)
            status = end_block(s, stream);
        if (status != STATUS_OK)
            return status;
    }
    *used = span.size - s->z.avail_in;
    s->ended = result == Z_STREAM_END;
    return STATUS_OK;
}

static enum status feed_gzip(void *state, struct inflate_stream *stream, struct slice span)
{
    struct zlib_state *s = zlib_state_cast(state);
    while (span.size > 0) {
        size_t piece = span.size < UINT32_MAX ? span.size : UINT32_MAX, used = 0;
        if (s->ended) {
            inflateReset(&s->z); /* what follows must be a member too: zlib checks its header */
            begin_part(s, true);
            s->member_owes = 0;
        }
        s->ended = false;
        enum status status = run(s, stream, slice_sub(span, 0, piece), &used);
        if (status == STATUS_OK && s->ended)
            status = end_member(s, stream);
        if (status != STATUS_OK)
            return status;
        span = slice_sub(span, used, span.size);
    }
    return STATUS_OK;
}

/* RFC 1950 §2.2: method 8, window up to 32 KiB, no dictionary, check bits. */
static bool has_zlib_header(const uint8_t start[2])
{
    return (start[0] & 0x0f) == 8 && start[0] >> 4 <= 7 && !(start[1] & 0x20) &&
           (start[0] * 256u + start[1]) % 31 == 0;
}

static enum status feed_known(struct zlib_state *s, struct inflate_stream *stream,
                              struct slice span)
{
    size_t used = 0;
    if (span.size == 0)
        return STATUS_OK;
    if (s->ended || span.size > UINT32_MAX)
        return STATUS_MALFORMED;
    enum status status = run(s, stream, span, &used);
    return status == STATUS_OK && used < span.size ? STATUS_MALFORMED : status;
}

static enum status feed_deflate(void *state, struct inflate_stream *stream, struct slice span)
{
    struct zlib_state *s = zlib_state_cast(state);
    if (s->form_known)
        return feed_known(s, stream, span);
    while (s->start_bytes < 2 && span.size > 0) {
        s->start[s->start_bytes++] = span.data[0];
        span = slice_sub(span, 1, span.size);
    }
    if (s->start_bytes < 2)
        return STATUS_OK;
    s->form_known = true;
    begin_part(s, has_zlib_header(s->start));
    if (!s->header_due && inflateReset2(&s->z, WINDOW_BARE) != Z_OK)
        return STATUS_NO_MEMORY;
    enum status status = feed_known(s, stream, slice_make(s->start, 2));
    return status == STATUS_OK ? feed_known(s, stream, span) : status;
}

static bool at_end(const void *state)
{
    return ((const struct zlib_state *)state)->ended;
}

const struct inflate_decoder inflate_zlib_gzip = {create_gzip, destroy, restart, feed_gzip, at_end};
const struct inflate_decoder inflate_zlib_deflate = {create_deflate, destroy, restart, feed_deflate,
                                                     at_end};
