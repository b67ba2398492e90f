/* inflate.c: picks the decoder of a content coding and feeds it the body. Runs on a worker; one
 * decoder object per worker. Does not know what the bytes mean. */
#include "server/inflate/inflate.h"

#include <stdlib.h>
#include "core/clock.h"
#include "core/json/json.h"
#include "server/inflate/inflate_coding.h"

struct inflate {
    const struct inflate_decoder *decoder; /* NULL: identity */
    void **state;                          /* the decoder's, one of the two below */
    void *states[INFLATE_ZSTD + 1];        /* by coding, made at first use */
    void *counting_gzip; /* of inflate_zlib_gzip, in addition to another gzip decoder */
    struct inflate_stream stream;
    bool is_watched; /* it is the fast decoder of gzip, which may turn out slow */
    int64_t late_ns; /* time used beyond the allowance so far; below 0: less than allowed */
};

enum status inflate_coding_parse(struct slice value, enum inflate_coding *coding)
{
    static const struct {
        const char *name;
        enum inflate_coding coding;
    } names[] = {
        {"identity", INFLATE_IDENTITY}, {"gzip", INFLATE_GZIP}, {"x-gzip", INFLATE_GZIP},
        {"deflate", INFLATE_DEFLATE},   {"zstd", INFLATE_ZSTD},
    };
    value = slice_trim(value);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_equal_nocase(value, names[i].name)) {
            *coding = names[i].coding;
            return STATUS_OK;
        }
    }
    return STATUS_UNSUPPORTED;
}

const char *inflate_coding_name(enum inflate_coding coding)
{
    static const char *const names[] = {"identity", "gzip", "deflate", "zstd"};
    return names[coding];
}

static const struct inflate_decoder *decoder_of(enum inflate_coding coding)
{
    switch (coding) {
    case INFLATE_GZIP:
#ifdef HAVE_ISAL
        return &inflate_isal_gzip;
#else
        return &inflate_zlib_gzip;
#endif
    case INFLATE_DEFLATE:
        return &inflate_zlib_deflate;
    case INFLATE_ZSTD:
        return &inflate_zstd;
    default:
        return NULL;
    }
}

struct inflate *inflate_create(void)
{
    return (struct inflate *)calloc(1, sizeof(struct inflate));
}

void inflate_destroy(struct inflate *inflate)
{
    if (!inflate)
        return;
    for (int coding = 0; coding <= INFLATE_ZSTD; coding++)
        if (inflate->states[coding])
            decoder_of((enum inflate_coding)coding)->destroy(inflate->states[coding]);
    if (inflate->counting_gzip)
        inflate_zlib_gzip.destroy(inflate->counting_gzip);
    free(inflate);
}

static void start_with(struct inflate *inflate, const struct inflate_decoder *decoder, void **state,
                       uint64_t max_ratio, struct writer *out)
{
    inflate->decoder = decoder;
    inflate->state = state;
    inflate->is_watched = false;
    inflate->late_ns = 0;
    inflate->stream = (struct inflate_stream){.out = out, .max_ratio = max_ratio};
    if (decoder && *state)
        decoder->restart(*state);
}

void inflate_start(struct inflate *inflate, enum inflate_coding coding, uint64_t max_ratio,
                   struct writer *out)
{
    start_with(inflate, decoder_of(coding), &inflate->states[coding], max_ratio, out);
}

/* ---- the fast decoder of gzip ---- */

/* It takes half a microsecond for each block, even an empty one, and does not report how many there
 * are. It counts as slow if the body's bytes, read or written, cost more than this in total:
 * several times the cost of ordinary blocks. */
#define SLOW_NS_OF_BYTE 8
#define SLOW_NS_OF_CALL 2000
/* Tolerance: one interrupted piece does not make a body slow. */
#define SLOW_NS_FREE  400000
#define SLOW_NS_PIECE 300000

static bool is_watched(const struct inflate *inflate)
{
    return inflate->is_watched;
}

/* True: switch to the other decoder. */
static bool note_piece(struct inflate *inflate, int64_t ns, uint64_t bytes)
{
    if (ns > SLOW_NS_PIECE)
        ns = SLOW_NS_PIECE;
    inflate->late_ns += ns - SLOW_NS_OF_CALL - (int64_t)(SLOW_NS_OF_BYTE * bytes);
    return inflate->late_ns > SLOW_NS_FREE;
}

static enum status feed_piece(struct inflate *inflate, struct slice piece)
{
    struct inflate_stream *stream = &inflate->stream;
    uint64_t before = stream->in_bytes + stream->out->size;
    struct work *work = stream->work;
    int64_t start = 0;
    if (is_watched(inflate)) {
        stream->work = NULL; /* a pause does not count as the decoder's time */
        start = clock_monotonic_ns();
    }
    enum status status = inflate->decoder->feed(*inflate->state, stream, piece);
    if (!is_watched(inflate))
        return status;
    uint64_t bytes = stream->in_bytes + stream->out->size - before;
    bool is_slow = note_piece(inflate, clock_monotonic_ns() - start, bytes);
    stream->work = work;
    if (status == STATUS_OK && is_slow)
        return STATUS_BUSY;
    return status == STATUS_OK && !work_add(work, (size_t)bytes) ? STATUS_CLOSED : status;
}

/* BUSY too: use the decoder that counts blocks. */
static enum status feed(struct inflate *inflate, struct slice span)
{
    enum status status = STATUS_OK;
    if (!inflate->decoder)
        return inflate_stream_copy(&inflate->stream, span);
    if (inflate->stream.out->limit <= JSON_PADDING)
        return STATUS_TOO_LARGE;
    if (!*inflate->state && !(*inflate->state = inflate->decoder->create()))
        return STATUS_NO_MEMORY;
    while (status == STATUS_OK && span.size) {
        struct slice piece = slice_sub(span, 0, INFLATE_SPAN_BYTES);
        status = feed_piece(inflate, piece);
        span = slice_sub(span, piece.size, span.size);
    }
    return status;
}

/* ---- bodies ---- */

enum status inflate_feed(struct inflate *inflate, struct slice span)
{
    return feed(inflate, span);
}

static enum status feed_all(struct inflate *inflate, struct work *work, const struct slice *spans,
                            size_t count)
{
    enum status status = STATUS_OK;
    inflate->stream.work = work;
    for (size_t i = 0; status == STATUS_OK && i < count; i++)
        status = feed(inflate, spans[i]);
    return status == STATUS_OK ? inflate_finish(inflate) : status;
}

enum status inflate_body(struct inflate *inflate, enum inflate_coding coding, uint64_t max_ratio,
                         struct writer *out, struct work *work, const struct slice *spans,
                         size_t count)
{
    inflate_start(inflate, coding, max_ratio, out);
    inflate->is_watched = coding == INFLATE_GZIP && inflate->decoder != &inflate_zlib_gzip;
    enum status status = feed_all(inflate, work, spans, count);
    if (status != STATUS_BUSY)
        return status;
    writer_reset(out);
    start_with(inflate, &inflate_zlib_gzip, &inflate->counting_gzip, max_ratio, out);
    return feed_all(inflate, work, spans, count);
}

enum status inflate_finish(struct inflate *inflate)
{
    struct inflate_stream *stream = &inflate->stream;
    if (inflate->decoder) {
        const void *state = *inflate->state;
        if (!state || !inflate->decoder->at_end(state))
            return STATUS_TRUNCATED;
    }
    /* Readers of JSON look ahead. */
    if (!writer_reserve(stream->out, JSON_PADDING))
        return stream->out->status;
    return STATUS_OK;
}
