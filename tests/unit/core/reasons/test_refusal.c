/* Tests of core/reasons/refusal.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "core/reasons/refusal.h"

static void row_gives_status_code_sentence_and_retry(void **state)
{
    (void)state;
    struct refusal r;
    assert_false(refusal_set(&r, REFUSAL_evidence_full));
    assert_int_equal(r.reason, REFUSAL_evidence_full);
    assert_int_equal(r.status, 503);
    assert_string_equal(r.code, "evidence_full");
    assert_int_equal(r.retry_after_s, 60);
    assert_non_null(strstr(r.detail, "evidence"));
    assert_null(r.header);
}

static void sentence_of_the_caller_replaces_that_of_the_row(void **state)
{
    (void)state;
    struct refusal r;
    assert_false(refusal_say(&r, REFUSAL_body_too_large, "over %d bytes", 7));
    assert_string_equal(r.detail, "over 7 bytes");
    assert_string_equal(r.code, "body_too_large");
    assert_int_equal(r.status, 413);
    assert_int_equal(r.retry_after_s, 0);
}

static void nothing_of_an_earlier_refusal_stays(void **state)
{
    (void)state;
    struct refusal r;
    refusal_set(&r, REFUSAL_quota);
    r.retry_after_s = 3600;
    r.header = "Accept";
    r.header_value = "text/plain";
    refusal_set(&r, REFUSAL_bad_vin);
    assert_int_equal(r.retry_after_s, 0);
    assert_null(r.header);
    assert_null(r.header_value);
}

static void long_sentence_is_cut_and_ended(void **state)
{
    (void)state;
    struct refusal r;
    refusal_say(&r, REFUSAL_bad_header, "%01000d", 0);
    assert_int_equal(strlen(r.detail), REFUSAL_DETAIL_BYTES - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_gives_status_code_sentence_and_retry),
        cmocka_unit_test(sentence_of_the_caller_replaces_that_of_the_row),
        cmocka_unit_test(nothing_of_an_earlier_refusal_stays),
        cmocka_unit_test(long_sentence_is_cut_and_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
