/* inflate_stream.c: the limits of one body, which all decoders share: size, ratio, idle input, work
 * and the minimum size of blocks. Runs on a worker. Decodes nothing. */
#include "server/inflate/inflate_stream.h"

#include "core/json/json.h"

/* The ratio is checked from here on: small bodies of similar lines may exceed it. */
#define RATIO_FREE_BYTES (1024 * 1024)

/* Maximum output; the rest of the writer's limit is padding. */
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
    if (stream->idle_bytes > INFLATE_IDLE_BYTES_MAX)
        return STATUS_TOO_MANY;
    if (out->size <= RATIO_FREE_BYTES)
        return STATUS_OK;
    return out->size / stream->max_ratio > stream->in_bytes ? STATUS_TOO_DENSE : STATUS_OK;
}

enum status inflate_stream_room(struct inflate_stream *stream, uint8_t **room, size_t *size)
{
    struct writer *out = stream->out;
    /* One byte more than allowed, so that a decoder that needs no room to detect its end can
     * finish. */
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
    stream->idle_bytes = written ? 0 : stream->idle_bytes + read;
    stream->out->size += written;
    enum status status = check(stream);
    bool goes_on =
        work_add(stream->work, INFLATE_WORK_OF_STEP + INFLATE_WORK_OF_INPUT * read + written);
    return status == STATUS_OK && !goes_on ? STATUS_CLOSED : status;
}

enum status inflate_stream_owe(struct inflate_stream *stream, size_t bytes)
{
    uint64_t worth = INFLATE_WORTH_FREE + stream->in_bytes + stream->out->size;
    stream->owed_bytes += bytes;
    if (stream->work)
        stream->work->done += bytes;
    return stream->owed_bytes > worth ? STATUS_TOO_MANY : STATUS_OK;
}

enum status inflate_stream_copy(struct inflate_stream *stream, struct slice span)
{
    stream->in_bytes += span.size;
    writer_add_slice(stream->out, span);
    enum status status = check(stream);
    return status == STATUS_OK && !work_add(stream->work, span.size) ? STATUS_CLOSED : status;
}
