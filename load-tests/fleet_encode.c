/* Compresses request bodies. Runs on the generator's only thread. It does not decide how much goes
 * into a body. */
#include "fleet_encode.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

struct fleet_encoder {
    enum fleet_encoding encoding;
    int level;
    z_stream deflate;
    ZSTD_CCtx *zstd;
};

static const char *const NAMES[] = {
    [FLEET_IDENTITY] = "identity",
    [FLEET_GZIP] = "gzip",
    [FLEET_DEFLATE] = "deflate",
    [FLEET_ZSTD] = "zstd",
};

bool fleet_encoding_find(const char *name, enum fleet_encoding *encoding)
{
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (strcmp(name, NAMES[i]) == 0) {
            *encoding = (enum fleet_encoding)i;
            return true;
        }
    }
    return false;
}

const char *fleet_encoding_name(enum fleet_encoding encoding)
{
    return NAMES[encoding];
}

/* HTTP's "deflate" is the zlib format (RFC 9110 section 8.4.1.2); 16 more asks zlib for gzip. */
static bool deflate_open(struct fleet_encoder *encoder)
{
    int window_bits = encoder->encoding == FLEET_GZIP ? 15 + 16 : 15;
    return deflateInit2(&encoder->deflate, encoder->level, Z_DEFLATED, window_bits, 8,
                        Z_DEFAULT_STRATEGY) == Z_OK;
}

static bool zstd_open(struct fleet_encoder *encoder)
{
    encoder->zstd = ZSTD_createCCtx();
    int level = encoder->level < 0 ? ZSTD_CLEVEL_DEFAULT : encoder->level;
    return encoder->zstd != NULL &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(encoder->zstd, ZSTD_c_compressionLevel, level));
}

struct fleet_encoder *fleet_encoder_create(enum fleet_encoding encoding, int level)
{
    struct fleet_encoder *encoder = calloc(1, sizeof *encoder);
    if (encoder == NULL)
        return NULL;
    encoder->encoding = encoding;
    encoder->level = level;
    bool ready = true;
    if (encoding == FLEET_GZIP || encoding == FLEET_DEFLATE)
        ready = deflate_open(encoder);
    else if (encoding == FLEET_ZSTD)
        ready = zstd_open(encoder);
    if (!ready) {
        fleet_encoder_destroy(encoder);
        return NULL;
    }
    return encoder;
}

void fleet_encoder_destroy(struct fleet_encoder *encoder)
{
    if (encoder == NULL)
        return;
    if (encoder->encoding == FLEET_GZIP || encoder->encoding == FLEET_DEFLATE)
        deflateEnd(&encoder->deflate);
    ZSTD_freeCCtx(encoder->zstd);
    free(encoder);
}

static size_t bound(struct fleet_encoder *encoder, size_t in_bytes)
{
    switch (encoder->encoding) {
    case FLEET_GZIP:
    case FLEET_DEFLATE:
        return deflateBound(&encoder->deflate, in_bytes);
    case FLEET_ZSTD:
        return ZSTD_compressBound(in_bytes);
    case FLEET_IDENTITY:
        break;
    }
    return in_bytes;
}

/* zlib counts in unsigned int; a batch is far smaller, and a larger one is refused, not cut. */
static bool run_deflate(z_stream *stream, const char *in, size_t in_bytes, char *out,
                        size_t capacity, size_t *used)
{
    if (in_bytes > UINT32_MAX || capacity > UINT32_MAX || deflateReset(stream) != Z_OK)
        return false;
    stream->next_in = (z_const Bytef *)(uintptr_t)in;
    stream->avail_in = (uInt)in_bytes;
    stream->next_out = (Bytef *)out;
    stream->avail_out = (uInt)capacity;
    if (deflate(stream, Z_FINISH) != Z_STREAM_END)
        return false;
    *used = capacity - stream->avail_out;
    return true;
}

static bool run(struct fleet_encoder *encoder, const char *in, size_t in_bytes, char *out,
                size_t capacity, size_t *used)
{
    if (encoder->encoding == FLEET_IDENTITY) {
        memcpy(out, in, in_bytes);
        *used = in_bytes;
        return true;
    }
    if (encoder->encoding == FLEET_ZSTD) {
        *used = ZSTD_compress2(encoder->zstd, out, capacity, in, in_bytes);
        return !ZSTD_isError(*used);
    }
    return run_deflate(&encoder->deflate, in, in_bytes, out, capacity, used);
}

bool fleet_encoder_run(struct fleet_encoder *encoder, const char *in, size_t in_bytes, char **out,
                       size_t *out_bytes)
{
    size_t capacity = bound(encoder, in_bytes), used = 0;
    char *block = malloc(capacity + 1);
    if (block == NULL)
        return false;
    if (!run(encoder, in, in_bytes, block, capacity, &used)) {
        free(block);
        return false;
    }
    char *exact = realloc(block, used + 1);
    *out = exact != NULL ? exact : block;
    *out_bytes = used;
    return true;
}
