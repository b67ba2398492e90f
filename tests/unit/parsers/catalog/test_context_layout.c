#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "parsers/catalog/context_layout.h"

struct fixture {
    struct arena arena;
    struct parser_context context;
    struct event event;
};

static void *alloc(const struct parser_context *context, size_t size)
{
    return arena_alloc(context->server, size);
}

static void *alloc_nothing(const struct parser_context *context, size_t size)
{
    (void)context;
    (void)size;
    return NULL;
}

static int setup(void **state)
{
    static struct fixture f;
    arena_init(&f.arena, (size_t)1 << 20);
    f.context = (struct parser_context){
        .struct_size = sizeof f.context, .alloc = alloc, .server = &f.arena};
    event_clear(&f.event);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    arena_fini(&f->arena);
    return 0;
}

/* Applies a layout to bytes of an event that says what the fixture's does. */
static struct event *apply(struct fixture *f, const char *text, int64_t version, const void *bytes,
                           size_t size)
{
    const struct context_layout *layout;
    struct context_layout_problem problem = {0, ""};
    enum status status =
        context_layout_read(&f->arena, slice_from_text(text), version, &layout, &problem);
    if (status != STATUS_OK)
        fail_msg("%s: byte %zu: %s", text, problem.offset, problem.detail);
    EVENT_SET(&f->event, context_raw, slice_make(bytes, size));
    assert_true(context_layout_apply(layout, &f->context, &f->event));
    return &f->event;
}

#define APPLY(f, text, bytes) apply(f, text, -1, bytes, sizeof(bytes) - 1)

#define assert_text(slice, text) assert_true(slice_equal_text(slice, text))

static void numbers_are_read_in_both_orders_and_of_any_width(void **state)
{
    struct event *e = APPLY(*state,
                            "is_moving:u1 uds_sub:u7 pdu_id:u12 data_id:u4 can_id:u24le "
                            "vehicle_seq:u40 speed_kmh:u16le",
                            "\x85\xAB\xC7\x01\x02\x03\x00\x00\x00\x01\x00\x64\x00");
    assert_int_equal(e->is_moving, 1);
    assert_int_equal(e->uds_sub, 5);
    assert_int_equal(e->pdu_id, 0xABC);
    assert_int_equal(e->data_id, 7);
    assert_int_equal(e->can_id, 0x030201);
    assert_int_equal(e->vehicle_seq, 256);
    assert_true(e->speed_kmh == 100);
}

static void values_without_a_column_become_attributes(void **state)
{
    struct fixture *f = *state;
    EVENT_SET(&f->event, attributes, SLICE_LITERAL("{\"context\":1}"));
    struct event *e = APPLY(f, "context.door:u8 context.big:u64 context.t:text4 context.h:hex2",
                            "\x07\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
                            "a\"\0b\x0A\xB0");
    assert_text(e->attributes,
                "{\"context\":1,\"context_\":{\"door\":7,\"big\":18446744073709551615,"
                "\"t\":\"a\\\"\",\"h\":\"0ab0\"}}");
}

static void addresses_and_protocols_have_their_names(void **state)
{
    struct event *e = APPLY(*state, "src_ip:ipv4 dst_ip:ipv6 transport:ipproto rule_id:u16",
                            "\x0A\x00\x00\x01\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\1\x11\x01\x02");
    assert_text(e->src_ip, "10.0.0.1");
    assert_text(e->dst_ip, "2001:db8::1");
    assert_text(e->transport, "udp");
    assert_text(e->rule_id, "258");
}

static void none_and_what_does_not_fit_its_column_are_not_set(void **state)
{
    struct fixture *f = *state;
    struct event *e = APPLY(f,
                            "uds_sub:u8!255 uds_nrc:u16 is_moving:u8 bus_id:text2 "
                            "transport:ipproto can_id:u32",
                            "\xFF\x01\x00\x02\0x\xFE\xFF\xFF\xFF\xFF");
    assert_false(EVENT_HAS(e, uds_sub));
    assert_false(EVENT_HAS(e, uds_nrc));
    assert_false(EVENT_HAS(e, is_moving));
    assert_false(EVENT_HAS(e, bus_id));
    assert_false(EVENT_HAS(e, transport));
    assert_false(EVENT_HAS(e, can_id));
    assert_false(EVENT_HAS(e, attributes));
}

static void what_the_record_says_stays(void **state)
{
    struct fixture *f = *state;
    EVENT_SET(&f->event, uds_sid, 1);
    assert_int_equal(APPLY(f, "uds_sid:u8", "\x27")->uds_sid, 1);
}

