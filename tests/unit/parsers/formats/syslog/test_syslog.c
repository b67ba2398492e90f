#include "pipeline_fixture.h"

static void run(struct fixture *f, const char *line)
{
    f->options.parser = &parser_syslog;
    fixture_run_text(f, line);
    assert_int_equal(f->item_count, 1);
}

static void severities_map_to_the_common_scale(void **state)
{
    static const char *const expected[] = {"\"severity_id\":5,\"severity_source\":\"emerg\"",
                                           "\"severity_id\":5,\"severity_source\":\"alert\"",
                                           "\"severity_id\":4,\"severity_source\":\"crit\"",
                                           "\"severity_id\":3,\"severity_source\":\"err\"",
                                           "\"severity_id\":2,\"severity_source\":\"warning\"",
                                           "\"severity_id\":1,\"severity_source\":\"notice\"",
                                           "\"severity_id\":1,\"severity_source\":\"info\"",
                                           "\"severity_id\":1,\"severity_source\":\"debug\""};
    for (int i = 0; i < 8; i++) {
        char line[64];
        snprintf(line, sizeof line, "<%d>1 - - - - - - m", i + 8);
        run(*state, line);
        assert_event_has(*state, 0, expected[i]);
    }
}

static void over_long_header_words_leave_a_note(void **state)
{
    struct fixture *f = *state;
    static const size_t limits[] = {255, 48, 128, 32}; /* host, app, procid, msgid */
    for (size_t word = 0; word < 4; word++)
        for (size_t over = 0; over < 2; over++) {
            char line[600];
            size_t n = (size_t)snprintf(line, sizeof line, "<13>1 2026-11-22T10:15:02Z");
            for (size_t i = 0; i < 4; i++) {
                char text[300] = " ";
                memset(text + 1, 'a', i == word ? limits[i] + over : 1);
                n += (size_t)snprintf(line + n, sizeof line - n, "%s", text);
            }
            snprintf(line + n, sizeof line - n, " - m");
            run(f, line);
            assert_event_has(f, 0,
                             over ? "\"parse_status\":\"partial\"" : "\"parse_status\":\"ok\"");
        }
}

static void every_cut_of_a_line_is_an_event(void **state)
{
    struct fixture *f = *state;
    static const char line[] = "<165>1 2026-11-22T10:15:02Z h a p m [x@1 a=\"1\\\"\"][y@1] text";
    for (size_t size = 1; size < sizeof line; size++) {
        f->options.parser = &parser_syslog;
        fixture_run(f, line, size);
        assert_int_equal(f->result.accepted, 1);
    }
}

static void broken_structured_data_are_text(void **state)
{
    static const char *const data[] = {"[",          "[]",           "[x",          "[x a]",
                                       "[x a=1]",    "[x a=\"1]",    "[x a=\"]\"]", "[x  a=\"1\"]",
                                       "[x a=\"1\"", "[x a=\"1\"]y", "x",           "[=]"};
    for (size_t i = 0; i < sizeof data / sizeof *data; i++) {
        char line[128];
        snprintf(line, sizeof line, "<13>1 - h a p m %s m", data[i]);
        run(*state, line);
        assert_event_has(*state, 0, "\"code\":\"bad_header\"");
    }
}

static void more_parameters_than_are_decoded_leave_a_note(void **state)
{
    char *line = malloc(65536), *end = line;
    end += snprintf(end, 65536 - (size_t)(end - line), "<13>1 - h a p m [x");
    for (int i = 0; i < 2000; i++)
        end += snprintf(end, 65536 - (size_t)(end - line), " same=\"%d\"", i);
    snprintf(end, 65536 - (size_t)(end - line), "] text");
    run(*state, line);
    assert_event_has(*state, 0, "\"x.same#2\":\"1\"");
    assert_event_has(*state, 0, "\"code\":\"too_many_keys\"");
    assert_event_has(*state, 0, "\"message\":\"text\"");
    free(line);
}

