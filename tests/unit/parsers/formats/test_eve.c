#include "pipeline_fixture.h"

static void run(struct fixture *f, const char *body)
{
    f->options.parser = &parser_eve;
    fixture_run_text(f, body);
}

/* One record with these members beside event_type. */
static void run_members(struct fixture *f, const char *type, const char *members)
{
    char body[8192];
    snprintf(body, sizeof body, "{\"event_type\":\"%s\",%s}", type, members);
    run(f, body);
    assert_int_equal(f->item_count, 1);
}

static void an_alert_has_columns(void **state)
{
    struct fixture *f = *state;
    run_members(
        f, "alert",
        "\"timestamp\":\"2026-11-22T11:15:02.250000+0100\",\"src_ip\":\"192.0.2.1\",\"src_port\":1,"
        "\"dest_ip\":\"2001:db8::2\",\"dest_port\":65535,\"proto\":\"TCP\",\"vlan\":[7],"
        "\"host\":\"GW\",\"in_iface\":\"eth0\",\"alert\":{\"action\":\"blocked\",\"gid\":1,"
        "\"signature_id\":4294967295,\"rev\":2,\"signature\":\"s\",\"severity\":1,\"category\":"
        "\"c\"}");
    assert_event_has(f, 0, "\"event_name\":\"s\",\"event_category\":\"network_anomaly\"");
    assert_event_has(f, 0, "\"time_event_ns\":\"1795342502250000000\"");
    assert_event_has(f, 0, "\"severity_id\":4,\"severity_source\":\"1\"");
    assert_event_has(f, 0, "\"disposition\":\"blocked\"");
    assert_event_has(f, 0,
                     "\"src_ip\":\"192.0.2.1\",\"dst_ip\":\"2001:db8::2\",\"src_port\":1,"
                     "\"dst_port\":65535,\"vlan_id\":7,\"transport\":\"tcp\"");
    assert_event_has(f, 0, "\"signature_ref\":\"1:4294967295:2\"");
    assert_event_has(f, 0, "\"ecu_id\":\"GW\"");
    assert_event_has(f, 0, "\"bus_id\":\"eth0\"");
    assert_event_has(f, 0, "\"sensor_kind\":\"net_ids\"");
    assert_event_has(f, 0,
                     "\"attributes\":{\"event_type\":\"alert\",\"alert\":{\"category\":\"c\"}}");
}

static void severity_1_is_the_highest(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *value, *columns;
    } cases[] = {
        {"1", "\"severity_id\":4,\"severity_source\":\"1\""},
        {"2", "\"severity_id\":3,\"severity_source\":\"2\""},
        {"3", "\"severity_id\":2,\"severity_source\":\"3\""},
        {"255", "\"severity_id\":2,\"severity_source\":\"255\""},
        {"0", "\"severity_id\":0,"},
        {"256", "\"severity_id\":0,"},
        {"-1", "\"severity_id\":0,"},
        {"1.0", "\"severity_id\":0,"},
        {"18446744073709551615", "\"severity_id\":0,"},
        {"\"1\"", "\"severity_id\":0,"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char members[128], kept[64];
        snprintf(members, sizeof members, "\"alert\":{\"severity\":%s}", cases[i].value);
        snprintf(kept, sizeof kept, "\"alert\":{\"severity\":%s}", cases[i].value);
        run_members(f, "alert", members);
        assert_event_has(f, 0, cases[i].columns);
        if (i > 3) {
            assert_event_has(f, 0, kept);
            assert_event_has(f, 0, "\"code\":\"bad_severity\"");
        }
    }
    run_members(f, "alert", "\"alert\":{}");
    assert_event_has(f, 0, "\"severity_id\":0,\"parse_status\":\"ok\"");
}

static void event_types_are_grouped_and_named(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *type, *members, *columns;
    } cases[] = {
        {"alert", "\"alert\":{}",
         "\"event_name\":\"alert\",\"event_category\":\"network_anomaly\""},
        {"anomaly", "\"anomaly\":{\"event\":\"e\"}",
         "\"event_name\":\"e\",\"event_category\":\"network_anomaly\""},
        {"drop", "\"x\":1", "\"event_name\":\"drop\",\"event_category\":\"network_filter\""},
        {"drop", "\"alert\":{\"action\":\"blocked\"}", "\"disposition\":\"dropped\""},
        {"stats", "\"x\":1", "\"event_name\":\"stats\",\"event_category\":\"ids_health\""},
        {"engine", "\"x\":1", "\"event_name\":\"engine\",\"event_category\":\"ids_health\""},
        {"of a later version", "\"x\":1",
         "\"event_name\":\"of a later version\",\"event_category\":\"other\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run_members(f, cases[i].type, cases[i].members);
        assert_event_has(f, 0, cases[i].columns);
    }
}

