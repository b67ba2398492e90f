#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "parsers/read/text_time.h"
#include "parsers/read/timestamp.h"

#define S INT64_C(1000000000)
/* 2026-11-22T10:15:05Z */
#define RECEIVED (INT64_C(1795342505) * S)

static int64_t rfc3339(const char *text)
{
    int64_t ns = 0;
    if (timestamp_rfc3339(slice_from_text(text), &ns) != STATUS_OK)
        fail_msg("'%s' is refused", text);
    return ns;
}

static void rfc3339_forms_are_read(void **state)
{
    (void)state;
    assert_int_equal(rfc3339("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(rfc3339("2026-01-01T00:00:00.123456789Z"), INT64_C(1767225600123456789));
    assert_int_equal(rfc3339("2026-01-01t00:00:00.5z"), INT64_C(1767225600500000000));
    assert_int_equal(rfc3339("2026-01-01 01:00:00+01:00"), INT64_C(1767225600000000000));
    assert_int_equal(rfc3339("2025-12-31T16:30:00-0730"), INT64_C(1767225600000000000));
    assert_int_equal(rfc3339("2026-01-01T00:00:00.1234567899999Z"), INT64_C(1767225600123456789));
    assert_int_equal(rfc3339("1677-09-21T00:12:43.145224193Z"), INT64_MIN + 1);
    assert_int_equal(rfc3339("2262-04-11T23:47:16.854775807Z"), INT64_MAX);
}

/* The usual form is read by words, one with a small t byte by byte: every byte at every place. */
static void both_ways_to_read_rfc3339_agree(void **state)
{
    (void)state;
    static const char *const times[] = {"2026-11-22T10:15:05.250Z", "1999-09-09T09:59:59+05:30",
                                        "2016-02-29T23:00:60Z"};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        for (size_t at = 0; at < 19; at++)
            for (unsigned byte = 0; byte < 256 && at != 10; byte++) {
                uint8_t usual[32], other[32];
                size_t size = strlen(times[i]);
                int64_t a = 0, b = 0;
                memcpy(usual, times[i], size);
                usual[at] = (uint8_t)byte;
                memcpy(other, usual, size);
                other[10] = 't';
                assert_int_equal(timestamp_rfc3339(slice_make(usual, size), &a),
                                 timestamp_rfc3339(slice_make(other, size), &b));
                assert_int_equal(a, b);
            }
}

static void fractions_of_any_length_are_cut_at_the_ninth_digit(void **state)
{
    (void)state;
    char text[64];
    int64_t ns = 0, unit = S;
    for (int digits = 1; digits <= 20; digits++) {
        unit /= 10;
        ns += unit * (digits % 10);
        snprintf(text, sizeof text, "1970-01-01T00:00:00.%.*sZ", digits, "12345678901234567890");
        assert_int_equal(rfc3339(text), ns);
    }
}

static void leap_second_is_the_end_of_its_minute(void **state)
{
    (void)state;
    assert_int_equal(rfc3339("2016-12-31T23:59:60Z"), INT64_C(1483228800) * S - 1);
}

static void texts_that_are_no_time_are_refused(void **state)
{
    (void)state;
    static const char *const malformed[] = {"",
                                            "2026-01-01",
                                            "2026-01-01T00:00:00",
                                            "2026-01-01T00:00:00.Z",
                                            "2026-01-01T00:00:00,5Z",
                                            "2026-01-01T00:00:00Zx",
                                            "2026-1-01T00:00:00Z",
                                            "2026-01-01X00:00:00Z",
                                            "2026-01-01T00:00:00+1:00",
                                            "2026-01-01T00:00:00+24:00",
                                            "2026-01-01T00:00:00+01",
                                            "+026-01-01T00:00:00Z"};
    static const char *const impossible[] = {"2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
                                             "2026-00-01T00:00:00Z", "2026-01-32T00:00:00Z",
                                             "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
                                             "2026-01-01T00:00:61Z", "2262-04-12T00:00:00Z",
                                             "1600-01-01T00:00:00Z", "1900-02-29T00:00:00Z"};
    int64_t ns = 42;
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        assert_int_equal(timestamp_rfc3339(slice_from_text(malformed[i]), &ns), STATUS_MALFORMED);
    for (size_t i = 0; i < sizeof impossible / sizeof *impossible; i++)
        assert_int_equal(timestamp_rfc3339(slice_from_text(impossible[i]), &ns),
                         STATUS_OUT_OF_RANGE);
    assert_int_equal(ns, 42); /* untouched */
}

/* The C library's calendar is the oracle. */
static void days_agree_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t day = -100000; day < 100000; day += 37) {
        time_t t = (time_t)(day * 86400);
        struct tm tm;
        gmtime_r(&t, &tm);
        assert_int_equal(timestamp_days_from_civil(tm.tm_year + 1900, (unsigned)tm.tm_mon + 1,
                                                   (unsigned)tm.tm_mday),
                         day);
    }
}

