/* Tests of core/reasons/record_code.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "core/reasons/record_code.h"
#include "parsers/parser.h"

static void every_row_is_found_by_its_text(void **state)
{
    (void)state;
    for (unsigned i = RECORD_OTHER + 1; i < RECORD_CODE_COUNT; i++) {
        const char *text = record_code_text((enum record_code)i);
        assert_int_equal(record_code_find(slice_from_text(text)), i);
        assert_in_range(strlen(text), 3, 32); /* what plug-ins may have, too */
        assert_int_equal(strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(text));
    }
    assert_int_equal(record_code_find(SLICE_LITERAL("malforme")), RECORD_OTHER);
    assert_int_equal(record_code_find(SLICE_LITERAL("MALFORMED")), RECORD_OTHER);
    assert_int_equal(record_code_find(SLICE_EMPTY), RECORD_OTHER);
}

static void source_says_who_quarantined(void **state)
{
    (void)state;
    assert_int_equal(record_code_source(RECORD_wrong_type), RECORD_SOURCE_PARSE);
    assert_int_equal(record_code_source(RECORD_vin_mismatch), RECORD_SOURCE_POLICY);
    assert_int_equal(record_code_source(RECORD_undecodable), RECORD_SOURCE_SINK);
    assert_int_equal(record_code_source(RECORD_value_cut), RECORD_SOURCE_NONE);
    assert_int_equal(record_code_source(RECORD_OTHER), RECORD_SOURCE_PARSE);
}

static void text_from_outside_becomes_a_row_or_stays_a_word(void **state)
{
    (void)state;
    struct record_reason reason = record_reason_read("bad_crc", "CRC is wrong");
    assert_int_equal(reason.code, RECORD_OTHER);
    assert_string_equal(reason.word, "bad_crc");
    struct record_reason row = record_reason_read("too_deep", NULL);
    assert_int_equal(row.code, RECORD_too_deep);
    assert_ptr_equal(row.word, record_code_text(RECORD_too_deep));
    assert_int_equal(record_reason_read(NULL, NULL).code, RECORD_malformed);
}

static void words_that_are_no_rows_differ_by_their_text(void **state)
{
    (void)state;
    const struct record_reason crc = record_reason_read("bad_crc", "a"),
                               again = record_reason_read("bad_crc", "b"),
                               size = record_reason_read("bad_size", "a"),
                               row = record_reason_make(RECORD_too_deep, "a"),
                               read = record_reason_read("too_deep", "b");
    assert_true(record_reason_is_same_code(&crc, &again));
    assert_false(record_reason_is_same_code(&crc, &size));
    assert_false(record_reason_is_same_code(&crc, &row));
    assert_true(record_reason_is_same_code(&row, &read));
}

static void word_of_the_parser_abi_is_a_row(void **state)
{
    (void)state;
    assert_string_equal(record_code_text(RECORD_out_of_memory), PARSER_OUT_OF_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_found_by_its_text),
        cmocka_unit_test(source_says_who_quarantined),
        cmocka_unit_test(text_from_outside_becomes_a_row_or_stays_a_word),
        cmocka_unit_test(words_that_are_no_rows_differ_by_their_text),
        cmocka_unit_test(word_of_the_parser_abi_is_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
