/* Parsers that hand bytes on to another format, and parsers that see the whole body. */
#include "pipeline_fixture.h"

/* ---- an outer format: lines "FORMAT|inner bytes" ---- */

static bool envelope_has_attributes;

static void fill_envelope(struct event *envelope)
{
    event_clear(envelope);
    EVENT_SET(envelope, ecu_id, SLICE_LITERAL("outer-ecu"));
    EVENT_SET(envelope, time_event_ns, 1000000000);
    EVENT_SET(envelope, time_source, SLICE_LITERAL("oem"));
    EVENT_SET(envelope, severity_id, 2);
    EVENT_SET(envelope, severity_source, SLICE_LITERAL("outer"));
    envelope->vin = SLICE_LITERAL("1M8GDM9AXKP042788");
    if (envelope_has_attributes)
        EVENT_SET(envelope, attributes, SLICE_LITERAL("{\"app\":\"sshd\"}"));
}

static void outer_parse(struct slice record, const struct parser_context *context,
                        struct parser_outcome *outcome)
{
    struct event envelope;
    struct parser_outcome inner_outcome = {.result = PARSER_OK};
    const uint8_t *bar = memchr(record.data, '|', record.size);
    assert_non_null(bar);
    size_t at = (size_t)(bar - record.data) + 1;
    uint8_t *copy = context->alloc(context, record.size + PIPELINE_PADDING);
    memset(copy, 0, record.size + PIPELINE_PADDING);
    for (size_t i = 0; i < record.size - at; i++)
        copy[i] = record.data[at + i] == '~' ? '\n' : record.data[at + i];
    fill_envelope(&envelope);
    const struct parser_inner inner = {.bytes = slice_make(copy, record.size - at),
                                       .format = slice_sub(record, 0, at - 1),
                                       .size = record.size,
                                       .envelope = &envelope};
    struct event event;
    event_clear(&event);
    switch (context->hand_on(context, &inner, &inner_outcome)) {
    case PARSER_OK:
        return;
    case PARSER_NOT_MINE:
        EVENT_SET(&event, message, SLICE_LITERAL("nobody takes it"));
        break;
    case PARSER_MALFORMED:
        EVENT_SET(&event, message, slice_from_text(inner_outcome.detail));
    }
    (void)outcome;
    context->emit(context, &event);
}

static const struct parser outer = {.abi_version = VSOC_PARSER_ABI,
                                    .struct_size = sizeof(struct parser),
                                    .name = "outer",
                                    .version = "1.0.0",
                                    .description = "lines that carry another format",
                                    .framing = PARSER_FRAMING_LINES,
                                    .parse = outer_parse};

static int setup(void **state)
{
    if (fixture_setup(state) != 0)
        return -1;
    struct fixture *f = *state;
    envelope_has_attributes = true;
    f->options.parser = &outer;
    return 0;
}

static void inner_event_takes_what_it_does_not_say_from_the_envelope(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "vsoc_json|{\"event_name\":\"A\",\"x\":1}");
    assert_int_equal(f->result.accepted, 1);
    assert_event_has(f, 0, "\"ecu_id\":\"outer-ecu\"");
    assert_event_has(f, 0, "\"time_event_ns\":\"1000000000\"");
    assert_event_has(f, 0, "\"severity_source\":\"outer\"");
    assert_event_has(f, 0, "\"attributes\":{\"x\":1,\"outer\":{\"app\":\"sshd\"}}");
    assert_event_has(f, 0, "\"parser_name\":\"vsoc_json\"");
    assert_int_equal(f->pseudonyms, 1);
}

static void times_and_severities_of_the_inner_event_stay_together(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "vsoc_json|{\"event_name\":\"A\",\"time\":5,\"severity_id\":4}");
    assert_event_has(f, 0, "\"time_source\":\"rtc\"");
    assert_event_has(f, 0, "\"severity_id\":4");
    assert_null(strstr(f->items[0].json, "severity_source"));
}

static void member_of_the_same_name_is_kept(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "vsoc_json|{\"event_name\":\"A\",\"b\":{\"outer\":1},\"outer\":\"\\\"{\"}");
    assert_event_has(f, 0,
                     "{\"b\":{\"outer\":1},\"outer\":\"\\\"{\",\"outer_\":{\"app\":\"sshd\"}}");
}

static void members_that_differ_in_underscores_are_all_kept(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "vsoc_json|{\"event_name\":\"A\",\"outer__\":1,\"outer\":2,\"outer_x\":3}");
    assert_event_has(f, 0,
                     "{\"outer__\":1,\"outer\":2,\"outer_x\":3,\"outer___\":{\"app\":\"sshd\"}}");
}

static void inner_events_stand_where_the_outer_record_stands(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "vsoc_json|{\"event_name\":\"A\"}\nvsoc_json|{\"event_name\":\"B\"}");
    assert_int_equal(f->result.accepted, 2);
    assert_event_has(f, 1, "\"raw_offset\":29");
    assert_event_has(f, 1, "\"raw_size\":28");
}

