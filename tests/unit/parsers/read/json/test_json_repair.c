/* Keys that stand twice and numbers that no double holds, in every JSON format. */
#include "pipeline_fixture.h"

static void run(struct fixture *f, const struct parser *parser, const char *body)
{
    f->options.parser = parser;
    fixture_run_text(f, body);
    assert_int_equal(f->status, STATUS_OK);
    assert_int_equal(f->item_count, 1);
}

#define CLOUD         "\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\""
#define OTLP(members) "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{" members "}]}]}]}"

static void a_key_that_stands_twice_is_an_event_with_a_note(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const struct parser *parser;
        const char *body, *kept;
    } cases[] = {
        {&parser_eve,
         "{\"event_type\":\"tls\",\"tls\":{\"subject\":\"CN=a\",\"subject\":\"CN=b\"}}",
         "\"tls\":{\"subject\":\"CN=a\",\"subject#2\":\"CN=b\"}"},
        {&parser_eve, "{\"event_type\":\"x\",\"a\":1,\"a\" : 2,\"a\"\n:\t[3]}",
         "\"a\":1,\"a#2\":2,\"a#3\":[3]"},
        {&parser_eve, "{\"event_type\":\"x\",\"a\\\"\":1,\"a\\u0022\":2}",
         "\"a\\\"\":1,\"a\\\"#2\":2"},
        {&parser_eve, "{\"event_type\":\"x\",\"a\":1,\"a\":2,\"a#2\":3}",
         "\"a\":1,\"a#2\":2,\"a#2#2\":3"},
        {&parser_eve, "{\"event_type\":\"x\",\"dns\":{\"id\":1,\"id\":2}}",
         "{\"id\":1,\"id#2\":2}"},
        {&parser_eve, "{\"event_type\":\"x\",\"a\":\"\\u0000\",\"a\":\"\xff\"}",
         "\"a\":\"\\ufffd\",\"a#2\":\"\xEF\xBF\xBD\""},
        {&parser_hec, "{\"event\":\"x\",\"fields\":{\"a\":1,\"a\":2}}", "{\"a\":1,\"a#2\":2}"},
        {&parser_hec, "{\"event\":{\"event_name\":\"n\",\"x\":{\"a\":1,\"a\":2}}}",
         "\"x\":{\"a\":1,\"a#2\":2}"},
        {&parser_cloudevents, "{" CLOUD ",\"data\":{\"a\":1,\"a\":2}}", "{\"a\":1,\"a#2\":2}"},
        {&parser_cloudevents, "{" CLOUD ",\"ext\":1,\"ext\":2}", "\"ext\":1,\"ext#2\":2"},
        {&parser_vsoc_json, "{\"message\":\"m\",\"attributes\":{\"a\":1,\"a\":2}}",
         "{\"a\":1,\"a#2\":2}"},
        {&parser_vsoc_json, "{\"message\":\"m\",\"x\":{\"a\":1,\"a\":2}}", "{\"a\":1,\"a#2\":2}"},
        {&parser_otlp, OTLP("\"body\":{\"stringValue\":\"a\",\"stringValue\":\"b\"}"),
         "\"message\":\"a\""},
        {&parser_otlp, OTLP("\"attributes\":[{\"key\":\"k\",\"key\":\"l\",\"value\":{}}]"),
         "\"k\":null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(f, cases[i].parser, cases[i].body);
        assert_event_has(f, 0, cases[i].kept);
        assert_event_has(f, 0, "\"parse_status\":\"partial\"");
        assert_event_has(f, 0, "\"code\":\"duplicate_key\",\"detail\":\"");
    }
    run(f, &parser_eve, cases[0].body);
    assert_event_has(f, 0, "\"detail\":\"subject: occurs more than once");
}

