/* Objects of Splunk's HTTP Event Collector. */
#include "mutations.h"

static int setup(void **state)
{
    fixture_setup(state);
    ((struct fixture *)*state)->options.parser = &parser_hec;
    return 0;
}

static void native_event_takes_what_it_does_not_say_from_the_object(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(
        f, "{\"time\":1426279439.123,\"host\":\"gw\",\"source\":\"ids\",\"index\":\"main\","
           "\"sourcetype\":\"can\",\"fields\":{\"region\":\"eu\"},"
           "\"event\":{\"event_name\":\"FLOOD\",\"severity_id\":3,\"bus_id\":\"can0\"}}");
    assert_event_has(f, 0, "\"event_name\":\"FLOOD\"");
    assert_event_has(f, 0, "\"bus_id\":\"can0\"");
    assert_event_has(f, 0, "\"ecu_id\":\"gw\"");
    assert_event_has(f, 0, "\"time_event_ns\":\"1426279439123000000\"");
    assert_event_has(f, 0, "\"time_source\":\"rtc\"");
    assert_event_has(f, 0, "\"parser_name\":\"vsoc_json\"");
    assert_event_has(f, 0,
                     "\"hec\":{\"source\":\"ids\",\"index\":\"main\",\"sourcetype\":\"can\","
                     "\"fields\":{\"region\":\"eu\"},\"time\":1426279439.123,\"host\":\"gw\"}");
}

static void objects_stand_one_after_another(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f,
                     "{\"event\":\"a\"}{\"event\":\"b\"}\n\n{\"event\":\"c\"} [{\"event\":\"d\"}]");
    assert_int_equal(f->result.accepted, 4);
    assert_event_has(f, 2, "\"message\":\"c\"");
}

static void text_goes_to_the_parser_that_knows_it(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(
        f, "{\"host\":\"h\",\"event\":\"<34>1 2026-11-22T10:15:02Z gw su - ID47 - \\u0041bc\"}"
           "{\"host\":\"h\",\"event\":\"CEF:0|v|p|1|9|Name|10|src=10.0.0.1\"}"
           "{\"event\":\"{\\\"event_name\\\":\\\"A\\\"}\"}"
           "{\"event\":\"(1700000000.000000) can0 123#00\"}");
    assert_event_has(f, 0, "\"parser_name\":\"syslog\"");
    assert_event_has(f, 0, "\"message\":\"Abc\"");
    assert_event_has(f, 0, "\"ecu_id\":\"gw\"");
    assert_event_has(f, 0, "\"hec\":{\"host\":\"h\"}");
    assert_event_has(f, 1, "\"parser_name\":\"cef\"");
    assert_event_has(f, 1, "\"ecu_id\":\"h\"");
    assert_event_has(f, 2, "\"event_name\":\"A\"");
    assert_event_has(f, 3, "\"can_id\":291");
}

static void text_of_no_format_is_the_message(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "{\"event\":\"[INFO] started\",\"host\":\"gw\"}{\"event\":\"{ not JSON\"}"
                        "{\"event\":12.50}{\"event\":true}");
    assert_event_has(f, 0, "\"message\":\"[INFO] started\"");
    assert_event_lacks(f, 0, "parser_name"); /* the batch's own */
    assert_event_has(f, 0, "\"parse_status\":\"ok\"");
    assert_event_lacks(f, 0, "attributes");
    assert_event_has(f, 1, "\"message\":\"{ not JSON\"");
    assert_event_has(f, 2, "\"message\":\"12.50\"");
    assert_event_has(f, 3, "\"message\":\"true\"");
}

static void object_of_no_format_is_kept(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "{\"event\":{\"a\":{\"b\":[1, 2]}}}{\"event\":[\"x\"]}"
                        "{\"event\":{\"message\":5}}");
    assert_event_has(f, 0, "\"attributes\":{\"event\":{\"a\":{\"b\":[1,2]}}}");
    assert_event_has(f, 0, "\"parse_status\":\"ok\"");
    assert_event_has(f, 1, "\"attributes\":{\"event\":[\"x\"]}");
    assert_event_has(f, 2, "\"attributes\":{\"event\":{\"message\":5}}");
    assert_event_has(f, 2, "\"code\":\"wrong_type\"");
}

static void time_comes_in_every_form(void **state)
{
    static const char *const forms[] = {"1426279439.123",
                                        "\"1426279439.123\"",
                                        "1426279439123",
                                        "\"1426279439123\"",
                                        "1426279439123000",
                                        "1426279439123000000",
                                        "\"2015-03-13T20:43:59.123Z\""};
    struct fixture *f = *state;
    char body[128];
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        snprintf(body, sizeof body, "{\"time\":%s,\"event\":\"x\"}", forms[i]);
        fixture_run_text(f, body);
        assert_event_has(f, 0, "\"time_event_ns\":\"1426279439123000000\"");
        assert_event_has(f, 0, "\"parse_status\":\"ok\"");
    }
}

