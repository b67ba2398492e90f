#include "pipeline_fixture.h"

static void run(struct fixture *f, const char *text)
{
    f->options.parser = &parser_syslog;
    fixture_run_text(f, text);
    assert_int_equal(f->item_count, 1);
}

static void busybox_words_are_facility_and_severity(void **state)
{
    struct fixture *f = *state;
    run(f, "Nov 29 12:00:00 tcu auth.info sshd[123]: hello");
    assert_event_has(f, 0, "\"severity_source\":\"info\"");
    assert_event_has(f, 0, "\"facility\":\"auth\"");
    assert_event_has(f, 0, "\"ecu_id\":\"tcu\"");
    assert_event_has(f, 0, "\"process_name\":\"sshd\",\"process_pid\":123");
    assert_event_has(f, 0, "\"message\":\"hello\"");
    run(f, "Nov 29 12:00:00 local7.err app: failed");
    assert_event_has(f, 0, "\"severity_id\":3");
    assert_null(strstr(f->items[0].json, "ecu_id"));
    run(f, "Nov 29 12:00:00 a.b app: a host with a dot");
    assert_event_has(f, 0, "\"ecu_id\":\"a.b\"");
}

static void journald_names_the_record_by_its_type(void **state)
{
    struct fixture *f = *state;
    run(f, "Nov 20 10:15:02 gw audit[123]: AVC avc:  denied  { read } for  pid=123 comm=\"x\" "
           "permissive=0");
    assert_event_has(f, 0, "\"event_name\":\"avc\"");
    assert_event_has(f, 0, "\"ecu_id\":\"gw\"");
    assert_event_has(f, 0, "\"disposition\":\"blocked\"");
    assert_event_has(f, 0, "\"process_pid\":123");
    run(f, "Nov 20 10:15:02 gw audit[1]: words of a person");
    assert_event_has(f, 0, "\"message\":\"words of a person\"");
}

static void dmesg_lines_have_no_header_and_need_none(void **state)
{
    struct fixture *f = *state;
    run(f, "[   12.345678] usb 1-1: new device");
    assert_event_has(f, 0, "\"event_name\":\"kernel\"");
    assert_event_has(f, 0, "\"parse_status\":\"ok\"");
    run(f, "[Mon Nov 20 10:15:02 2023] usb 1-1: new device");
    assert_event_has(f, 0, "\"time_event_ns\":\"1700475302000000000\"");
    run(f, "kern  :err   : [   12.345678] mmc0: error");
    assert_event_has(f, 0, "\"severity_source\":\"err\"");
    assert_int_equal(parser_syslog.probe(SLICE_LITERAL("[   12.345678] audit: type=1400")), 76);
    assert_int_equal(parser_syslog.probe(SLICE_LITERAL("[12, 3]")), 0);
    assert_int_equal(parser_syslog.probe(SLICE_LITERAL("[{\"message\":\"x\"}]")), 0);
    assert_true(registry_probe(f->registry, SLICE_LITERAL("[   12.345678] usb 1-1: new\n")) ==
                &parser_syslog);
}

static void devices_write_year_zone_and_colons_around_the_time(void **state)
{
    static const char *const cases[][4] = {
        {"Jan 28 06:43:28 2017 SW01 app: x", "1485585808000000000", "\"ecu_id\":\"SW01\"",
         "\"message\":\"x\""},
        {"2017 Jan 28 06:43:28 SW01 app: x", "1485585808000000000", "\"ecu_id\":\"SW01\"",
         "\"message\":\"x\""},
        {"Sat Jan 28 06:43:28 2017 SW01 app: x", "1485585808000000000", "\"ecu_id\":\"SW01\"",
         "\"message\":\"x\""},
        {"<165>: Nov 20 10:15:02 UTC : %UCSM-6-AUDIT: x", "1795169702000000000",
         "\"event_name\":\"%UCSM-6-AUDIT\"", "\"message\":\"x\""},
        {"<189>: 2025 Mar 13 17:07:57 UTC: %E-5-X: x", "1741885677000000000",
         "\"event_name\":\"%E-5-X\"", "\"time_quality\":\"unknown\""},
        {"<166>:Nov 20 10:15:02 UTC: %ASA-6-302013: x", "1795169702000000000",
         "\"event_name\":\"%ASA-6-302013\"", "\"message\":\"x\""},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char time[64];
        snprintf(time, sizeof time, "\"time_event_ns\":\"%s\"", cases[i][1]);
        run(f, cases[i][0]);
        assert_event_has(f, 0, time);
        assert_event_has(f, 0, cases[i][2]);
        assert_event_has(f, 0, cases[i][3]);
        if (!strstr(cases[i][2], "ecu_id"))
            assert_null(strstr(f->items[0].json, "ecu_id"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(busybox_words_are_facility_and_severity),
        fixture_test(journald_names_the_record_by_its_type),
        fixture_test(dmesg_lines_have_no_header_and_need_none),
        fixture_test(devices_write_year_zone_and_colons_around_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
