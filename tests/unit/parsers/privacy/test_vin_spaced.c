/* test_vin_spaced.c: VINs in groups, and what is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "parsers/privacy/vin_spaced.h"
#include "parsers/privacy/vin_window.h"

#define OTHER "WVWZZZ1JZXW000001" /* no check digit */

/* VINs found in text, as "start-end " each. */
static const char *scan(const char *text, const char *known)
{
    static char out[256];
    struct vin_window vin[1];
    struct vin_match match;
    if (known)
        vin[0] = vin_window_of((const uint8_t *)known);
    struct vin_spaced_scan s = {slice_from_text(text), vin, known ? 1 : 0, 0};
    size_t size = 0;
    out[0] = '\0';
    bool may_match = vin_spaced_may_match(&s);
    while (vin_spaced_next(&s, &match) && size < sizeof out - 64)
        size += (size_t)snprintf(out + size, sizeof out - size, "%zu-%zu ", match.start, match.end);
    return may_match || !size ? out : "the look says no";
}

static void one_whose_check_digit_fits_is_found(void **state)
{
    (void)state;
    assert_string_equal(scan("1M8-GDM9AX-KP042788", NULL), "0-19 ");
    assert_string_equal(scan("seen 1M8 GDM9AX KP042788, and", NULL), "5-24 ");
    assert_string_equal(scan("x=1m8.gdm.9axkp.042788.", NULL), "2-22 ");
    assert_string_equal(scan("(1M8_GDM9AX_KP04_2788)", NULL), "1-21 ");
    assert_string_equal(scan("{\"a\":\"x\\n1M8-GDM9AX-KP042788\"}", NULL), "9-28 ");
    assert_string_equal(scan("1M8-GDM9AX-KP042788 1M8-GDM9AX-KP042788", NULL), "0-19 20-39 ");
}

static void a_known_one_is_found_in_any_groups(void **state)
{
    (void)state;
    assert_string_equal(scan("WVW-ZZZ1JZ-XW000001", OTHER), "0-19 ");
    assert_string_equal(scan("xWVW - ZZZ1JZ/XW.000001y", OTHER), "1-23 ");
    assert_string_equal(scan("w v w z z z 1 j z x w 0 0 0001", OTHER), "0-30 ");
    assert_string_equal(scan("WVW-ZZZ-IJZ-XWOO0001", OTHER), "0-20 ");
    assert_string_equal(scan("WVW-ZZZ1JZ-XW000002", OTHER), "");
    assert_string_equal(scan("WVW-ZZZ1JZ;XW000001", OTHER), "");
    assert_string_equal(scan("WVW    ZZZ1JZ XW000001", OTHER), "");
    /* In one piece: vin_scan.h. */
    assert_string_equal(scan("x WVWZZZ1JZXW000001", OTHER), "");
    /* The n is the escape's. */
    assert_string_equal(scan("{\"a\":\"\\nVW-ZZZ1JZ-XW000001\"}", "NVWZZZ1JZXW000001"), "");
}

static void one_behind_its_name_needs_no_check_digit(void **state)
{
    (void)state;
    assert_string_equal(scan("VIN: WVW-ZZZ1JZ-XW000001", NULL), "5-24 ");
    assert_string_equal(scan("{\"vin\":\"WVW ZZZ 1JZ XW 000001\"}", NULL), "8-29 ");
    assert_string_equal(scan("WVW-ZZZ1JZ-XW000001", NULL), "");
}

static void every_place_in_a_text_is_looked_at(void **state)
{
    (void)state;
    char text[101], expected[16];
    for (size_t at = 0; at + 30 <= 100; at++) {
        memset(text, '|', sizeof text - 1);
        text[100] = '\0';
        memcpy(text + at, "W-V-W-Z-Z-Z-1-J-Z-X-W-0-0-0001", 30);
        snprintf(expected, sizeof expected, "%zu-%zu ", at, at + 30);
        assert_string_equal(scan(text, OTHER), expected);
    }
}

/* Times, addresses, versions, ids and words with numbers in logs. */
static void what_is_no_vin_is_left_alone(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "2026-11-22T10:15:02.250000+0000",
        "Nov 29 12:00:00 2026",
        "192.168.100.200:54321 -> 10.0.0.1:44444",
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "7E0 02 10 03 AA AA AA AA AA 7E8 06 50 03 0032 01F4",
        "0x1234 0x5678 0x9ABC 0xDEF0 1234",
        "CVE-2026-12345 GHSA-abcd-1234-efgh 20260101",
        "sw 2026.11.22.1234567-release.20261122",
        "1M8 GDM9AX-KP042788",  /* two separators */
        "1M8-gdm9ax-KP042788",  /* two cases */
        "1M8-GDM9A1-KP042788",  /* another check digit */
        "1M8--GDM9AX-KP042788", /* a gap of two */
        "1M8-GDM9AX-KP042788Z", /* the word goes on */
        "A1M8-GDM9AX-KP042788",
        "11111-1111111-11111", /* digits only: its check digit fits */
        "1-M-8-G-D-M-9-A-X-K-P-042788",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (scan(texts[i], NULL)[0])
            fail_msg("%s: %s", texts[i], scan(texts[i], NULL));
}

static bool look(const char *text)
{
    struct vin_spaced_scan s = {slice_from_text(text), NULL, 0, 0};
    return vin_spaced_may_match(&s);
}

static void a_look_tells_most_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "1M8GDM9AXKP04278",
                                        "an ordinary text of words 1 and 200 and 3",
                                        "2026-11-22T10:15:02.250Z",
                                        "{\"count\":1234,\"of\":\"56789\"}",
                                        "r1-00000012-00000001",
                                        "text of 2026"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(look(texts[i]));
    assert_true(look("an ordinary text of 2026"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_whose_check_digit_fits_is_found),
        cmocka_unit_test(a_known_one_is_found_in_any_groups),
        cmocka_unit_test(one_behind_its_name_needs_no_check_digit),
        cmocka_unit_test(every_place_in_a_text_is_looked_at),
        cmocka_unit_test(what_is_no_vin_is_left_alone),
        cmocka_unit_test(a_look_tells_most_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
