/* CloudEvents: JSON and headers, and the data in other formats that they carry. */
#include "mutations.h"
#include "parsers/fill/otel_severity.h"

static int setup(void **state)
{
    if (fixture_setup(state))
        return -1;
    struct fixture *f = *state;
    f->options.parser = &parser_cloudevents;
    return 0;
}

/* One event with these members beside the required ones. */
static void run_members(struct fixture *f, const char *members)
{
    char body[16384];
    snprintf(body, sizeof body,
             "{\"specversion\":\"1.0\",\"id\":\"A-1\",\"source\":\"/gw\",\"type\":\"t\"%s%s}",
             *members ? "," : "", members);
    fixture_run_text(f, body);
}

/* Binary mode: "name: value" lines, then the data. */
static void run_binary(struct fixture *f, const char *lines, const char *data)
{
    struct parser_header headers[PARSER_HEADERS];
    size_t count = 0;
    f->options.parser = &parser_cloudevents_binary;
    for (const char *end; *lines; lines = end + 1) {
        const char *colon = strchr(lines, ':');
        end = strchr(lines, '\n');
        headers[count++] =
            (struct parser_header){slice_make(lines, (size_t)(colon - lines)),
                                   slice_trim(slice_make(colon + 1, (size_t)(end - colon - 1)))};
    }
    f->options.headers = headers;
    f->options.header_count = count;
    fixture_run_text(f, data);
}

#define REQUIRED "ce-specversion:1.0\nce-id:A-1\nce-source:/gw\nce-type:t\n"

/* ---- attributes ---- */

static void attributes_have_columns_and_stay(void **state)
{
    struct fixture *f = *state;
    run_members(f,
                "\"time\":\"2026-11-22T10:15:02.25Z\",\"sequence\":\"12\",\"severitynumber\":17,"
                "\"severitytext\":\"ERROR2\",\"partitionkey\":\"p\",\"traceparent\":\"00-1-2-3\","
                "\"subject\":\"door\",\"flag\":true,\"gone\":null");
    assert_int_equal(f->item_count, 1);
    assert_event_has(f, 0, "\"source_event_id\":\"/gw A-1\"");
    assert_event_has(f, 0, "\"event_name\":\"t\"");
    assert_event_has(f, 0, "\"time_event_ns\":\"1795342502250000000\"");
    assert_event_has(f, 0, "\"time_source\":\"rtc\"");
    assert_event_has(f, 0,
                     "\"vehicle_seq\":12,\"severity\":\"medium\",\"severity_id\":3,\"severity_"
                     "source\":\"ERROR2\"");
    assert_event_has(f, 0,
                     "\"attributes\":{\"id\":\"A-1\",\"source\":\"/gw\",\"type\":\"t\","
                     "\"severitynumber\":17,\"severitytext\":\"ERROR2\",\"partitionkey\":\"p\","
                     "\"traceparent\":\"00-1-2-3\",\"subject\":\"door\",\"flag\":true}");
}

static void attributes_that_do_not_fit_are_kept(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *members, *has, *lacks;
    } cases[] = {
        {"\"time\":\"noon\"", "\"time\":\"noon\"", "time_event_ns"},
        {"\"time\":7", "\"time\":7", "time_event_ns"},
        {"\"time\":\"noon\"", "bad_time", "time_event_ns"},
        {"\"sequence\":\"007\"", "\"vehicle_seq\":7", "bad_"},
        {"\"sequence\":\"007\"", "\"sequence\":\"007\"", "bad_"},
        {"\"sequence\":\"a7\"", "\"sequence\":\"a7\"", "vehicle_seq"},
        {"\"sequence\":\"1234567890123456789\"", "\"sequence\":\"1234", "vehicle_seq"},
        {"\"sequence\":-1", "\"sequence\":-1", "vehicle_seq"},
        {"\"sequence\":[1]", "\"sequence\":[1]", "vehicle_seq"},
        {"\"severitynumber\":25", "bad_severity", "\"severity_id\":1"},
        {"\"severitynumber\":\"x\"", "bad_severity", "\"severity_id\":1"},
        {"\"severitytext\":\"odd\"", "\"severity_id\":0,\"severity_source\":\"odd\"", "bad_"},
        {"\"severitytext\":{\"a\":1}", "\"severitytext\":{\"a\":1}", "severity_source"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run_members(f, cases[i].members);
        assert_int_equal(f->item_count, 1);
        assert_event_has(f, 0, cases[i].has);
        assert_event_lacks(f, 0, cases[i].lacks);
    }
}