/* What syslog carries of the kernel and of audit's dispatcher: nobody names the format. */
static void audit_records_and_can_frames_inside_are_recognised(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(
        f, "|audit: type=1400 audit(1795342801.250:7): avc:  denied  { read } for  pid=1\n"
           "|node=gw type=LOGIN msg=audit(1795342801.250:8): pid=1~"
           "type=EOE msg=audit(1795342801.250:9): \n"
           "|(1795342801.250000) can0 123#01");
    assert_int_equal(f->result.accepted, 4);
    assert_event_has(f, 0, "\"event_name\":\"avc\"");
    assert_event_has(f, 0, "\"outer\":{\"app\":\"sshd\"}");
    assert_event_has(f, 1, "\"ecu_id\":\"gw\"");
    assert_event_has(f, 2, "\"ecu_id\":\"outer-ecu\"");
    assert_event_has(f, 3, "\"parser_name\":\"candump\"");
}

static void broken_inner_bytes_are_told_to_the_outer_parser(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "vsoc_json|{\"event_name\":7}");
    assert_int_equal(f->result.accepted, 1);
    assert_event_has(f, 0, "\"message\":\"event_name: a text is needed\"");
}

static void broken_record_behind_good_ones_is_quarantined(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "application/x-ndjson|{\"event_name\":\"A\"}~{\"event_name\":7}");
    assert_int_equal(f->result.accepted, 1);
    assert_int_equal(f->result.quarantined, 1);
    assert_string_equal(f->items[1].code, "wrong_type");
    assert_int_equal(f->items[1].offset, 0); /* place of the outer record, bytes of the inner one */
    assert_int_equal(f->items[1].size, 56);
    assert_int_equal(f->items[1].raw_size, 16);
}

static void bytes_of_no_format_stay_with_the_outer_parser(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "nosuch|x\n|plain words");
    assert_int_equal(f->result.accepted, 2);
    assert_event_has(f, 0, "nobody takes it");
    assert_event_has(f, 1, "nobody takes it");
}

static void bytes_without_a_record_stay_with_the_outer_parser(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "vsoc_json|\napplication/x-ndjson|~~");
    assert_int_equal(f->result.accepted, 2);
    assert_event_has(f, 0, "nobody takes it");
    assert_event_has(f, 1, "nobody takes it");
}

static void bytes_without_a_format_are_probed(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "|CEF:0|V|P|1|7|name|3|");
    assert_event_has(f, 0, "\"parser_name\":\"cef\"");
}

static void text_of_the_inner_format_is_checked_and_json_is_clean(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "vsoc_json|{\"event_name\":\"A\"}\ncef|CEF:0|V|P|1|7|\xff|3|");
    assert_int_equal(f->result.accepted, 2);
    assert_event_has(f, 1, "bad_text");
}

static void many_broken_inner_records_cost_no_more_than_their_bytes(void **state)
{
    struct fixture *f = *state;
    static char text[60000];
    size_t size =
        (size_t)snprintf(text, sizeof text, "application/x-ndjson|{\"event_name\":\"A\"}");
    for (int i = 0; i < 40; i++) /* '~' is a line end inside */
        size += (size_t)snprintf(text + size, sizeof text - size, "~{\"event_name\":%01000d}", 7);
    fixture_run(f, text, size);
    assert_int_equal(f->result.accepted, 1);
    assert_int_equal(f->result.quarantined, 40);
    for (size_t i = 1; i < f->item_count; i++)
        assert_true(f->items[i].raw_size < 1100);
}

/* ---- JSON in JSON ---- */

static void nest_parse(struct slice record, const struct parser_context *context,
                       struct parser_outcome *outcome)
{
    struct json_document document;
    struct json_error error;
    struct parser_outcome inner_outcome = {.result = PARSER_OK};
    assert_int_equal(json_parse(context->json, record, &document, &error), STATUS_OK);
    const struct json_node *data = json_find(&document, 0, "data");
    const struct parser_inner inner = {
        .bytes = data->raw, .format = SLICE_LITERAL("application/json"), .size = record.size};
    if (context->hand_on(context, &inner, &inner_outcome) != PARSER_OK)
        parser_malformed(outcome, 0, "inner", "inner bytes are broken");
    /* the outer document is still there */
    assert_int_equal(json_find(&document, 0, "data")->type, JSON_OBJECT);
}

static const struct parser nest = {.abi_version = VSOC_PARSER_ABI,
                                   .struct_size = sizeof(struct parser),
                                   .name = "nest",
                                   .version = "1.0.0",
                                   .description = "JSON that carries JSON",
                                   .framing = PARSER_FRAMING_JSON,
                                   .parse = nest_parse};

static void json_inside_json_leaves_the_outer_document_valid(void **state)
{
    struct fixture *f = *state;
    f->options.parser = &nest;
    fixture_run_text(f, "{\"data\":{\"event_name\":\"A\"}}");
    assert_int_equal(f->result.accepted, 1);
    f->options.json_inner = NULL;
    fixture_run_text(f, "{\"data\":{\"event_name\":\"A\"}}");
    assert_int_equal(f->result.quarantined, 1);
}

