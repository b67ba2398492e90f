/* test_inflate_cuts.c: what a stream declares of itself (sizes, checksums) is compared in whatever
 * pieces it comes, by every decoder. */
#include "inflate_fixture.h"

#include <stdio.h>

static struct writer out;

static int setup(void **state)
{
    (void)state;
    writer_init(&out, FIXTURE_LIMIT + JSON_PADDING);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    writer_fini(&out);
    return 0;
}

static void expect(const struct coding *coding, struct body in, size_t first, size_t piece,
                   enum status wanted, const char *what)
{
    enum status status = body_feed(coding->decoder, in, first, piece, &out);
    if (status != wanted)
        fail_msg("%s, %s, cut at %zu and each %zu: %s instead of %s", coding->name, what, first,
                 piece, status_text(status), status_text(wanted));
}

/* Cut once at every byte (of a long body at some, those around 16 KiB among them), and in equal
 * pieces. */
static void every_cut(const struct coding *coding, struct body in, enum status wanted,
                      const char *what)
{
    size_t step = in.size < 3000 ? 1 : in.size / 500;
    for (size_t at = 1; at <= in.size; at += at < 40 || at + 60 > in.size ? 1 : step)
        expect(coding, in, at, in.size, wanted, what);
    for (size_t at = 16384 - 20; at < 16384 + 20 && at < in.size; at++)
        expect(coding, in, at, 16384, wanted, what);
    for (size_t piece = 1; piece < 40; piece++)
        expect(coding, in, piece, piece, wanted, what);
    expect(coding, in, 16384, 16384, wanted, what);
}

static const struct coding zstd = {"zstd", &inflate_zstd};

/* A frame of raw blocks that declares `declared` bytes in a field of `field` bytes. */
static struct body raw_frame(uint64_t declared, unsigned field, size_t block, size_t count)
{
    static const uint8_t descriptors[] = {[1] = 0x20, [2] = 0x40, [4] = 0x80, [8] = 0xc0};
    struct body b = {malloc(64 + (block + 3) * (count + 1)), 0};
    memcpy(b.data, "\x28\xb5\x2f\xfd", 4);
    b.data[4] = descriptors[field];
    b.size = 5;
    if (field != 1)
        b.data[b.size++] = 0x58; /* window of 2 MiB */
    uint64_t value = declared - (field == 2 ? 256 : 0);
    for (unsigned i = 0; i < field; i++)
        b.data[b.size++] = (uint8_t)(value >> (8 * i));
    for (size_t i = 0; i <= count; i++) {
        size_t size = i < count ? block : 0; /* ends with an empty one */
        uint32_t header = (uint32_t)(size << 3 | (i == count));
        for (unsigned k = 0; k < 3; k++)
            b.data[b.size++] = (uint8_t)(header >> (8 * k));
        memset(b.data + b.size, 'a', size);
        b.size += size;
    }
    return b;
}

static void zstd_frames_hold_what_they_declare(void **state)
{
    (void)state;
    static const struct {
        uint64_t declared;
        unsigned field;
        size_t block, count;
    } cases[] = {
        {64, 1, 0, 0},        {64, 1, 63, 1},       {64, 1, 64, 1},       {64, 1, 65, 1},
        {320, 2, 0, 0},       {320, 2, 320, 1},     {0, 4, 0, 0},         {64, 4, 0, 0},
        {64, 4, 64, 1},       {64, 8, 0, 0},        {64, 8, 32, 2},       {64, 8, 32, 3},
        {40000, 4, 1000, 40}, {40000, 4, 1000, 39}, {40001, 8, 1000, 40}, {64, 4, 1000, 40},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct body in =
            raw_frame(cases[i].declared, cases[i].field, cases[i].block, cases[i].count);
        bool right = cases[i].block * cases[i].count == cases[i].declared;
        char what[64];
        snprintf(what, sizeof what, "%zu blocks of %zu for %llu", cases[i].count, cases[i].block,
                 (unsigned long long)cases[i].declared);
        every_cut(&zstd, in, right ? STATUS_OK : STATUS_MALFORMED, what);
        free(in.data);
    }
}

/* The one of a run of frames that lies is found, wherever it stands. */
static void each_of_several_zstd_frames_is_compared(void **state)
{
    (void)state;
    for (unsigned lie = 0; lie <= 3; lie++) {
        struct body all = {malloc(100000), 0};
        for (unsigned i = 0; i < 3; i++) {
            struct body one = raw_frame(6000, 4, 1000, i == lie ? 5 : 6);
            memcpy(all.data + all.size, one.data, one.size);
            all.size += one.size;
            free(one.data);
        }
        every_cut(&zstd, all, lie < 3 ? STATUS_MALFORMED : STATUS_OK, "three frames");
        free(all.data);
    }
}

