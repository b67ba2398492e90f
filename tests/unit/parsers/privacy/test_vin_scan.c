/* test_vin_scan.c: VINs found in texts, and what is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/hash.h"
#include "core/vin.h"
#include "parsers/privacy/vin_scan.h"
#include "parsers/privacy/vin_window.h"

#define FITS  "1M8GDM9AXKP042788" /* check digit X */
#define OTHER "WVWZZZ1JZXW000001" /* none: a European one */

/* VINs found in text, the known one being known, as "start-end " each. */
static const char *scan(struct slice text, bool is_json, const char *known)
{
    static char out[512];
    struct vin_window vin[1];
    struct vin_match match;
    if (known)
        vin[0] = vin_window_of((const uint8_t *)known);
    struct vin_scan s = {
        .text = text, .is_json = is_json, .known = vin, .known_count = known ? 1 : 0};
    size_t size = 0;
    out[0] = '\0';
    while (vin_scan_next(&s, &match) && size < sizeof out - 64)
        size += (size_t)snprintf(out + size, sizeof out - size, "%zu-%zu ", match.start, match.end);
    return out;
}

static const char *in_text(const char *text, const char *known)
{
    return scan(slice_from_text(text), false, known);
}

static const char *in_json(const char *text, const char *known)
{
    return scan(slice_from_text(text), true, known);
}

static void one_that_fits_is_found_between_any_other_characters(void **state)
{
    (void)state;
    assert_string_equal(in_text(FITS, NULL), "0-17 ");
    assert_string_equal(in_text("vin=" FITS ", again: " FITS ".", NULL), "4-21 30-47 ");
    assert_string_equal(in_text("1m8gdm9axkp042788", NULL), "0-17 ");
    assert_string_equal(in_text("_" FITS "_", NULL), "1-18 ");
    assert_string_equal(in_text("\xc3\xa9" FITS "\xc3\xa9", NULL), "2-19 ");
    assert_string_equal(in_text("/vehicles/" FITS "/ecu/1", NULL), "10-27 ");
    assert_string_equal(in_text("urn:vin:" FITS, NULL), "8-25 ");
    assert_string_equal(scan(slice_make("\0" FITS "\0", 19), false, NULL), "1-18 ");
}

static void every_place_in_a_text_is_looked_at(void **state)
{
    (void)state;
    char text[120], expected[16];
    for (size_t at = 0; at + 17 <= 100; at++) {
        memset(text, '-', sizeof text);
        memcpy(text + at, FITS, 17);
        snprintf(expected, sizeof expected, "%zu-%zu ", at, at + 17);
        assert_string_equal(scan(slice_make(text, 100), false, NULL), expected);
        for (size_t i = 0; i < 100; i++) /* words and blanks around it */
            if (i + 1 < at || i > at + 17)
                text[i] = i % 7 ? 'a' : ' ';
        assert_string_equal(scan(slice_make(text, 100), false, NULL), expected);
    }
}

static void what_is_no_vin_is_left_alone(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "1M8GDM9AXKP04278",  /* 16 */
        "1M8GDM9A1KP042788", /* another check digit */
        "1M8GDM9AXKPO42788", /* O */
        OTHER,               /* nobody knows it */
        "A" FITS,
        FITS "0",
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "SEV_UDS_SECURITY_ACCESS_FAILED misunderstandings",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_string_equal(in_text(texts[i], NULL), "");
}

