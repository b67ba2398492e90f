/* Tests of server/ingest/report_errors.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/ingest/report_errors.h"

static const struct pipeline_error two[] = {
    {4294967295u,
     UINT64_MAX,
     {RECORD_event_missing, "event_missing", "a \"code\":\"other\" in the detail"}},
    {7, 9, {RECORD_too_deep, "too_deep", "deeper than 16"}},
};

static struct slice write_text(struct writer *w, const struct pipeline_error *errors, uint32_t n)
{
    writer_init(w, 4096);
    report_errors_write(w, errors, n);
    assert_int_equal(w->status, STATUS_OK);
    return writer_slice(w);
}

static void text_is_the_array_that_reports_show(void **state)
{
    (void)state;
    struct writer w;
    struct slice text = write_text(&w, two + 1, 1);
    assert_true(slice_equal_text(text, "[\n {\"index\":7,\"offset\":9,\"code\":\"too_deep\","
                                       "\"detail\":\"deeper than 16\"}\n]"));
    writer_fini(&w);
}

static void first_error_is_read_back(void **state)
{
    (void)state;
    struct writer w;
    struct report_error first;
    struct slice text = write_text(&w, two, 2);
    assert_int_equal(report_errors_first(text, &first), STATUS_OK);
    assert_int_equal(first.index, 4294967295u);
    assert_int_equal(first.code, RECORD_event_missing);
    writer_fini(&w);
}

static void word_of_a_plug_in_is_no_row(void **state)
{
    (void)state;
    const struct pipeline_error own = {1, 2, {RECORD_OTHER, "bad_crc", "CRC is wrong"}};
    struct writer w;
    struct report_error first = {.code = RECORD_malformed};
    struct slice text = write_text(&w, &own, 1);
    assert_non_null(memmem(text.data, text.size, "\"code\":\"bad_crc\"", 16));
    assert_int_equal(report_errors_first(text, &first), STATUS_OK);
    assert_int_equal(first.code, RECORD_OTHER);
    writer_fini(&w);
}

static void no_error_is_not_found(void **state)
{
    (void)state;
    struct writer w;
    struct report_error first = {.index = 3};
    struct slice text = write_text(&w, NULL, 0);
    assert_int_equal(report_errors_first(text, &first), STATUS_NOT_FOUND);
    assert_int_equal(report_errors_first(SLICE_EMPTY, &first), STATUS_NOT_FOUND);
    assert_int_equal(first.index, 3);
    writer_fini(&w);
}

static void text_that_is_cut_anywhere_before_the_code_is_malformed(void **state)
{
    (void)state;
    struct writer w;
    struct report_error first;
    struct slice text = write_text(&w, two + 1, 1);
    size_t whole = sizeof "[\n {\"index\":7,\"offset\":9,\"code\":\"too_deep\"" - 1;
    for (size_t size = 1; size < whole; size++)
        assert_int_equal(report_errors_first(slice_sub(text, 0, size), &first), STATUS_MALFORMED);
    assert_int_equal(report_errors_first(slice_sub(text, 0, whole), &first), STATUS_OK);
    assert_int_equal(report_errors_first(SLICE_LITERAL("[{\"index\":1}]"), &first),
                     STATUS_MALFORMED);
    writer_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_the_array_that_reports_show),
        cmocka_unit_test(first_error_is_read_back),
        cmocka_unit_test(word_of_a_plug_in_is_no_row),
        cmocka_unit_test(no_error_is_not_found),
        cmocka_unit_test(text_that_is_cut_anywhere_before_the_code_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
