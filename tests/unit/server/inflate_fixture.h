/* inflate_fixture.h: a body through a content coding, cut into pieces in memory of their own. */
#ifndef VSOC_TESTS_INFLATE_FIXTURE_H
#define VSOC_TESTS_INFLATE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "core/json/json.h"
#include "server/inflate/inflate.h"
#include "server/inflate/inflate_coding.h"

#define FIXTURE_LIMIT ((size_t)4 << 20)

struct body {
    uint8_t *data;
    size_t size;
};

/* Decoders by hand, as gzip has two. */
struct coding {
    const char *name;
    const struct inflate_decoder *decoder;
};

static inline struct body body_make(const void *data, size_t size)
{
    struct body b = {malloc(size + 1), size};
    memcpy(b.data, data, size);
    return b;
}

/* Head and then the pattern so many times. */
static inline struct body body_repeat(const void *head, size_t head_size, const void *pattern,
                                      size_t size, size_t count)
{
    struct body b = {malloc(head_size + size * count + 1), head_size + size * count};
    memcpy(b.data, head, head_size);
    for (size_t i = 0; i < count; i++)
        memcpy(b.data + head_size + i * size, pattern, size);
    return b;
}

static inline struct body body_deflate(int window, const void *data, size_t size, size_t flush)
{
    z_stream z = {0};
    struct body b = {malloc(2 * size + 1024 + (flush ? 16 * (size / flush + 1) : 0)), 0};
    size_t room = 2 * size + 1024 + (flush ? 16 * (size / flush + 1) : 0);
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_out = b.data;
    z.avail_out = (uInt)room;
    for (size_t at = 0; at < size; at += flush ? flush : size) {
        z.next_in = (Bytef *)(uintptr_t)((const uint8_t *)data + at);
        z.avail_in = (uInt)(flush && size - at > flush ? flush : size - at);
        assert_int_equal(deflate(&z, flush ? Z_SYNC_FLUSH : Z_NO_FLUSH), Z_OK);
    }
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    b.size = room - z.avail_out;
    deflateEnd(&z);
    return b;
}

/* With each cut after `first` bytes and then every `piece` bytes. */
static inline enum status body_feed(const struct inflate_decoder *decoder, struct body in,
                                    size_t first, size_t piece, struct writer *out)
{
    struct inflate_stream stream = {.out = out, .max_ratio = 200};
    void *state = decoder->create();
    enum status status = STATUS_OK;
    writer_reset(out);
    for (size_t at = 0, n = first; at < in.size && status == STATUS_OK; at += n, n = piece) {
        n = in.size - at < n ? in.size - at : n;
        struct body own = body_make(in.data + at, n); /* so that overruns show */
        status = decoder->feed(state, &stream, slice_make(own.data, n));
        free(own.data);
    }
    if (status == STATUS_OK && !decoder->at_end(state))
        status = STATUS_TRUNCATED;
    decoder->destroy(state);
    return status;
}

#ifdef HAVE_ISAL
#define FIXTURE_GZIPS                                                                              \
    {"isa-l", &inflate_isal_gzip},                                                                 \
    {                                                                                              \
        "zlib", &inflate_zlib_gzip                                                                 \
    }
#else
#define FIXTURE_GZIPS                                                                              \
    {                                                                                              \
        "zlib", &inflate_zlib_gzip                                                                 \
    }
#endif

#endif
