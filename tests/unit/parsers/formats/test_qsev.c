#include "pipeline_fixture.h"

/* Hex with blanks → bytes → the record loop. */
static void run_hex(struct fixture *f, const char *hex)
{
    static uint8_t bytes[4096];
    size_t size = 0;
    for (; *hex; hex++) {
        unsigned v;
        if (*hex == ' ')
            continue;
        assert_int_equal(sscanf(hex, "%2x", &v), 1);
        bytes[size++] = (uint8_t)v;
        hex++;
    }
    f->options.parser = &parser_qsev;
    fixture_run(f, bytes, size);
}

/* The worked examples have golden files; here is what they do not show. */
static void a_message_with_all_parts_is_read(void **state)
{
    struct fixture *f = *state;
    run_hex(f, "27 4042 0067 0004 00 1DCD6500 6955B900 8001 08 2702FFFFFFFF0E80 0002 ABCD");
    assert_event_has(f, 0, "\"idsm_instance_id\":257,\"sensor_instance_id\":2,\"sev_id\":103");
    assert_event_has(f, 0, "\"context_version\":1,\"context_modified\":true");
    assert_event_has(f, 0, "\"time_event_ns\":\"1767225600500000000\"");
    assert_event_has(f, 0, "\"uds_client_sa\":3712");
    assert_event_has(f, 0, "\"raw_size\":31,\"sig_state\":\"unverifiable\"");
}

static void messages_follow_each_other_and_a_broken_one_takes_the_rest(void **state)
{
    struct fixture *f = *state;
    run_hex(f, "1000408001000300 1000408002000300 4000408003000300 1000408004000300");
    assert_event_has(f, 0, "\"sev_id\":32769");
    assert_event_has(f, 1, "\"raw_offset\":8");
    assert_rejected(f, 2, "unsupported_version", "version must be 1 or 2");
    assert_int_equal(f->items[2].offset, 16);
    assert_int_equal(f->items[2].size, 16);
    assert_int_equal(f->item_count, 3);
}

static void every_cut_of_a_message_is_refused(void **state)
{
    struct fixture *f = *state;
    static const uint8_t message[] = {0x27, 0x40, 0x42, 0x00, 0x67, 0x00, 0x04, 0x00, 0x1D, 0xCD,
                                      0x65, 0x00, 0x69, 0x55, 0xB9, 0x00, 0x00, 0x01, 0x80, 0x00,
                                      0x00, 0x02, 0xAA, 0xBB, 0x00, 0x02, 0xAB, 0xCD};
    f->options.parser = &parser_qsev;
    for (size_t size = 1; size < sizeof message; size++) {
        fixture_run(f, message, size);
        assert_int_equal(f->item_count, 1);
        assert_rejected(f, 0, "truncated", "");
    }
    fixture_run(f, message, sizeof message);
    assert_event_has(f, 0, "\"code\":\"not_canonical\"");
}

/* Messages carry nothing to find the next one by, so what is behind a change may go with it; what
 * is before stays, and no byte is lost. */
static void every_changed_byte_gives_events_or_a_quarantined_rest(void **state)
{
    struct fixture *f = *state;
    static const uint8_t messages[] = {
        0x10, 0x00, 0x40, 0x80, 0x01, 0x00, 0x03, 0x00, /* A of the worked examples */
        0x23, 0x40, 0x42, 0x00, 0x67, 0x00, 0x04, 0x00, 0x1D, 0xCD, 0x65, 0x00, 0x69, 0x55, 0xB9,
        0x00, 0x00, 0x01, 0x08, 0x27, 0x02, 0xFF, 0xFF, 0xFF, 0xFF, 0x0E, 0x80, /* D */
        0x15, 0x00, 0xC0, 0x00, 0x33, 0x00, 0x02, 0x00, 0x02, 0xDE, 0xAD, 0x00, 0x02, 0x00, 0x11};
    f->options.parser = &parser_qsev;
    for (size_t at = 8; at < sizeof messages; at++)
        for (unsigned value = 0; value < 256; value++) {
            uint8_t body[sizeof messages];
            memcpy(body, messages, sizeof body);
            body[at] = (uint8_t)value;
            fixture_run(f, body, sizeof body);
            assert_event_has(f, 0, "\"sev_id\":32769");
            assert_int_equal(fixture_bytes(f), sizeof body);
        }
}

static void a_length_beyond_the_body_is_refused_before_memory_is_taken(void **state)
{
    struct fixture *f = *state;
    run_hex(f, "1100408001000300 FFFFFFFF AABB");
    assert_rejected(f, 0, "truncated", "runs past the end");
    run_hex(f, "1400408001000300 FFFF AABB");
    assert_rejected(f, 0, "truncated", "runs past the end");
}

static void a_message_over_the_limit_is_skipped(void **state)
{
    struct fixture *f = *state;
    f->options.event_bytes = 12;
    run_hex(f, "1100408001000300 05 0102030405 1000408002000300");
    assert_rejected(f, 0, "event_too_large", "limits.event_bytes");
    assert_int_equal(f->items[0].size, 14);
    assert_event_has(f, 1, "\"sev_id\":32770");
}

static void odd_values_are_taken_with_a_note(void **state)
{
    struct fixture *f = *state;
    run_hex(f, "1200408001 0000 01 4000000069 55B900");
    assert_event_has(f, 0, "\"count\":1,");
    assert_event_has(f, 0, "\"code\":\"count_zero\"");
    assert_event_has(
        f, 0,
        "\"code\":\"reserved_bits\",\"detail\":\"reserved bit of the timestamp is set\","
        "\"offset\":8");
    assert_event_has(f, 0, "\"time_event_ns\":\"1767225600000000000\"");
    run_hex(f, "100040FFFF FFFF 00");
    assert_event_has(f, 0, "\"event_name\":\"invalid_event_id\"");
    assert_event_has(f, 0, "\"count\":65535,\"count_saturated\":true");
}

static void a_time_of_the_car_maker_is_kept_as_bytes(void **state)
{
    struct fixture *f = *state;
    run_hex(f, "1200408001000100 BB9AC9FF 6955B900");
    assert_event_has(f, 0, "\"time_event_raw\":\"bb9ac9ff6955b900\",\"time_source\":\"oem\"");
    assert_event_lacks(f, 0, "time_event_ns");
}

static void only_binary_heads_are_probed_as_messages(void **state)
{
    (void)state;
    assert_true(parser_qsev.probe(SLICE_LITERAL("\x10\0\x40\x80\1\0\3\0")) > 0);
    assert_int_equal(parser_qsev.probe(SLICE_LITERAL("\x30\0\x40\x80\1\0\3\0")), 0);
    assert_int_equal(parser_qsev.probe(SLICE_LITERAL("\x18\0\x40\x80\1\0\3\0")), 0);
    assert_int_equal(parser_qsev.probe(SLICE_LITERAL("# comment line")), 0);
    assert_int_equal(parser_qsev.probe(SLICE_LITERAL("\x10\0\x40")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_message_with_all_parts_is_read),
        fixture_test(messages_follow_each_other_and_a_broken_one_takes_the_rest),
        fixture_test(every_cut_of_a_message_is_refused),
        fixture_test(every_changed_byte_gives_events_or_a_quarantined_rest),
        fixture_test(a_length_beyond_the_body_is_refused_before_memory_is_taken),
        fixture_test(a_message_over_the_limit_is_skipped),
        fixture_test(odd_values_are_taken_with_a_note),
        fixture_test(a_time_of_the_car_maker_is_kept_as_bytes),
        fixture_test(only_binary_heads_are_probed_as_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
