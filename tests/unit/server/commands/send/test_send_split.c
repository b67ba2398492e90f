/* test_send_split.c: pieces of a file are whole records and all of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "server/inflate/deflate.h"
#include "server/commands/send/send_split.h"

static struct send_split split;
static struct writer scratch;

static void start(const char *text, enum parser_framing framing, size_t bytes, size_t records)
{
    send_split_init(&split, slice_from_text(text), framing, SPLIT_PREFIX_NONE, bytes, records);
}

static void assert_piece(const char *expected, size_t offset, size_t records)
{
    struct send_piece piece;
    assert_int_equal(send_split_next(&split, &piece), STATUS_OK);
    struct slice body = send_piece_body(&piece, &scratch);
    assert_int_equal(body.size, strlen(expected));
    assert_memory_equal(body.data, expected, body.size);
    assert_int_equal(piece.offset, offset);
    assert_int_equal(piece.records, records);
}

static void assert_end(void)
{
    struct send_piece piece;
    assert_int_equal(send_split_next(&split, &piece), STATUS_END);
    assert_int_equal(send_split_next(&split, &piece), STATUS_END);
}

static void a_file_that_fits_goes_as_it_is(void **state)
{
    (void)state;
    start("\n {\"a\":1}\n\n{\"b\":2} \n", PARSER_FRAMING_JSON, 100, 10);
    assert_piece("\n {\"a\":1}\n\n{\"b\":2} \n", 0, 2);
    assert_end();
    start(" [ {} , {} ] \n", PARSER_FRAMING_JSON, 100, 10);
    assert_piece(" [ {} , {} ] \n", 0, 2);
    assert_end();
}

static void an_empty_file_has_no_piece(void **state)
{
    (void)state;
    start("", PARSER_FRAMING_LINES, 10, 10);
    assert_end();
    start(" \n\n", PARSER_FRAMING_LINES, 10, 10);
    assert_end();
}

static void lines_are_cut_by_bytes_and_by_count(void **state)
{
    (void)state;
    start("one\ntwo\r\nthree is long\n\nfour", PARSER_FRAMING_LINES, 9, 10);
    assert_piece("one\ntwo", 0, 2);
    assert_piece("three is long", 9, 1);
    assert_piece("four", 24, 1);
    assert_end();
    start("1\n2\n3\n4\n5\n", PARSER_FRAMING_LINES, 100, 2);
    assert_piece("1\n2", 0, 2);
    assert_piece("3\n4", 4, 2);
    assert_piece("5", 8, 1);
    assert_end();
}

static void octet_counted_frames_keep_their_counts(void **state)
{
    (void)state;
    start("7 <13>a\nb5 <13>c<13>line\n5 <13>d", PARSER_FRAMING_SYSLOG, 16, 10);
    assert_piece("7 <13>a\nb5 <13>c", 0, 2);
    assert_piece("<13>line\n5 <13>d", 16, 2);
    assert_end();
}

static void elements_of_an_array_get_their_brackets_back(void **state)
{
    (void)state;
    start("[{\"a\":\"]\"}, {\"b\":2},\n{\"c\":3}]", PARSER_FRAMING_JSON, 100, 2);
    assert_piece("[{\"a\":\"]\"}, {\"b\":2}]", 1, 2);
    assert_piece("[{\"c\":3}]", 21, 1);
    assert_end();
}

static void objects_and_arrays_are_not_mixed(void **state)
{
    (void)state;
    start("{\"a\":1} [{\"b\":2}] ", PARSER_FRAMING_JSON, 10, 10);
    assert_piece("{\"a\":1}", 0, 1);
    assert_piece("[{\"b\":2}]", 9, 1);
    assert_end();
}

static void binary_messages_without_length_go_whole(void **state)
{
    (void)state;
    start("0123456789", PARSER_FRAMING_STREAM, 3, 1);
    assert_piece("0123456789", 0, 0);
    assert_end();
}

static void length_prefixes_stay_with_their_messages(void **state)
{
    (void)state;
    static const char bytes[] = "\0\3abc\0\1d\0\2ef";
    struct send_piece piece;
    send_split_init(&split, slice_make(bytes, sizeof bytes - 1), PARSER_FRAMING_STREAM,
                    SPLIT_PREFIX_U16, 8, 10);
    assert_int_equal(send_split_next(&split, &piece), STATUS_OK);
    assert_int_equal(piece.bytes.size, 8);
    assert_memory_equal(piece.bytes.data, bytes, 8);
    assert_int_equal(send_split_next(&split, &piece), STATUS_OK);
    assert_int_equal(piece.bytes.size, 4);
    assert_memory_equal(piece.bytes.data, bytes + 8, 4);
    assert_end();
}

static void no_record_is_lost_or_sent_twice(void **state)
{
    (void)state;
    struct writer file, back;
    writer_init(&file, 1 << 20);
    writer_init(&back, 1 << 20);
    for (int i = 0; i < 1000; i++)
        writer_format(&file, "line %d %.*s\n", i, i * 7 % 40,
                      "........................................");
    for (size_t bytes = 1; bytes < 3000; bytes += 177) {
        struct send_piece piece;
        writer_reset(&back);
        send_split_init(&split, writer_slice(&file), PARSER_FRAMING_LINES, SPLIT_PREFIX_NONE, bytes,
                        50);
        while (send_split_next(&split, &piece) == STATUS_OK) {
            assert_true(piece.bytes.size <= bytes || piece.records == 1);
            assert_true(piece.records <= 50);
            writer_add_slice(&back, piece.bytes);
            writer_u8(&back, '\n');
        }
        assert_true(slice_equal(writer_slice(&file), writer_slice(&back)));
    }
    writer_fini(&file);
    writer_fini(&back);
}

/* A batch that is sent again must be the same bytes: its key is made from them. */
static void compressing_again_gives_the_same_bytes_that_inflate_reads(void **state)
{
    (void)state;
    const enum inflate_coding codings[] = {INFLATE_IDENTITY, INFLATE_GZIP, INFLATE_ZSTD};
    struct inflate *inflate = inflate_create();
    struct writer first, second, plain;
    assert_non_null(inflate);
    writer_init(&first, 1 << 20);
    writer_init(&second, 1 << 20);
    writer_init(&plain, 1 << 20);
    for (size_t i = 0; i < 3; i++) {
        struct slice text = SLICE_LITERAL("text text text text \n");
        assert_int_equal(deflate_body(codings[i], text, &first), STATUS_OK);
        assert_int_equal(deflate_body(codings[i], text, &second), STATUS_OK);
        assert_true(slice_equal(writer_slice(&first), writer_slice(&second)));
        writer_reset(&plain);
        inflate_start(inflate, codings[i], 1000, &plain);
        assert_int_equal(inflate_feed(inflate, writer_slice(&first)), STATUS_OK);
        assert_int_equal(inflate_finish(inflate), STATUS_OK);
        assert_true(slice_equal(writer_slice(&plain), text));
    }
    assert_int_equal(deflate_body(INFLATE_DEFLATE, SLICE_EMPTY, &first), STATUS_UNSUPPORTED);
    inflate_destroy(inflate);
    writer_fini(&first);
    writer_fini(&second);
    writer_fini(&plain);
}

static int setup(void **state)
{
    (void)state;
    writer_init(&scratch, 4096);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    writer_fini(&scratch);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_fits_goes_as_it_is),
        cmocka_unit_test(an_empty_file_has_no_piece),
        cmocka_unit_test(lines_are_cut_by_bytes_and_by_count),
        cmocka_unit_test(octet_counted_frames_keep_their_counts),
        cmocka_unit_test(elements_of_an_array_get_their_brackets_back),
        cmocka_unit_test(objects_and_arrays_are_not_mixed),
        cmocka_unit_test(binary_messages_without_length_go_whole),
        cmocka_unit_test(length_prefixes_stay_with_their_messages),
        cmocka_unit_test(no_record_is_lost_or_sent_twice),
        cmocka_unit_test(compressing_again_gives_the_same_bytes_that_inflate_reads),
    };
    return cmocka_run_group_tests_name("send_split", tests, setup, teardown);
}
