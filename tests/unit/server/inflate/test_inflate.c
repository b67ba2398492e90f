/* test_inflate.c: content codings: what comes out, in pieces of any size, and every limit. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include "core/json/json.h"
#include "server/inflate/inflate.h"
#include "server/inflate/inflate_coding.h"

#define LIMIT (4u * 1024 * 1024)

struct bytes {
    uint8_t *data;
    size_t size;
};

static struct bytes deflate_with(int window, int level, const void *data, size_t size)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    struct bytes out = {.size = deflateBound(&z, size) + 64};
    out.data = (uint8_t *)malloc(out.size);
    z.next_in = (Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)size;
    z.next_out = out.data;
    z.avail_out = (uInt)out.size;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.size -= z.avail_out;
    deflateEnd(&z);
    return out;
}

static struct bytes gzip(const void *data, size_t size)
{
    return deflate_with(15 + 16, 6, data, size);
}

static struct bytes zstd(const void *data, size_t size, int window_log)
{
    ZSTD_CCtx *c = ZSTD_createCCtx();
    struct bytes out = {.size = ZSTD_compressBound(size)};
    out.data = (uint8_t *)malloc(out.size);
    ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
    if (window_log) {
        /* As a stream of unknown size, so that the window stands in the header. */
        ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, window_log);
        ZSTD_inBuffer in = {data, size, 0};
        ZSTD_outBuffer to = {out.data, out.size, 0};
        assert_false(ZSTD_isError(ZSTD_compressStream2(c, &to, &in, ZSTD_e_flush)));
        assert_int_equal(ZSTD_compressStream2(c, &to, &in, ZSTD_e_end), 0);
        out.size = to.pos;
    } else {
        out.size = ZSTD_compress2(c, out.data, out.size, data, size);
    }
    ZSTD_freeCCtx(c);
    return out;
}

static struct bytes join(struct bytes a, struct bytes b)
{
    struct bytes out = {.size = a.size + b.size};
    out.data = (uint8_t *)malloc(out.size);
    memcpy(out.data, a.data, a.size);
    memcpy(out.data + a.size, b.data, b.size);
    free(a.data);
    free(b.data);
    return out;
}

static struct bytes add_text(struct bytes a, const char *text, size_t size)
{
    struct bytes b = {.data = (uint8_t *)malloc(size + 1), .size = size};
    memcpy(b.data, text, size);
    return join(a, b);
}

static char *sample(size_t size)
{
    char *text = (char *)malloc(size + 128);
    uint32_t seed = 1;
    for (size_t at = 0; at < size; seed = seed * 1664525 + 1013904223)
        at += (size_t)snprintf(text + at, 120, "{\"id\":%u,\"event_name\":\"SEV_%u\"}\n", seed,
                               seed >> 27);
    return text;
}

struct fixture {
    struct inflate *inflate;
    struct writer out;
};

static int setup(void **state)
{
    struct fixture *f = (struct fixture *)calloc(1, sizeof(*f));
    f->inflate = inflate_create();
    writer_init(&f->out, LIMIT + JSON_PADDING);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    inflate_destroy(f->inflate);
    writer_fini(&f->out);
    free(f);
    return 0;
}

static enum status run(struct fixture *f, enum inflate_coding coding, struct bytes in, size_t piece)
{
    enum status status = STATUS_OK;
    writer_reset(&f->out);
    inflate_start(f->inflate, coding, 200, &f->out);
    for (size_t at = 0; at < in.size && status == STATUS_OK; at += piece) {
        size_t n = in.size - at < piece ? in.size - at : piece;
        uint8_t *block = (uint8_t *)malloc(n); /* of its own, so that overruns show */
        memcpy(block, in.data + at, n);
        status = inflate_feed(f->inflate, slice_make(block, n));
        free(block);
    }
    return status == STATUS_OK ? inflate_finish(f->inflate) : status;
}

static const size_t pieces[] = {1, 2, 3, 7, 100, 1000, 16384, SIZE_MAX / 2};

static void expect(struct fixture *f, enum inflate_coding coding, struct bytes in,
                   enum status wanted, const char *text, size_t size)
{
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        enum status status = run(f, coding, in, pieces[i]);
        if (status != wanted)
            fail_msg("%s in pieces of %zu: %s instead of %s", inflate_coding_name(coding),
                     pieces[i], status_text(status), status_text(wanted));
        if (wanted != STATUS_OK)
            continue;
        assert_int_equal(f->out.size, size);
        if (size)
            assert_memory_equal(f->out.data, text, size);
        assert_true(f->out.capacity - f->out.size >= JSON_PADDING);
        uint8_t sum = 0; /* padding may be read */
        memset(f->out.data + f->out.size, 0, JSON_PADDING);
        for (size_t k = 0; k < JSON_PADDING; k++)
            sum |= f->out.data[f->out.size + k];
        assert_int_equal(sum, 0);
    }
    free(in.data);
}

