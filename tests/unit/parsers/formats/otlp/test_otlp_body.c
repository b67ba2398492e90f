#include "pipeline_fixture.h"

static void run(struct fixture *f, const struct parser *parser, const char *body)
{
    f->options.parser = parser;
    fixture_run_text(f, body);
    assert_int_equal(f->status, STATUS_OK);
    assert_int_equal(f->item_count, 1);
}

#define REQUEST(members)                                                                           \
    "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{"      \
    "\"stringValue\":\"gw\"}}]},\"scopeLogs\":[{\"logRecords\":[{" members "}]}]}]}"
#define TEXT(key, value) "{\"key\":\"" key "\",\"value\":{\"stringValue\":\"" value "\"}}"
#define INT(key, value)  "{\"key\":\"" key "\",\"value\":{\"intValue\":\"" value "\"}}"
#define MAP(pairs)       "\"body\":{\"kvlistValue\":{\"values\":[" pairs "]}}"

static void a_map_with_native_names_is_a_native_event(void **state)
{
    struct fixture *f = *state;
    run(f, &parser_otlp,
        REQUEST(
            "\"timeUnixNano\":\"1795342502000000000\",\"severityNumber\":9,\"traceId\":"
            "\"0af7651916cd43dd8448eb211c80319c\"," MAP(TEXT("vin", "1M8GDM9AXKP042788") "," TEXT(
                "event_name", "CAN_ID_UNKNOWN") "," INT("severity_id", "3") "," TEXT("id", "7f"))));
    assert_event_has(f, 0, "\"event_name\":\"CAN_ID_UNKNOWN\"");
    assert_event_has(f, 0, "\"severity_id\":3");
    assert_event_has(f, 0, "\"source_event_id\":\"7f\"");
    assert_event_has(f, 0, "\"wmi\":\"1M8\"");
    assert_event_lacks(f, 0, "1M8GDM9AXKP042788");
    /* What the map lacks, the record says. */
    assert_event_has(f, 0, "1795342502000000000");
    assert_event_has(f, 0, "\"ecu_id\":\"gw\"");
    assert_event_has(f, 0, "\"otlp\":{\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\"}");
    assert_event_has(f, 0, "\"parser_name\":\"vsoc_json\"");
}

static void a_map_with_one_native_name_is_named_by_its_record(void **state)
{
    struct fixture *f = *state;
    run(f, &parser_otlp,
        REQUEST("\"eventName\":\"named\"," MAP(
            TEXT("vin", "1M8GDM9AXKP042788") "," INT("severity_id", "3"))));
    assert_event_has(f, 0, "\"event_name\":\"named\"");
    assert_event_has(f, 0, "\"severity_id\":3");
    assert_event_has(f, 0, "\"wmi\":\"1M8\"");
}

static void the_vin_of_a_map_is_the_certificates_or_quarantined(void **state)
{
    struct fixture *f = *state;
    f->normaliser.certificate_vin = SLICE_LITERAL("1G4AH59H45G118341");
    run(f, &parser_otlp,
        REQUEST(MAP(TEXT("vin", "1M8GDM9AXKP042788") "," TEXT("event_name", "n"))));
    assert_rejected(f, 0, "vin_mismatch", "");
}

static void a_map_without_native_names_is_data(void **state)
{
    struct fixture *f = *state;
    run(f, &parser_otlp, REQUEST(MAP(INT("a", "1") "," INT("count", "2"))));
    assert_event_has(f, 0, "\"body\":{\"a\":1,\"count\":2}");
    assert_event_lacks(f, 0, "parse_notes");
}

static void a_map_that_is_no_good_native_event_is_data_with_a_note(void **state)
{
    struct fixture *f = *state;
    run(f, &parser_otlp, REQUEST(MAP(TEXT("event_name", "n") "," TEXT("severity_id", "high"))));
    assert_event_has(f, 0, "\"body\":{\"event_name\":\"n\",\"severity_id\":\"high\"}");
    assert_event_has(f, 0, "\"parse_status\":\"partial\"");
    assert_event_has(f, 0, "\"code\":\"wrong_type\",\"detail\":\"severity_id: ");
}

static void a_map_in_protobuf_is_a_native_event_too(void **state)
{
    struct fixture *f = *state;
    static const char body[] = "\x0A\x2B\x12\x29\x12\x27\x2A\x25\x32\x23"
                               "\x0A\x13\x0A\x0A"
                               "event_name\x12\x05\x0A\x03"
                               "abc"
                               "\x0A\x0C\x0A\x06"
                               "sev_id\x12\x02\x18\x67";
    f->options.parser = &parser_otlp;
    fixture_run(f, body, sizeof body - 1);
    assert_int_equal(f->item_count, 1);
    assert_event_has(f, 0, "\"sev_id\":103");
    assert_event_has(f, 0, "\"event_name\":\"abc\"");
}

/* The same in the other formats that hold objects. */
static void every_envelope_names_what_is_in_it(void **state)
{
    struct fixture *f = *state;
    run(f, &parser_hec,
        "{\"host\":\"gw\",\"event\":{\"vin\":\"1M8GDM9AXKP042788\",\"event_name\":\"n\","
        "\"severity_id\":3}}");
    assert_event_has(f, 0, "\"event_name\":\"n\"");
    assert_event_has(f, 0, "\"severity_id\":3");
    assert_event_has(f, 0, "\"wmi\":\"1M8\"");
    run(f, &parser_cloudevents,
        "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"data\":{\"vin\":"
        "\"1M8GDM9AXKP042788\",\"severity_id\":3}}");
    assert_event_has(f, 0, "\"event_name\":\"t\"");
    assert_event_has(f, 0, "\"severity_id\":3");
    assert_event_has(f, 0, "\"wmi\":\"1M8\"");
    run(f, &parser_syslog,
        "<14>1 2026-11-22T10:15:02Z gw app 1 CAN_ID_UNKNOWN - {\"vin\":\"1M8GDM9AXKP042788\","
        "\"severity_id\":3}");
    assert_event_has(f, 0, "\"event_name\":\"CAN_ID_UNKNOWN\"");
    assert_event_has(f, 0, "\"severity_id\":3");
    assert_event_has(f, 0, "\"wmi\":\"1M8\"");
    run(f, &parser_syslog,
        "<14>Nov 22 10:15:02 gw app[1]: {\"vin\":\"1M8GDM9AXKP042788\",\"event_name\":\"n\"}");
    assert_event_has(f, 0, "\"event_name\":\"n\"");
    assert_event_has(f, 0, "\"wmi\":\"1M8\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_map_with_native_names_is_a_native_event),
        fixture_test(a_map_with_one_native_name_is_named_by_its_record),
        fixture_test(the_vin_of_a_map_is_the_certificates_or_quarantined),
        fixture_test(a_map_without_native_names_is_data),
        fixture_test(a_map_that_is_no_good_native_event_is_data_with_a_note),
        fixture_test(a_map_in_protobuf_is_a_native_event_too),
        fixture_test(every_envelope_names_what_is_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