static int64_t bsd(const char *text, int64_t received_ns, size_t expected_size)
{
    int64_t ns = 0;
    size_t consumed = 0;
    if (timestamp_rfc3164(slice_from_text(text), received_ns, &ns, &consumed) != STATUS_OK)
        fail_msg("'%s' is refused", text);
    assert_int_equal(consumed, expected_size);
    return ns;
}

static void bsd_time_takes_the_latest_year_that_is_not_far_ahead(void **state)
{
    (void)state;
    assert_int_equal(bsd("Oct 11 22:14:15 host", RECEIVED, 15), rfc3339("2026-10-11T22:14:15Z"));
    assert_int_equal(bsd("Feb  5 17:32:18", RECEIVED, 15), rfc3339("2026-02-05T17:32:18Z"));
    assert_int_equal(bsd("Dec 31 23:59:59", RECEIVED, 15), rfc3339("2025-12-31T23:59:59Z"));
    assert_int_equal(bsd("Dec 20 00:00:00", RECEIVED, 15), rfc3339("2026-12-20T00:00:00Z"));
    int64_t new_year = rfc3339("2027-01-01T00:00:05Z"), eve = rfc3339("2026-12-31T23:59:55Z");
    assert_int_equal(bsd("Dec 31 23:59:59", new_year, 15), rfc3339("2026-12-31T23:59:59Z"));
    assert_int_equal(bsd("Jan  1 00:00:01", eve, 15), rfc3339("2027-01-01T00:00:01Z"));
    assert_int_equal(bsd("Feb 29 00:00:00", RECEIVED, 15), rfc3339("2024-02-29T00:00:00Z"));
}

static void bsd_time_may_have_year_and_fraction(void **state)
{
    (void)state;
    assert_int_equal(bsd("OCT 07 1999 22:14:15", RECEIVED, 20), rfc3339("1999-10-07T22:14:15Z"));
    assert_int_equal(bsd("oct 7 22:14:15.250 x", RECEIVED, 18), rfc3339("2026-10-07T22:14:15.25Z"));
}

static void bsd_times_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "Oct",
                                      "Oct 11",
                                      "Okt 11 22:14:15",
                                      "Oct 11 22:14",
                                      "Oct x 22:14:15",
                                      "Oct 11 22-14-15"};
    int64_t ns;
    size_t consumed;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_not_equal(timestamp_rfc3164(slice_from_text(bad[i]), RECEIVED, &ns, &consumed),
                             STATUS_OK);
    assert_int_equal(
        timestamp_rfc3164(slice_from_text("Feb 30 00:00:00"), RECEIVED, &ns, &consumed),
        STATUS_OUT_OF_RANGE);
}

static int64_t epoch(const char *text)
{
    int64_t ns = 0;
    if (timestamp_epoch_text(slice_from_text(text), &ns) != STATUS_OK)
        fail_msg("'%s' is refused", text);
    return ns;
}

static void epoch_unit_follows_from_the_size(void **state)
{
    (void)state;
    assert_int_equal(epoch("0"), 0);
    assert_int_equal(epoch("1767225600"), INT64_C(1767225600) * S);
    assert_int_equal(epoch("1767225600123"), INT64_C(1767225600123000000));
    assert_int_equal(epoch("1767225600123456"), INT64_C(1767225600123456000));
    assert_int_equal(epoch("1767225600123456789"), INT64_C(1767225600123456789));
    assert_int_equal(epoch("-1767225600"), -INT64_C(1767225600) * S);
    assert_int_equal(epoch("+5"), 5 * S);
    int64_t ns;
    assert_int_equal(timestamp_epoch_int(INT64_C(-1767225600123), &ns), STATUS_OK);
    assert_int_equal(ns, INT64_C(-1767225600123000000));
    assert_int_equal(timestamp_epoch_int(INT64_MIN, &ns), STATUS_OK);
    assert_int_equal(ns, INT64_MIN);
    assert_int_equal(timestamp_epoch_int(INT64_C(99999999999), &ns), STATUS_OUT_OF_RANGE);
}

static void epoch_fractions_are_exact(void **state)
{
    (void)state;
    assert_int_equal(epoch("1767225600.123456789"), INT64_C(1767225600123456789));
    assert_int_equal(epoch("1767225600123.456789"), INT64_C(1767225600123456789));
    assert_int_equal(epoch("-0.5"), -S / 2);
    int64_t ns;
    assert_int_equal(timestamp_epoch_real(1767225600.5, &ns), STATUS_OK);
    assert_int_equal(ns, INT64_C(1767225600500000000));
    assert_int_equal(timestamp_epoch_real(1e300, &ns), STATUS_OUT_OF_RANGE);
}

