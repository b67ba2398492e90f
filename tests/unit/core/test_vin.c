#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/vin.h"

/* Vectors: NHTSA's published example and others recomputed from 49 CFR 565. */
static void check_digit_fits_published_vins(void **state)
{
    (void)state;
    static const char *const good[] = {"1M8GDM9AXKP042788", "1G4AH59H45G118341",
                                       "1J9RP1A36A1644345", "11111111111111111"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(vin_check_digit_fits(slice_from_text(good[i])));
    assert_false(vin_check_digit_fits(slice_from_text("1M8GDM9A1KP042788")));
}

static void european_vin_is_valid_without_check_digit(void **state)
{
    (void)state;
    assert_true(vin_is_valid(slice_from_text("WVWZZZ1JZXW000001")));
    assert_false(vin_check_digit_fits(slice_from_text("WVWZZZ1JZXW000001")));
}

static void letters_i_o_q_lower_case_and_wrong_length_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"IM8GDM9AXKP042788",
                                      "1O8GDM9AXKP042788",
                                      "1Q8GDM9AXKP042788",
                                      "1m8GDM9AXKP042788",
                                      "1M8GDM9AXKP04278",
                                      "1M8GDM9AXKP0427888",
                                      ""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(vin_is_valid(slice_from_text(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_digit_fits_published_vins),
        cmocka_unit_test(european_vin_is_valid_without_check_digit),
        cmocka_unit_test(letters_i_o_q_lower_case_and_wrong_length_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
