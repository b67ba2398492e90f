#include "pipeline_fixture.h"

#include "parsers/formats/json/vsoc_json_typo.h"

static void keys_one_or_two_edits_away_are_named(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"severtiy_id", "severity_id"},
        {"severity_i", "severity_id"},
        {"severityid", "severity_id"},
        {"Severity_id", "severity_id"},
        {"sevrty_id", "severity_id"},
        {"event_nmae", "event_name"},
        {"mesage", "message"},
        {"massages", "message"},
        {"tiem", "time"},
        {"tim", "time"},
        {"times", "time"},
        {"coutn", "count"},
        {"sev_ic", "sev_id"},
        {"src-ip", "src_ip"},
        {"can_ids", "can_id"},
        {"ecu__id", "ecu_id"},
        {"procces_name", "process_name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *near = vsoc_json_typo(slice_from_text(cases[i][0]));
        if (!near || strcmp(near, cases[i][1]) != 0)
            fail_msg("%s: %s", cases[i][0], near ? near : "nothing");
    }
}

static void other_keys_are_not(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "x",
        "id",
        "vin",
        "ip",
        "ide",
        "vim",
        "severity",
        "time_event",
        "timestamp",
        "date",
        "event_uid",
        "name",
        "host",
        "severity_id",
        "time",
        "tenant_id",
        "program",
        "attempt",
        "mode",
        "s_e_v",
        "event",
        "severity_level",
        "usr_nm",
        "severity_identification_of_the_event_in_hand",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *near = vsoc_json_typo(slice_from_text(cases[i]));
        if (near)
            fail_msg("%s: %s", cases[i], near);
    }
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++) {
        assert_null(vsoc_json_typo(slice_from_text(event_field_table[f].name)));
        assert_true(strlen(event_field_table[f].name) <= 32);
    }
}

static void a_native_event_bears_a_note_for_each(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "{\"event_name\":\"x\",\"severtiy_id\":5,\"mesage\":\"m\"}");
    assert_event_has(f, 0, "\"severity_id\":0,\"parse_status\":\"ok\"");
    assert_event_has(f, 0, "\"attributes\":{\"severtiy_id\":5,\"mesage\":\"m\"}");
    assert_event_has(f, 0,
                     "{\"code\":\"unknown_key\",\"detail\":\"severtiy_id: is no key of a native "
                     "event and kept in attributes; severity_id is near\"}");
    assert_event_has(f, 0, "message is near");
    fixture_run_text(f, "{\"event_name\":\"x\",\"attributes\":{\"severtiy_id\":5}}");
    assert_event_lacks(f, 0, "parse_notes");
}

static void many_unknown_keys_get_few_notes(void **state)
{
    struct fixture *f = *state;
    char body[2048];
    size_t used = (size_t)snprintf(body, sizeof body, "{\"event_name\":\"x\"");
    for (int i = 0; i < 40; i++)
        used += (size_t)snprintf(body + used, sizeof body - used, ",\"messag%c%c\":1", 'a' + i % 26,
                                 'a' + i / 26);
    snprintf(body + used, sizeof body - used, "}");
    fixture_run_text(f, body);
    size_t notes = 0;
    for (const char *at = f->items[0].json; (at = strstr(at, "unknown_key")) != NULL; at++)
        notes++;
    assert_int_equal(notes, 4);
}

static void fields_of_the_model_in_otlp_too(void **state)
{
    struct fixture *f = *state;
    f->options.parser = &parser_otlp;
    fixture_run_text(f, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"attributes\":[{"
                        "\"key\":\"vsoc.severtiy_id\",\"value\":{\"intValue\":5}}]}]}]}]}");
    assert_event_has(f, 0, "\"attributes\":{\"vsoc.severtiy_id\":5}");
    assert_event_has(f, 0, "severity_id is near");
}

static void times_of_other_senders_are_taken_when_there_is_no_time(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *members, *expected, *lacks;
    } cases[] = {
        {"\"date\":1795342502.25", "\"time_event_ns\":\"1795342502250000000\"", "attributes"},
        {"\"date\":1795342502", "\"time_event_ns\":\"1795342502000000000\"", "attributes"},
        {"\"date\":\"2026-11-22T10:15:02.250000Z\"", "\"time_event_ns\":\"1795342502250000000\"",
         "attributes"},
        {"\"date\":\"2026-11-22 10:15:02.250000\"",
         "\"time_event_ns\":\"1795342502250000000\",\"time_event_raw\":\"2026-11-22 "
         "10:15:02.250000\",\"time_source\":\"rtc\",\"time_quality\":\"inferred\"",
         "attributes"},
        {"\"@timestamp\":\"2026-11-22T10:15:02.250Z\"", "\"time_event_ns\":\"1795342502250000000\"",
         "attributes"},
        {"\"timestamp\":1795342502250", "\"time_event_ns\":\"1795342502250000000\"", "attributes"},
        {"\"date\":1,\"timestamp\":1795342502", "\"attributes\":{\"date\":1}", "\"timestamp\""},
        {"\"date\":1795342503,\"@timestamp\":1795342502", "\"attributes\":{\"date\":1795342503}",
         "@"},
        {"\"date\":\"tomorrow\"", "\"attributes\":{\"date\":\"tomorrow\"}", "time_event"},
        {"\"timestamp\":12345", "\"attributes\":{\"timestamp\":12345}", "time_event"},
        {"\"timestamp\":null", "\"attributes\":{\"timestamp\":null}", "time_event"},
        {"\"date\":1795342502,\"time\":1795342503", "\"time_event_ns\":\"1795342503000000000\"",
         "none"},
        {"\"time_event_ns\":5,\"timestamp\":1795342502",
         "\"attributes\":{\"timestamp\":1795342502}", "none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[256];
        snprintf(body, sizeof body, "{\"event_name\":\"x\",%s}", cases[i].members);
        fixture_run_text(f, body);
        assert_event_has(f, 0, cases[i].expected);
        assert_event_lacks(f, 0, cases[i].lacks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(keys_one_or_two_edits_away_are_named),
        fixture_test(other_keys_are_not),
        fixture_test(a_native_event_bears_a_note_for_each),
        fixture_test(many_unknown_keys_get_few_notes),
        fixture_test(fields_of_the_model_in_otlp_too),
        fixture_test(times_of_other_senders_are_taken_when_there_is_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