static void severity_numbers_are_opentelemetrys(void **state)
{
    (void)state;
    static const int expected[25] = {0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                     2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4};
    for (int i = 0; i <= 24; i++)
        assert_int_equal(otel_severity_id(i), expected[i]);
}

static void a_vin_is_the_vehicle_and_stands_nowhere_else(void **state)
{
    struct fixture *f = *state;
    static const char *const members[] = {
        "\"vin\":\"1M8GDM9AXKP042788\"",
        "\"subject\":\"1m8gdm9axkp042788\"",
        "\"subject\":\"urn:vin:1M8GDM9AXKP042788\"",
        "\"partitionkey\":\"1M8GDM9AXKP042788\"",
        "\"subject\":\"1M8GDM9AXKP042788\",\"partitionkey\":\"URN:VIN:1M8GDM9AXKP042788\"",
    };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        run_members(f, members[i]);
        assert_event_has(f, 0, "\"wmi\":\"1M8\"");
        assert_event_has(f, 0, "\"parse_status\":\"ok\"");
        assert_event_lacks(f, 0, "042788");
        assert_event_lacks(f, 0, "subject");
    }
    run_members(f, "\"subject\":\"1M8GDM9AXKP042788\",\"partitionkey\":\"1G4AH59H45G118341\"");
    assert_event_has(f, 0, "\"wmi\":\"1M8\"");
    assert_event_has(f, 0, "\"code\":\"other_vehicle\"");
    assert_event_lacks(f, 0, "118341");
    run_members(f, "\"vin\":\"x\"");
    assert_rejected(f, 0, "bad_vin", "");
}

static void a_vehicle_may_be_the_source(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "{\"specversion\":\"1.0\",\"id\":\"7\",\"type\":\"t\","
                        "\"source\":\"urn:vin:1M8GDM9AXKP042788\"}");
    assert_event_has(f, 0, "\"source_event_id\":\"7\"");
    assert_event_has(f, 0, "\"wmi\":\"1M8\"");
    assert_event_lacks(f, 0, "042788");
    fixture_run_text(f, "{\"specversion\":\"1.0\",\"id\":\"7\",\"type\":\"t\","
                        "\"subject\":\"1G4AH59H45G118341\","
                        "\"source\":\"urn:vin:1M8GDM9AXKP042788\"}");
    assert_event_has(f, 0, "\"source_event_id\":\"7\"");
    assert_event_has(f, 0, "\"wmi\":\"1M8\"");
    assert_event_has(f, 0, "\"code\":\"other_vehicle\"");
    assert_event_lacks(f, 0, "118341");
    fixture_run_text(f, "{\"specversion\":\"1.0\",\"id\":\"7\",\"type\":\"t\","
                        "\"source\":\"urn:vin:1M8GDM9AXKP042788\",\"vin\":\"1G4AH59H45G118341\"}");
    assert_event_has(f, 0, "\"wmi\":\"1G4\"");
    assert_event_lacks(f, 0, "source_event_id");
    assert_event_lacks(f, 0, "042788");
}