static void epoch_texts_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",   "-",  ".",   "1.",  ".5", "1e9",
                                      "1 ", " 1", "0x1", "1,5", "--1"};
    int64_t ns;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(timestamp_epoch_text(slice_from_text(bad[i]), &ns), STATUS_MALFORMED);
    assert_int_equal(timestamp_epoch_text(slice_from_text("9223372036854775808"), &ns),
                     STATUS_OUT_OF_RANGE);
    assert_int_equal(timestamp_epoch_text(slice_from_text("99999999999999999999999"), &ns),
                     STATUS_OUT_OF_RANGE);
}

static void patterns_are_read_with_and_without_a_year(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text, *time; /* time NULL: malformed or out of range */
        bool inferred;
    } cases[] = {
        {"yyyy-MM-dd HH:mm:ss.SSS", "2026-11-20 10:15:02.250", "2026-11-20T10:15:02.250Z", true},
        {"MMM dd HH:mm:ss z", "Nov 20 10:15:02 UTC", "2026-11-20T10:15:02Z", true},
        {"MMM dd HH:mm:ss.SSS z", "Nov 20 10:15:02.123456789123 UTC",
         "2026-11-20T10:15:02.123456789Z", true},
        {"yy/M/d h:m:s a Z", "26/1/2 1:2:3 PM +0100", "2026-01-02T12:02:03Z", false},
        {"yyyy-MM-dd HH:mm:ss X", "0999-12-31 23:59:59 Z", NULL, false},
        {"yyyy-MM-dd HH:mm:ss X", "2026-02-30 00:00:00 Z", NULL, false},
        {"yyyy-MM-dd HH:mm:ss X", "2026-02-03 99:00:00 Z", NULL, false},
        {"dd.MM.yyyy HH:mm", "20.11.2026 10:15", "2026-11-20T10:15:00Z", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ns = 0;
        bool inferred = false;
        enum status status =
            text_time_read_by(slice_from_text(cases[i].pattern), slice_from_text(cases[i].text),
                              RECEIVED, &ns, &inferred);
        assert_int_equal(status == STATUS_OK, cases[i].time != NULL);
        if (!cases[i].time)
            continue;
        assert_int_equal(ns, rfc3339(cases[i].time));
        assert_int_equal(inferred, cases[i].inferred);
    }
}

static void cef_zone_comes_from_the_text_or_the_record(void **state)
{
    (void)state;
    static const struct {
        const char *text, *dtz, *time;
        bool inferred;
    } cases[] = {
        {"Nov 20 2026 10:15:02 UTC", "", "2026-11-20T10:15:02Z", false},
        {"Nov 20 2026 10:15:02 GMT+0100", "", "2026-11-20T09:15:02Z", false},
        {"Nov 20 2026 10:15:02", "-05:30", "2026-11-20T15:45:02Z", false},
        {"Nov 20 2026 10:15:02", "Europe/Berlin", "2026-11-20T10:15:02Z", true},
        {"Nov 20 10:15:02 UTC", "", "2026-11-20T10:15:02Z", true},
        {"1795169702000", "", "2026-11-20T10:15:02Z", false},
        {"2026-11-20T10:15:02Z", "", "2026-11-20T10:15:02Z", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ns = 0;
        bool inferred;
        assert_int_equal(text_time_read(slice_from_text(cases[i].text),
                                        slice_from_text(cases[i].dtz), RECEIVED, &ns, &inferred),
                         STATUS_OK);
        assert_int_equal(ns, rfc3339(cases[i].time));
        assert_int_equal(inferred, cases[i].inferred);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3339_forms_are_read),
        cmocka_unit_test(both_ways_to_read_rfc3339_agree),
        cmocka_unit_test(fractions_of_any_length_are_cut_at_the_ninth_digit),
        cmocka_unit_test(leap_second_is_the_end_of_its_minute),
        cmocka_unit_test(texts_that_are_no_time_are_refused),
        cmocka_unit_test(days_agree_with_the_c_library),
        cmocka_unit_test(bsd_time_takes_the_latest_year_that_is_not_far_ahead),
        cmocka_unit_test(bsd_time_may_have_year_and_fraction),
        cmocka_unit_test(bsd_times_that_are_none_are_refused),
        cmocka_unit_test(epoch_unit_follows_from_the_size),
        cmocka_unit_test(epoch_fractions_are_exact),
        cmocka_unit_test(epoch_texts_that_are_none_are_refused),
        cmocka_unit_test(patterns_are_read_with_and_without_a_year),
        cmocka_unit_test(cef_zone_comes_from_the_text_or_the_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
