/* test_inflate_blocks.c: streams that cost much and hold nothing are refused by what they are made
 * of, and encoders that flush often are not. */
#include "inflate_fixture.h"

#include <stdio.h>

#include "parsers/read/work.h"

static const uint8_t gzip_head[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
static const uint8_t zstd_head[] = {0x28, 0xb5, 0x2f, 0xfd, 0, 0x58};

/* What was read and written until the end, in work. */
static bool count(void *arg)
{
    ++*(size_t *)arg;
    return true;
}

static enum status run(enum inflate_coding coding, struct body in, size_t *pieces, size_t *size)
{
    struct writer out;
    struct inflate *inflate = inflate_create();
    struct work work = {.pause = count, .arg = pieces};
    *pieces = 0;
    writer_init(&out, FIXTURE_LIMIT + JSON_PADDING);
    struct slice span = slice_make(in.data, in.size);
    enum status status = inflate_body(inflate, coding, 200, &out, &work, &span, 1);
    *size = out.size;
    inflate_destroy(inflate);
    writer_fini(&out);
    return status;
}

/* Refused, and after what: 1 MiB of it would be 256 pieces of work. */
static void refuse(const char *what, enum inflate_coding coding, struct body in)
{
    size_t pieces, size;
    enum status status = run(coding, in, &pieces, &size);
    if (status != STATUS_TOO_MANY ||
        pieces > 2 * INFLATE_IDLE_BYTES_MAX * INFLATE_WORK_OF_INPUT / WORK_PIECE)
        fail_msg("%s: %s after %zu pieces of work", what, status_text(status), pieces);
    free(in.data);
}

#define PATTERN(head, pattern)                                                                     \
    body_repeat(head, sizeof(head), pattern, sizeof(pattern) - 1,                                  \
                ((size_t)1 << 20) / (sizeof(pattern) - 1))

static void blocks_that_hold_nothing_are_refused(void **state)
{
    (void)state;
    static const uint8_t zlib_head[] = {0x78, 0x9c};
    static const uint8_t none[] = {0x02, 0x08, 0x20, 0x80, 0x00}; /* bare, first block */
    refuse("gzip, empty fixed", INFLATE_GZIP, PATTERN(gzip_head, "\x02\x08\x20\x80\x00"));
    refuse("gzip, empty stored", INFLATE_GZIP, PATTERN(gzip_head, "\0\0\0\xff\xff"));
    refuse("deflate, empty fixed", INFLATE_DEFLATE, PATTERN(zlib_head, "\x02\x08\x20\x80\x00"));
    refuse("deflate, empty stored", INFLATE_DEFLATE, PATTERN(zlib_head, "\0\0\0\xff\xff"));
    refuse("bare deflate, empty fixed", INFLATE_DEFLATE, PATTERN(none, "\x02\x08\x20\x80\x00"));
    refuse("deflate, a byte a block", INFLATE_DEFLATE,
           PATTERN(zlib_head, "\0\1\0\xfe\xff"
                              "a"));
    refuse("zstd, empty raw blocks", INFLATE_ZSTD, PATTERN(zstd_head, "\0\0\0"));
    refuse("zstd, empty runs", INFLATE_ZSTD, PATTERN(zstd_head, "\x02\0\0a"));
    refuse("zstd, a byte a block", INFLATE_ZSTD, PATTERN(zstd_head, "\x08\0\0a"));
}

/* The fast decoder of gzip does not count blocks: one KiB of them behind four of ordinary bytes
 * must be found as well. */
static void blocks_that_hold_nothing_among_others_are_refused(void **state)
{
    (void)state;
    static const uint8_t letters[] = {
        0x4a, 0x04, 0x28, 0x11, 0xa0, 0x44, 0x80, 0x12, 0x01,
        0x4a, 0x04, 0x28, 0x11, 0xa0, 0x44, 0x80, 0x12, 0x01}; /* eight blocks */
    enum { BLOCKS = 1008, STORED = 4107 };
    uint8_t pattern[BLOCKS + 5 + STORED] = {0};
    for (size_t i = 0; i < BLOCKS; i += sizeof letters)
        memcpy(pattern + i, letters, sizeof letters);
    memcpy(pattern + BLOCKS, "\0\x0b\x10\xf4\xef", 5);
    for (size_t i = 0; i < STORED; i++)
        pattern[BLOCKS + 5 + i] = (uint8_t)(i * i % 251);
    refuse("gzip, blocks of one letter among stored ones", INFLATE_GZIP,
           body_repeat(gzip_head, sizeof gzip_head, pattern, sizeof pattern, 400));
}

static void members_and_frames_that_hold_nothing_are_refused(void **state)
{
    (void)state;
    struct body member = body_deflate(31, "", 0, 0);
    refuse("gzip, empty members", INFLATE_GZIP,
           body_repeat("", 0, member.data, member.size, 50000));
    free(member.data);
    static const uint8_t skippable[] = {0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0};
    static const uint8_t empty[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 1, 0, 0};
    refuse("zstd, empty frames", INFLATE_ZSTD, body_repeat("", 0, empty, sizeof empty, 100000));
    refuse("zstd, empty skippable frames", INFLATE_ZSTD,
           body_repeat("", 0, skippable, sizeof skippable, 100000));
    static const uint8_t large[] = {0x50, 0x2a, 0x4d, 0x18, 0, 0, 0x10, 0}; /* of 1 MiB */
    refuse("zstd, a large skippable frame", INFLATE_ZSTD,
           body_repeat(large, sizeof large, "s", 1, (size_t)1 << 20));
}

static void a_gzip_header_without_end_is_refused(void **state)
{
    (void)state;
    static const uint8_t named[] = {0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3};
    static const uint8_t commented[] = {0x1f, 0x8b, 8, 16, 0, 0, 0, 0, 0, 3};
    refuse("a name", INFLATE_GZIP, PATTERN(named, "n"));
    refuse("a comment", INFLATE_GZIP, PATTERN(commented, "c"));
}

/* The same by both decoders of gzip; the fast one does not count blocks, only members. */
static void the_counting_decoder_of_gzip_refuses_by_bytes_alone(void **state)
{
    (void)state;
    struct writer out;
    writer_init(&out, FIXTURE_LIMIT + JSON_PADDING);
    struct body member = body_deflate(31, "", 0, 0);
    struct body bodies[] = {PATTERN(gzip_head, "\x02\x08\x20\x80\x00"),
                            /* far from the limit of input without output */
                            body_repeat("", 0, member.data, member.size, 1000)};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        for (size_t piece = 1; piece < 100000; piece *= 30)
            assert_int_equal(body_feed(&inflate_zlib_gzip, bodies[i], piece, piece, &out),
                             STATUS_TOO_MANY);
        free(bodies[i].data);
    }
    free(member.data);
    writer_fini(&out);
}