static void source_and_id_make_a_duplicate_only_together(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "[{\"specversion\":\"1.0\",\"id\":\"7\",\"type\":\"t\",\"source\":\"a\"},"
                        "{\"specversion\":\"1.0\",\"id\":\"7\",\"type\":\"t\",\"source\":\"b\"},"
                        "{\"specversion\":\"1.0\",\"id\":\"7\",\"type\":\"t\",\"source\":\"a\"}]");
    assert_int_equal(f->result.accepted, 2);
    assert_int_equal(f->result.duplicates, 1);
}

static void a_long_id_is_told_by_its_digest(void **state)
{
    struct fixture *f = *state;
    char members[700], longer[600], first[4096];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    snprintf(members, sizeof members,
             "{\"specversion\":\"1.0\",\"type\":\"t\",\"source\":\"/gw\",\"id\":\"%s\"}", longer);
    fixture_run_text(f, members);
    assert_event_has(f, 0, "\"source_event_id\":\"sha256:");
    assert_event_has(f, 0, longer);
    snprintf(first, sizeof first, "%.110s", strstr(f->items[0].json, "sha256:"));
    members[60] = 'y';
    fixture_run_text(f, members);
    assert_memory_not_equal(strstr(f->items[0].json, "sha256:"), first, 71);
}

static void broken_events_are_quarantined_alone(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *body, *code;
    } cases[] = {
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\"}", "missing_field"},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"t\"}", "missing_field"},
        {"{\"specversion\":\"1.0\",\"source\":\"s\",\"type\":\"t\"}", "missing_field"},
        {"{\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}", "missing_field"},
        {"{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"s\",\"type\":\"t\"}", "missing_field"},
        {"{\"specversion\":\"1.0\",\"id\":null,\"source\":\"s\",\"type\":\"t\"}", "missing_field"},
        {"{\"specversion\":\"1.0\",\"id\":1,\"source\":\"s\",\"type\":\"t\"}", "wrong_type"},
        {"{\"specversion\":\"0.3\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}",
         "unsupported_version"},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"data\":1,"
         "\"data_base64\":\"\"}",
         "duplicate_key"},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"data_base64\":\"?"
         "\"}",
         "malformed_value"},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"data_base64\":7}",
         "malformed_value"},
        {"[1]", "wrong_type"},
        {"{\"specversion\":", "malformed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture_run_text(f, cases[i].body);
        assert_int_equal(f->item_count, 1);
        assert_rejected(f, 0, cases[i].code, "");
    }
    fixture_run_text(f, "[{\"id\":\"1\"},{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\","
                        "\"type\":\"t\"}]");
    assert_rejected(f, 0, "missing_field", "");
    assert_event_has(f, 1, "\"source_event_id\":\"s 1\"");
}

static void a_batch_may_be_empty(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "[]");
    assert_int_equal(f->status, STATUS_OK);
    assert_int_equal(f->item_count, 0);
}

/* ---- data ---- */

static void data_of_other_formats_become_their_events(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *members, *parser, *has;
    } cases[] = {
        {"\"data\":{\"message\":\"m\",\"count\":2}", "vsoc_json", "\"count\":2"},
        {"\"data\":[{\"message\":\"m\"}]", "vsoc_json", "\"message\":\"m\""},
        {"\"datacontenttype\":\"application/json; charset=utf-8\",\"data\":{\"message\":\"m\"}",
         "vsoc_json", "\"event_name\":\"t\""},
        {"\"datacontenttype\":\"text/plain\",\"data\":\"CEF:0|v|p|1|c|n|5|src=192.0.2.1\"", "cef",
         "\"src_ip\":\"192.0.2.1\""},
        {"\"datacontenttype\":\"text/plain\",\"data\":\"<13>Oct 11 22:14:15 h tag: text\"",
         "syslog", "\"message\":\"text\""},
        {"\"datacontenttype\":\"application/vnd.suricata.eve+json\",\"data\":"
         "{\"event_type\":\"alert\",\"alert\":{\"severity\":1}}",
         "eve", "\"severity_id\":4"},
        {"\"datacontenttype\":\"application/vnd.autosar.idsm\",\"data_base64\":\"EABAgAEAAwA=\"",
         "qsev", "\"sev_id\":32769"},
        {"\"datacontenttype\":\"application/vnd.autosar.idsm; framing=u16\","
         "\"data_base64\":\"AAgQAECAAQADAA==\"",
         "qsev", "\"sev_id\":32769"},
        {"\"datacontenttype\":\"application/octet-stream\",\"data_base64\":\"EABAgAEAAwA=\"",
         "qsev", "\"sev_id\":32769"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char parser[64];
        snprintf(parser, sizeof parser, "\"parser_name\":\"%s\"", cases[i].parser);
        run_members(f, cases[i].members);
        assert_int_equal(f->item_count, 1);
        assert_event_has(f, 0, parser);
        assert_event_has(f, 0, cases[i].has);
        assert_event_has(f, 0, "\"source_event_id\":\"/gw A-1\"");
        assert_event_has(f, 0, "\"cloudevents\":{\"id\":\"A-1\",\"source\":\"/gw\"");
    }
}