static void one_behind_its_name_needs_no_check_digit(void **state)
{
    (void)state;
    assert_string_equal(in_text("VIN=" OTHER ", vin: " OTHER, NULL), "4-21 28-45 ");
    assert_string_equal(in_text("x vin(" OTHER ") carVIN=" OTHER, NULL), "6-23 32-49 ");
    assert_string_equal(in_json("{\"vin\": \"" OTHER "\"}", NULL), "9-26 ");
    assert_string_equal(in_json("{\"a\":\"{\\\"vin\\\": \\\"" OTHER "\\\"}\"}", NULL), "18-35 ");
    static const char *const texts[] = {
        "vin" OTHER, "calvin=" OTHER,         "VINTAGE=" OTHER,  "vin=" OTHER "0",
        "in=" OTHER, "vin=WVWZZZ1JZXW00000O", "vin_hash=" OTHER, "vin        " OTHER,
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_string_equal(in_text(texts[i], NULL), "");
}

static void assert_last_is_found(bool is_json, const char *before, const char *after)
{
    char text[200], expected[24];
    size_t at = strlen(before);
    snprintf(text, sizeof text, "%s" OTHER "%s", before, after);
    snprintf(expected, sizeof expected, "%zu-%zu ", at, at + 17);
    if (strcmp(scan(slice_from_text(text), is_json, NULL), expected))
        fail_msg("%s: %s", text, scan(slice_from_text(text), is_json, NULL));
}

/* Escapes, words and other members between a name and its VIN. */
static void one_may_be_named_in_many_ways(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "VIN is ",
        "VIN: ",
        "the vin = ",
        "VIN number: ",
        "VIN no. ",
        "VIN was: ",
        "VIN mismatch: ",
        "unknown VIN (",
        "VIN of vehicle ",
        "a=1&VIN%3D",
        "a=1&vin%3d%22",
        "VIN%253D",
        "vin%20%3A%20%22",
        "vin2=",
        "vin_1=",
        "VIN-2: ",
        "vehicle.id=",
        "vehicle_id: ",
        "vehicleId=",
        "FIN: ",
        "chassis number: ",
        "peer_vins=[",
        "x\\nvin=",
        "old_vin_of_car=",
        "{\"vin\":{\"value\":\"",
        "{\\\"vin\\\": {\\\"value\\\": \\\"",
        "vehicle: {id: \"",
        "vin\\u003d",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_last_is_found(false, texts[i], "\" x");
    assert_last_is_found(true, "{\"a\":\"x\\nVIN is ", "\"}");
    assert_last_is_found(true, "{\"vehicle\":{\"id\":\"", "\"}}");
    static const char *const others[] = {
        "driving is " OTHER,     "VIN, said one of them, and then: " OTHER,
        "final value " OTHER,    "id=" OTHER,
        "identification=" OTHER, "%56%49" OTHER,
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_string_equal(in_text(others[i], NULL), "");
}

static void full_width_is_read_as_ascii(void **state)
{
    (void)state;
    static const char wide[] =
        "\xef\xbc\x91\xef\xbc\xad\xef\xbc\x98\xef\xbc\xa7\xef\xbc\xa4\xef\xbc\xad"
        "\xef\xbc\x99\xef\xbc\xa1\xef\xbc\xb8\xef\xbc\xab\xef\xbc\xb0\xef\xbc\x90"
        "\xef\xbc\x94\xef\xbc\x92\xef\xbc\x97\xef\xbc\x98\xef\xbc\x98";
    char text[200];
    assert_string_equal(in_text(wide, NULL), "0-51 ");
    snprintf(text, sizeof text, "a %s.", wide);
    assert_string_equal(in_text(text, NULL), "2-53 ");
    assert_string_equal(in_text("\xef\xbd\x97vwzzz1jzxw00000\xef\xbc\x91", OTHER), "0-21 ");
    assert_string_equal(in_text("\\uff11M8GDM9AXKP042788", NULL), "0-22 ");
    assert_string_equal(in_json("{\"a\":\"\\uFF11M8GDM9AXKP04278\\uff18\"}", NULL), "6-33 ");
    /* The same bytes cut, and neighbours of letters and digits in full width. */
    assert_string_equal(in_text("\xef\xbcM8GDM9AXKP042788", NULL), "");
    assert_string_equal(in_text("\xef\xbc\x9aM8GDM9AXKP042788", "1M8GDM9AXKP042788"), "");
}

static void a_known_one_is_found_in_any_spelling_and_inside_words(void **state)
{
    (void)state;
    assert_string_equal(in_text(OTHER, OTHER), "0-17 ");
    assert_string_equal(in_text("host" OTHER "x", OTHER), "4-21 ");
    assert_string_equal(in_text("wvwzzz1jzxw000001", OTHER), "0-17 ");
    assert_string_equal(in_text("WVWZZZ1JZXWOOOOOI", OTHER), "0-17 ");
    assert_string_equal(in_text("wvwzzzijzxwqqqqq1", OTHER), "0-17 ");
    assert_string_equal(in_text(OTHER OTHER, OTHER), "0-17 17-34 ");
    assert_string_equal(in_text("WVWZZZ1JZXW000002", OTHER), "");
}

static void escapes_are_looked_through(void **state)
{
    (void)state;
    assert_string_equal(in_text("a=%31M8GDM9AXKP042788&b", NULL), "2-21 ");
    assert_string_equal(in_text("%31%4D%38GDM9AXKP042788", NULL), "0-23 ");
    assert_string_equal(in_text("a%20" FITS "%20b", NULL), "4-21 ");
    assert_string_equal(in_text("a%2F" FITS, NULL), "4-21 ");
    assert_string_equal(in_text("\\u0031M8GDM9AXKP042788", NULL), "0-22 ");
    assert_string_equal(in_text("line\\n" FITS "\\r\\n", NULL), "6-23 ");
    assert_string_equal(in_text("a\\x20" FITS, NULL), "5-22 ");
    assert_string_equal(in_json("{\"a\":\"\\u0031M8GDM9AXKP042788\"}", NULL), "6-28 ");
    assert_string_equal(in_json("{\"a\":\"x\\n" FITS "\\n\"}", NULL), "9-26 ");
    assert_string_equal(in_json("{\"a\":\"x\\u00e9" FITS "\"}", NULL), "13-30 ");
    /* JSON in JSON */
    assert_string_equal(in_json("{\"a\":\"{\\\"b\\\":\\\"" FITS "\\\"}\"}", NULL), "15-32 ");
    assert_string_equal(in_json("{\"a\":\"\\\\u0031M8GDM9AXKP042788\"}", NULL), "6-29 ");
    assert_string_equal(in_json("{\"a\":\"x\\\\n" FITS "\"}", NULL), "10-27 ");
}

/* A VIN that begins with what an escape ends with: the match must not cut the escape. */
static void an_escape_of_json_is_never_cut(void **state)
{
    (void)state;
    static const char known[] = "NM8GDM9AXKP042788";
    assert_string_equal(in_json("{\"a\":\"x\\nM8GDM9AXKP042788\"}", known), "");
    assert_string_equal(in_json("{\"a\":\"x\\\\nM8GDM9AXKP042788\"}", known), "9-26 ");
    assert_string_equal(in_text("x\\nM8GDM9AXKP042788", known), "2-19 ");
}

/* Why longer words are not searched for VINs that nobody knows: of 1000 hashes in hex most would
 * lose a piece. */
static void stretches_of_hashes_would_pass_for_vins(void **state)
{
    (void)state;
    size_t hit = 0, found = 0;
    for (unsigned n = 0; n < 1000; n++) {
        uint8_t digest[SHA256_BYTES];
        char hex[2 * SHA256_BYTES + 1], upper[2 * SHA256_BYTES + 1];
        sha256_bytes(slice_make(&n, sizeof n), digest);
        for (size_t i = 0; i < SHA256_BYTES; i++) {
            snprintf(hex + 2 * i, 3, "%02x", digest[i]);
            snprintf(upper + 2 * i, 3, "%02X", digest[i]);
        }
        bool any = false;
        for (size_t at = 0; at + VIN_BYTES <= 64; at++)
            any |= vin_check_digit_fits(slice_make(upper + at, VIN_BYTES));
        hit += any;
        found += in_text(hex, NULL)[0] != '\0';
    }
    assert_true(hit > 800);
    assert_int_equal(found, 0);
}

static void a_look_tells_texts_without_a_long_word(void **state)
{
    (void)state;
    assert_false(vin_scan_may_match(SLICE_LITERAL("short words only, 1234567890123456")));
    assert_true(vin_scan_may_match(SLICE_LITERAL("a 12345678901234567")));
    assert_false(vin_scan_may_match(SLICE_EMPTY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_fits_is_found_between_any_other_characters),
        cmocka_unit_test(every_place_in_a_text_is_looked_at),
        cmocka_unit_test(what_is_no_vin_is_left_alone),
        cmocka_unit_test(one_behind_its_name_needs_no_check_digit),
        cmocka_unit_test(one_may_be_named_in_many_ways),
        cmocka_unit_test(full_width_is_read_as_ascii),
        cmocka_unit_test(a_known_one_is_found_in_any_spelling_and_inside_words),
        cmocka_unit_test(escapes_are_looked_through),
        cmocka_unit_test(an_escape_of_json_is_never_cut),
        cmocka_unit_test(stretches_of_hashes_would_pass_for_vins),
        cmocka_unit_test(a_look_tells_texts_without_a_long_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