static char *lines(size_t line, size_t *size)
{
    char *text = malloc(*size + 256);
    size_t at = 0;
    for (unsigned i = 1; at + line < *size; i = i * 1664525 + 1013904223) {
        int n =
            snprintf(text + at, 250, "{\"id\":%u,\"event_name\":\"SEV_%u\",\"m\":\"", i, i >> 25);
        for (at += (size_t)n; at % line < line - 3; at++)
            text[at] = (char)('a' + (at * i >> 7) % 26);
        memcpy(text + at, "\"}\n", 3);
        at += 3;
    }
    *size = at;
    return text;
}

static void a_flush_behind_each_line_is_taken(void **state)
{
    (void)state;
    static const struct {
        enum inflate_coding coding;
        int window;
    } codings[] = {{INFLATE_GZIP, 31}, {INFLATE_DEFLATE, 15}, {INFLATE_DEFLATE, -15}};
    size_t size = 1 << 20, pieces, got;
    char *text = lines(100, &size);
    for (size_t i = 0; i < sizeof codings / sizeof *codings; i++) {
        struct body in = body_deflate(codings[i].window, text, size, 100);
        assert_int_equal(run(codings[i].coding, in, &pieces, &got), STATUS_OK);
        assert_int_equal(got, size);
        free(in.data);
    }
    free(text);
}

static void members_of_a_line_each_are_taken(void **state)
{
    (void)state;
    size_t size = 1 << 18, pieces, got, at = 0;
    char *text = lines(100, &size);
    struct body all = {malloc(4 * size), 0};
    for (; at < size; at += 100) {
        struct body one = body_deflate(31, text + at, 100, 0);
        memcpy(all.data + all.size, one.data, one.size);
        all.size += one.size;
        free(one.data);
    }
    assert_int_equal(run(INFLATE_GZIP, all, &pieces, &got), STATUS_OK);
    assert_int_equal(got, at);
    free(all.data);
    free(text);
}

/* Between two pauses little is read and written, whatever the stream. */
static void inflating_pauses_between_pieces(void **state)
{
    (void)state;
    size_t size = 3 << 20, pieces, got;
    char *text = lines(200, &size);
    struct body in = body_deflate(31, text, size, 0);
    assert_int_equal(run(INFLATE_GZIP, in, &pieces, &got), STATUS_OK);
    assert_true(pieces >= size / (WORK_PIECE + INFLATE_STEP_BYTES));
    free(in.data);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_that_hold_nothing_are_refused),
        cmocka_unit_test(blocks_that_hold_nothing_among_others_are_refused),
        cmocka_unit_test(members_and_frames_that_hold_nothing_are_refused),
        cmocka_unit_test(a_gzip_header_without_end_is_refused),
        cmocka_unit_test(the_counting_decoder_of_gzip_refuses_by_bytes_alone),
        cmocka_unit_test(a_flush_behind_each_line_is_taken),
        cmocka_unit_test(members_of_a_line_each_are_taken),
        cmocka_unit_test(inflating_pauses_between_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
