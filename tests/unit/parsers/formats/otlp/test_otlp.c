#include "pipeline_fixture.h"

#include "parsers/read/proto_reader.h"

/* ---- requests ---- */

struct message {
    uint8_t bytes[8192];
    size_t size;
};

static void add_bytes(struct message *m, unsigned number, const void *bytes, size_t size)
{
    assert_true(number < 16 && size < 16384 && m->size + size + 3 <= sizeof m->bytes);
    m->bytes[m->size++] = (uint8_t)(number << 3 | 2);
    if (size >= 128)
        m->bytes[m->size++] = (uint8_t)(size & 127) | 128;
    m->bytes[m->size++] = (uint8_t)(size >= 128 ? size >> 7 : size);
    memcpy(m->bytes + m->size, bytes, size);
    m->size += size;
}

static void add_message(struct message *m, unsigned number, const struct message *inner)
{
    add_bytes(m, number, inner->bytes, inner->size);
}

static struct message text_value(const char *text)
{
    struct message value = {.size = 0};
    add_bytes(&value, 1, text, strlen(text));
    return value;
}

/* A log record with a body. */
static struct message record_of(const char *text)
{
    struct message record = {.size = 0}, value = text_value(text);
    add_message(&record, 5, &value);
    return record;
}

/* A request with these records in one scope, whose resource names a service. */
static struct message request_of(const struct message *records, size_t count)
{
    struct message value = text_value("gateway"), pair = {.size = 0}, resource = {.size = 0};
    struct message scope_logs = {.size = 0}, resource_logs = {.size = 0}, request = {.size = 0};
    add_bytes(&pair, 1, "service.name", 12);
    add_message(&pair, 2, &value);
    add_message(&resource, 1, &pair);
    for (size_t i = 0; i < count; i++)
        add_message(&scope_logs, 2, &records[i]);
    add_message(&resource_logs, 1, &resource);
    add_message(&resource_logs, 2, &scope_logs);
    add_message(&request, 1, &resource_logs);
    return request;
}

static void run(struct fixture *f, const char *body)
{
    f->options.parser = &parser_otlp;
    fixture_run_text(f, body);
    assert_int_equal(f->status, STATUS_OK);
}

static void run_message(struct fixture *f, const struct message *m)
{
    f->options.parser = &parser_otlp;
    fixture_run(f, (const char *)m->bytes, m->size);
    assert_int_equal(f->status, STATUS_OK);
}

/* One record with these members. */
static void run_record(struct fixture *f, const char *members)
{
    char body[16384];
    snprintf(body, sizeof body, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{%s}]}]}]}",
             members);
    run(f, body);
    assert_int_equal(f->item_count, 1);
}

/* ---- records ---- */

static void severity_numbers_are_grouped_by_four(void **state)
{
    struct fixture *f = *state;
    static const int expected[] = {0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                   2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 0};
    for (int i = -1; i <= 25; i++) {
        char members[64], columns[64];
        snprintf(members, sizeof members, "\"severityNumber\":%d", i);
        snprintf(columns, sizeof columns, "\"severity_id\":%d,", i < 0 ? 0 : expected[i]);
        run_record(f, members);
        assert_event_has(f, 0, columns);
        bool is_known = i >= 0 && i <= 24;
        snprintf(columns, sizeof columns,
                 is_known ? "\"severity_source\":\"%d\"" : "\"severity_number\":%d", i);
        if (i)
            assert_event_has(f, 0, columns);
        if (!is_known)
            assert_event_has(f, 0, "\"code\":\"bad_severity\"");
    }
    run_record(f, "\"severityNumber\":9,\"severityText\":\"INFO\"");
    assert_event_has(f, 0, "\"severity_number\":9");
    assert_event_has(f, 0, "\"severity_id\":1,\"severity_source\":\"INFO\"");
}

