/* test_vehicle_key.c: keys that name a VIN, in any case, words and depth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "parsers/vehicle_key.h"

static void names_of_a_vin_are_known(void **state)
{
    (void)state;
    static const char *const yes[] = {
        "vin",
        "VIN",
        "Vin",
        "vehicle.VIN",
        "vehicle_vin",
        "vehicleVin",
        "vehicleVIN",
        "carVin",
        "vehicle.vin",
        "Vehicle.VehicleIdentification.VIN",
        "VIN-Number",
        "VINNumber",
        "vin_code",
        "VIN:",
        " vin ",
        "vehicleIdentificationNumber",
        "VehicleIdentificationNumber",
        "vehicle_identification_number",
        "VEHICLE_IDENTIFICATION_NUMBER",
        "VEHICLEVIN",
        "Vehicle Identification No.",
        "resource.vehicle.vin",
        "urn:oem:vin",
    };
    static const char *const no[] = {
        "",           "vi",      "vino",   "driving", "vin_hash",
        "vin_key_id", "vincent", "calvin", "VINTAGE", "identification_number",
        "alevin",     "v.i.n",
    };
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!vehicle_key_is_vin(slice_from_text(yes[i])))
            fail_msg("%s is not known", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (vehicle_key_is_vin(slice_from_text(no[i])))
            fail_msg("%s is taken for a VIN", no[i]);
}

static void claims_are_found_at_any_depth(void **state)
{
    (void)state;
    struct vehicle_claims c;
    vehicle_claims_find(
        SLICE_LITERAL("{\"a\":{\"b\":[{\"VIN\":\" 1M8GDM9AXKP042788 \"}]},\"vin\":\"x\",\"n\":1,"
                      "\"vehicleVin\":[\"WVWZZZ1JZXW000001\",\"none\"]}"),
        &c);
    assert_int_equal(c.count, 3);
    assert_true(slice_equal_text(c.items[0].value, "1M8GDM9AXKP042788"));
    assert_int_equal(c.items[0].depth, 3);
    assert_true(slice_equal_text(c.items[1].value, "x"));
    assert_int_equal(c.items[1].depth, 0);
    assert_true(c.items[1].is_plain);
    assert_true(slice_equal_text(c.items[2].value, "WVWZZZ1JZXW000001"));
    assert_false(c.items[2].is_plain);
}

static void escapes_hide_neither_key_nor_value(void **state)
{
    (void)state;
    struct vehicle_claims c;
    vehicle_claims_find(SLICE_LITERAL("{\"a\":{\"\\u0076in\":\"\\u0031M8GDM9AXKP042788\"}}"), &c);
    assert_int_equal(c.count, 1);
    assert_true(slice_equal_text(c.items[0].value, "1M8GDM9AXKP042788"));
}

static void other_values_claim_nothing(void **state)
{
    (void)state;
    struct vehicle_claims c;
    static const char *const texts[] = {
        "{}",
        "{\"vehicle.vin\":\"unknown\"}",
        "{\"a\":\"vin\",\"b\":\"1M8GDM9AXKP042788\"}",
        "{\"vin\":{\"a\":\"1M8GDM9AXKP042788\"}}",
        "{\"vin\":17}",
        "{\"x\":\"\\\"vin\\\":\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        vehicle_claims_find(slice_from_text(texts[i]), &c);
        assert_int_equal(c.count, 0);
    }
}

static void there_is_no_end_of_claims_but_of_those_kept(void **state)
{
    (void)state;
    struct vehicle_claims c;
    vehicle_claims_find(
        SLICE_LITERAL("{\"a\":[{\"vin\":\"1M8GDM9AXKP042788\"},"
                      "{\"vin\":\"1M8GDM9AXKP042788\"},{\"vin\":\"1M8GDM9AXKP042788\"},"
                      "{\"vin\":\"1M8GDM9AXKP042788\"},{\"vin\":\"1M8GDM9AXKP042788\"}]}"),
        &c);
    assert_int_equal(c.count, VEHICLE_CLAIMS);
    assert_int_equal(c.found, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_a_vin_are_known),
        cmocka_unit_test(claims_are_found_at_any_depth),
        cmocka_unit_test(escapes_hide_neither_key_nor_value),
        cmocka_unit_test(other_values_claim_nothing),
        cmocka_unit_test(there_is_no_end_of_claims_but_of_those_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
