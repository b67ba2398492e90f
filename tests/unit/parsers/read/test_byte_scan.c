/* test_byte_scan.c: the 16 bytes at a time find what one byte at a time finds, and read no byte
 * after the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "parsers/read/byte_scan.h"

enum { SIZE_MAX_TRIED = 50 };

static size_t word_end(struct slice s, size_t at, uint8_t stop)
{
    while (at < s.size && s.data[at] > ' ' && s.data[at] != stop)
        at++;
    return at;
}

static size_t either(struct slice s, size_t at, uint8_t a, uint8_t b)
{
    while (at < s.size && s.data[at] != a && s.data[at] != b)
        at++;
    return at;
}

static void assert_finds(struct slice s)
{
    for (size_t at = 0; at <= s.size; at++) {
        assert_int_equal(byte_scan_word(s, at, '='), word_end(s, at, '='));
        assert_int_equal(byte_scan_word(s, at, ' '), word_end(s, at, ' '));
        assert_int_equal(byte_scan_either(s, at, '|', '\\'), either(s, at, '|', '\\'));
        assert_int_equal(byte_scan_either(s, at, '"', '"'), either(s, at, '"', '"'));
    }
    assert_true(byte_scan_either(s, s.size + 1, '|', '\\') >= s.size);
}

static void each_byte_is_found_at_each_place(void **state)
{
    (void)state;
    for (size_t size = 0; size <= SIZE_MAX_TRIED; size++) {
        uint8_t *text = malloc(size ? size : 1); /* of this size: sanitizers see more */
        memset(text, 'x', size);
        assert_finds(slice_make(text, size));
        for (size_t place = 0; place < size; place++)
            for (unsigned byte = 0; byte < 256; byte += byte < 0x24 ? 1 : 7) {
                text[place] = (uint8_t)byte;
                assert_finds(slice_make(text, size));
                text[place] = 'x';
            }
        free(text);
    }
}

static void the_first_of_several_is_found(void **state)
{
    static const char text[] =
        "key=\"a value\" key2='b|c' \\| last\x1dmore=x||\\\\=\"\" trailing_word";
    (void)state;
    assert_finds(slice_make(text, sizeof text - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_byte_is_found_at_each_place),
        cmocka_unit_test(the_first_of_several_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