static void a_time_of_0_is_not_known(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *members, *columns;
    } cases[] = {
        {"\"timeUnixNano\":\"5\"", "\"time_event_ns\":\"5\",\"time_source\":\"rtc\""},
        {"\"timeUnixNano\":5", "\"time_event_ns\":\"5\",\"time_source\":\"rtc\""},
        {"\"timeUnixNano\":\"0\",\"observedTimeUnixNano\":\"7\"",
         "\"time_event_ns\":\"7\",\"time_source\":\"inferred\",\"time_quality\":\"inferred\""},
        {"\"timeUnixNano\":\"0\"", "\"time_source\":\"none\""},
        {"\"timeUnixNano\":null", "\"time_source\":\"none\""},
        {"\"timeUnixNano\":\"5\",\"observedTimeUnixNano\":\"7\"",
         "\"attributes\":{\"observed_time_unix_nano\":\"7\"}"},
        {"\"timeUnixNano\":\"18446744073709551615\"",
         "\"attributes\":{\"time_unix_nano\":\"18446744073709551615\"}"},
        {"\"observedTimeUnixNano\":9223372036854775808",
         "\"attributes\":{\"observed_time_unix_nano\":\"9223372036854775808\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run_record(f, cases[i].members);
        assert_event_has(f, 0, cases[i].columns);
    }
    static const char *const none[] = {
        "\"18446744073709551616\"", "-1", "\"-1\"", "\"\"", "1.5", "true", "\"1x\""};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        char members[64];
        snprintf(members, sizeof members, "\"timeUnixNano\":%s", none[i]);
        run_record(f, members);
        assert_rejected(f, 0, "wrong_type", "timeUnixNano");
    }
}

static void a_body_is_the_message_or_an_attribute(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *body, *columns;
    } cases[] = {
        {"{\"stringValue\":\"text\"}", "\"message\":\"text\""},
        {"{\"intValue\":\"7\"}", "\"attributes\":{\"body\":7}"},
        {"{\"boolValue\":false}", "\"attributes\":{\"body\":false}"},
        {"{\"doubleValue\":0.5}", "\"attributes\":{\"body\":0.5}"},
        {"{\"doubleValue\":2}", "\"attributes\":{\"body\":2"},
        {"{\"doubleValue\":\"-Infinity\"}", "\"attributes\":{\"body\":\"-Infinity\"}"},
        {"{\"bytesValue\":\"AP8=\"}", "\"attributes\":{\"body\":\"AP8=\"}"},
        {"{\"arrayValue\":{}}", "\"attributes\":{\"body\":[]}"},
        {"{\"arrayValue\":{\"values\":[{},{\"kvlistValue\":{\"values\":[]}}]}}",
         "\"attributes\":{\"body\":[null,{}]}"},
        {"{\"kvlistValue\":{\"values\":[{\"key\":\"a\",\"value\":{\"intValue\":1}},{\"key\":\"a\"}]"
         "}}",
         "\"attributes\":{\"body\":{\"a\":1,\"a#2\":null}}"},
        {"{\"later\":[1],\"stringValue\":\"text\"}", "\"message\":\"text\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char members[512];
        snprintf(members, sizeof members, "\"body\":%s", cases[i].body);
        run_record(f, members);
        assert_event_has(f, 0, cases[i].columns);
    }
    run_record(f, "\"body\":{}");
    assert_event_lacks(f, 0, "body");
    run_record(f, "\"body\":{\"stringValue\":\"b\"},\"attributes\":[{\"key\":\"vsoc.message\","
                  "\"value\":{\"stringValue\":\"m\"}}]");
    assert_event_has(f, 0, "\"attributes\":{\"body\":\"b\"}");
    assert_event_has(f, 0, "\"message\":\"m\"");
}