static void keys_that_identify_may_not_stand_twice(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const struct parser *parser;
        const char *body;
    } cases[] = {
        {&parser_eve, "{\"event_type\":\"x\",\"vin\":\"a\",\"vin\":\"b\"}"},
        {&parser_eve, "{\"event_type\":\"x\",\"car\":{\"VIN\":\"a\",\"VIN\":\"b\"}}"},
        {&parser_eve, "{\"event_type\":\"x\",\"a\":[{\"b\":{\"vin\":1,\"c\":2,\"vin\":1}}]}"},
        {&parser_hec, "{\"event\":\"x\",\"fields\":{\"vin\":\"a\",\"vin\":\"b\"}}"},
        {&parser_hec, "{\"event\":{\"event_name\":\"n\",\"id\":\"1\",\"id\":\"2\"}}"},
        {&parser_cloudevents, "{" CLOUD ",\"id\":\"2\"}"},
        {&parser_cloudevents, "{" CLOUD ",\"source\":\"2\"}"},
        {&parser_cloudevents, "{" CLOUD ",\"subject\":\"1\",\"subject\":\"2\"}"},
        {&parser_cloudevents, "{" CLOUD ",\"data\":{\"id\":\"1\",\"id\":\"2\"}}"},
        {&parser_vsoc_json, "{\"message\":\"m\",\"severity_id\":1,\"severity_id\":2}"},
        {&parser_vsoc_json, "{\"message\":\"m\",\"id\":\"1\",\"id\":\"2\"}"},
        {&parser_vsoc_json, "{\"message\":\"m\",\"x\":1,\"x\":2}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(f, cases[i].parser, cases[i].body);
        assert_rejected(f, 0, "duplicate_key", "occurs twice in one object");
    }
}

/* Names that meet the numbered ones again and again. */
static void keys_made_to_meet_numbered_ones_are_refused(void **state)
{
    struct fixture *f = *state;
    run(f, &parser_eve,
        "{\"event_type\":\"x\",\"a\":1,\"a\":1,\"a#2\":1,\"a#2#2\":1,\"a#2#2#2\":1,"
        "\"a#2#2#2#2\":1}");
    assert_rejected(f, 0, "duplicate_key", "");
}

static void large_objects_are_counted_too(void **state)
{
    struct fixture *f = *state;
    size_t size = 60000;
    char *body = malloc(size);
    size_t used = (size_t)snprintf(body, size, "{\"event_type\":\"x\"");
    for (int i = 0; i < 1500; i++)
        used += (size_t)snprintf(body + used, size - used, ",\"k%d\":%d", i % 500, i);
    snprintf(body + used, size - used, "}");
    run(f, &parser_eve, body);
    assert_event_has(f, 0, "\"k499\":499");
    assert_event_has(f, 0, "\"k499#2\":999");
    assert_event_has(f, 0, "\"k499#3\":1499");
    used = (size_t)snprintf(body, size, "{\"event_type\":\"x\"");
    for (int i = 0; i < 300; i++)
        used += (size_t)snprintf(body + used, size - used, ",\"k\":%d", i);
    snprintf(body + used, size - used, "}");
    run(f, &parser_eve, body);
    assert_rejected(f, 0, "duplicate_key", "k: occurs twice");
    free(body);
}

static void numbers_that_no_double_holds_are_kept_as_texts(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const struct parser *parser;
        const char *body, *kept;
    } cases[] = {
        {&parser_vsoc_json, "{\"message\":\"m\",\"x\":1e400}", "\"x\":\"1e400\""},
        {&parser_vsoc_json, "{\"message\":\"m\",\"attributes\":{\"x\":[1, -1e400 ,2]}}",
         "\"x\":[1,\"-1e400\",2]"},
        {&parser_eve, "{\"event_type\":\"x\",\"flow\":{\"a\":1E+999,\"a\":1e400}}",
         "\"flow\":{\"a\":\"1E+999\",\"a#2\":\"1e400\"}"},
        {&parser_hec, "{\"event\":{\"n\":1e400}}", "\"n\":\"1e400\""},
        {&parser_cloudevents, "{" CLOUD ",\"data\":{\"n\":1e400}}", "\"n\":\"1e400\""},
        {&parser_otlp, OTLP("\"attributes\":[{\"key\":\"k\",\"value\":{\"doubleValue\":1e400}}]"),
         "\"k\":\"1e400\""},
        {&parser_otlp, OTLP("\"attributes\":[{\"key\":\"k\",\"value\":{\"intValue\":1e400}}]"),
         "\"k\":\"1e400\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(f, cases[i].parser, cases[i].body);
        assert_event_has(f, 0, cases[i].kept);
        assert_event_has(f, 0, "\"code\":\"huge_number\"");
    }
    run(f, &parser_vsoc_json, "{\"message\":\"m\",\"count\":1e400}");
    assert_rejected(f, 0, "out_of_range", "double");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_key_that_stands_twice_is_an_event_with_a_note),
        fixture_test(keys_that_identify_may_not_stand_twice),
        fixture_test(keys_made_to_meet_numbered_ones_are_refused),
        fixture_test(large_objects_are_counted_too),
        fixture_test(numbers_that_no_double_holds_are_kept_as_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