static void each_coding_gives_the_bytes_back(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    size_t sizes[] = {0, 1, 63, 64, 65, 5000, 300000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t n = sizes[i];
        char *text = sample(n);
        expect(f, INFLATE_GZIP, gzip(text, n), STATUS_OK, text, n);
        expect(f, INFLATE_DEFLATE, deflate_with(15, 6, text, n), STATUS_OK, text, n);
        expect(f, INFLATE_DEFLATE, deflate_with(-15, 6, text, n), STATUS_OK, text, n);
        expect(f, INFLATE_GZIP, deflate_with(15 + 16, 0, text, n), STATUS_OK, text, n);
        expect(f, INFLATE_ZSTD, zstd(text, n, 0), STATUS_OK, text, n);
        struct bytes plain = {(uint8_t *)malloc(n + 1), n};
        memcpy(plain.data, text, n);
        expect(f, INFLATE_IDENTITY, plain, STATUS_OK, text, n);
        free(text);
    }
}

static void members_and_frames_follow_each_other(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    char *text = sample(9000);
    struct bytes three = join(join(gzip(text, 4000), gzip("", 0)), gzip(text + 4000, 5000));
    expect(f, INFLATE_GZIP, three, STATUS_OK, text, 9000);
    expect(f, INFLATE_ZSTD, join(zstd(text, 4000, 0), zstd(text + 4000, 5000, 0)), STATUS_OK, text,
           9000);
    free(text);
}

static void gzip_headers_of_any_form_are_read(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    char *text = sample(5000);
    for (int form = 0; form < 16; form++) {
        z_stream z = {0};
        gz_header header = {.extra = form & 1 ? (Bytef *)(uintptr_t) "extra" : NULL,
                            .extra_len = 5,
                            .name = form & 2 ? (Bytef *)(uintptr_t) "batch.ndjson" : NULL,
                            .comment = form & 4 ? (Bytef *)(uintptr_t) "comment" : NULL,
                            .hcrc = form & 8};
        struct bytes out = {(uint8_t *)malloc(9000), 9000};
        deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
        deflateSetHeader(&z, &header);
        z.next_in = (Bytef *)text;
        z.avail_in = 5000;
        z.next_out = out.data;
        z.avail_out = 9000;
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        out.size -= z.avail_out;
        deflateEnd(&z);
        if (form & 8) { /* a changed time makes the header's CRC wrong */
            struct bytes wrong = {(uint8_t *)malloc(out.size), out.size};
            memcpy(wrong.data, out.data, out.size);
            wrong.data[4] ^= 1;
            expect(f, INFLATE_GZIP, wrong, STATUS_MALFORMED, "", 0);
        }
        expect(f, INFLATE_GZIP, out, STATUS_OK, text, 5000);
    }
    free(text);
}

static void fallback_of_gzip_behaves_like_the_fast_path(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    char *text = sample(9000);
    struct bytes in = join(gzip(text, 4000), gzip(text + 4000, 5000));
    for (size_t cut = 0; cut <= in.size; cut += cut < 40 || cut + 40 > in.size ? 1 : 97) {
        struct inflate_stream stream = {.out = &f->out, .max_ratio = 200};
        void *decoder = inflate_zlib_gzip.create();
        writer_reset(&f->out);
        stream.in_bytes = cut;
        enum status fallback = inflate_zlib_gzip.feed(decoder, &stream, slice_make(in.data, cut));
        if (fallback == STATUS_OK && !inflate_zlib_gzip.at_end(decoder))
            fallback = STATUS_TRUNCATED;
        size_t size = f->out.size;
        inflate_zlib_gzip.destroy(decoder);
        assert_int_equal(run(f, INFLATE_GZIP, (struct bytes){in.data, cut}, 64), fallback);
        if (fallback == STATUS_OK)
            assert_int_equal(f->out.size, size);
    }
    free(in.data);
    free(text);
}

static void cut(struct fixture *f, enum inflate_coding coding, struct bytes in)
{
    for (size_t n = 0; n < in.size; n++)
        for (size_t piece = 1; piece < 5000; piece *= 17)
            if (run(f, coding, (struct bytes){in.data, n}, piece) != STATUS_TRUNCATED)
                fail_msg("%s cut at %zu of %zu is taken", inflate_coding_name(coding), n, in.size);
    free(in.data);
}