static void fields_of_the_model_have_their_own_names(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name, *value, *columns;
    } cases[] = {
        {"sev_id", "{\"intValue\":\"103\"}", "\"sev_id\":103"},
        {"can_id", "{\"stringValue\":\"1808\"}", "\"can_id\":1808"},
        {"is_moving", "{\"boolValue\":true}", "\"is_moving\":true"},
        {"speed_kmh", "{\"doubleValue\":12.5}", "\"speed_kmh\":12.5"},
        {"context_raw", "{\"bytesValue\":\"AAEC\"}", "\"context_raw\":\"AAEC\""},
        {"context_raw", "{\"stringValue\":\"AAEC\"}", "\"context_raw\":\"AAEC\""},
        {"src_ip", "{\"stringValue\":\"192.0.2.1\"}", "\"src_ip\":\"192.0.2.1\""},
        {"id", "{\"stringValue\":\"7f\"}", "\"source_event_id\":\"7f\""},
        {"cve", "{\"arrayValue\":{\"values\":[{\"stringValue\":\"CVE-2021-44228\"}]}}",
         "\"cve\":[\"CVE-2021-44228\"]"},
        {"time_sent", "{\"stringValue\":\"2026-11-22T10:15:02Z\"}",
         "\"time_sent\":\"2026-11-22T10:15:02"},
        /* What does not fit stays as it is. */
        {"sev_id", "{\"intValue\":\"65536\"}", "\"attributes\":{\"vsoc.sev_id\":65536}"},
        {"sev_id", "{\"stringValue\":\"103\"}", "\"attributes\":{\"vsoc.sev_id\":\"103\"}"},
        {"src_ip", "{\"stringValue\":\"here\"}", "\"attributes\":{\"vsoc.src_ip\":\"here\"}"},
        {"cve", "{\"arrayValue\":{\"values\":[{\"intValue\":\"1\"}]}}",
         "\"attributes\":{\"vsoc.cve\":[1]}"},
        {"cve", "{\"stringValue\":\"CVE-2021-44228\"}",
         "\"attributes\":{\"vsoc.cve\":\"CVE-2021-44228\"}"},
        {"sev_id", "{}", "\"attributes\":{\"vsoc.sev_id\":null}"},
        {"event_uid", "{\"stringValue\":\"x\"}", "\"attributes\":{\"vsoc.event_uid\":\"x\"}"},
        {"attributes", "{\"kvlistValue\":{}}", "\"attributes\":{\"vsoc.attributes\":{}}"},
        {"", "{\"intValue\":1}", "\"attributes\":{\"vsoc.\":1}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char members[512];
        snprintf(members, sizeof members, "\"attributes\":[{\"key\":\"vsoc.%s\",\"value\":%s}]",
                 cases[i].name, cases[i].value);
        run_record(f, members);
        assert_event_has(f, 0, cases[i].columns);
    }
}

static void a_record_overrules_its_resource_which_stays_whole_then(void **state)
{
    struct fixture *f = *state;
    run(f,
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{},{\"attributes\":[{\"key\":"
        "\"service.name\",\"value\":{\"stringValue\":\"own\"}}]}]}],\"resource\":{\"attributes\":["
        "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"all\"}}]}}]}");
    assert_int_equal(f->item_count, 2);
    assert_event_has(f, 0, "\"ecu_id\":\"all\"");
    assert_event_lacks(f, 0, "attributes");
    assert_event_has(f, 1, "\"ecu_id\":\"own\"");
    assert_event_has(f, 1, "\"attributes\":{\"resource\":{\"service.name\":\"all\"}}");
}

static void the_vin_is_no_attribute(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"vehicle.vin", "vsoc.vin"};
    for (size_t i = 0; i < 2; i++) {
        char attribute[128], members[256], body[512];
        snprintf(attribute, sizeof attribute,
                 "{\"key\":\"%s\",\"value\":{\"stringValue\":\"1M8GDM9AXKP042788\"}}", names[i]);
        snprintf(members, sizeof members, "\"attributes\":[%s]", attribute);
        run_record(f, members);
        assert_event_has(f, 0, "\"wmi\":\"1M8\"");
        assert_event_lacks(f, 0, "1M8GDM9AXKP042788");
        snprintf(body, sizeof body,
                 "{\"resourceLogs\":[{\"resource\":{\"attributes\":[%s]},\"scopeLogs\":[{"
                 "\"logRecords\":[{\"attributes\":[{\"key\":\"vsoc.ecu_id\",\"value\":{"
                 "\"stringValue\":\"e\"}}]}]}]}]}",
                 attribute);
        run(f, body);
        assert_event_has(f, 0, "\"wmi\":\"1M8\"");
        assert_event_lacks(f, 0, "1M8GDM9AXKP042788");
    }
    run_record(f, "\"attributes\":[{\"key\":\"vsoc.vin\",\"value\":{\"stringValue\":"
                  "\"1M8GDM9AXKP042788\"}},{\"key\":\"vehicle.vin\",\"value\":{\"stringValue\":"
                  "\"1G4AH59H45G118341\"}}]");
    assert_rejected(f, 0, "duplicate_key", "two vehicles");
    run_record(f, "\"attributes\":[{\"key\":\"vsoc.vin\",\"value\":{\"stringValue\":\"\"}}]");
    assert_rejected(f, 0, "bad_vin", "vin");
}

