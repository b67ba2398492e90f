/* inflate.c: picks the decoder of a content coding, and keeps the limits that all of them share.
 * Runs on a worker; one decoder object a worker. Does not know what the bytes mean. */
#include "server/inflate_coding.h"

#include <stdlib.h>
#include "core/json.h"

/* Only denser than limits.inflate_ratio from here on: small bodies of like lines may be denser. */
#define RATIO_FREE_BYTES (1024 * 1024)

struct inflate {
    enum inflate_coding coding;
    const struct inflate_decoder *decoder; /* NULL: identity */
    void *states[INFLATE_ZSTD + 1];        /* by coding, made at first use */
    struct inflate_stream stream;
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
    free(inflate);
}

void inflate_start(struct inflate *inflate, enum inflate_coding coding, uint64_t max_ratio,
                   struct writer *out)
{
    inflate->coding = coding;
    inflate->decoder = decoder_of(coding);
    inflate->stream = (struct inflate_stream){.out = out, .max_ratio = max_ratio};
    if (inflate->decoder && inflate->states[coding])
        inflate->decoder->restart(inflate->states[coding]);
}

/* Most bytes that may come out; the rest of the writer's limit is padding. */
static size_t most_bytes(const struct writer *out)
{
    return out->limit > JSON_PADDING ? out->limit - JSON_PADDING : 0;
}

static enum status check(const struct inflate_stream *stream)
{
    const struct writer *out = stream->out;
    if (out->status != STATUS_OK)
        return out->status;
    if (out->size > most_bytes(out))
        return STATUS_TOO_LARGE;
    if (out->size <= RATIO_FREE_BYTES)
        return STATUS_OK;
    return out->size / stream->max_ratio > stream->in_bytes ? STATUS_TOO_DENSE : STATUS_OK;
}

enum status inflate_stream_room(struct inflate_stream *stream, uint8_t **room, size_t *size)
{
    struct writer *out = stream->out;
    /* One byte more than may come: a decoder that needs no room to see its end is let finish. */
    size_t want = most_bytes(out) - out->size + 1;
    if (want > INFLATE_STEP_BYTES)
        want = INFLATE_STEP_BYTES;
    if (!writer_reserve(out, want + JSON_PADDING - 1))
        return out->status;
    *room = out->data + out->size;
    *size = want;
    return STATUS_OK;
}

enum status inflate_stream_step(struct inflate_stream *stream, size_t read, size_t written)
{
    stream->in_bytes += read;
    stream->out->size += written;
    enum status status = check(stream);
    bool goes_on = work_add(stream->work, INFLATE_WORK_OF_INPUT * read + written);
    return status == STATUS_OK && !goes_on ? STATUS_CLOSED : status;
}

void inflate_count_work(struct inflate *inflate, struct work *work)
{
    inflate->stream.work = work;
}

/* Identity: the body in one piece. */
static enum status copy(struct inflate_stream *stream, struct slice span)
{
    stream->in_bytes += span.size;
    writer_add_slice(stream->out, span);
    enum status status = check(stream);
    return status == STATUS_OK && !work_add(stream->work, span.size) ? STATUS_CLOSED : status;
}

enum status inflate_feed(struct inflate *inflate, struct slice span)
{
    struct inflate_stream *stream = &inflate->stream;
    void **state = &inflate->states[inflate->coding];
    enum status status = STATUS_OK;
    if (!inflate->decoder)
        return copy(stream, span);
    if (stream->out->limit <= JSON_PADDING)
        return STATUS_TOO_LARGE;
    if (!*state && !(*state = inflate->decoder->create()))
        return STATUS_NO_MEMORY;
    while (status == STATUS_OK && span.size) {
        struct slice piece = slice_sub(span, 0, INFLATE_SPAN_BYTES);
        status = inflate->decoder->feed(*state, stream, piece);
        span = slice_sub(span, piece.size, span.size);
    }
    return status;
}

enum status inflate_finish(struct inflate *inflate)
{
    struct inflate_stream *stream = &inflate->stream;
    if (inflate->decoder) {
        void *state = inflate->states[inflate->coding];
        if (!state || !inflate->decoder->at_end(state))
            return STATUS_TRUNCATED;
    }
    /* Readers of JSON look ahead. */
    if (!writer_reserve(stream->out, JSON_PADDING))
        return stream->out->status;
    return STATUS_OK;
}