static void bytes_that_are_no_text_are_repaired_with_a_note(void **state)
{
    struct event *e = APPLY(*state, "bus_id:text3",
                            "a\xFF"
                            "b");
    assert_text(e->bus_id, "a\xEF\xBF\xBD"
                           "b");
    assert_true(slice_starts_with(e->parse_notes, "[{\"code\":\"bad_text\""));
}

static void a_layout_is_for_its_version_size_and_needed_values(void **state)
{
    struct fixture *f = *state;
    assert_false(EVENT_HAS(APPLY(f, "uds_sid:u8", "\x01\x02"), uds_sid));
    assert_false(EVENT_HAS(APPLY(f, "uds_sid:u8 uds_sub:u8 ...", "\x01"), uds_sid));
    assert_false(EVENT_HAS(APPLY(f, "uds_sid:u8=2", "\x01"), uds_sid));
    assert_false(EVENT_HAS(APPLY(f, "uds_sid:u8 -:u4=4 -:u4", "\x01\x50"), uds_sid));
    EVENT_SET(&f->event, context_version, 2);
    assert_false(EVENT_HAS(apply(f, "uds_sid:u8", 1, "\x01", 1), uds_sid));
    assert_true(EVENT_HAS(apply(f, "uds_sid:u8=0x01 ...", 2, "\x01\x02", 2), uds_sid));
}

static void a_text_that_is_no_layout_is_told_with_its_place(void **state)
{
    static const struct {
        const char *text, *detail;
        size_t offset;
    } cases[] = {
        {"", "one field at least", 0},
        {"...", "one field at least", 0},
        {"uds_sid:u8 uds_sub:u4", "ends at a whole byte", 0},
        {"uds_sid", "a field is NAME:TYPE", 0},
        {"uds_sid:", "types are", 0},
        {"uds_sid:u8 uds_sub:u65", "types are", 11},
        {"uds_sid:u0", "types are", 0},
        {"uds_sid:u12le -:u4", "types are", 0},
        {"uds_sid:u8x", "types are", 0},
        {"nosuch:u8", "no such column", 0},
        {":u8", "no such column", 0},
        {"event_uid:u8", "does not take", 0},
        {"parser_name:text4", "does not take", 0},
        {"uds_sid:text1", "does not take", 0},
        {"src_ip:u32", "does not take", 0},
        {"attributes:text4", "does not take", 0},
        {"context.Bad:u8", "a name after context.", 0},
        {"context.:u8", "a name after context.", 0},
        {"context.a:u8 context.a:u8", "occurs twice", 13},
        {"uds_sid:u8 uds_sid:u8", "occurs twice", 11},
        {"uds_sid:u8!256", "a number that the type can hold", 10},
        {"uds_sid:u8!", "a number that the type can hold", 10},
        {"src_ip:ipv4=1", "a number that the type can hold", 11},
        {"-:u4 bus_id:text4 -:u4", "start at a whole byte", 5},
        {"-:u4 can_id:u16le -:u4", "start at a whole byte", 5},
        {"uds_sid:u8 ... uds_sub:u8", "... ends a layout", 15},
        {"-:hex65535 -:u8", "at most 65535 bytes", 11},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct context_layout *layout = NULL;
        struct context_layout_problem problem = {0, ""};
        enum status status =
            context_layout_read(&f->arena, slice_from_text(cases[i].text), -1, &layout, &problem);
        if (status != STATUS_MALFORMED || !strstr(problem.detail, cases[i].detail) ||
            problem.offset != cases[i].offset)
            fail_msg("%s gave %zu: %s", cases[i].text, problem.offset, problem.detail);
    }
}

static void want_of_memory_is_told(void **state)
{
    struct fixture *f = *state;
    const struct context_layout *layout;
    struct context_layout_problem problem;
    assert_int_equal(
        context_layout_read(&f->arena, SLICE_LITERAL("rule_id:u16"), -1, &layout, &problem),
        STATUS_OK);
    EVENT_SET(&f->event, context_raw, SLICE_LITERAL("ab"));
    f->context.alloc = alloc_nothing;
    assert_false(context_layout_apply(layout, &f->context, &f->event));
}

#define layout_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        layout_test(numbers_are_read_in_both_orders_and_of_any_width),
        layout_test(values_without_a_column_become_attributes),
        layout_test(addresses_and_protocols_have_their_names),
        layout_test(none_and_what_does_not_fit_its_column_are_not_set),
        layout_test(what_the_record_says_stays),
        layout_test(bytes_that_are_no_text_are_repaired_with_a_note),
        layout_test(a_layout_is_for_its_version_size_and_needed_values),
        layout_test(a_text_that_is_no_layout_is_told_with_its_place),
        layout_test(want_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
