/* JSON objects of any kind. The golden files have a record of each kind. */
#include "pipeline_fixture.h"

#include "parsers/formats/json/json_event_values.h"

static void run(struct fixture *f, const struct parser *parser, const char *body)
{
    f->options.parser = parser;
    fixture_run_text(f, body);
    assert_int_equal(f->status, STATUS_OK);
    assert_int_equal(f->item_count, 1);
}

#define ECS  "{\"@timestamp\":\"2026-11-22T10:15:02Z\",\"ecs\":{\"version\":\"8.11.0\"}"
#define OCSF "{\"class_uid\":4001,\"metadata\":{\"version\":\"1.1.0\"}"

static void native_json_with_marks_is_read_by_them(void **state)
{
    struct fixture *f = *state;
    run(f, &parser_vsoc_json, ECS ",\"message\":\"m\",\"event\":{\"action\":\"a\"}}");
    assert_event_has(f, 0, "\"event_name\":\"a\"");
    assert_event_has(f, 0, "\"parser_name\":\"json\"");
    run(f, &parser_vsoc_json,
        OCSF ",\"class_name\":\"c\",\"severity_id\":6,\"confidence\":\"High\"}");
    assert_event_has(f, 0, "\"event_name\":\"c\"");
    assert_event_has(f, 0, "\"severity_id\":6");
    run(f, &parser_vsoc_json, ECS ",\"event_name\":\"n\"}");
    assert_event_has(f, 0, "\"event_name\":\"n\"");
    assert_event_lacks(f, 0, "parser_name");
    run(f, &parser_vsoc_json, "{\"class_uid\":4001,\"message\":\"m\"}");
    assert_event_has(f, 0, "\"attributes\":{\"class_uid\":4001}");
    assert_event_lacks(f, 0, "parser_name");
}

static void the_refusal_of_other_objects_names_the_route(void **state)
{
    struct fixture *f = *state;
    run(f, &parser_vsoc_json, "{\"a\":1}");
    assert_rejected(f, 0, "missing_field", "/v1/events/json");
    run(f, &parser_json, "{\"a\":1}");
    assert_event_has(f, 0, "\"attributes\":{\"a\":1}");
}

static void other_formats_carry_them(void **state)
{
    struct fixture *f = *state;
    run(f, &parser_hec, "{\"event\":" ECS ",\"event\":{\"action\":\"a\"}}}");
    assert_event_has(f, 0, "\"event_name\":\"a\"");
    run(f, &parser_syslog, "<13>Nov 22 10:15:02 gw app: " ECS ",\"event.action\":\"a\"}");
    assert_event_has(f, 0, "\"event_name\":\"a\"");
    run(f, &parser_cloudevents,
        "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"data\":" OCSF
        ",\"class_name\":\"c\"}}");
    assert_event_has(f, 0, "\"event_name\":\"c\"");
}

static void flat_and_nested_paths_are_the_same(void **state)
{
    struct fixture *f = *state;
    static const char *const bodies[] = {
        ECS ",\"source\":{\"ip\":\"192.0.2.1\",\"x\":1}}",
        ECS ",\"source.ip\":\"192.0.2.1\",\"source.x\":1}",
        ECS ",\"process\":{\"a.b\":{\"c\":1}},\"source\":{\"ip\":\"192.0.2.1\"}}",
    };
    static const char *const kept[] = {
        "\"attributes\":{\"ecs\":{\"version\":\"8.11.0\"},\"source\":{\"x\":1}}",
        "\"attributes\":{\"ecs\":{\"version\":\"8.11.0\"},\"source.x\":1}",
        "\"attributes\":{\"ecs\":{\"version\":\"8.11.0\"},\"process\":{\"a.b\":{\"c\":1}}}",
    };
    for (size_t i = 0; i < 3; i++) {
        run(f, &parser_json, bodies[i]);
        assert_event_has(f, 0, "\"src_ip\":\"192.0.2.1\"");
        assert_event_has(f, 0, kept[i]);
    }
}

