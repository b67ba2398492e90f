/* Behaviour of core/json/json_scalar.h: numbers are read as strtod and strtoll read them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/json/json_scalar.h"

static uint64_t seed = 5;

static uint64_t below(uint64_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 17) % n;
}

static void assert_real(const char *text)
{
    struct json_node node;
    const char *detail = NULL;
    assert_int_equal(json_scalar_read(slice_from_text(text), &node, &detail), STATUS_OK);
    double expected = strtod(text, NULL);
    assert_int_equal(node.type, JSON_DOUBLE);
    if (memcmp(&node.real, &expected, sizeof expected) != 0)
        fail_msg("%s: %.17g, expected %.17g", text, node.real, expected);
}

static void decimals_of_any_length_are_rounded_right(void **state)
{
    (void)state;
    char text[64];
    for (int round = 0; round < 200000; round++) {
        size_t size = 0, whole = 1 + below(18), fraction = 1 + below(18);
        if (below(4) == 0)
            text[size++] = '-';
        text[size++] = (char)('1' + below(9));
        if (whole == 1 && below(2))
            text[size - 1] = '0';
        for (size_t i = 1; i < whole; i++)
            text[size++] = (char)('0' + below(10));
        text[size++] = '.';
        for (size_t i = 0; i < fraction; i++)
            text[size++] = (char)('0' + below(10));
        text[size] = 0;
        assert_real(text);
    }
}

static void decimals_at_the_edges_are_rounded_right(void **state)
{
    (void)state;
    static const char *const texts[] = {"0.0",
                                        "-0.0",
                                        "-0.000",
                                        "9.99999999999999",
                                        "999999999999999.9",
                                        "0.00000000000001",
                                        "9007199254740993.0",
                                        "900719925474099.3",
                                        "-12345678901234.5",
                                        "1e22",
                                        "123.456e-7",
                                        "0.1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_real(texts[i]);
}

static void integers_of_any_length_are_exact(void **state)
{
    (void)state;
    char text[64];
    for (int round = 0; round < 100000; round++) {
        struct json_node node;
        const char *detail = NULL;
        int64_t v = (int64_t)(below(UINT64_MAX) << below(2)) >> below(64);
        snprintf(text, sizeof text, "%lld", (long long)v);
        assert_int_equal(json_scalar_read(slice_from_text(text), &node, &detail), STATUS_OK);
        assert_int_equal(node.type, JSON_INT);
        assert_true(node.integer == v);
    }
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"-",     "01",  "-01",  "1.",   ".5",  "1.a",
                                        "1.5.5", "1-2", "+1",   "1e",   "0x1", "1 2",
                                        "--1",   "-a",  "00.1", "1.5e", "1.5-"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct json_node node;
        const char *detail = NULL;
        assert_int_equal(json_scalar_read(slice_from_text(texts[i]), &node, &detail),
                         STATUS_MALFORMED);
        assert_non_null(detail);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_of_any_length_are_rounded_right),
        cmocka_unit_test(decimals_at_the_edges_are_rounded_right),
        cmocka_unit_test(integers_of_any_length_are_exact),
        cmocka_unit_test(what_is_no_number_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
