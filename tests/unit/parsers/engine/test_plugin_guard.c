/* What a parser that is not built in may hand over, and what becomes of the rest. */
#include "pipeline_fixture.h"

/* What the parser does with each line; tests set it. */
static void (*act)(const struct parser_context *context, struct event *event,
                   struct parser_outcome *outcome);

static void parse(struct slice record, const struct parser_context *context,
                  struct parser_outcome *outcome)
{
    struct event event;
    event_clear(&event);
    EVENT_SET(&event, message, record);
    act(context, &event, outcome);
}

static const struct parser plugin = {.abi_version = VSOC_PARSER_ABI,
                                     .struct_size = sizeof(struct parser),
                                     .name = "plugin",
                                     .version = "1.0.0",
                                     .description = "what tests want",
                                     .framing = PARSER_FRAMING_LINES,
                                     .parse = parse};

static int setup(void **state)
{
    if (fixture_setup(state) != 0)
        return -1;
    ((struct fixture *)*state)->options.parser = &plugin;
    return 0;
}

static struct slice attributes;

static void emit_attributes(const struct parser_context *context, struct event *event,
                            struct parser_outcome *outcome)
{
    (void)outcome;
    EVENT_SET(event, attributes, attributes);
    context->emit(context, event);
}

static void run_is_rejected(struct fixture *f, const char *why, const char *sentence)
{
    fixture_run_text(f, "record\n");
    assert_int_equal(f->result.accepted, 0);
    assert_int_equal(f->result.quarantined, 1);
    assert_rejected(f, 0, why, sentence);
}

static void good_json_is_taken(void **state)
{
    struct fixture *f = *state;
    act = emit_attributes;
    attributes = SLICE_LITERAL("{\"a\":[1,{\"b\":null}]}");
    fixture_run_text(f, "record\n");
    assert_int_equal(f->result.accepted, 1);
    assert_event_has(f, 0, "\"attributes\":{\"a\":[1,{\"b\":null}]}");
}

static void text_that_is_no_json_object_is_quarantined(void **state)
{
    static const char *const texts[] = {
        "{\"a\":",
        "{\"a\":1}}",
        "[1]",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1e999}",
        "{\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}",
        "{\"a\":\"\xff\"}",
        "{a:1}",
        "",
    };
    act = emit_attributes;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        attributes = slice_from_text(texts[i]);
        run_is_rejected(*state, "bad_event", "attributes: the plug-in's text is no valid JSON");
    }
}

static void emit_notes(const struct parser_context *context, struct event *event,
                       struct parser_outcome *outcome)
{
    (void)outcome;
    EVENT_SET(event, parse_notes, SLICE_LITERAL("{}"));
    context->emit(context, event);
}

static void emit_server_field(const struct parser_context *context, struct event *event,
                              struct parser_outcome *outcome)
{
    (void)outcome;
    EVENT_SET(event, tenant_id, SLICE_LITERAL("another"));
    context->emit(context, event);
}

static void emit_garbage_bits(const struct parser_context *context, struct event *event,
                              struct parser_outcome *outcome)
{
    (void)outcome;
    event->set[EVENT_SET_WORDS - 1] = UINT64_C(1) << 63;
    context->emit(context, event);
}

static void fields_that_are_not_a_parsers_quarantine_the_event(void **state)
{
    act = emit_notes;
    run_is_rejected(*state, "bad_event", "parse_notes: ");
    act = emit_server_field;
    run_is_rejected(*state, "bad_event", "only the server sets");
    act = emit_garbage_bits;
    run_is_rejected(*state, "bad_event", "event_clear");
}

static const char *code, *detail;

static void say_malformed(const struct parser_context *context, struct event *event,
                          struct parser_outcome *outcome)
{
    (void)context;
    (void)event;
    parser_malformed(outcome, SIZE_MAX, code, detail);
}

static void reject_all(const struct parser_context *context, struct event *event,
                       struct parser_outcome *outcome)
{
    (void)event;
    (void)outcome;
    context->reject(context, 2, SIZE_MAX, code, detail);
}

static void reasons_are_words_and_sentences(void **state)
{
    static char longest[500 + 1], longer[501 + 1];
    memset(longest, 'z', sizeof longest - 1);
    memset(longer, 'z', sizeof longer - 1);
    void (*const acts[])(const struct parser_context *, struct event *,
                         struct parser_outcome *) = {say_malformed, reject_all};
    for (size_t i = 0; i < 2; i++) {
        act = acts[i];
        code = "bad_crc", detail = "CRC is wrong";
        run_is_rejected(*state, "bad_crc", "CRC is wrong");
        code = "Bad CRC!", detail = "\xff";
        run_is_rejected(*state, "malformed", "no reason in UTF-8");
        detail = longest;
        run_is_rejected(*state, "malformed", "zzz");
        detail = longer;
        run_is_rejected(*state, "malformed", "longer than 500 bytes");
        code = detail = NULL;
        run_is_rejected(*state, "malformed", i ? "no reason" : "does not follow its format");
    }
}