static void a_message_over_the_fields_size_is_cut_at_a_character(void **state)
{
    struct fixture *f = *state;
    const size_t size = 70001;
    char *line = malloc(size + 1);
    memset(line, 'a', size);
    for (size_t i = 4; i + 1 < size; i += 2)
        memcpy(line + i, "é", 2);
    memcpy(line, "<13>", 4);
    line[4] = 'x';
    line[5] = 'x';
    line[size] = '\0';
    f->options.event_bytes = 100000;
    run(f, line);
    assert_event_has(f, 0, "\"code\":\"message_cut\"");
    free(line);
}

static void heads_are_probed_by_priority_or_time(void **state)
{
    (void)state;
    assert_int_equal(parser_syslog.probe(SLICE_LITERAL("<13>1 - - - - - - m\nx")), 70);
    assert_int_equal(parser_syslog.probe(SLICE_LITERAL("<13>Oct 11 22:14:15 h t: m")), 60);
    assert_int_equal(parser_syslog.probe(SLICE_LITERAL("Oct 11 22:14:15 h t: m")), 40);
    assert_int_equal(parser_syslog.probe(SLICE_LITERAL("anything")), 0);
    assert_int_equal(parser_syslog.probe(SLICE_EMPTY), 0);
}

static void heads_of_counted_frames_are_probed(void **state)
{
    (void)state;
    assert_int_equal(parser_syslog.probe(SLICE_LITERAL("19 <13>1 - - - - - - m")), 70);
    assert_int_equal(parser_syslog.probe(SLICE_LITERAL("9999 <13>text")), 60);
    assert_int_equal(parser_syslog.probe(SLICE_LITERAL("9999 text")), 0);
    assert_int_equal(parser_syslog.probe(SLICE_LITERAL("gw CEF:0|v|p|1|id|n|5|")), 40);
}

/* What somebody typed must not become an event of its own. */
static void records_further_inside_a_message_are_text(void **state)
{
    struct fixture *f = *state;
    run(f, "<13>Nov 22 10:15:02 gw sshd: user CEF:0|v|p|1|id|n|10|");
    assert_event_has(f, 0, "\"message\":\"user CEF:0|v|p|1|id|n|10|\"");
    run(f, "<13>Nov 22 10:15:02 gw sshd: x {\"event_name\":\"forged\"}");
    assert_event_has(f, 0, "\"event_name\":\"sshd\"");
}

static void records_behind_quotes_and_headers_find_their_parser(void **state)
{
    struct fixture *f = *state;
    f->options.parser = &parser_cef;
    fixture_run_text(f, "\"<13>Nov 22 10:15:02 gw CEF:0|v|p|1|id|n|5|\"\ngw CEF:0|v|p|1|id|n|5|\n"
                        "words before CEF:0|v|p|1|id|n|5|\nnone");
    assert_int_equal(f->item_count, 4);
    assert_event_has(f, 0, "\"syslog\":{\"facility\":\"user\",\"hostname\":\"gw\"");
    assert_event_has(f, 1,
                     "\"attributes\":{\"deviceVendor\":\"v\",\"deviceProduct\":\"p\","
                     "\"deviceVersion\":\"1\",\"syslog\":{\"hostname\":\"gw\"}}");
    assert_event_has(f, 2, "\"message\":\"words before CEF:0|v|p|1|id|n|5|\"");
    assert_rejected(f, 3, "not_of_format", "");
}

static void a_time_with_many_digits_is_read(void **state)
{
    struct fixture *f = *state;
    char line[600], digits[401];
    memset(digits, '1', 400);
    digits[400] = '\0';
    snprintf(line, sizeof line, "<13>1 2026-11-22T10:15:02.%sZ h a p m - text", digits);
    run(f, line);
    assert_event_has(f, 0, "\"time_event_ns\":\"1795342502111111111\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(severities_map_to_the_common_scale),
        fixture_test(over_long_header_words_leave_a_note),
        fixture_test(every_cut_of_a_line_is_an_event),
        fixture_test(broken_structured_data_are_text),
        fixture_test(more_parameters_than_are_decoded_leave_a_note),
        fixture_test(a_message_over_the_fields_size_is_cut_at_a_character),
        fixture_test(heads_are_probed_by_priority_or_time),
        fixture_test(a_time_with_many_digits_is_read),
        fixture_test(heads_of_counted_frames_are_probed),
        fixture_test(records_further_inside_a_message_are_text),
        fixture_test(records_behind_quotes_and_headers_find_their_parser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
