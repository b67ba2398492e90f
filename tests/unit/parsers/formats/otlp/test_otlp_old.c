/* Requests of older versions of OTLP, and with logs where there should be none:
 * events, or records that are quarantined, never silence. */
#include "pipeline_fixture.h"

static void run(struct fixture *f, const char *body)
{
    f->options.parser = &parser_otlp;
    fixture_run_text(f, body);
    assert_int_equal(f->status, STATUS_OK);
}

static void old_names_are_read(void **state)
{
    struct fixture *f = *state;
    static const char *const bodies[] = {
        "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{"
        "\"stringValue\":\"gw\"}}]},\"instrumentationLibraryLogs\":[{\"instrumentationLibrary\":{"
        "\"name\":\"lib\"},\"logRecords\":[{\"name\":\"n\",\"body\":{\"stringValue\":\"m\"}}]}]}]}",
        "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{"
        "\"stringValue\":\"gw\"}}]},\"instrumentationLibraryLogs\":[{\"instrumentationLibrary\":{"
        "\"name\":\"lib\"},\"logs\":[{\"name\":\"n\",\"body\":{\"stringValue\":\"m\"}}]}]}]}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        run(f, bodies[i]);
        assert_int_equal(f->item_count, 1);
        assert_event_has(f, 0, "\"message\":\"m\"");
        assert_event_has(f, 0, "\"event_name\":\"n\"");
        assert_event_has(f, 0, "\"ecu_id\":\"gw\"");
        assert_event_has(f, 0, "\"scope\":{\"name\":\"lib\"}");
    }
}

static void old_and_new_logs_of_a_resource_are_all_read(void **state)
{
    struct fixture *f = *state;
    run(f, "{\"resourceLogs\":[{\"instrumentationLibraryLogs\":[{\"logRecords\":[{\"body\":{"
           "\"stringValue\":\"old\"}}]}],\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"stringValue\""
           ":\"new\"}}]}]}]}");
    assert_int_equal(f->item_count, 2);
    assert_event_has(f, 0, "\"message\":\"old\"");
    assert_event_has(f, 1, "\"message\":\"new\"");
}

static void protobuf_field_1000_is_read(void **state)
{
    struct fixture *f = *state;
    /* ResourceLogs.instrumentation_library_logs { log_records { name: "n" body: "m" } } */
    static const char body[] = "\x0A\x0F\xC2\x3E\x0C\x12\x0A\x22\x01n\x2A\x05\x0A\x03"
                               "msg";
    f->options.parser = &parser_otlp;
    fixture_run(f, body, sizeof body - 1);
    assert_int_equal(f->item_count, 1);
    assert_event_has(f, 0, "\"message\":\"msg\"");
    assert_event_has(f, 0, "\"event_name\":\"n\"");
}

static void logs_under_unknown_names_are_quarantined(void **state)
{
    struct fixture *f = *state;
    static const char *const bodies[] = {
        "{\"resourceLogs\":[{\"libraryLogs\":[{\"records\":[{}]}]}]}",
        "{\"resourceLogs\":[{\"logRecords\":[{\"body\":{\"stringValue\":\"m\"}}]}]}",
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"records\":[{\"body\":{\"stringValue\":\"m\"}}]}]}]}",
        "{\"resourceLogs\":[],\"moreLogs\":[{}]}",
        "{\"resourceLogs\":[{\"scope_logs\":[{\"log_records\":[{}]}]}]}",
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"log_records\":[{}]}]}]}",
        "{\"resourceLogs\":[{\"x\":{\"logRecords\":[{}]}}]}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        run(f, bodies[i]);
        assert_int_equal(f->item_count, 1);
        assert_rejected(f, 0, "unknown_member", "OTLP");
    }
    run(f, "{\"resourceLogs\":[{\"aLogs\":[{\"x\":1}],\"bLogs\":[{\"x\":1}],\"scopeLogs\":[{"
           "\"logRecords\":[{}]}]}]}");
    assert_int_equal(f->item_count, 3);
    run(f, "{\"scopeLogs\":[{\"logRecords\":[{}]}]}");
    assert_int_equal(f->item_count, 1);
    assert_rejected(f, 0, "missing_field", "resourceLogs");
}

static void protobuf_messages_in_unknown_fields_are_quarantined(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *code;
    } cases[] = {
        /* ResourceLogs field 9, a scope with a record */
        {"\x0A\x0B\x4A\x09\x12\x07\x2A\x05\x0A\x03"
         "msg",
         13, "unknown_member"},
        /* ScopeLogs field 9 */
        {"\x0A\x0D\x12\x0B\x4A\x09\x12\x07\x2A\x05\x0A\x03"
         "msg",
         15, "unknown_member"},
        /* a request without field 1 */
        {"\x12\x07\x2A\x05\x0A\x03"
         "msg",
         9, "missing_field"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f->options.parser = &parser_otlp;
        fixture_run(f, cases[i].bytes, cases[i].size);
        assert_int_equal(f->item_count, 1);
        assert_rejected(f, 0, cases[i].code, "");
    }
}

