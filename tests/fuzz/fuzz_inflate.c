/* fuzz_inflate.c: any bytes as any content coding: no crash, the limits hold, pieces make no
 * difference to what is taken, both gzip decoders take the same content, and no byte, read or
 * written, costs more than it may in units of work: calls of decoders, bytes and blocks. The first
 * byte is the coding, the second the size of the pieces. */
#include <stdint.h>
#include <stdlib.h>
#include "core/json/json.h"
#include "core/thread.h"
#include "server/inflate/inflate.h"
#include "fuzz_work.h"
#include "server/inflate/inflate_coding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT     ((size_t)2 * 1024 * 1024)
#define RATIO_MAX 50
/* Units of work for a byte, read or written: as input, as output, as part of a block; calls
 * are few. */
#define WORK_OF_BYTE (INFLATE_WORK_OF_INPUT + 2)

static enum status run(struct inflate *inflate, enum inflate_coding coding, struct slice in,
                       size_t piece, struct writer *out)
{
    enum status status = STATUS_OK;
    writer_reset(out);
    inflate_start(inflate, coding, RATIO_MAX, out);
    for (size_t at = 0; at < in.size && status == STATUS_OK; at += piece)
        status = inflate_feed(inflate, slice_sub(in, at, piece));
    ensure(out->size <= LIMIT + 1);
    if (status == STATUS_OK)
        status = inflate_finish(inflate);
    if (status == STATUS_OK)
        ensure(out->size <= LIMIT && out->capacity - out->size >= JSON_PADDING);
    return status;
}

/* The decoder that counts blocks. */
static void check_counting(struct slice in, enum status fast, const struct writer *content)
{
    struct writer out;
    struct fuzz_work work;
    struct inflate_stream stream = {.out = &out, .max_ratio = RATIO_MAX, .work = &work.work};
    void *decoder = inflate_zlib_gzip.create();
    ensure(decoder);
    fuzz_work_start(&work);
    writer_init(&out, LIMIT + JSON_PADDING);
    enum status status = inflate_zlib_gzip.feed(decoder, &stream, in);
    if (status == STATUS_OK && !inflate_zlib_gzip.at_end(decoder))
        status = STATUS_TRUNCATED;
    if (status == STATUS_OK && fast == STATUS_OK)
        ensure(slice_equal(writer_slice(&out), writer_slice(content)));
    fuzz_work_check(&work, in.size + out.size, WORK_OF_BYTE);
    inflate_zlib_gzip.destroy(decoder);
    writer_fini(&out);
}

/* As the server reads a body. Only blocks that are too small may make a difference. */
static void check_body(struct inflate *inflate, enum inflate_coding coding, struct slice in,
                       enum status fed, const struct writer *content)
{
    struct writer out;
    struct fuzz_work work;
    fuzz_work_start(&work);
    writer_init(&out, LIMIT + JSON_PADDING);
    enum status status = inflate_body(inflate, coding, RATIO_MAX, &out, &work.work, &in, 1);
    ensure(status == fed || (coding == INFLATE_GZIP && status == STATUS_TOO_MANY));
    if (status == STATUS_OK)
        ensure(slice_equal(writer_slice(&out), writer_slice(content)));
    fuzz_work_check(&work, in.size + out.size, WORK_OF_BYTE);
    writer_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct inflate *inflate; /* reused, as a worker does */
    if (!inflate)
        inflate = inflate_create();
    if (size < 2 || size > 65536)
        return 0;
    enum inflate_coding coding = (enum inflate_coding)(data[0] % (INFLATE_ZSTD + 1));
    struct slice in = slice_make(data + 2, size - 2);
    struct writer whole, pieces;
    writer_init(&whole, LIMIT + JSON_PADDING);
    writer_init(&pieces, LIMIT + JSON_PADDING);
    enum status a = run(inflate, coding, in, size, &whole);
    enum status b = run(inflate, coding, in, (size_t)data[1] + 1, &pieces);
    ensure((a == STATUS_OK) == (b == STATUS_OK));
    if (a == STATUS_OK)
        ensure(slice_equal(writer_slice(&whole), writer_slice(&pieces)));
    check_body(inflate, coding, in, a, &whole);
    if (coding == INFLATE_GZIP)
        check_counting(in, a, &whole);
    writer_fini(&whole);
    writer_fini(&pieces);
    return 0;
}
