#include "parsers/read/record_memory.h"
#include "pipeline_fixture.h"

static void items_are_numbered_in_the_order_of_the_body(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "{\"message\":\"a\"}\n{}\n{\"message\":\"b\"}\n");
    assert_int_equal(f->status, STATUS_OK);
    assert_int_equal(f->result.accepted, 2);
    assert_int_equal(f->result.quarantined, 1);
    assert_event_has(f, 0, "\"batch_index\":0,");
    assert_rejected(f, 1, "missing_field", "event_name, sev_id or message");
    assert_event_has(f, 2, "\"batch_index\":2,");
    assert_event_has(f, 2, "\"raw_offset\":19,\"raw_size\":15");
    assert_int_equal(f->result.error_count, 1);
    assert_int_equal(f->result.errors[0].index, 1);
    assert_int_equal(f->result.errors[0].offset, 16);
}

static void a_second_event_of_the_same_id_is_a_duplicate(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "{\"id\":\"1\",\"message\":\"a\"}{\"id\":\"1\",\"message\":\"b\"}"
                        "{\"id\":\"1\",\"message\":\"c\",\"vin\":\"1M8GDM9AXKP042788\"}"
                        "{\"message\":\"d\"}{\"message\":\"d\"}");
    assert_int_equal(f->result.accepted, 4); /* another vehicle's 1 is another event */
    assert_int_equal(f->result.duplicates, 1);
    assert_int_equal(f->result.error_count, 0);
    assert_event_has(f, 1, "\"batch_index\":2,");
}

static void ignore_event(void *arg, const struct event *event)
{
    (void)arg;
    (void)event;
}

static void many_ids_are_told_apart(void **state)
{
    struct fixture *f = *state;
    char *body = malloc(4 << 20);
    size_t n = 0;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 20000; i++)
            n += (size_t)snprintf(body + n, (4 << 20) - n, "{\"id\":\"%d\",\"sev_id\":1000}\n", i);
    f->options.batch_events = 50000;
    f->options.on_event = ignore_event;
    fixture_run(f, body, n);
    assert_int_equal(f->result.accepted, 20000);
    assert_int_equal(f->result.duplicates, 20000);
    free(body);
}

static void a_batch_over_its_limit_is_refused(void **state)
{
    struct fixture *f = *state;
    f->options.batch_events = 2;
    fixture_run_text(f, "{\"message\":\"a\"}{\"message\":\"b\"}");
    assert_int_equal(f->status, STATUS_OK);
    fixture_run_text(f, "{\"message\":\"a\"}{}{\"message\":\"b\"}");
    assert_int_equal(f->status, STATUS_TOO_MANY);
}

static void a_record_over_its_limit_is_quarantined_cut(void **state)
{
    struct fixture *f = *state;
    f->options.event_bytes = 20;
    fixture_run_text(f, "{\"message\":\"aaaaaaaaaaaaaaa\"}\n{\"message\":\"b\"}\n");
    assert_rejected(f, 0, "event_too_large", "record has 29 bytes, limits.event_bytes is 20");
    assert_int_equal(f->items[0].size, 29);
    assert_int_equal(f->items[0].raw_size, 20);
    assert_event_has(f, 1, "\"message\":\"b\"");
}

static void ignore_reject(void *arg, const struct event_reject *reject)
{
    (void)arg;
    (void)reject;
}

static void only_the_first_errors_are_reported(void **state)
{
    struct fixture *f = *state;
    char body[150 * 3 + 1];
    for (size_t i = 0; i < 150; i++)
        memcpy(body + 3 * i, "{}\n", 4);
    f->options.batch_events = 150;
    f->options.on_reject = ignore_reject;
    fixture_run_text(f, body);
    assert_int_equal(f->result.quarantined, 150);
    assert_int_equal(f->result.error_count, PIPELINE_ERRORS);
    assert_true(f->result.truncated);
}

static void the_request_fills_what_records_do_not_say(void **state)
{
    struct fixture *f = *state;
    f->options.ecu_id = SLICE_LITERAL("GW-3");
    f->options.sw_baseline = SLICE_LITERAL("RX-1");
    f->normaliser.sent_ns = INT64_C(1795342500000000000);
    f->normaliser.replay = true;
    fixture_run_text(f, "{\"message\":\"a\"}{\"message\":\"b\",\"ecu_id\":\"own\"}");
    assert_event_has(f, 0, "\"ecu_id\":\"GW-3\"");
    assert_event_has(f, 0, "\"sw_baseline\":\"RX-1\"");
    assert_event_has(f, 0, "\"time_sent\":\"2026-11-22T10:15:00.000000Z\"");
    assert_event_has(f, 0, "\"replay\":true");
    assert_event_has(f, 1, "\"ecu_id\":\"own\"");
}

