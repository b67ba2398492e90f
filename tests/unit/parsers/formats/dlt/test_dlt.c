#include "pipeline_fixture.h"

/* Verbose, "GW/IDS", info, little-endian, one text; LEN is byte 19. */
#define STORAGE  "DLT\x01\xA4\xC0\x02\x6B\x90\xD0\x03\x00"
#define HEADERS  "\x41\x01GW\0\0IDS\0"
#define TEXT     "\x00\x02\x00\x00\x05\x00good\0"
#define GOOD     STORAGE "ECU1\x21\x09\x00\x19" HEADERS TEXT
#define OPAQUE   STORAGE "ECU1\x20\x09\x00\x0A\x2A\0\0\0ab"
#define BARE     "\x21\x09\x00\x19" HEADERS TEXT
#define SIZE(s)  (sizeof(s) - 1)
#define BIG_BODY 70000

static void run(struct fixture *f, const void *body, size_t size)
{
    f->options.parser = &parser_dlt;
    fixture_run(f, body, size);
    assert_int_equal(f->status, STATUS_OK);
}

static size_t count_good(const struct fixture *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->item_count; i++)
        n += !f->items[i].is_reject && strstr(f->items[i].json, "\"message\":\"good\"") &&
             strstr(f->items[i].json, "\"parse_status\":\"ok\"");
    return n;
}

static const struct {
    struct slice bytes;
    size_t changed_from, changed_to; /* the message in the middle */
} samples[] = {
    {SLICE_LITERAL(GOOD GOOD GOOD), SIZE(GOOD), 2 * SIZE(GOOD)},
    {SLICE_LITERAL(GOOD OPAQUE GOOD), SIZE(GOOD), SIZE(GOOD OPAQUE)},
    {SLICE_LITERAL(GOOD "DLS\x01" BARE GOOD), SIZE(GOOD), SIZE(GOOD "DLS\x01" BARE)},
};
#define SAMPLES (sizeof samples / sizeof *samples)

static void every_prefix_is_events_or_a_quarantined_rest(void **state)
{
    for (size_t i = 0; i < SAMPLES; i++)
        for (size_t size = 1; size <= samples[i].bytes.size; size++) {
            run(*state, samples[i].bytes.data, size);
            assert_int_equal(fixture_bytes(*state), size);
            assert_true(count_good(*state) >= size / SIZE(GOOD) - (i == 1 && size > SIZE(GOOD)));
        }
}

/* Whatever happens to the message in the middle, its neighbours are read. */
static void a_changed_byte_costs_no_neighbour(void **state)
{
    for (size_t i = 0; i < SAMPLES; i++)
        for (size_t at = samples[i].changed_from; at < samples[i].changed_to; at++)
            for (unsigned value = 0; value < 256; value++) {
                uint8_t body[256];
                memcpy(body, samples[i].bytes.data, samples[i].bytes.size);
                body[at] = (uint8_t)value;
                run(*state, body, samples[i].bytes.size);
                assert_int_equal(fixture_bytes(*state), samples[i].bytes.size);
                assert_true(count_good(*state) >= 2);
            }
}

static void a_frame_may_hold_many_messages(void **state)
{
    struct fixture *f = *state;
    static const char body[] = "\0\x52" GOOD GOOD "\0\x19" BARE "\0\x1A" BARE "x";
    f->options.prefix = SPLIT_PREFIX_U16;
    run(f, body, SIZE(body));
    assert_int_equal(f->item_count, 5);
    assert_event_has(f, 1, "\"raw_offset\":43");
    assert_event_has(f, 2, "\"raw_offset\":86");
    assert_event_has(f, 3, "\"message\":\"good\"");
    assert_rejected(f, 4, "unsupported_version", "no DLT message");
}

/* Without a word to find the next message by, what is behind a broken one can't be told apart. */
static void bare_messages_follow_each_other_until_one_is_broken(void **state)
{
    struct fixture *f = *state;
    run(f, BARE BARE "\x41" BARE GOOD BARE, SIZE(BARE BARE "\x41" BARE GOOD BARE));
    assert_int_equal(f->item_count, 5);
    assert_event_has(f, 1, "\"time_source\":\"none\"");
    assert_rejected(f, 2, "unsupported_version", "version 1");
    assert_event_has(f, 3, "\"time_source\":\"rtc\"");
    assert_rejected(f, 4, "malformed", "no DLT message");
}

static void a_message_over_the_limit_is_skipped(void **state)
{
    struct fixture *f = *state;
    f->options.event_bytes = 40;
    run(f, GOOD OPAQUE, SIZE(GOOD OPAQUE));
    assert_rejected(f, 0, "event_too_large", "limits.event_bytes");
    assert_event_has(f, 1, "\"message_id\":42");
}

/* One message of the largest length: a raw argument, and a text of bytes that are none. */
static void the_largest_message_is_an_event(void **state)
{
    struct fixture *f = *state;
    static const uint8_t types[] = {4, 2};
    uint8_t *body = malloc(BIG_BODY);
    f->options.event_bytes = (size_t)256 << 10;
    for (size_t i = 0; i < sizeof types; i++) {
        size_t data = 65535 - 4 - 10 - 6;
        memset(body, 0xFF, BIG_BODY);
        memcpy(body, "\x21\x09\xFF\xFF" HEADERS "\0\0\0\0", 18);
        body[15] = types[i];
        body[18] = (uint8_t)data;
        body[19] = (uint8_t)(data >> 8);
        run(f, body, 65535);
        assert_int_equal(f->result.accepted, 1);
        assert_event_has(f, 0, "\"code\":\"message_cut\"");
    }
    free(body);
}

/* Messages that claim to reach far over each other cost no more than their bytes. */
static void overlapping_messages_take_linear_time(void **state)
{
    struct fixture *f = *state;
    enum { EACH = 40, COUNT = 25000 };
    static const char one[] = STORAGE "ECU1\x21\x09\xFF\xFF\x41\xFFGW\0\0IDS\0\x00\x04\0\0\xF0\xFF";
    uint8_t *body = calloc(COUNT, EACH);
    for (size_t i = 0; i < COUNT; i++)
        memcpy(body + i * EACH, one, SIZE(one));
    f->options.batch_events = 10;
    f->options.parser = &parser_dlt;
    fixture_run(f, body, (size_t)EACH * COUNT);
    assert_int_equal(f->status, STATUS_TOO_MANY);
    assert_rejected(f, 0, "bad_length", "start of another message");
    free(body);
}

static void only_headers_before_messages_are_probed(void **state)
{
    (void)state;
    assert_true(parser_dlt.probe(SLICE_LITERAL(GOOD)) > 0);
    assert_true(parser_dlt.probe(SLICE_LITERAL("DLS\x01" BARE)) > 0);
    assert_true(parser_dlt.probe(SLICE_LITERAL("DLT\x02")) > 0);
    assert_int_equal(parser_dlt.probe(SLICE_LITERAL(BARE)), 0);
    assert_int_equal(parser_dlt.probe(SLICE_LITERAL("DLT log")), 0);
    assert_int_equal(parser_dlt.probe(SLICE_LITERAL("DLT")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(every_prefix_is_events_or_a_quarantined_rest),
        fixture_test(a_changed_byte_costs_no_neighbour),
        fixture_test(a_frame_may_hold_many_messages),
        fixture_test(bare_messages_follow_each_other_until_one_is_broken),
        fixture_test(a_message_over_the_limit_is_skipped),
        fixture_test(the_largest_message_is_an_event),
        fixture_test(overlapping_messages_take_linear_time),
        fixture_test(only_headers_before_messages_are_probed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