static void what_is_no_trace_id_is_kept_as_sent_with_a_note(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *member, *columns;
        bool noted;
    } cases[] = {
        {"\"traceId\":\"5B8EFFF798038103D269B633813FC60C\"",
         "\"trace_id\":\"5b8efff798038103d269b633813fc60c\"", false},
        {"\"spanId\":\"EEE19B7EC3C1B174\"", "\"span_id\":\"eee19b7ec3c1b174\"", false},
        {"\"traceId\":\"W47/95gDgQPSabYzgT/GDA==\"", "\"trace_id\":\"W47/95gDgQPSabYzgT/GDA==\"",
         true},
        {"\"traceId\":\"5B8EFFF798038103D269B633813FC6\"",
         "\"trace_id\":\"5B8EFFF798038103D269B633813FC6\"", true},
        {"\"spanId\":\"Not Hex At All!!\"", "\"span_id\":\"Not Hex At All!!\"", true},
        {"\"spanId\":\"\"", "\"raw_size\"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[512];
        snprintf(body, sizeof body,
                 "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{%s}]}]}]}", cases[i].member);
        run(f, body);
        assert_int_equal(f->item_count, 1);
        assert_event_has(f, 0, cases[i].columns);
        if (cases[i].noted)
            assert_event_has(f, 0, "\"code\":\"bad_id\"");
        else
            assert_event_lacks(f, 0, "bad_id");
    }
    /* LogRecord { trace_id: 3 bytes } */
    static const char message[] = "\x0A\x09\x12\x07\x12\x05\x4A\x03\x01\x02\x03";
    fixture_run(f, message, sizeof message - 1);
    assert_event_has(f, 0, "\"trace_id\":\"010203\"");
    assert_event_has(f, 0, "\"code\":\"bad_id\"");
}

/* ---- ProtoJSON ---- */

static void run_record(struct fixture *f, const char *members)
{
    char body[1024];
    snprintf(body, sizeof body, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{%s}]}]}]}",
             members);
    run(f, body);
    assert_int_equal(f->item_count, 1);
}

static void scalars_may_be_written_as_proto_json_allows(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *members, *columns;
    } cases[] = {
        {"\"severityNumber\":\"SEVERITY_NUMBER_WARN2\"", "\"severity_source\":\"14\""},
        {"\"severityNumber\":\"SEVERITY_NUMBER_FATAL4\"", "\"severity_source\":\"24\""},
        {"\"severityNumber\":\"17\"", "\"severity_id\":3"},
        {"\"severityNumber\":1.7e1", "\"severity_id\":3"},
        {"\"severityNumber\":\"SEVERITY_NUMBER_UNSPECIFIED\"", "\"severity_id\":0"},
        {"\"timeUnixNano\":1.795342502e18", "1795342502000000000"},
        {"\"timeUnixNano\":\"1.795342502e18\"", "1795342502000000000"},
        {"\"flags\":\"1e0\"", "\"trace_flags\":1"},
        {"\"body\":{\"intValue\":1e3}", "\"body\":1000"},
        {"\"body\":{\"intValue\":\"1e3\"}", "\"body\":1000"},
        {"\"body\":{\"intValue\":-0.25e2}", "\"body\":-25"},
        {"\"body\":{\"intValue\":\"-9223372036854775808\"}", "\"body\":-9223372036854775808"},
        {"\"body\":{\"doubleValue\":\"0.5\"}", "\"body\":0.5"},
        {"\"body\":{\"doubleValue\":\"-1e3\"}", "\"body\":-1000"},
        {"\"body\":{\"doubleValue\":\"1e400\"}", "1e400"},
        {"\"body\":{\"doubleValue\":9223372036854775808}", "\"body\":9.223372036854776e+18"},
        {"\"body\":{\"bytesValue\":\"-_8\"}", "\"body\":\"+/8=\""},
        {"\"body\":{\"bytesValue\":\"-_8=\"}", "\"body\":\"+/8=\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run_record(f, cases[i].members);
        assert_event_has(f, 0, cases[i].columns);
    }
    static const char *const none[] = {
        "\"severityNumber\":\"SEVERITY_NUMBER_LOUD\"",
        "\"severityNumber\":1.5",
        "\"body\":{\"intValue\":1.5}",
        "\"body\":{\"intValue\":\"1e\"}",
        "\"body\":{\"intValue\":\"9223372036854775808\"}",
        "\"body\":{\"intValue\":\"01\"}",
        "\"body\":{\"intValue\":1e19}",
        "\"body\":{\"doubleValue\":\"x\"}",
        "\"body\":{\"doubleValue\":\"true\"}",
        "\"body\":{\"bytesValue\":\"=\"}",
        "\"flags\":-1",
        "\"body\":{\"boolValue\":\"true\"}",
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        run_record(f, none[i]);
        assert_rejected(f, 0, "wrong_type", "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(old_names_are_read),
        fixture_test(old_and_new_logs_of_a_resource_are_all_read),
        fixture_test(protobuf_field_1000_is_read),
        fixture_test(logs_under_unknown_names_are_quarantined),
        fixture_test(protobuf_messages_in_unknown_fields_are_quarantined),
        fixture_test(what_is_no_trace_id_is_kept_as_sent_with_a_note),
        fixture_test(scalars_may_be_written_as_proto_json_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