static void truncated_input_is_told(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    char *text = sample(3000);
    cut(f, INFLATE_GZIP, gzip(text, 1000));
    cut(f, INFLATE_DEFLATE, deflate_with(15, 6, text, 1000));
    cut(f, INFLATE_DEFLATE, deflate_with(-15, 6, text, 1000));
    cut(f, INFLATE_ZSTD, zstd(text, 1000, 0));
    struct bytes first = gzip(text, 1000), both = join(gzip(text, 1000), gzip(text, 100));
    for (size_t n = first.size + 1; n < both.size; n++)
        assert_int_equal(run(f, INFLATE_GZIP, (struct bytes){both.data, n}, 3), STATUS_TRUNCATED);
    free(first.data);
    free(both.data);
    free(text);
}

static void garbage_behind_the_stream_is_malformed(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    static const char zeros[600] = {0};
    char *text = sample(1000);
    expect(f, INFLATE_GZIP, add_text(gzip(text, 1000), "garbage-garbage", 15), STATUS_MALFORMED, "",
           0);
    expect(f, INFLATE_GZIP, add_text(gzip(text, 1000), zeros, sizeof(zeros)), STATUS_MALFORMED, "",
           0);
    expect(f, INFLATE_GZIP, add_text(gzip(text, 1000), zeros, 1), STATUS_MALFORMED, "", 0);
    expect(f, INFLATE_DEFLATE, add_text(deflate_with(15, 6, text, 1000), "x", 1), STATUS_MALFORMED,
           "", 0);
    expect(f, INFLATE_DEFLATE, add_text(deflate_with(-15, 6, text, 1000), "x", 1), STATUS_MALFORMED,
           "", 0);
    expect(f, INFLATE_ZSTD, add_text(zstd(text, 1000, 0), "garbage", 7), STATUS_MALFORMED, "", 0);
    free(text);
}

static void damage_is_malformed(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    char *text = sample(2000);
    enum inflate_coding codings[] = {INFLATE_GZIP, INFLATE_DEFLATE, INFLATE_ZSTD};
    for (int c = 0; c < 3; c++) {
        struct bytes in = codings[c] == INFLATE_GZIP      ? gzip(text, 2000)
                          : codings[c] == INFLATE_DEFLATE ? deflate_with(15, 6, text, 2000)
                                                          : zstd(text, 2000, 0);
        for (size_t at = 0; at < in.size; at++) {
            in.data[at] ^= 0x55;
            enum status status = run(f, codings[c], in, 512);
            bool same =
                status == STATUS_OK && f->out.size == 2000 && memcmp(f->out.data, text, 2000) == 0;
            /* Only what does not reach the content (a gzip header's time) may pass. */
            assert_true(status != STATUS_OK || same);
            in.data[at] ^= 0x55;
        }
        assert_int_equal(run(f, codings[c], in, 512), STATUS_OK);
        free(in.data);
    }
    free(text);
    struct bytes not_gzip = {.data = (uint8_t *)strdup("{\"id\":1}"), .size = 8};
    expect(f, INFLATE_GZIP, not_gzip, STATUS_MALFORMED, "", 0);
}

static void content_of_exactly_the_limit_fits_and_a_byte_more_does_not(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    char *text = sample(LIMIT + 1);
    for (int more = 0; more <= 1; more++) {
        size_t n = LIMIT + (size_t)more;
        enum status wanted = more ? STATUS_TOO_LARGE : STATUS_OK;
        struct bytes all[] = {gzip(text, n), deflate_with(15, 1, text, n), zstd(text, n, 0)};
        enum inflate_coding codings[] = {INFLATE_GZIP, INFLATE_DEFLATE, INFLATE_ZSTD};
        for (int c = 0; c < 3; c++) {
            assert_int_equal(run(f, codings[c], all[c], 4096), wanted);
            assert_int_equal(run(f, codings[c], all[c], SIZE_MAX / 2), wanted);
            free(all[c].data);
        }
        assert_int_equal(run(f, INFLATE_IDENTITY, (struct bytes){(uint8_t *)text, n}, 4096),
                         wanted);
    }
    free(text);
}

static void bomb_is_stopped_by_its_ratio_in_bounded_memory(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    size_t n = 64u * 1024 * 1024;
    void *zeros = calloc(1, n);
    struct bytes all[] = {gzip(zeros, n), deflate_with(15, 6, zeros, n), zstd(zeros, n, 0)};
    enum inflate_coding codings[] = {INFLATE_GZIP, INFLATE_DEFLATE, INFLATE_ZSTD};
    for (int c = 0; c < 3; c++) {
        for (size_t piece = 1; piece < 100000; piece *= 31) {
            assert_int_equal(run(f, codings[c], all[c], piece), STATUS_TOO_DENSE);
            assert_true(f->out.size <= 1024 * 1024 + 2 * INFLATE_STEP_BYTES);
        }
        free(all[c].data);
    }
    free(zeros);
}