static void what_the_catalogue_names_is_not_named_after_the_type(void **state)
{
    struct fixture *f = *state;
    run_members(f, "\"data\":{\"sev_id\":103}");
    assert_event_has(f, 0, "\"event_name\":\"SEV_UDS_SECURITY_ACCESS_FAILED\"");
}

static void several_events_of_one_have_ids_of_their_own(void **state)
{
    struct fixture *f = *state;
    run_members(f, "\"data\":[{\"message\":\"a\"},{\"message\":\"b\",\"id\":\"own\"},{\"message\":"
                   "\"c\"},{\"no\":1}]");
    assert_int_equal(f->result.accepted, 3);
    assert_int_equal(f->result.duplicates, 0);
    assert_event_has(f, 0, "\"source_event_id\":\"/gw A-1\"");
    assert_event_has(f, 1, "\"source_event_id\":\"own\"");
    assert_event_has(f, 2, "\"source_event_id\":\"/gw A-1#2\"");
    assert_rejected(f, 3, "missing_field", "");
}

static void large_attributes_are_kept_with_the_first_of_several_events(void **state)
{
    struct fixture *f = *state;
    char members[12000];
    for (int size = 8000; size <= 9000; size += 1000) {
        snprintf(members, sizeof members,
                 "\"big\":\"%0*d\",\"vin\":\"1M8GDM9AXKP042788\",\"data\":[{\"message\":\"a\"},"
                 "{\"message\":\"b\"}]",
                 size, 0);
        run_members(f, members);
        assert_int_equal(f->result.accepted, 2);
        assert_event_has(f, 0, "\"big\":\"0");
        assert_event_has(f, 0, "\"parse_status\":\"ok\"");
        assert_event_has(f, 1, "\"wmi\":\"1M8\"");
        if (size == 8000) {
            assert_event_has(f, 1, "\"big\":\"0");
        } else {
            assert_event_lacks(f, 1, "\"big\"");
            assert_event_has(f, 1, "\"code\":\"envelope_too_large\"");
        }
    }
}