/* ---- limits ---- */

static void arrays_and_maps_stand_in_16_others_at_most(void **state)
{
    struct fixture *f = *state;
    struct message value = text_value("end");
    for (size_t depth = 1; depth <= 17; depth++) {
        struct message array = {.size = 0}, outer = {.size = 0}, record = {.size = 0};
        add_message(&array, 1, &value);
        add_message(&outer, 5, &array);
        value = outer;
        add_message(&record, 5, &value);
        struct message request = request_of(&record, 1);
        run_message(f, &request);
        if (depth <= 16)
            assert_event_has(f, 0, "\"end\"");
        else
            assert_rejected(f, 0, "too_deep", "16");
    }
}

static void a_large_resource_is_not_repeated_in_each_event(void **state)
{
    struct fixture *f = *state;
    char *body = malloc(40000), *text = malloc(20001);
    for (size_t size = 8000; size <= 20000; size += 12000) {
        memset(text, 'x', size);
        text[size] = '\0';
        snprintf(
            body, 40000,
            "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":"
            "{\"stringValue\":\"s\"}},{\"key\":\"k\",\"value\":{\"stringValue\":\"%s\"}}]},"
            "\"scopeLogs\":[{\"logRecords\":[{},{}]}]}]}",
            text);
        run(f, body);
        for (size_t i = 0; i < 2; i++) {
            assert_event_has(f, i, "\"ecu_id\":\"s\"");
            if (size == 8000)
                assert_event_has(f, i, "\"resource\":{\"k\":\"xxx");
            else
                assert_event_has(
                    f, i,
                    "\"parse_status\":\"partial\",\"parse_notes\":[{\"code\":\"level_too_large\"");
        }
    }
    free(body);
    free(text);
}

static void a_record_over_the_limit_is_quarantined_alone(void **state)
{
    struct fixture *f = *state;
    struct message records[3] = {record_of("before"), record_of("after")};
    char text[2000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    records[2] = records[1];
    records[1] = record_of(text);
    struct message request = request_of(records, 3);
    f->options.event_bytes = 1000;
    run_message(f, &request);
    assert_int_equal(f->item_count, 3);
    assert_event_has(f, 0, "\"message\":\"before\"");
    assert_rejected(f, 1, "event_too_large", "limits.event_bytes");
    assert_event_has(f, 2, "\"message\":\"after\"");
}

static void as_many_attributes_as_an_object_takes_are_kept(void **state)
{
    struct fixture *f = *state;
    char *members = malloc(65536);
    size_t size = (size_t)snprintf(members, 65536, "\"attributes\":[{\"key\":\"k\"}");
    for (int i = 0; i < 600; i++)
        size += (size_t)snprintf(members + size, 65536 - size, ",{\"key\":\"k%d\"}", i);
    snprintf(members + size, 65536 - size, "]");
    char *body = malloc(70000);
    snprintf(body, 70000, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{%s}]}]}]}",
             members);
    run(f, body);
    assert_event_has(f, 0, "\"k500\":null");
    assert_event_lacks(f, 0, "\"k599\"");
    assert_event_has(f, 0, "\"code\":\"too_many_keys\"");
    free(members);
    free(body);
}

