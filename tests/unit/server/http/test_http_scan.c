/* test_http_scan.c: the pre-scan alone: where a section ends, what it counts, that it looks at each
 * byte once. Refused shapes are rows of test_http_parser.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "server/http/http_scan.h"

static const struct http_limits limits = {
    .header_bytes = 200, .header_count = 3, .target_bytes = 20};

static void head_ends_at_the_empty_line_and_not_later(void **state)
{
    (void)state;
    struct http_scan scan;
    struct refusal refusal;
    size_t consumed;
    struct slice in = SLICE_LITERAL("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET \x01");
    http_scan_start_head(&scan, &limits);
    assert_int_equal(http_scan_feed(&scan, in, &consumed, &refusal), HTTP_SCAN_END);
    assert_int_equal(consumed, in.size - 5);
    assert_int_equal(scan.lines, 1);
    assert_int_equal(http_scan_feed(&scan, in, &consumed, &refusal), HTTP_SCAN_END);
    assert_int_equal(consumed, 0);
}

static void trailers_may_be_empty(void **state)
{
    (void)state;
    struct http_scan scan;
    struct refusal refusal;
    size_t consumed;
    http_scan_start_trailers(&scan, &limits);
    assert_int_equal(http_scan_feed(&scan, SLICE_LITERAL("\r"), &consumed, &refusal),
                     HTTP_SCAN_MORE);
    assert_int_equal(http_scan_feed(&scan, SLICE_LITERAL("\nX"), &consumed, &refusal),
                     HTTP_SCAN_END);
    assert_int_equal(consumed, 1);
}

static void empty_line_before_a_head_is_told_apart(void **state)
{
    (void)state;
    struct http_scan scan;
    struct refusal refusal;
    size_t consumed;
    http_scan_start_head(&scan, &limits);
    assert_int_equal(
        http_scan_feed(&scan, SLICE_LITERAL("\r\nGET / HTTP/1.0\r\n\r\n"), &consumed, &refusal),
        HTTP_SCAN_END);
    assert_int_equal(scan.leading_bytes, 2);
}

static void refusal_comes_at_the_byte_that_causes_it(void **state)
{
    (void)state;
    struct http_scan scan;
    struct refusal refusal;
    size_t consumed;
    http_scan_start_head(&scan, &limits);
    assert_int_equal(
        http_scan_feed(&scan, SLICE_LITERAL("GET / HTTP/1.1\r\nA: b"), &consumed, &refusal),
        HTTP_SCAN_MORE);
    assert_int_equal(http_scan_feed(&scan, SLICE_LITERAL("\n"), &consumed, &refusal),
                     HTTP_SCAN_REFUSED);
    assert_string_equal(refusal.code, "bare_lf");
    assert_int_equal(refusal.status, 400);
}

static void refusals_name_the_limit_and_its_value(void **state)
{
    (void)state;
    struct http_scan scan;
    struct refusal refusal;
    size_t consumed;
    http_scan_start_head(&scan, &limits);
    assert_int_equal(http_scan_feed(&scan, SLICE_LITERAL("GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
                                    &consumed, &refusal),
                     HTTP_SCAN_REFUSED);
    assert_non_null(strstr(refusal.detail, "limits.target_bytes (20)"));
    http_scan_start_trailers(&scan, &limits);
    assert_int_equal(
        http_scan_feed(&scan, SLICE_LITERAL("A:b\r\nA:b\r\nA:b\r\nA:b\r\n"), &consumed, &refusal),
        HTTP_SCAN_REFUSED);
    assert_non_null(strstr(refusal.detail, "limits.header_count (3)"));
}

static void token_characters_are_those_of_rfc_9110(void **state)
{
    (void)state;
    const char tokens[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (int c = 0; c < 256; c++)
        assert_int_equal(http_is_token_char((uint8_t)c), c && strchr(tokens, c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_ends_at_the_empty_line_and_not_later),
        cmocka_unit_test(trailers_may_be_empty),
        cmocka_unit_test(empty_line_before_a_head_is_told_apart),
        cmocka_unit_test(refusal_comes_at_the_byte_that_causes_it),
        cmocka_unit_test(refusals_name_the_limit_and_its_value),
        cmocka_unit_test(token_characters_are_those_of_rfc_9110),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
