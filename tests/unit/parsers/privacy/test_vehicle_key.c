/* test_vehicle_key.c: keys that name a VIN, in any case, words and depth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/privacy/vehicle_claims.h"
#include "parsers/privacy/vehicle_key.h"

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
        if (vehicle_key_of(slice_from_text(yes[i])) != VEHICLE_KEY_VIN)
            fail_msg("%s is not known", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (vehicle_key_of(slice_from_text(no[i])) != VEHICLE_KEY_OTHER)
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

/* Any prefix of a text with escapes, alone in its memory: what follows is not looked at. */
static void an_escape_that_the_end_cuts_off_is_not_read_past_it(void **state)
{
    static const char text[] = "{\"name\":\"VIN\\u0041\\\\\\\"\",\"value\":\"\\u00zz\"}";
    (void)state;
    for (size_t size = 0; size < sizeof text; size++) {
        struct vehicle_claims c;
        char *copy = malloc(size + !size);
        assert_non_null(copy);
        memcpy(copy, text, size);
        vehicle_claims_find(slice_make(copy, size), &c);
        assert_int_equal(c.count, 0);
        free(copy);
    }
}

static void a_pair_of_name_and_value_claims_as_a_member_does(void **state)
{
    (void)state;
    struct vehicle_claims c;
    static const char *const texts[] = {
        "{\"a\":[{\"name\":\"VIN\",\"type\":\"string\",\"value\":\"1M8GDM9AXKP042788\"}]}",
        "{\"a\":[{\"Value\":\"1M8GDM9AXKP042788\",\"Key\":\"vehicle.vin\"}]}",
        "{\"a\":{\"key\":\"vehicle.VIN\",\"value\":{\"stringValue\":\"1M8GDM9AXKP042788\"}}}",
        "{\"a\":{\"name\":\"V\\u0049N\",\"value\":[\"1M8GDM9AXKP042788\"]}}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        vehicle_claims_find(slice_from_text(texts[i]), &c);
        if (c.count != 1 || !slice_equal_text(c.items[0].value, "1M8GDM9AXKP042788"))
            fail_msg("%s: %zu", texts[i], c.count);
    }
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
        "{\"a\":[{\"name\":\"VIN\",\"value\":\"x\"},{\"value\":\"1M8GDM9AXKP042788\"}]}",
        "{\"a\":[{\"value\":\"1M8GDM9AXKP042788\"},{\"name\":\"VIN\"}]}",
        "{\"name\":\"serial\",\"value\":\"1M8GDM9AXKP042788\",\"b\":\"vin\"}",
        "{\"x\":\"\\\"vin\\\":\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        vehicle_claims_find(slice_from_text(texts[i]), &c);
        assert_int_equal(c.count, 0);
    }
}

