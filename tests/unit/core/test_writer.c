/* test_writer.c: growth, sticky errors, and text forms against RFC 4648, RFC 8259 and strtod. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "core/reader.h"
#include "core/writer.h"

static struct writer w;

static int setup(void **state)
{
    (void)state;
    writer_init(&w, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    writer_fini(&w);
    return 0;
}

static void assert_written(const char *expected)
{
    assert_int_equal(w.status, STATUS_OK);
    writer_u8(&w, 0);
    assert_string_equal((const char *)w.data, expected);
    writer_reset(&w);
}

static void storage_grows_and_is_kept_on_reset(void **state)
{
    (void)state;
    for (int i = 0; i < 10000; i++)
        writer_uint_be(&w, (uint64_t)i, 4);
    assert_int_equal(w.size, 40000);
    struct reader r = reader_make(writer_slice(&w));
    for (uint64_t i = 0; i < 10000; i++)
        assert_int_equal(reader_uint_be(&r, 4), i);
    size_t capacity = w.capacity;
    writer_reset(&w);
    assert_int_equal(w.size, 0);
    assert_int_equal(w.capacity, capacity);
}

static void limit_is_exact_and_the_error_sticks(void **state)
{
    (void)state;
    struct writer small;
    writer_init(&small, 10);
    writer_text(&small, "0123456789");
    assert_int_equal(small.status, STATUS_OK);
    writer_u8(&small, 'x');
    assert_int_equal(small.status, STATUS_TOO_LARGE);
    assert_int_equal(small.size, 10);
    writer_reset(&small);
    writer_text(&small, "01234567890");
    writer_u8(&small, 'x');
    assert_int_equal(small.status, STATUS_TOO_LARGE);
    assert_int_equal(small.size, 0);
    writer_fini(&small);
}

static void varints_read_back(void **state)
{
    (void)state;
    const uint64_t values[] = {0, 1, 127, 128, 300, 16383, 16384, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < 9; i++)
        writer_varint(&w, values[i]);
    writer_uint_le(&w, 0x0102030405, 5);
    struct reader r = reader_make(writer_slice(&w));
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(reader_varint(&r), values[i]);
    assert_int_equal(reader_uint_le(&r, 5), 0x0102030405);
    assert_int_equal(r.status, STATUS_OK);
    assert_int_equal(reader_left(&r), 0);
}

static void decimals_cover_the_whole_range(void **state)
{
    (void)state;
    writer_decimal(&w, 0);
    assert_written("0");
    writer_decimal(&w, INT64_MIN);
    assert_written("-9223372036854775808");
    writer_decimal(&w, INT64_MAX);
    assert_written("9223372036854775807");
}

static void base64_follows_rfc_4648_section_10(void **state)
{
    (void)state;
    const char *vectors[][2] = {{"", ""},
                                {"f", "Zg=="},
                                {"fo", "Zm8="},
                                {"foo", "Zm9v"},
                                {"foob", "Zm9vYg=="},
                                {"fooba", "Zm9vYmE="},
                                {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < 7; i++) {
        writer_base64(&w, slice_from_text(vectors[i][0]));
        assert_written(vectors[i][1]);
    }
    writer_base64(&w, SLICE_LITERAL("\xff\xef\xbe"));
    assert_written("/+++");
}

static void hex_is_lower_case(void **state)
{
    (void)state;
    writer_hex(&w, SLICE_LITERAL("\x00\x0f\xab\xff"));
    assert_written("000fabff");
}

static void json_string_escapes_what_rfc_8259_demands(void **state)
{
    (void)state;
    writer_json_string(&w, SLICE_LITERAL("\"\\\b\f\n\r\t\x01\x0b\x1f/\x7f\xc3\xa9"));
    assert_written("\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u000b\\u001f/\x7f\xc3\xa9\"");
    writer_json_string(&w, slice_make("a\0b", 3));
    assert_written("\"a\\u0000b\"");
    writer_json_string(&w, SLICE_EMPTY);
    assert_written("\"\"");
}

enum { SIZE_MAX_TRIED = 40 };

static void check_byte_at(uint8_t byte, size_t place, size_t size)
{
    uint8_t text[SIZE_MAX_TRIED];
    bool escaped = byte < 0x20 || byte == '"' || byte == '\\';
    memset(text, byte % 2 ? ' ' : '!', sizeof text);
    text[place] = byte;
    writer_reset(&w);
    writer_json_string(&w, slice_make(text, size));
    assert_int_equal(w.size > size + 2, escaped);
    assert_int_equal(w.data[1 + place], escaped ? '\\' : byte);
    assert_int_equal(w.data[w.size - 1], '"');
}

/* The scan looks at 16 bytes at a time, which overlap at the end: each byte value at each place
 * among plain bytes, in texts of each size. */
static void json_string_finds_each_byte_at_each_place(void **state)
{
    (void)state;
    for (size_t size = 1; size <= SIZE_MAX_TRIED; size++)
        for (size_t place = 0; place < size; place++)
            for (unsigned byte = 0; byte < 256; byte++)
                check_byte_at((uint8_t)byte, place, size);
}

static void doubles_are_short(void **state)
{
    (void)state;
    const struct {
        double v;
        const char *text;
    } rows[] = {{0, "0"},
                {-0.0, "-0"},
                {0.1, "0.1"},
                {1.0 / 3, "0.3333333333333333"},
                {-2.5, "-2.5"},
                {1e300, "1e+300"},
                {1e15, "1e+15"},
                {123456789012345, "123456789012345"},
                {NAN, "null"},
                {INFINITY, "null"},
                {5e-324, "4.94065645841247e-324"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        writer_json_double(&w, rows[i].v);
        assert_written(rows[i].text);
    }
}

static void doubles_read_back_as_they_were(void **state)
{
    (void)state;
    uint64_t bits = 0x9e3779b97f4a7c15;
    for (int i = 0; i < 100000; i++) {
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        double v;
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v))
            continue;
        writer_reset(&w);
        writer_json_double(&w, v);
        writer_u8(&w, 0);
        double back = strtod((const char *)w.data, NULL);
        assert_memory_equal(&back, &v, sizeof v);
    }
}

static void format_appends_without_a_nul(void **state)
{
    (void)state;
    writer_text(&w, "<");
    writer_format(&w, "%s=%05d", "n", 42);
    writer_text(&w, ">");
    assert_written("<n=00042>");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(storage_grows_and_is_kept_on_reset),
        TEST(limit_is_exact_and_the_error_sticks),
        TEST(varints_read_back),
        TEST(decimals_cover_the_whole_range),
        TEST(base64_follows_rfc_4648_section_10),
        TEST(hex_is_lower_case),
        TEST(json_string_escapes_what_rfc_8259_demands),
        TEST(json_string_finds_each_byte_at_each_place),
        TEST(doubles_are_short),
        TEST(doubles_read_back_as_they_were),
        TEST(format_appends_without_a_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