static void a_zstd_window_over_8_mib_is_told_apart(void **state)
{
    (void)state;
    struct body in = raw_frame(0, 4, 0, 0);
    for (unsigned window = 0; window < 256; window++) {
        uint64_t base = UINT64_C(1) << (10 + (window >> 3)), size = base + base / 8 * (window & 7);
        in.data[5] = (uint8_t)window;
        every_cut(&zstd, in, size > ((uint64_t)8 << 20) ? STATUS_OUT_OF_RANGE : STATUS_OK,
                  "window");
    }
    free(in.data);
    /* One segment: the content is the window. */
    struct body whole = body_make("\x28\xb5\x2f\xfd\xa0\x01\0\x80\0\1\0\0", 12);
    every_cut(&zstd, whole, STATUS_OUT_OF_RANGE, "one segment of 8 MiB and a byte");
    whole.data[5] = 0;
    every_cut(&zstd, whole, STATUS_MALFORMED, "one segment of 8 MiB, empty");
    free(whole.data);
}

static void a_reserved_bit_and_block_are_malformed(void **state)
{
    (void)state;
    struct body in = raw_frame(64, 4, 64, 1);
    in.data[4] |= 0x08;
    every_cut(&zstd, in, STATUS_MALFORMED, "reserved bit");
    in.data[4] &= (uint8_t)~0x08;
    in.data[10] |= 0x06;
    every_cut(&zstd, in, STATUS_MALFORMED, "reserved block");
    free(in.data);
}

static const struct coding gzips[] = {FIXTURE_GZIPS};

static void checks_behind_a_stream_are_compared(void **state)
{
    (void)state;
    static const struct coding zlibs[] = {{"deflate", &inflate_zlib_deflate}};
    char text[2000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i * i % 23);
    for (size_t c = 0; c < sizeof gzips / sizeof *gzips + 1; c++) {
        bool is_zlib = c == sizeof gzips / sizeof *gzips;
        const struct coding *coding = is_zlib ? zlibs : &gzips[c];
        struct body in = body_deflate(is_zlib ? 15 : 31, text, sizeof text, 0);
        every_cut(coding, in, STATUS_OK, "whole");
        for (size_t back = 1; back <= (is_zlib ? 4u : 8u); back++) {
            in.data[in.size - back] ^= 1;
            every_cut(coding, in, STATUS_MALFORMED, "a bit of the trailer");
            in.data[in.size - back] ^= 1;
        }
        in.size--;
        every_cut(coding, in, STATUS_TRUNCATED, "without the last byte");
        free(in.data);
    }
}

/* Of the first and of a later member, where a cut falls into the next header. */
static void checks_of_each_gzip_member_are_compared(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof gzips / sizeof *gzips; c++) {
        struct body one = body_deflate(31, "first member", 12, 0);
        struct body all = body_repeat("", 0, one.data, one.size, 3);
        every_cut(&gzips[c], all, STATUS_OK, "three members");
        for (size_t member = 1; member <= 3; member++) {
            size_t last = member * one.size - 1;
            all.data[last] ^= 1;
            every_cut(&gzips[c], all, STATUS_MALFORMED, "a member's size");
            all.data[last] ^= 1;
            all.data[last - 7] ^= 1;
            every_cut(&gzips[c], all, STATUS_MALFORMED, "a member's CRC");
            all.data[last - 7] ^= 1;
        }
        free(all.data);
        free(one.data);
    }
}

static void the_crc_of_a_gzip_header_is_compared(void **state)
{
    (void)state;
    static const uint8_t fields[] = "\x1f\x8b\x08\x1e\0\0\0\0\0\x03\x05\0extraname\0comment";
    struct body one = body_deflate(31, "text", 4, 0);
    size_t head = sizeof fields; /* with the byte 0 behind the comment */
    struct body in = {malloc(head + 2 + one.size), head + 2 + one.size - 10};
    memcpy(in.data, fields, head);
    uint32_t crc = (uint32_t)crc32(crc32(0, NULL, 0), in.data, (uInt)head);
    in.data[head] = (uint8_t)crc;
    in.data[head + 1] = (uint8_t)(crc >> 8);
    memcpy(in.data + head + 2, one.data + 10, one.size - 10);
    for (size_t c = 0; c < sizeof gzips / sizeof *gzips; c++) {
        every_cut(&gzips[c], in, STATUS_OK, "header with all fields");
        for (size_t at = 12; at < head + 2; at++) {
            if (in.data[at] == 0 || in.data[at] == 1)
                continue; /* would end or begin a field */
            in.data[at] ^= 1;
            every_cut(&gzips[c], in, STATUS_MALFORMED, "a bit of the header");
            in.data[at] ^= 1;
        }
    }
    free(in.data);
    free(one.data);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(zstd_frames_hold_what_they_declare),     T(each_of_several_zstd_frames_is_compared),
        T(a_zstd_window_over_8_mib_is_told_apart), T(a_reserved_bit_and_block_are_malformed),
        T(checks_behind_a_stream_are_compared),    T(checks_of_each_gzip_member_are_compared),
        T(the_crc_of_a_gzip_header_is_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