static void times_have_offsets_with_and_without_colon(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *value, *columns;
    } cases[] = {
        {"\"2026-11-22T10:15:02.000001+0000\"", "\"time_event_ns\":\"1795342502000001000\""},
        {"\"2026-11-22T10:15:02.000001+00:00\"", "\"time_event_ns\":\"1795342502000001000\""},
        {"\"2026-11-22T10:15:02.000001Z\"", "\"time_event_ns\":\"1795342502000001000\""},
        {"\"2026-11-22T05:45:02.000001-0430\"", "\"time_event_ns\":\"1795342502000001000\""},
        {"\"2026-11-22T10:15:02.000001\"", "\"time_quality\":\"inferred\""},
        {"\"2026-11-22T10:15:02.000001+01\"", "\"code\":\"bad_time\""},
        {"\"2026-02-30T10:15:02.000001+0000\"", "\"code\":\"bad_time\""},
        {"\"\"", "\"code\":\"bad_time\""},
        {"1795342502", "\"code\":\"bad_time\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char members[128];
        snprintf(members, sizeof members, "\"timestamp\":%s", cases[i].value);
        run_members(f, "flow", members);
        assert_event_has(f, 0, cases[i].columns);
        if (strstr(cases[i].columns, "bad_time")) {
            assert_event_lacks(f, 0, "time_event_ns");
            assert_event_has(f, 0, members);
        }
    }
}

static void values_that_do_not_fit_are_kept_as_written(void **state)
{
    struct fixture *f = *state;
    static const char *const members[] = {
        "\"src_ip\":\"x.x.250.50\"",
        "\"dest_ip\":\"fe80::1%eth0\"",
        "\"src_port\":65536",
        "\"dest_port\":\"80\"",
        "\"proto\":\"12345678901234567\"",
        "\"vlan\":[4096]",
        "\"vlan\":[]",
        "\"vlan\":[\"1\"]",
        "\"vlan\":{\"a\":1}",
        "\"host\":null",
        "\"in_iface\":[1]",
        "\"alert\":[{}]",
        "\"anomaly\":7",
        "\"alert\":{\"action\":\"rejected\"}",
        "\"alert\":{\"gid\":1,\"signature_id\":2}",
        "\"alert\":{\"gid\":1,\"signature_id\":2,\"rev\":18446744073709551615}",
        "\"alert\":{\"signature\":\"\"}",
        "\"flow_id\":18446744073709551615",
        "\"flow_id\":9223372036854775808",
        "\"flow_id\":18446744073709551616",
        "\"flow_id\":-9223372036854775808",
        "\"x\":0.10000000000000000555",
    };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        char attributes[256];
        snprintf(attributes, sizeof attributes, "\"attributes\":{\"event_type\":\"t\",%s}",
                 members[i]);
        run_members(f, "t", members[i]);
        assert_event_has(f, 0, attributes);
    }
}

static void the_outermost_of_two_tags_is_the_vlan(void **state)
{
    struct fixture *f = *state;
    run_members(f, "flow", "\"vlan\":[100,200]");
    assert_event_has(f, 0, "\"vlan_id\":100");
    assert_event_has(f, 0, "\"vlan\":[100,200]");
    run_members(f, "flow", "\"vlan\":[100]");
    assert_event_has(f, 0, "\"attributes\":{\"event_type\":\"flow\"}");
}

static void ids_of_the_rule_are_known_by_their_form(void **state)
{
    struct fixture *f = *state;
    run_members(f, "alert",
                "\"alert\":{\"metadata\":{\"cve\":[\"CVE_2021_44228\",\"cve,2021-44228\"],"
                "\"atm\":[\"ATM-T0033\"],\"mitre_technique_id\":[\"T1190\"],"
                "\"no\":[\"CVE-2021-123\",\"CVE-2021\",\"CVE:2021-44228\",\"ATM-T003\",\"\"]}}");
    assert_event_has(f, 0, "\"atm_technique\":[\"ATM-T0033\"],\"cve\":[\"CVE-2021-44228\"]");
    assert_event_has(f, 0, "\"metadata\":{\"cve\":[\"CVE_2021_44228\",\"cve,2021-44228\"]");
    run_members(f, "alert", "\"alert\":{\"metadata\":{\"mitre_technique_id\":[\"T1190\"]}}");
    assert_event_lacks(f, 0, "atm_technique");
}

static void more_ids_than_an_event_takes_stay_in_attributes(void **state)
{
    struct fixture *f = *state;
    char members[4096] = "\"alert\":{\"metadata\":{\"cve\":[\"CVE-2020-1000\"";
    size_t size = strlen(members);
    for (int i = 1; i < 100; i++)
        size +=
            (size_t)snprintf(members + size, sizeof members - size, ",\"CVE-2020-%d\"", 1000 + i);
    snprintf(members + size, sizeof members - size, "]}}");
    run_members(f, "alert", members);
    assert_event_has(f, 0, "\"CVE-2020-1063\"],\"parse_status\":\"ok\"");
    assert_event_has(f, 0, "\"CVE-2020-1099\"]}}");
}