/* ---- a format that sees the whole body: records between ';' ---- */

static void body_parse(struct slice record, const struct parser_context *context,
                       struct parser_outcome *outcome)
{
    size_t at = 0;
    while (at < record.size) {
        const uint8_t *end = memchr(record.data + at, ';', record.size - at);
        if (!end) {
            parser_malformed(outcome, at, "unterminated", "no ; at the end");
            return;
        }
        struct slice one = slice_sub(record, at, (size_t)(end - record.data) - at);
        const void *mark = context->mark(context);
        assert_non_null(context->alloc(context, 40000)); /* given back each time */
        if (slice_equal_text(one, "bad")) {
            context->reject(context, at, one.size, "bad", "is bad");
        } else {
            struct event event;
            event_clear(&event);
            EVENT_SET(&event, message, one);
            EVENT_SET(&event, raw_offset, (int64_t)at);
            EVENT_SET(&event, raw_size, (int64_t)one.size);
            context->emit(context, &event);
        }
        context->release(context, mark);
        at += one.size + 1;
    }
}

static const struct parser body = {.abi_version = VSOC_PARSER_ABI,
                                   .struct_size = sizeof(struct parser),
                                   .name = "body",
                                   .version = "1.0.0",
                                   .description = "records between semicolons",
                                   .framing = PARSER_FRAMING_BODY,
                                   .parse = body_parse};

static void parser_of_the_whole_body_finds_its_records(void **state)
{
    struct fixture *f = *state;
    f->options.parser = &body;
    fixture_run_text(f, "one;bad;two;rest");
    assert_int_equal(f->result.accepted, 2);
    assert_int_equal(f->result.quarantined, 2);
    assert_event_has(f, 2, "\"raw_offset\":8");
    assert_string_equal(f->items[1].code, "bad");
    assert_int_equal(f->items[1].offset, 4);
    assert_int_equal(f->items[1].size, 3);
    assert_string_equal(f->items[3].code, "unterminated");
    assert_int_equal(f->items[3].offset, 12);
    assert_int_equal(f->items[3].size, 4);
}

static void memory_between_mark_and_release_is_used_again(void **state)
{
    struct fixture *f = *state;
    static char many[40 * 6];
    for (size_t i = 0; i < sizeof many; i += 6)
        memcpy(many + i, "event;", 6);
    f->options.parser = &body;
    f->options.event_bytes = 4096; /* 128 KiB of memory for 40 times 40,000 bytes */
    fixture_run(f, many, sizeof many);
    assert_int_equal(f->result.accepted, 40);
}

static void greedy_parse(struct slice record, const struct parser_context *context,
                         struct parser_outcome *outcome)
{
    (void)record;
    while (context->alloc(context, 1000))
        ;
    while (context->alloc(context, 1))
        ;
    context->release(context, context->mark(context));
    parser_malformed(outcome, 0, "greedy", "has taken all memory");
}

static void mark_that_has_no_memory_may_be_released(void **state)
{
    struct fixture *f = *state;
    struct parser greedy = body;
    greedy.parse = greedy_parse;
    f->options.parser = &greedy;
    fixture_run_text(f, "one;");
    assert_string_equal(f->items[0].code, "greedy");
}

static void record_of_a_body_over_the_limit_is_quarantined(void **state)
{
    struct fixture *f = *state;
    f->options.parser = &body;
    f->options.event_bytes = 1500;
    char text[1600];
    memset(text, 'x', sizeof text);
    memcpy(text, "one;", 4);
    text[sizeof text - 1] = ';';
    fixture_run(f, text, sizeof text);
    assert_int_equal(f->result.accepted, 1);
    assert_string_equal(f->items[1].code, "event_too_large");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(inner_event_takes_what_it_does_not_say_from_the_envelope),
        TEST(times_and_severities_of_the_inner_event_stay_together),
        TEST(member_of_the_same_name_is_kept),
        TEST(members_that_differ_in_underscores_are_all_kept),
        TEST(inner_events_stand_where_the_outer_record_stands),
        TEST(audit_records_and_can_frames_inside_are_recognised),
        TEST(broken_inner_bytes_are_told_to_the_outer_parser),
        TEST(broken_record_behind_good_ones_is_quarantined),
        TEST(many_broken_inner_records_cost_no_more_than_their_bytes),
        TEST(bytes_of_no_format_stay_with_the_outer_parser),
        TEST(bytes_without_a_record_stay_with_the_outer_parser),
        TEST(bytes_without_a_format_are_probed),
        TEST(text_of_the_inner_format_is_checked_and_json_is_clean),
        TEST(json_inside_json_leaves_the_outer_document_valid),
        TEST(parser_of_the_whole_body_finds_its_records),
        TEST(memory_between_mark_and_release_is_used_again),
        TEST(mark_that_has_no_memory_may_be_released),
        TEST(record_of_a_body_over_the_limit_is_quarantined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