static void what_does_not_fit_its_column_stays(void **state)
{
    struct fixture *f = *state;
    run(f, &parser_json,
        ECS ",\"source\":{\"ip\":\"host\",\"port\":70000},\"process\":{\"pid\":-1,\"name\":[\"a\","
            "\"b\"]},\"user\":{\"name\":null,\"id\":{}},\"network\":{\"transport\":\"\"}}");
    assert_event_has(
        f, 0,
        "\"source\":{\"ip\":\"host\",\"port\":70000},\"process\":{\"pid\":-1,\"name\":["
        "\"a\",\"b\"]},\"user\":{\"name\":null,\"id\":{}},\"network\":{\"transport\":"
        "\"\"}");
    assert_event_lacks(f, 0, "src_ip");
}

static void the_vehicle_meets_the_identity_policy(void **state)
{
    struct fixture *f = *state;
    f->normaliser.certificate_vin = SLICE_LITERAL("1G4AH59H45G118341");
    run(f, &parser_json, ECS ",\"labels\":{\"vin\":\"1M8GDM9AXKP042788\"}}");
    assert_rejected(f, 0, "vin_mismatch", "");
    f->normaliser.certificate_vin = SLICE_EMPTY;
    run(f, &parser_json,
        ECS ",\"labels\":{\"vin\":\"1M8GDM9AXKP042788\"},\"vehicle.vin\":\"1G4AH59H45G118341\"}");
    assert_event_has(f, 0, "\"wmi\":\"1G4\"");
    assert_event_has(f, 0, "\"code\":\"other_vehicle\"");
    assert_event_lacks(f, 0, "1M8GDM9AXKP042788");
}

static void words_of_severity_have_two_scales(void **state)
{
    (void)state;
    assert_int_equal(json_level_severity(SLICE_LITERAL("CRITICAL"), false), 4);
    assert_int_equal(json_level_severity(SLICE_LITERAL("Critical"), true), 5);
    assert_int_equal(json_level_severity(SLICE_LITERAL("Informational"), false), 1);
    assert_int_equal(json_level_severity(SLICE_LITERAL("high"), true), 4);
    assert_int_equal(json_level_severity(SLICE_LITERAL("loud"), true), 0);
    assert_int_equal(json_level_severity(SLICE_EMPTY, true), 0);
}

static void deep_and_long_paths_are_passed_over(void **state)
{
    struct fixture *f = *state;
    char body[512];
    run(f, &parser_json,
        ECS
        ",\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":1}}}}}},\"\":{\"source\":{\"ip\":1}}}");
    assert_event_has(f, 0, "{\"g\":1}");
    snprintf(body, sizeof body, ECS ",\"%0100d\":{\"ip\":1},\"source\":{\"%0100d\":2}}", 1, 2);
    run(f, &parser_json, body);
    assert_event_has(f, 0, "0001\":{\"ip\":1}");
}

static void heads_with_marks_are_claimed(void **state)
{
    (void)state;
    assert_true(parser_json.probe(SLICE_LITERAL(ECS "}")) > 70);
    assert_true(parser_json.probe(SLICE_LITERAL(OCSF "}")) > 70);
    assert_true(parser_json.probe(SLICE_LITERAL("[{\"ecs.version\":\"1\"}]")) > 70);
    assert_int_equal(parser_json.probe(SLICE_LITERAL("{\"a\":1}")), 0);
    assert_int_equal(parser_json.probe(SLICE_LITERAL("{\"ecs\":1}")), 0);
    assert_int_equal(parser_json.probe(SLICE_LITERAL(ECS ",\"event_name\":\"n\"}")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(native_json_with_marks_is_read_by_them),
        fixture_test(the_refusal_of_other_objects_names_the_route),
        fixture_test(other_formats_carry_them),
        fixture_test(flat_and_nested_paths_are_the_same),
        fixture_test(what_does_not_fit_its_column_stays),
        fixture_test(the_vehicle_meets_the_identity_policy),
        fixture_test(words_of_severity_have_two_scales),
        fixture_test(deep_and_long_paths_are_passed_over),
        fixture_test(heads_with_marks_are_claimed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
