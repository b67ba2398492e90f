#include "pipeline_fixture.h"

static void every_sender_field_is_taken_under_its_own_name(void **state)
{
    struct fixture *f = *state;
    char body[16384], *end = body;
    end += snprintf(end, sizeof body - (size_t)(end - body), "{");
    for (unsigned i = 0; i < EVENT_FIELD_COUNT; i++) {
        const struct event_field_info *info = &event_field_table[i];
        static const char *const values[] = {[EVENT_KIND_TEXT] = "\"aaa\"",
                                             [EVENT_KIND_INT] = "6",
                                             [EVENT_KIND_BIG] = "\"5\"",
                                             [EVENT_KIND_BOOL] = "true",
                                             [EVENT_KIND_REAL] = "1.5",
                                             [EVENT_KIND_TIME] = "\"2026-11-22T10:15:00.000000Z\"",
                                             [EVENT_KIND_BASE64] = "\"AQI=\"",
                                             [EVENT_KIND_INET] = "\"192.0.2.1\"",
                                             [EVENT_KIND_LIST] = "[\"a\",\"b\"]",
                                             [EVENT_KIND_JSON] = "{\"k\":1}"};
        if (info->origin != EVENT_ORIGIN_SENDER)
            continue;
        assert_non_null(values[info->kind]);
        end += snprintf(end, sizeof body - (size_t)(end - body), "%s\"%s\":%s",
                        end[-1] == '{' ? "" : ",", info->name,
                        i == EVENT_model_year ? "2026" : values[info->kind]);
    }
    snprintf(end, sizeof body - (size_t)(end - body), "}");
    fixture_run_text(f, body);
    for (unsigned i = 0; i < EVENT_FIELD_COUNT; i++) {
        char name[80];
        snprintf(name, sizeof name, "\"%s\":", event_field_table[i].name);
        if (event_field_table[i].origin == EVENT_ORIGIN_SENDER)
            assert_event_has(f, 0, name);
    }
    assert_event_has(f, 0, "\"attributes\":{\"k\":1}");
}

static void names_of_the_server_are_attributes(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(
        f, "{\"message\":\"m\",\"event_uid\":\"mine\",\"dedup_key\":\"00\",\"tenant_id\":\"x\","
           "\"time_received\":1,\"raw_offset\":9,\"parser_name\":\"p\"}");
    assert_event_has(
        f, 0,
        "\"attributes\":{\"event_uid\":\"mine\",\"dedup_key\":\"00\",\"tenant_id\":\"x\","
        "\"time_received\":1,\"raw_offset\":9,\"parser_name\":\"p\"}");
    assert_event_has(f, 0, "\"raw_offset\":0");
}

static void attributes_are_compact_and_merged(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(
        f, "{\"message\":\"m\", \"a\" : [ 1 , {\"b c\" : \"d  \\\" e\" } ] ,\"k\\\"\\u0001\":2,"
           "\"attributes\": { \"x\" : null }}{\"message\":\"m\",\"attributes\":{}}");
    assert_event_has(
        f, 0, "\"attributes\":{\"a\":[1,{\"b c\":\"d  \\\" e\"}],\"k\\\"\\u0001\":2,\"x\":null}");
    assert_event_lacks(f, 1, "attributes");
}

/* However the sender wrote them: what is stored has no white space and the shortest escapes. */
static void attributes_are_one_text_for_all_ways_to_write_them(void **state)
{
    struct fixture *f = *state;
    static const char stored[] =
        "\"attributes\":{\"a\":1,\"b c\":\"d e\",\"o\":{\"p\":[1,\"q\"]},\"t\":true},";
    static const char *const sent[] = {
        "{\"a\":1,\"b c\":\"d e\",\"o\":{\"p\":[1,\"q\"]},\"t\":true}",
        "{ \"a\":1,\"b c\":\"d e\",\"o\":{\"p\":[1,\"q\"]},\"t\":true}",
        "{\"a\" :1,\"b c\":\"d e\",\"o\":{\"p\":[1,\"q\"]},\"t\":true}",
        "{\"a\":1,\"b c\":\"d e\",\"o\":{\"p\": [1,\"q\"]},\"t\":true}",
        "{\"a\":1,\"b c\":\"d e\",\"o\":{\"p\":[1,\"q\"]},\"t\":true\n}",
        "{\"\\u0061\":1,\"b c\":\"d e\",\"o\":{\"p\":[1,\"q\"]},\"t\":true}",
        "{\"a\":1,\"b\\u0020c\":\"d e\",\"o\":{\"p\":[1,\"q\"]},\"t\":true}",
    };
    char body[256];
    for (size_t i = 0; i < sizeof sent / sizeof *sent; i++) {
        snprintf(body, sizeof body, "{\"message\":\"m\",\"attributes\":%s}", sent[i]);
        fixture_run_text(f, body);
        assert_event_has(f, 0, stored);
    }
}