static void time_that_is_none_is_kept_and_noted(void **state)
{
    static const char *const forms[] = {"\"soon\"", "true", "[1]",
                                        "1e30",     "\"\"", "18446744073709551615"};
    struct fixture *f = *state;
    char body[128], kept[128];
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        snprintf(body, sizeof body, "{\"event\":\"x\",\"time\":%s}", forms[i]);
        snprintf(kept, sizeof kept, "\"attributes\":{\"time\":%s}", forms[i]);
        fixture_run_text(f, body);
        assert_event_has(f, 0, kept);
        assert_event_has(f, 0, "\"code\":\"bad_time\"");
        assert_event_lacks(f, 0, "time_event_ns");
    }
}

static void vehicle_stands_in_fields_or_in_the_event_and_nowhere_else_after(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(
        f,
        "{\"event\":\"x\",\"fields\":{\"vin\":\"1M8GDM9AXKP042788\",\"a\":\"b\"}}"
        "{\"event\":{\"vin\":\"1M8GDM9AXKP042788\",\"a\":1}}"
        "{\"event\":{\"vin\":\"1G4AH59H45G118341\"},\"fields\":{\"vin\":\"1M8GDM9AXKP042788\"}}");
    for (size_t i = 0; i < 3; i++) {
        assert_event_has(f, i, "\"wmi\":\"1M8\"");
        assert_event_lacks(f, i, "1M8GDM9AXKP042788");
    }
    assert_event_has(f, 0, "\"attributes\":{\"fields\":{\"a\":\"b\"}}");
    assert_event_has(f, 1, "\"attributes\":{\"event\":{\"a\":1}}");
    assert_event_lacks(f, 2, "1G4AH59H45G118341");
    assert_event_has(f, 2, "\"code\":\"other_vehicle\"");
}

static void metadata_of_other_types_is_kept(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(
        f, "{\"event\":\"x\",\"host\":5,\"fields\":[1],\"index\":null,\"own\":{\"k\":1}}");
    assert_event_has(f, 0, "\"attributes\":{\"host\":5,\"fields\":[1],\"own\":{\"k\":1}}");
    assert_event_lacks(f, 0, "ecu_id");
}

static void object_without_event_is_quarantined(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "{\"event\":\"a\"}{\"time\":1}{\"event\":null}{\"event\":\"\"}"
                        "{\"event\":\" \"}{\"event\":1,\"event\":2}{\"event\":\"b\"}");
    assert_int_equal(f->result.accepted, 3);
    assert_rejected(f, 1, "event_missing", "needed");
    assert_rejected(f, 2, "event_missing", "needed");
    assert_rejected(f, 3, "event_blank", "empty");
    assert_rejected(f, 4, "event_blank", "empty");
    assert_event_has(f, 5, "\"attributes\":{\"event#2\":2}");
    assert_event_has(f, 5, "\"code\":\"duplicate_key\"");
}

static void what_is_no_text_is_repaired(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "{\"event\":\"a\\u0000b\"}{\"event\":\"a\xFF"
                        "b\"}");
    for (size_t i = 0; i < 2; i++) {
        assert_event_has(f, i,
                         "\"message\":\"a\xEF\xBF\xBD"
                         "b\"");
        assert_event_has(f, i, "\"code\":\"bad_text\"");
    }
}

static void probe_claims_objects_that_hold_an_event(void **state)
{
    static const char *const mine[] = {
        "{\"event\":\"x\"}", "{\"time\":1,\"event\":{\"message\":1}}", " \n[{\"event\":1}]"};
    static const char *const others[] = {"{\"event_name\":\"A\",\"event\":1}",
                                         "{\"message\":\"a\",\"event\":1}",
                                         "{\"time\":1}",
                                         "{\"a\":{\"event\":1}}",
                                         "{\"event_type\":\"alert\",\"timestamp\":1,\"event\":1}",
                                         "event"};
    (void)state;
    for (size_t i = 0; i < sizeof mine / sizeof *mine; i++)
        assert_true(parser_hec.probe(slice_from_text(mine[i])) > 50);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(parser_hec.probe(slice_from_text(others[i])), 0);
}

static void changed_samples_lose_nothing(void **state)
{
    mutations_of_format(*state, &parser_hec);
}

#define hec_test(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        hec_test(native_event_takes_what_it_does_not_say_from_the_object),
        hec_test(objects_stand_one_after_another),
        hec_test(text_goes_to_the_parser_that_knows_it),
        hec_test(text_of_no_format_is_the_message),
        hec_test(object_of_no_format_is_kept),
        hec_test(time_comes_in_every_form),
        hec_test(time_that_is_none_is_kept_and_noted),
        hec_test(vehicle_stands_in_fields_or_in_the_event_and_nowhere_else_after),
        hec_test(metadata_of_other_types_is_kept),
        hec_test(object_without_event_is_quarantined),
        hec_test(what_is_no_text_is_repaired),
        hec_test(probe_claims_objects_that_hold_an_event),
        hec_test(changed_samples_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