static void the_vin_is_no_attribute(void **state)
{
    struct fixture *f = *state;
    run_members(f, "flow", "\"vin\":\"1M8GDM9AXKP042788\"");
    assert_event_has(f, 0, "\"wmi\":\"1M8\"");
    assert_event_lacks(f, 0, "1M8GDM9AXKP042788");
    run_members(f, "flow", "\"vin\":\"\"");
    assert_rejected(f, 0, "bad_vin", "vin");
}

/* ---- damage ---- */

static const char before[] = "{\"event_type\":\"before\"}\n",
                  after[] = "\n{\"event_type\":\"after\"}";
static const char sample[] =
    "{\"timestamp\":\"2026-11-22T11:15:02.250417+0100\",\"flow_id\":1846503914716305,"
    "\"event_type\":\"alert\",\"vlan\":[30],\"src_ip\":\"192.0.2.14\",\"src_port\":50096,"
    "\"proto\":\"TCP\",\"alert\":{\"action\":\"allowed\",\"gid\":1,\"signature_id\":9000101,"
    "\"rev\":3,"
    "\"signature\":\"a\\u0020b\",\"severity\":1,\"metadata\":{\"cve\":[\"CVE_2021_44228\"]}}}";

/* Runs size bytes between two good records: those are there, and something came of the bytes. */
static void run_between_neighbours(struct fixture *f, const char *bytes, size_t size)
{
    char body[1024];
    memcpy(body, before, sizeof before - 1);
    memcpy(body + sizeof before - 1, bytes, size);
    memcpy(body + sizeof before - 1 + size, after, sizeof after - 1);
    f->options.parser = &parser_eve;
    fixture_run(f, body, sizeof before + sizeof after - 2 + size);
    assert_int_equal(f->status, STATUS_OK);
    assert_true(f->item_count >= (size ? 3 : 2));
    assert_event_has(f, 0, "\"event_name\":\"before\"");
    assert_event_has(f, f->item_count - 1, "\"event_name\":\"after\"");
}

static void every_cut_of_a_record_leaves_its_neighbours(void **state)
{
    for (size_t size = 0; size < sizeof sample; size++)
        run_between_neighbours(*state, sample, size);
}

static void every_changed_byte_of_a_record_leaves_its_neighbours(void **state)
{
    struct fixture *f = *state;
    char bytes[sizeof sample];
    memcpy(bytes, sample, sizeof sample);
    for (size_t i = 0; i < sizeof sample - 1; i++) {
        for (int value = 0; value < 256; value++) {
            bytes[i] = (char)value;
            run_between_neighbours(f, bytes, sizeof sample - 1);
        }
        bytes[i] = sample[i];
    }
}

/* ---- probe ---- */

static void eve_is_told_from_native_events(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        bool is_eve;
    } cases[] = {
        {"{\"timestamp\":\"t\",\"event_type\":\"flow\"}", true},
        {"\xEF\xBB\xBF [ {\"event_type\":\"flow\",\"a\":{\"message\":1},\"timestamp\":\"t\"", true},
        {"{\"timestamp\":\"t\",\"flow_id\":1,\"event_type\":", true},
        {"{\"timestamp\":\"t\",\"event_ty", false},
        {"{\"timestamp\":\"t\"}{\"event_type\":\"flow\"}", false},
        {"{\"timestamp\":\"t\",\"event\":{\"event_type\":\"flow\"}}", false},
        {"{\"timestamp\":\"event_type\",\"x\":[\"event_type\"]}", false},
        {"{\"timestamp\":\"t\",\"event_type\":\"login\",\"message\":\"m\"}", false},
        {"{\"timestamp\":\"t\",\"event_type\":\"login\",\"sev_id\":7}", false},
        {"{\"timestamp\":\"t\\\",\"event_type\":\"flow\"}", false},
        {"{}", false},
        {"}{", false},
        {"[", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(parser_eve.probe(slice_from_text(cases[i].head)) > 50, cases[i].is_eve);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(an_alert_has_columns),
        fixture_test(severity_1_is_the_highest),
        fixture_test(event_types_are_grouped_and_named),
        fixture_test(times_have_offsets_with_and_without_colon),
        fixture_test(values_that_do_not_fit_are_kept_as_written),
        fixture_test(the_outermost_of_two_tags_is_the_vlan),
        fixture_test(ids_of_the_rule_are_known_by_their_form),
        fixture_test(more_ids_than_an_event_takes_stay_in_attributes),
        fixture_test(the_vin_is_no_attribute),
        fixture_test(every_cut_of_a_record_leaves_its_neighbours),
        fixture_test(every_changed_byte_of_a_record_leaves_its_neighbours),
        fixture_test(eve_is_told_from_native_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