/* Millions of parts without a record would cost time and give nothing. */
static void empty_parts_are_read_up_to_a_bound(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *head, *part, *tail;
        size_t part_size;
    } cases[] = {
        {"", "\x0A\x00", "", 2},
        {"", "\x0A\x02\x12\x00", "", 4},
        {"", "{}", "", 2},
        {"{\"resourceLogs\":[{}", ",{}", "]}", 3},
        {"{\"resourceLogs\":[{\"scopeLogs\":[{}", ",{}", "]}]}", 3},
    };
    char *body = malloc(100000);
    f->options.parser = &parser_otlp;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t parts = 4000; parts <= 20000; parts += 16000) {
            size_t size = strlen(cases[i].head), tail = strlen(cases[i].tail);
            memcpy(body, cases[i].head, size);
            for (size_t p = 0; p < parts; p++, size += cases[i].part_size)
                memcpy(body + size, cases[i].part, cases[i].part_size);
            memcpy(body + size, cases[i].tail, tail);
            fixture_run(f, body, size + tail);
            assert_int_equal(f->status, STATUS_OK);
            assert_int_equal(f->item_count, parts > 10000);
            if (parts > 10000)
                assert_rejected(f, 0, "too_many_values", "10,000");
        }
    free(body);
}

static void nothing_is_read_behind_a_full_batch(void **state)
{
    struct fixture *f = *state;
    struct message records[8] = {record_of("text")};
    for (size_t i = 1; i < 8; i++)
        records[i] = records[0];
    struct message request = request_of(records, 8);
    f->options.parser = &parser_otlp;
    f->options.batch_events = 5;
    fixture_run(f, (const char *)request.bytes, request.size);
    assert_int_equal(f->status, STATUS_TOO_MANY);
    assert_int_equal(f->item_count, 5);
}

/* ---- damage ---- */

static void a_changed_byte_within_a_record_leaves_its_neighbours(void **state)
{
    struct fixture *f = *state;
    struct message records[3] = {record_of("before"), record_of("in the middle"),
                                 record_of("after")};
    struct message request = request_of(records, 3);
    size_t start = 0;
    while (memcmp(request.bytes + start, records[1].bytes, records[1].size) != 0)
        start++;
    for (size_t i = start; i < start + records[1].size; i++) {
        uint8_t was = request.bytes[i];
        for (unsigned value = 0; value < 256; value++) {
            request.bytes[i] = (uint8_t)value;
            run_message(f, &request);
            assert_int_equal(f->item_count, 3);
            assert_event_has(f, 0, "\"message\":\"before\"");
            assert_event_has(f, 2, "\"message\":\"after\"");
        }
        request.bytes[i] = was;
    }
}

static void a_cut_request_gives_the_records_before_the_cut(void **state)
{
    struct fixture *f = *state;
    struct message records[2] = {record_of("first"), record_of("second")};
    struct message request = request_of(records, 2);
    size_t whole = request.size;
    for (size_t size = 2; size < whole; size++) { /* the first byte alone is a line end */
        request.size = size;
        run_message(f, &request);
        assert_true(f->item_count > 0);
        assert_true(f->items[f->item_count - 1].is_reject);
        assert_int_equal(f->items[f->item_count - 1].offset + f->items[f->item_count - 1].size,
                         size);
    }
    static const char json[] =
        "{\"resourceLogs\":[{\"resource\":{},\"scopeLogs\":[{\"scope\":{},\"logRecords\":["
        "{\"body\":{\"stringValue\":\"first\"}},{\"body\":{\"stringValue\":\"second\"}}]}]}]}";
    size_t second = (size_t)(strstr(json, ",{\"body\":{\"stringValue\":\"second") - json);
    for (size_t size = 1; size < sizeof json - 1; size++) {
        f->options.parser = &parser_otlp;
        fixture_run(f, json, size);
        assert_true(f->items[f->item_count - 1].is_reject);
        assert_int_equal(f->items[f->item_count - 1].offset + f->items[f->item_count - 1].size,
                         size);
        if (size >= second)
            assert_event_has(f, 0, "\"message\":\"first\"");
    }
}

/* ---- encodings ---- */

static void requests_without_records_are_nothing(void **state)
{
    struct fixture *f = *state;
    static const char *const bodies[] = {
        "",
        " \n",
        "{}",
        "{ }",
        "\xEF\xBB\xBF{}",
        "{\"resourceLogs\":[]}",
        "{\"resourceLogs\":null}",
        "{\"resourceLogs\":[{}]}",
        "{\"resourceLogs\":[{\"scopeLogs\":null}]}",
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[]}]}]}\n{}",
        "\x0A",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        run(f, bodies[i]);
        assert_int_equal(f->item_count, 0);
    }
}