static void many_unknown_keys_meet_many_attributes(void **state)
{
    struct fixture *f = *state;
    char *body = malloc(65536), *end = body;
    end += snprintf(end, 65536 - (size_t)(end - body), "{\"message\":\"m\"");
    for (int i = 0; i < 1000; i++)
        end += snprintf(end, 65536 - (size_t)(end - body), ",\"u%d\":%d", i, i);
    end += snprintf(end, 65536 - (size_t)(end - body), ",\"attributes\":{\"a\":1");
    for (int i = 0; i < 1000; i++)
        end += snprintf(end, 65536 - (size_t)(end - body), ",\"v%d\":%d", i, i);
    snprintf(end, 65536 - (size_t)(end - body), "}}");
    fixture_run_text(f, body);
    assert_event_has(f, 0, "\"v999\":999");
    snprintf(end, 65536 - (size_t)(end - body), ",\"u500\":1}}");
    fixture_run_text(f, body);
    assert_rejected(f, 0, "duplicate_key", "u500: occurs both in attributes and outside");
    free(body);
}

static void short_names_are_the_fields(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "{\"id\":\"7\",\"message\":\"m\",\"time\":\"2026-11-22T10:15:02.250Z\"}"
                        "{\"id\":\"7\",\"source_event_id\":\"8\",\"message\":\"m\"}"
                        "{\"time\":1,\"time_event_ns\":\"1\",\"message\":\"m\"}"
                        "{\"time_event_ns\":\"1\",\"time\":1,\"message\":\"m\"}");
    assert_event_has(f, 0, "\"source_event_id\":\"7\"");
    assert_event_has(f, 0,
                     "\"time_event_ns\":\"1795342502250000000\",\"time_event_raw\":\"2026-11-22T");
    assert_rejected(f, 1, "duplicate_key", "source_event_id");
    assert_rejected(f, 2, "duplicate_key", "time_event_ns");
    assert_rejected(f, 3, "duplicate_key", "time");
}