static void data_of_no_format_are_kept(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *members, *has;
    } cases[] = {
        {"\"data\":\"words\"", "\"message\":\"words\""},
        {"\"data\":\"{\\\"message\\\":\\\"m\\\"}\"", "\"message\":\"{\\\"message\\\":\\\"m\\\"}\""},
        {"\"data\":{ \"a\" : [1, 2.50] }", "\"data\":{\"a\":[1,2.50]}"},
        {"\"data\":18446744073709551616", "\"data\":18446744073709551616"},
        {"\"data\":true", "\"data\":true"},
        {"\"data\":[]", "\"data\":[]"},
        {"\"data\":\"\"", "\"event_name\":\"t\""},
        {"\"datacontenttype\":\"text/xml\",\"data\":\"<a/>\"", "\"message\":\"<a/>\""},
        {"\"datacontenttype\":\"text/xml\",\"data\":{\"a\":1}", "\"data\":{\"a\":1}"},
        {"\"datacontenttype\":\"syslog\",\"data\":\"<13>x\"", "\"message\":\"<13>x\""},
        {"\"datacontenttype\":\"image/png\",\"data_base64\":\"AAEC\"", "\"context_raw\":\"AAEC\""},
        {"\"datacontenttype\":\"text/plain\",\"data_base64\":\"YWJj\"", "\"message\":\"abc\""},
        {"\"datacontenttype\":\"text/plain\",\"data_base64\":\"gICA\"", "\"context_raw\":\"gICA\""},
        {"\"datacontenttype\":\"a/b; framing=u8\",\"data\":\"x\"", "\"message\":\"x\""},
        {"\"data\":{\"message\":5}", "\"code\":\"wrong_type\""},
        {"\"data\":{\"message\":5}", "\"data\":{\"message\":5}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run_members(f, cases[i].members);
        assert_int_equal(f->item_count, 1);
        assert_event_has(f, 0, cases[i].has);
        assert_event_has(f, 0, "\"source_event_id\":\"/gw A-1\"");
        assert_event_lacks(f, 0, "\"cloudevents\"");
    }
}

/* ---- binary mode ---- */

static void headers_are_attributes(void **state)
{
    struct fixture *f = *state;
    run_binary(f,
               REQUIRED "ce-time:2026-11-22T10:15:02Z\ncontent-type:application/json\n"
                        "ce-subject:%C3%a9%20%25 100% %4\nce-note:\"a\\\"%62\"\nce-empty: \n",
               "{\"message\":\"m\"}");
    assert_int_equal(f->item_count, 1);
    assert_event_has(f, 0, "\"parser_name\":\"vsoc_json\"");
    assert_event_has(f, 0, "\"source_event_id\":\"/gw A-1\"");
    assert_event_has(f, 0, "\"time_event_ns\":\"1795342502000000000\"");
    assert_event_has(f, 0, "\"subject\":\"é % 100% %4\"");
    assert_event_has(f, 0, "\"note\":\"a\\\"b\"");
    assert_event_has(f, 0, "\"datacontenttype\":\"application/json\"");
    assert_event_lacks(f, 0, "empty");
}

static void binary_data_are_read_or_kept(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *type, *data, *has;
        size_t items;
    } cases[] = {
        {"content-type:text/plain\n", "<13>a b: c\n<14>a b: d\n", "\"parser_name\":\"syslog\"", 2},
        {"", "<13>Oct 11 22:14:15 a b: c\n", "\"parser_name\":\"syslog\"", 1},
        {"content-type:application/x-ndjson\n", "{\"message\":\"a\"}\n{\"message\":\"b\"}",
         "\"parser_name\":\"vsoc_json\"", 2},
        {"content-type:application/json\n", "{ \"a\" : 1 }", "\"data\":{\"a\":1}", 1},
        {"", "{ \"a\" : 1 }", "\"data\":{\"a\":1}", 1},
        {"", "\1\2", "\"context_raw\":\"AQI=\"", 1},
        {"content-type:application/json\n", "\"words\"", "\"message\":\"words\"", 1},
        {"content-type:application/json\n", "{ \"a\" : ", "\"context_raw\":\"eyAiYSIgOiA=\"", 1},
        {"content-type:application/json\n", "", "\"event_name\":\"t\"", 1},
        {"", "", "\"event_name\":\"t\"", 1},
        {"content-type:text/x-other\n", "words", "\"message\":\"words\"", 1},
        {"content-type:a/b\n", "words", "\"context_raw\":\"d29yZHM=\"", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char headers[256];
        snprintf(headers, sizeof headers, REQUIRED "%s", cases[i].type);
        run_binary(f, headers, cases[i].data);
        assert_int_equal(f->item_count, cases[i].items);
        assert_event_has(f, 0, cases[i].has);
    }
}

