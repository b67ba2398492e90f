/* test_utf8.c: texts of plain bytes are recognised at every size, and every other byte at every
 * place. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/utf8.h"

enum { SIZE_MAX_TRIED = 70 };

static void a_byte_that_is_not_plain_is_seen_at_every_place(void **state)
{
    (void)state;
    uint8_t text[SIZE_MAX_TRIED];
    for (size_t size = 0; size <= sizeof text; size++)
        for (unsigned byte = 0; byte < 256; byte++) {
            bool is_plain = byte >= 1 && byte <= 0x7f;
            memset(text, byte % 2 ? 0x01 : 0x7f, size);
            assert_true(utf8_is_plain(slice_make(text, size)));
            for (size_t at = 0; at < size; at++) {
                uint8_t before = text[at];
                text[at] = (uint8_t)byte;
                assert_int_equal(utf8_is_plain(slice_make(text, size)), is_plain);
                assert_int_equal(utf8_check(slice_make(text, size)) == STATUS_OK, is_plain);
                text[at] = before;
            }
        }
}

static void characters_of_several_bytes_are_checked(void **state)
{
    (void)state;
    assert_int_equal(utf8_check(SLICE_LITERAL("Stra\xc3\x9f"
                                              "e")),
                     STATUS_OK);
    assert_false(utf8_is_plain(SLICE_LITERAL("Stra\xc3\x9f"
                                             "e")));
    assert_int_equal(utf8_check(SLICE_LITERAL("\xf0\x9f\x9a\x97")), STATUS_OK);
    assert_int_equal(utf8_check(SLICE_LITERAL("\xed\xa0\x80")), STATUS_INVALID_UTF8);
    assert_int_equal(utf8_check(SLICE_LITERAL("ab\0cd")), STATUS_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_byte_that_is_not_plain_is_seen_at_every_place),
        cmocka_unit_test(characters_of_several_bytes_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
