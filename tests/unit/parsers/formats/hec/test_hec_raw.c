/* Lines of Splunk's raw route, with the metadata of the query. */
#include "mutations.h"

static int setup(void **state)
{
    fixture_setup(state);
    ((struct fixture *)*state)->options.parser = &parser_hec_raw;
    return 0;
}

#define HEADER(n, v)                                                                               \
    {                                                                                              \
        SLICE_LITERAL(n), SLICE_LITERAL(v)                                                         \
    }

static void each_line_is_read_by_its_own_format(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "plain\n<34>1 - gw su - ID47 - failed\n\n{\"event_name\":\"A\"}\n");
    assert_int_equal(f->result.accepted, 3);
    assert_event_has(f, 0, "\"message\":\"plain\"");
    assert_event_lacks(f, 0, "attributes");
    assert_event_has(f, 1, "\"parser_name\":\"syslog\"");
    assert_event_has(f, 1, "\"raw_offset\":6");
    assert_event_has(f, 2, "\"parser_name\":\"vsoc_json\"");
}

static void metadata_of_the_query_holds_for_every_line(void **state)
{
    const struct parser_header headers[] = {
        HEADER("content-type", "text/plain"), HEADER("?host", "tcu"), HEADER("?source", "s\xFF"),
        HEADER("?sourcetype", "t"), HEADER("?time", "1426279439.123")};
    struct fixture *f = *state;
    f->options.headers = headers;
    f->options.header_count = 5;
    fixture_run_text(f, "a\n{\"event_name\":\"A\",\"ecu_id\":\"gw\"}\n");
    assert_event_has(f, 0, "\"ecu_id\":\"tcu\"");
    assert_event_has(f, 0, "\"time_event_ns\":\"1426279439123000000\"");
    assert_event_has(f, 0, "\"attributes\":{\"source\":\"s\xEF\xBF\xBD\",\"sourcetype\":\"t\"}");
    assert_event_has(f, 0, "\"code\":\"bad_text\"");
    assert_event_has(f, 1, "\"ecu_id\":\"gw\"");
    assert_event_has(f, 1,
                     "\"hec_raw\":{\"host\":\"tcu\",\"source\":\"s\xEF\xBF\xBD\","
                     "\"sourcetype\":\"t\",\"time\":\"1426279439.123\"}");
}

static void time_that_is_none_is_kept_and_noted(void **state)
{
    const struct parser_header headers[] = {HEADER("?time", "soon")};
    struct fixture *f = *state;
    f->options.headers = headers;
    f->options.header_count = 1;
    fixture_run_text(f, "a\n");
    assert_event_has(f, 0, "\"attributes\":{\"time\":\"soon\"}");
    assert_event_has(f, 0, "\"code\":\"bad_time\"");
}

static void changed_samples_lose_nothing(void **state)
{
    mutations_of_format(*state, &parser_hec_raw);
}

#define hec_test(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        hec_test(each_line_is_read_by_its_own_format),
        hec_test(metadata_of_the_query_holds_for_every_line),
        hec_test(time_that_is_none_is_kept_and_noted),
        hec_test(changed_samples_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