static void dense_but_small_body_is_taken(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    char *zeros = (char *)calloc(1, 1024 * 1024);
    expect(f, INFLATE_GZIP, gzip(zeros, 1024 * 1024), STATUS_OK, zeros, 1024 * 1024);
    free(zeros);
}

/* Frames of what zstd wrote before 0.8: no standard has them. libzstd takes the one of 0.5 here,
 * which is whole and empty, also as the first that a decoder sees. */
static void zstd_from_before_the_standard_is_refused(void **state)
{
    struct fixture *f = *state;
    static const uint8_t first[] = {0x25, 0x1e, 0x22, 0x23, 0x24, 0x26, 0x27};
    uint8_t frame[] = {0, 0xb5, 0x2f, 0xfd, 0x00, 0xc0, 0x00, 0x00};
    for (size_t i = 0; i < sizeof first; i++) {
        frame[0] = first[i];
        struct bytes alone = {frame, sizeof frame};
        assert_int_equal(run(f, INFLATE_ZSTD, alone, sizeof frame), STATUS_MALFORMED);
        expect(f, INFLATE_ZSTD, add_text(zstd("x", 1, 0), (const char *)frame, sizeof frame),
               STATUS_MALFORMED, "", 0);
    }
}

static void zstd_window_beyond_8_mib_is_refused(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    char *text = sample(3000);
    expect(f, INFLATE_ZSTD, zstd(text, 3000, 23), STATUS_OK, text, 3000);
    expect(f, INFLATE_ZSTD, zstd(text, 3000, 24), STATUS_OUT_OF_RANGE, "", 0);
    free(text);
}

static void decoder_is_clean_after_a_failure(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    char *text = sample(3000);
    enum inflate_coding codings[] = {INFLATE_GZIP, INFLATE_DEFLATE, INFLATE_ZSTD};
    for (int c = 0; c < 3; c++) {
        struct bytes good = codings[c] == INFLATE_GZIP      ? gzip(text, 3000)
                            : codings[c] == INFLATE_DEFLATE ? deflate_with(-15, 6, text, 3000)
                                                            : zstd(text, 3000, 0);
        for (size_t n = 1; n < good.size; n += 5) {
            assert_int_equal(run(f, codings[c], (struct bytes){good.data, n}, 64),
                             STATUS_TRUNCATED);
            assert_int_equal(run(f, codings[c], good, 64), STATUS_OK);
            assert_int_equal(f->out.size, 3000);
        }
        free(good.data);
    }
    free(text);
}

static void names_of_codings(void **state)
{
    (void)state;
    enum inflate_coding coding;
    assert_int_equal(inflate_coding_parse(SLICE_LITERAL(" GZip "), &coding), STATUS_OK);
    assert_int_equal(coding, INFLATE_GZIP);
    assert_int_equal(inflate_coding_parse(SLICE_LITERAL("x-gzip"), &coding), STATUS_OK);
    assert_int_equal(coding, INFLATE_GZIP);
    assert_int_equal(inflate_coding_parse(SLICE_LITERAL("deflate"), &coding), STATUS_OK);
    assert_int_equal(inflate_coding_parse(SLICE_LITERAL("zstd"), &coding), STATUS_OK);
    assert_int_equal(inflate_coding_parse(SLICE_LITERAL("identity"), &coding), STATUS_OK);
    const char *bad[] = {"", "br", "gzip, gzip", "gzip,", "gzip;q=1", "identity, gzip"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(inflate_coding_parse(slice_from_text(bad[i]), &coding),
                         STATUS_UNSUPPORTED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_coding_gives_the_bytes_back),
        T(members_and_frames_follow_each_other),
        T(gzip_headers_of_any_form_are_read),
        T(fallback_of_gzip_behaves_like_the_fast_path),
        T(truncated_input_is_told),
        T(garbage_behind_the_stream_is_malformed),
        T(damage_is_malformed),
        T(content_of_exactly_the_limit_fits_and_a_byte_more_does_not),
        T(bomb_is_stopped_by_its_ratio_in_bounded_memory),
        T(dense_but_small_body_is_taken),
        T(zstd_from_before_the_standard_is_refused),
        T(zstd_window_beyond_8_mib_is_refused),
        T(decoder_is_clean_after_a_failure),
        T(names_of_codings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