static void lists_and_other_names_mention_vins(void **state)
{
    (void)state;
    struct vehicle_claims c;
    static const char *const mentions[] = {
        "vins",      "peerVINs",    "vin_list", "vehicle.id", "vehicleIds", "ChassisNumber",
        "FIN",       "fin",         "vin2",     "vin_1",      "VIN-12",     "old_vin_of_car",
        "car.vin.3", "vehicle_id_2"};
    static const char *const others[] = {"bins",    "id",       "finish",  "final",   "dauphin",
                                         "vehicle", "vin_2026", "calvin2", "vin_hash"};
    for (size_t i = 0; i < sizeof mentions / sizeof *mentions; i++)
        if (vehicle_key_of(slice_from_text(mentions[i])) != VEHICLE_KEY_MENTIONS)
            fail_msg("%s is not known", mentions[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(vehicle_key_of(slice_from_text(others[i])), VEHICLE_KEY_OTHER);
    vehicle_claims_find(
        SLICE_LITERAL("{\"vins\":[\"WVWZZZ1JZXW000001\",\"x\"],\"fin\":\"WVWZZZ1JZXW000002\"}"),
        &c);
    assert_int_equal(c.count, 2);
    assert_true(c.items[0].is_mention && c.items[1].is_mention);
}

/* Members of an object whose key says what it is about: a VIN claims, a vehicle's id does not. */
static void an_object_under_a_name_is_what_the_name_says(void **state)
{
    (void)state;
    struct vehicle_claims c;
    static const struct {
        const char *text;
        bool is_mention;
    } cases[] = {
        {"{\"vin\":{\"value\":\"WVWZZZ1JZXW000001\"}}", false},
        {"{\"a\":{\"vehicleVin\":{\"type\":{\"x\":1},\"String\":\"WVWZZZ1JZXW000001\"}}}", false},
        {"{\"VIN\":[{\"n\":1},{\"v\\u0061lue\":\"WVWZZZ1JZXW000001\"}]}", false},
        {"{\"vehicle\":{\"id\":\"WVWZZZ1JZXW000001\"}}", true},
        {"{\"vehicle\":{\"ID\":{\"value\":\"WVWZZZ1JZXW000001\"}}}", true},
        {"{\"cars\":1,\"car\":[1,{\"id\":2},{\"id\":\"WVWZZZ1JZXW000001\"}],\"vin\":1}", true},
        {"{\"chassis\":{\"number\":\"WVWZZZ1JZXW000001\"}}", true},
        {"{\"vin_1\":{\"value\":\"WVWZZZ1JZXW000001\"}}", true},
        {"{\"vins\":[{\"value\":\"WVWZZZ1JZXW000001\"}]}", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vehicle_claims_find(slice_from_text(cases[i].text), &c);
        if (c.count != 1 || c.items[0].is_mention != cases[i].is_mention || c.items[0].is_plain ||
            !slice_equal_text(c.items[0].value, "WVWZZZ1JZXW000001"))
            fail_msg("%s: %zu", cases[i].text, c.count);
    }
    static const char *const others[] = {
        "{\"vehicle\":{\"a\":{\"id\":\"WVWZZZ1JZXW000001\"}}}",
        "{\"vin\":{\"a\":\"WVWZZZ1JZXW000001\"},\"value\":\"WVWZZZ1JZXW000002\"}",
        "{\"vin\":1,\"a\":{\"value\":\"WVWZZZ1JZXW000001\"}}",
        "{\"vehicle\":[],\"a\":[{\"id\":\"WVWZZZ1JZXW000001\"}]}",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        vehicle_claims_find(slice_from_text(others[i]), &c);
        if (c.count)
            fail_msg("%s: %zu", others[i], c.count);
    }
    char deep[600];
    size_t size = 0;
    for (size_t i = 0; i < 60; i++)
        size += (size_t)snprintf(deep + size, sizeof deep - size, "{\"vin\":");
    (void)snprintf(deep + size, sizeof deep - size, "{\"value\":\"WVWZZZ1JZXW000001\"}");
    vehicle_claims_find(slice_from_text(deep), &c);
    assert_int_equal(c.count, 0);
}

/* In groups or in full width it claims nothing, but is kept from others. */
static void a_vin_in_another_spelling_is_a_mention(void **state)
{
    (void)state;
    struct vehicle_claims c;
    static const char *const texts[] = {
        "{\"car.vin\":\"WVW-ZZZ1JZ-XW000001\"}",
        "{\"fin\":\"WVW ZZZ 1JZ XW 000001\",\"vin\":1}",
        "{\"a\":{\"vin\":\"W.V.W.Z.Z.Z.1.J.Z.X.W.0.0.0.0.0.1\"}}",
        "{\"car.vin\":\"\xef\xbc\xb7\xef\xbd\x96WZZZ1JZXW00000\xef\xbc\x91\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        vehicle_claims_find(slice_from_text(texts[i]), &c);
        if (c.count != 1 || !c.items[0].is_mention || memcmp(c.items[0].value.data, "W", 1) ||
            !slice_equal_nocase(c.items[0].value, "WVWZZZ1JZXW000001"))
            fail_msg("%s: %zu", texts[i], c.count);
    }
    /* The record's own claim is still one, a wrong one. */
    vehicle_claims_find(SLICE_LITERAL("{\"vin\":\"WVW-ZZZ1JZ-XW000001\"}"), &c);
    assert_int_equal(c.count, 2);
    assert_true(!c.items[0].is_mention && c.items[0].is_plain && c.items[1].is_mention);
}

/* count claims below a list, each with its own number; repeats claims of the first. */
static void find_many(unsigned count, unsigned repeats, struct vehicle_claims *c)
{
    static char text[4096];
    size_t size = (size_t)snprintf(text, sizeof text, "{\"a\":[1");
    for (unsigned i = 0; i < count + repeats; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, ",{\"vin\":\"WVWZZZ1JZXW%06u\"}",
                                 i < count ? i : 0);
    (void)snprintf(text + size, sizeof text - size, "],\"car.vin\":\"WVWZZZ1JZXW000000\"}");
    vehicle_claims_find(slice_from_text(text), c);
}

static void each_vin_is_kept_once_at_its_least_depth(void **state)
{
    (void)state;
    struct vehicle_claims c;
    find_many(VEHICLE_CLAIMS, 20, &c);
    assert_int_equal(c.count, VEHICLE_CLAIMS);
    assert_false(c.is_full);
    assert_int_equal(c.items[0].depth, 0);
    assert_false(c.items[0].is_plain);
    assert_int_equal(c.items[1].depth, 2);
    assert_true(c.items[1].is_plain);
}

static void more_vins_than_there_is_room_for_are_reported(void **state)
{
    (void)state;
    struct vehicle_claims c;
    find_many(VEHICLE_CLAIMS + 1, 0, &c);
    assert_int_equal(c.count, VEHICLE_CLAIMS);
    assert_true(c.is_full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_a_vin_are_known),
        cmocka_unit_test(claims_are_found_at_any_depth),
        cmocka_unit_test(escapes_hide_neither_key_nor_value),
        cmocka_unit_test(an_escape_that_the_end_cuts_off_is_not_read_past_it),
        cmocka_unit_test(a_pair_of_name_and_value_claims_as_a_member_does),
        cmocka_unit_test(other_values_claim_nothing),
        cmocka_unit_test(lists_and_other_names_mention_vins),
        cmocka_unit_test(an_object_under_a_name_is_what_the_name_says),
        cmocka_unit_test(a_vin_in_another_spelling_is_a_mention),
        cmocka_unit_test(each_vin_is_kept_once_at_its_least_depth),
        cmocka_unit_test(more_vins_than_there_is_room_for_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