static void codes_that_only_the_server_gives_are_not_a_plug_ins(void **state)
{
    static const char *const codes[] = {"vin_mismatch", "database_refused", "undecodable",
                                        "too_large", "value_cut"};
    act = reject_all;
    detail = "not its to say";
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        code = codes[i];
        run_is_rejected(*state, "malformed", detail);
    }
    code = "wrong_type"; /* a parser's */
    run_is_rejected(*state, "wrong_type", detail);
}

static void reason_of_an_inner_plug_in_is_clean_in_the_outer_events_note(void **state)
{
    struct fixture *f = *state;
    static const char *const types[] = {"application/x-plugin", NULL};
    struct parser inner = plugin;
    char reason[REGISTRY_REASON] = "";
    inner.content_types = types;
    inner.event_abi = VSOC_EVENT_ABI;
    inner.event_size = sizeof(struct event);
    f->options.parser = registry_by_name(f->options.registry, SLICE_LITERAL("cloudevents"));
    act = say_malformed;
    code = "Bad \xff", detail = "\xff";
    if (registry_add(f->registry, &inner, false, reason) != STATUS_OK)
        fail_msg("%s", reason);
    fixture_run_text(f, "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\","
                        "\"datacontenttype\":\"application/x-plugin\",\"data\":\"record\"}");
    assert_int_equal(f->result.accepted, 1);
    assert_event_has(f, 0,
                     "\"parse_notes\":[{\"code\":\"malformed\",\"detail\":\"the plug-in "
                     "gives no reason in UTF-8\"");
}

static void emit_plain(const struct parser_context *context, struct event *event,
                       struct parser_outcome *outcome)
{
    (void)outcome;
    event->vin = SLICE_LITERAL("1M8GDM9AXKP042788");
    context->emit(context, event);
}

static void code_that_the_server_gives_a_plug_ins_event_stays(void **state)
{
    struct fixture *f = *state;
    act = emit_plain;
    f->normaliser.certificate_vin = SLICE_LITERAL("WVWZZZ1KZAW000001");
    f->normaliser.vin_policy = VIN_POLICY_QUARANTINE;
    run_is_rejected(f, "vin_mismatch", "claimed VIN is not the certificate's");
}

static void say_more_was_read(const struct parser_context *context, struct event *event,
                              struct parser_outcome *outcome)
{
    context->emit(context, event);
    outcome->consumed = SIZE_MAX;
}

static void a_record_does_not_reach_beyond_the_body(void **state)
{
    struct fixture *f = *state;
    struct parser stream = plugin;
    stream.framing = PARSER_FRAMING_STREAM;
    f->options.parser = &stream;
    act = say_more_was_read;
    fixture_run_text(f, "record\n");
    assert_int_equal(f->result.accepted, 1);
    assert_event_has(f, 0, "\"raw_size\":7");
}

static void hand_on_with_attributes(const struct parser_context *context, struct event *event,
                                    struct parser_outcome *outcome)
{
    static const uint8_t bytes[80] = "{\"event_name\":\"A\"}";
    const struct parser_inner inner = {.bytes = slice_make(bytes, 18),
                                       .format = SLICE_LITERAL("vsoc_json"),
                                       .size = 6,
                                       .envelope = event};
    EVENT_SET(event, attributes, attributes);
    outcome->result = context->hand_on(context, &inner, outcome);
}

static void an_envelope_that_breaks_the_rules_is_not_handed_on(void **state)
{
    struct fixture *f = *state;
    act = hand_on_with_attributes;
    attributes = SLICE_LITERAL("{\"a\":\"");
    run_is_rejected(f, "bad_event", "attributes: ");
    attributes = SLICE_LITERAL("{\"a\":1}");
    fixture_run_text(f, "record\n");
    assert_int_equal(f->result.accepted, 1);
    assert_event_has(f, 0, "\"attributes\":{\"plugin\":{\"a\":1}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
        TEST(good_json_is_taken),
        TEST(text_that_is_no_json_object_is_quarantined),
        TEST(fields_that_are_not_a_parsers_quarantine_the_event),
        TEST(reasons_are_words_and_sentences),
        TEST(codes_that_only_the_server_gives_are_not_a_plug_ins),
        TEST(reason_of_an_inner_plug_in_is_clean_in_the_outer_events_note),
        TEST(code_that_the_server_gives_a_plug_ins_event_stays),
        TEST(a_record_does_not_reach_beyond_the_body),
        TEST(an_envelope_that_breaks_the_rules_is_not_handed_on),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
