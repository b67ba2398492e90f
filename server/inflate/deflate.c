/* deflate.c: gzip and zstd compression for requests that the program sends. Any thread. */
#include "server/inflate/deflate.h"

#include <zlib.h>
#include <zstd.h>

#define ZSTD_LEVEL 3
/* windowBits 15 with a gzip head (zlib.h, deflateInit2); its time field stays 0. */
#define GZIP_BITS   (15 + 16)
#define GZIP_MEMORY 8

static enum status deflate_gzip(struct slice in, struct writer *out)
{
    z_stream z = {0};
    if (in.size > UINT32_MAX)
        return STATUS_TOO_LARGE;
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_BITS, GZIP_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return STATUS_NO_MEMORY;
    size_t bound = deflateBound(&z, in.size);
    enum status status = out->status;
    if (bound <= UINT32_MAX && writer_reserve(out, bound)) {
        z.next_in = (z_const Bytef *)(uintptr_t)in.data;
        z.avail_in = (uInt)in.size;
        z.next_out = out->data;
        z.avail_out = (uInt)bound;
        status = deflate(&z, Z_FINISH) == Z_STREAM_END ? STATUS_OK : STATUS_TOO_LARGE;
        out->size = z.total_out;
    } else {
        status = out->status != STATUS_OK ? out->status : STATUS_TOO_LARGE;
    }
    deflateEnd(&z);
    return status;
}

static enum status deflate_zstd(struct slice in, struct writer *out)
{
    size_t bound = ZSTD_compressBound(in.size);
    if (ZSTD_isError(bound))
        return STATUS_TOO_LARGE;
    if (!writer_reserve(out, bound))
        return out->status;
    size_t size = ZSTD_compress(out->data, bound, in.data, in.size, ZSTD_LEVEL);
    if (ZSTD_isError(size))
        return STATUS_NO_MEMORY;
    out->size = size;
    return STATUS_OK;
}

enum status deflate_body(enum inflate_coding coding, struct slice in, struct writer *out)
{
    writer_reset(out);
    switch (coding) {
    case INFLATE_IDENTITY:
        writer_add_slice(out, in);
        return out->status;
    case INFLATE_GZIP:
        return deflate_gzip(in, out);
    case INFLATE_ZSTD:
        return deflate_zstd(in, out);
    default:
        return STATUS_UNSUPPORTED;
    }
}