static void memory_that_is_out_refuses_the_batch(void **state)
{
    struct fixture *f = *state;
    struct arena small;
    arena_init(&small, 64);
    f->normaliser.arena = &small;
    fixture_run_text(f, "{\"id\":\"1\",\"message\":\"a\"}");
    assert_int_equal(f->status, STATUS_NO_MEMORY);
    arena_fini(&small);
}

/* Attributes as large as the record allows, more of them than the arena could hold. */
static void memory_of_a_record_is_used_again(void **state)
{
    struct fixture *f = *state;
    struct arena small;
    char *body = malloc(50 * 40100);
    size_t n = 0;
    for (int i = 0; i < 40; i++) {
        n += (size_t)snprintf(body + n, 50 * 40100 - n, "{\"message\":\"m\",\"x\":\"");
        memset(body + n, 'y', 40000);
        n += 40000;
        n += (size_t)snprintf(body + n, 50 * 40100 - n, "\"}\n");
    }
    arena_init(&small, 65536);
    f->normaliser.arena = &small;
    fixture_run(f, body, n);
    assert_int_equal(f->status, STATUS_OK);
    assert_int_equal(f->result.accepted, 40);
    arena_fini(&small);
    free(body);
}

static void one_message_a_frame_is_all_a_prefix_allows(void **state)
{
    struct fixture *f = *state;
    static const uint8_t body[] = {0,    8,    0x10, 0x00, 0x40, 0x80, 0x01, 0x00, 0x03, 0x00,
                                   0,    10,   0x10, 0x00, 0x40, 0x80, 0x02, 0x00, 0x03, 0x00,
                                   0xAA, 0xBB, 0,    8,    0x10, 0x00, 0x40, 0x80, 0x03, 0x00,
                                   0x03, 0x00, 0,    3,    0x10, 0x00, 0x40};
    f->options.parser = &parser_qsev;
    f->options.prefix = SPLIT_PREFIX_U16;
    fixture_run(f, body, sizeof body);
    assert_event_has(f, 0, "\"sev_id\":32769");
    assert_event_has(f, 1, "\"sev_id\":32770");
    assert_rejected(f, 2, "trailing_bytes", "bytes left");
    assert_int_equal(f->items[2].offset, 20);
    assert_int_equal(f->items[2].size, 2);
    assert_event_has(f, 3, "\"sev_id\":32771");
    assert_rejected(f, 4, "truncated", "8 bytes");
    assert_int_equal(f->item_count, 5);
}

/* Asks for the memory that the record names by its number. */
static void parse_greedily(struct slice record, const struct parser_context *context,
                           struct parser_outcome *outcome)
{
    struct event event;
    size_t size = (size_t)RECORD_MEMORY_PER_BYTE * context->event_bytes;
    if (!context->alloc(context, slice_equal_text(record, "all") ? size : size + 1)) {
        record_memory_refuse(outcome, 0);
        return;
    }
    event_clear(&event);
    EVENT_SET(&event, message, record);
    context->emit(context, &event);
}

static void a_record_that_needs_too_much_memory_names_the_limit(void **state)
{
    struct fixture *f = *state;
    const struct parser greedy = {
        .name = "greedy", .framing = PARSER_FRAMING_LINES, .parse = parse_greedily};
    f->options.parser = &greedy;
    fixture_run_text(f, "all\nmore\nall\n");
    assert_int_equal(f->status, STATUS_OK);
    assert_int_equal(f->result.accepted, 2);
    assert_rejected(f, 1, "no_memory", "32 times limits.event_bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(items_are_numbered_in_the_order_of_the_body),
        fixture_test(a_second_event_of_the_same_id_is_a_duplicate),
        fixture_test(many_ids_are_told_apart),
        fixture_test(a_batch_over_its_limit_is_refused),
        fixture_test(a_record_over_its_limit_is_quarantined_cut),
        fixture_test(only_the_first_errors_are_reported),
        fixture_test(the_request_fills_what_records_do_not_say),
        fixture_test(memory_that_is_out_refuses_the_batch),
        fixture_test(memory_of_a_record_is_used_again),
        fixture_test(a_record_that_needs_too_much_memory_names_the_limit),
        fixture_test(one_message_a_frame_is_all_a_prefix_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