static void an_array_is_refused_as_json(void **state)
{
    struct fixture *f = *state;
    run(f, " [{\"resourceLogs\":[]}]");
    assert_int_equal(f->item_count, 1);
    assert_rejected(f, 0, "malformed", "JSON");
}

static void a_length_that_looks_like_a_bracket_is_protobuf(void **state)
{
    struct fixture *f = *state;
    char text[200];
    memset(text, '"', sizeof text);
    for (size_t size = 1; size < sizeof text; size++) {
        text[size] = '\0';
        struct message record = record_of(text), request = request_of(&record, 1);
        run_message(f, &request);
        assert_int_equal(f->item_count, 1);
        assert_false(f->items[0].is_reject);
        text[size] = '"';
    }
    run(f, "\n{\n\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{}]}]}]}");
    assert_int_equal(f->item_count, 1);
    assert_false(f->items[0].is_reject);
}

static void requests_are_told_from_other_bodies(void **state)
{
    (void)state;
    struct message record = record_of("text"), request = request_of(&record, 1);
    assert_true(parser_otlp.probe(slice_make(request.bytes, request.size)) > 50);
    static const struct {
        const char *head;
        bool is_mine;
    } cases[] = {
        {"{\"resourceLogs\":[", true},
        {"\xEF\xBB\xBF \n{\n \"resourceLogs\" : []}", true},
        {"{\"resourceLog\":[", false},
        {"{\"event\":{\"resourceLogs\":[]}}", false},
        {"\n\n\n\n\n\n\n\n\n\n\n\n", false},
        {"\n(1795342502.1) can0 1#", false},
        {"\n\x12\n\x12\n", false},
        {"\n", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(parser_otlp.probe(slice_from_text(cases[i].head)) > 0, cases[i].is_mine);
}

static void fields_are_read_up_to_what_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size, fields;
        bool broken;
    } cases[] = {
        {"", 0, 0, false},
        {"\x08\x96\x01", 3, 1, false},
        {"\x08\x96", 2, 0, true},
        {"\x12\x03"
         "abc\x12\x00",
         7, 2, false},
        {"\x12\x04"
         "abc",
         5, 0, true},
        {"\x09\1\2\3\4\5\6\7\x08\x15\1\2\3\4", 14, 2, false},
        {"\x09\1\2\3", 4, 0, true},
        {"\x0b\x0c", 2, 0, true}, /* group */
        {"\x02\x00", 2, 0, true}, /* field 0 */
        {"\x12\xff\xff\xff\xff\x0f", 6, 0, true},
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, 0, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct proto_reader reader = proto_reader_make(slice_make(cases[i].bytes, cases[i].size));
        struct proto_field field;
        size_t fields = 0;
        while (proto_next(&reader, &field))
            fields++;
        assert_int_equal(fields, cases[i].fields);
        assert_int_equal(reader.broken, cases[i].broken);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(severity_numbers_are_grouped_by_four),
        fixture_test(a_time_of_0_is_not_known),
        fixture_test(a_body_is_the_message_or_an_attribute),
        fixture_test(fields_of_the_model_have_their_own_names),
        fixture_test(a_record_overrules_its_resource_which_stays_whole_then),
        fixture_test(the_vin_is_no_attribute),
        fixture_test(arrays_and_maps_stand_in_16_others_at_most),
        fixture_test(a_large_resource_is_not_repeated_in_each_event),
        fixture_test(a_record_over_the_limit_is_quarantined_alone),
        fixture_test(as_many_attributes_as_an_object_takes_are_kept),
        fixture_test(empty_parts_are_read_up_to_a_bound),
        fixture_test(nothing_is_read_behind_a_full_batch),
        fixture_test(a_changed_byte_within_a_record_leaves_its_neighbours),
        fixture_test(a_cut_request_gives_the_records_before_the_cut),
        fixture_test(requests_without_records_are_nothing),
        fixture_test(an_array_is_refused_as_json),
        fixture_test(a_length_that_looks_like_a_bracket_is_protobuf),
        fixture_test(requests_are_told_from_other_bodies),
        fixture_test(fields_are_read_up_to_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