static void wrong_values_are_quarantined_with_their_key(void **state)
{
    static const struct {
        const char *member, *code, *detail;
    } cases[] = {
        {"\"count\":\"4\"", "wrong_type", "count: an integer"},
        {"\"count\":4.0", "wrong_type", "count: an integer"},
        {"\"count\":0", "out_of_range", "count: allowed are 1 to 2147483647"},
        {"\"count\":9223372036854775808", "out_of_range", "count"},
        {"\"vehicle_seq\":\"9223372036854775808\"", "out_of_range", "vehicle_seq"},
        {"\"vehicle_seq\":\"\"", "malformed_value", "vehicle_seq"},
        {"\"vehicle_seq\":\"-\"", "malformed_value", "vehicle_seq"},
        {"\"time_event_ns\":\"-9223372036854775809\"", "out_of_range", "time_event_ns"},
        {"\"severity_id\":50", "out_of_range", "severity_id: allowed are 0 to 6 and 99"},
        {"\"replay\":\"true\"", "wrong_type", "replay: true or false"},
        {"\"speed_kmh\":\"1\"", "wrong_type", "speed_kmh: a number"},
        {"\"ecu_id\":7", "wrong_type", "ecu_id: a text"},
        {"\"ecu_id\":\"\"", "out_of_range", "ecu_id: allowed are 1 to 128 bytes"},
        {"\"src_ip\":\"1.2.3\"", "wrong_type", "src_ip: an IPv4 or IPv6 address"},
        {"\"src_ip\":\"fe80::1%eth0\"", "wrong_type", "src_ip"},
        {"\"cve\":\"CVE-1\"", "wrong_type", "cve: an array of texts"},
        {"\"cve\":[[\"CVE-1\"]]", "wrong_type", "cve"},
        {"\"cve\":[\"\"]", "out_of_range", "cve"},
        {"\"context_raw\":\"A\"", "malformed_value", "context_raw: base64"},
        {"\"time\":\"soon\"", "malformed_value", "time: an RFC 3339 time"},
        {"\"time\":null,\"time_sent\":{}", "wrong_type", "time_sent"},
        {"\"vin\":17", "wrong_type", "vin: a text"},
        {"\"attributes\":[]", "wrong_type", "attributes: an object"},
        {"\"count\":1,\"count\":1", "duplicate_key", "count: occurs twice"},
        {"\"x\":1,\"x\":1", "duplicate_key", "x: occurs twice"},
        {"\"x\":{\"Vin\":1,\"Vin\":2}", "duplicate_key", "Vin: occurs twice"},
        {"\"x\":\"\\u0000\"", "nul_byte", "U+0000"},
        {"\"x\":\"\\ud800\"", "malformed", "surrogate"},
        {"\"speed_kmh\":1e999", "out_of_range", "number"},
        {"\"x\":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "too_deep", "deep"},
        {"\"x\":tru", "malformed", ""},
        {"\"x\":\"\xff\"", "invalid_utf8", "UTF-8"},
        {"\"x\":01", "malformed", ""},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[256];
        snprintf(body, sizeof body, "{\"message\":\"m\",%s}", cases[i].member);
        fixture_run_text(f, body);
        assert_int_equal(f->item_count, 1);
        assert_rejected(f, 0, cases[i].code, cases[i].detail);
    }
}

static void list_longer_than_the_spool_takes_is_quarantined_alone(void **state)
{
    struct fixture *f = *state;
    char body[4096] = "{\"message\":\"m\",\"cwe\":[\"1\"";
    size_t size = strlen(body);
    for (size_t i = 1; i <= 64; i++)
        size += (size_t)snprintf(body + size, sizeof body - size, ",\"1\"");
    snprintf(body + size, sizeof body - size, "]}{\"message\":\"n\"}");
    fixture_run_text(f, body);
    assert_int_equal(f->item_count, 2);
    assert_rejected(f, 0, "too_many_values", "cwe: at most 64 texts");
    assert_event_has(f, 1, "\"message\":\"n\"");
}

static void a_long_key_is_cut_at_a_character(void **state)
{
    struct fixture *f = *state;
    char body[512], key[128] = "x";
    for (size_t i = 0; i < 40; i++)
        snprintf(key + 1 + 2 * i, sizeof key - 1 - 2 * i, "é");
    snprintf(body, sizeof body, "{\"message\":\"m\",\"%s\":1,\"attributes\":{\"%s\":1}}", key, key);
    fixture_run_text(f, body);
    assert_rejected(f, 0, "duplicate_key", "éé: occurs");
}

static void something_to_name_the_event_is_needed(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "{}{\"sev_id\":1}{\"event_name\":\"e\"}{\"message\":null}{\"id\":\"1\"}");
    assert_rejected(f, 0, "missing_field", "event_name, sev_id or message is needed");
    assert_event_has(f, 1, "\"sev_id\":1");
    assert_event_has(f, 2, "\"event_name\":\"e\"");
    assert_rejected(f, 3, "missing_field", "");
    assert_rejected(f, 4, "missing_field", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(every_sender_field_is_taken_under_its_own_name),
        fixture_test(names_of_the_server_are_attributes),
        fixture_test(attributes_are_compact_and_merged),
        fixture_test(attributes_are_one_text_for_all_ways_to_write_them),
        fixture_test(many_unknown_keys_meet_many_attributes),
        fixture_test(short_names_are_the_fields),
        fixture_test(wrong_values_are_quarantined_with_their_key),
        fixture_test(list_longer_than_the_spool_takes_is_quarantined_alone),
        fixture_test(a_long_key_is_cut_at_a_character),
        fixture_test(something_to_name_the_event_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