static void broken_headers_quarantine_the_event(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *headers, *code;
    } cases[] = {
        {"ce-specversion:1.0\nce-id:1\nce-source:s\n", "missing_field"},
        {"content-type:text/plain\n", "missing_field"},
        {REQUIRED "ce-id:2\n", "duplicate_key"},
        {REQUIRED "ce-subject:%FF\n", "invalid_utf8"},
        {REQUIRED "ce-subject:a%00\n", "nul_byte"},
        {REQUIRED "ce-datacontenttype:text/plain\n", "malformed_value"},
        {REQUIRED "ce-data:x\n", "malformed_value"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run_binary(f, cases[i].headers, "{\"message\":\"m\"}");
        assert_int_equal(f->item_count, 1);
        assert_rejected(f, 0, cases[i].code, "");
        assert_int_equal(f->items[0].size, 15);
    }
}

static void an_inner_record_over_the_limit_is_not_read(void **state)
{
    struct fixture *f = *state;
    f->options.event_bytes = 64;
    char data[256];
    snprintf(data, sizeof data, "{\"message\":\"%0100d\"}\n{\"message\":\"m\"}\n", 1);
    run_binary(f, REQUIRED "content-type:application/json\n", data);
    assert_int_equal(f->item_count, 1);
    assert_rejected(f, 0, "event_too_large", "");
    snprintf(data, sizeof data, "{\"message\":\"m\"}\n{\"message\":\"%0100d\"}\n", 1);
    run_binary(f, REQUIRED "content-type:application/json\n", data);
    assert_int_equal(f->item_count, 2);
    assert_event_has(f, 0, "\"message\":\"m\"");
    assert_rejected(f, 1, "event_too_large", "");
}

/* Also as data of formats that they are not. */
static void cut_and_changed_data_lose_nothing(void **state)
{
    struct fixture *f = *state;
    static const char *const types[] = {"application/json", "text/plain", "image/png",
                                        "application/vnd.autosar.idsm; framing=u16"};
    struct parser_header headers[] = {
        {SLICE_LITERAL("ce-specversion"), SLICE_LITERAL("1.0")},
        {SLICE_LITERAL("ce-id"), SLICE_LITERAL("A-1")},
        {SLICE_LITERAL("ce-source"), SLICE_LITERAL("/gw")},
        {SLICE_LITERAL("ce-type"), SLICE_LITERAL("t")},
        {SLICE_LITERAL("content-type"), SLICE_EMPTY},
    };
    f->options.headers = headers;
    f->options.header_count = sizeof headers / sizeof *headers;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        headers[4].value = slice_from_text(types[i]);
        mutations_of_format(f, &parser_cloudevents_binary);
    }
}

#define cloud_test(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cloud_test(attributes_have_columns_and_stay),
        cloud_test(attributes_that_do_not_fit_are_kept),
        cloud_test(severity_numbers_are_opentelemetrys),
        cloud_test(a_vin_is_the_vehicle_and_stands_nowhere_else),
        cloud_test(a_vehicle_may_be_the_source),
        cloud_test(source_and_id_make_a_duplicate_only_together),
        cloud_test(a_long_id_is_told_by_its_digest),
        cloud_test(broken_events_are_quarantined_alone),
        cloud_test(a_batch_may_be_empty),
        cloud_test(data_of_other_formats_become_their_events),
        cloud_test(what_the_catalogue_names_is_not_named_after_the_type),
        cloud_test(several_events_of_one_have_ids_of_their_own),
        cloud_test(large_attributes_are_kept_with_the_first_of_several_events),
        cloud_test(data_of_no_format_are_kept),
        cloud_test(headers_are_attributes),
        cloud_test(binary_data_are_read_or_kept),
        cloud_test(broken_headers_quarantine_the_event),
        cloud_test(an_inner_record_over_the_limit_is_not_read),
        cloud_test(cut_and_changed_data_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
