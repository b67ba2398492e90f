#include "pipeline_fixture.h"

#include "parsers/formats/auditd/audit_read.h"

#define AUDIT(type, serial, text) "type=" type " msg=audit(1795342801.250:" serial "): " text "\n"

static void run(struct fixture *f, const char *body)
{
    f->options.parser = &parser_auditd;
    fixture_run_text(f, body);
}

static void a_header_is_read_in_every_form(void **state)
{
    (void)state;
    static const struct {
        const char *line, *node, *type, *text;
    } cases[] = {
        {"type=LOGIN msg=audit(1.002:3): x", "", "LOGIN", " x"},
        {"node=gw type=LOGIN msg=audit(1.002:3): x", "gw", "LOGIN", " x"},
        {"type=DAEMON_CONFIG msg=audit(1.002:3) x", "", "DAEMON_CONFIG", " x"},
        {"audit: type=1400 audit(1.002:3): x", "", "1400", " x"},
        {"type=UNKNOWN[9] msg=audit(1.002:3):", "", "UNKNOWN[9]", ""},
        {"type=A msg=audit(1.02:3): x", NULL, NULL, NULL},
        {"type=A msg=audit(1.0020:3): x", NULL, NULL, NULL},
        {"type=A msg=audit(99999999999.002:3): x", NULL, NULL, NULL},
        {"type=A msg=audit(1.002:): x", NULL, NULL, NULL},
        {"type=A msg=audit(1.002:3", NULL, NULL, NULL},
        {"type=A", NULL, NULL, NULL},
        {"", NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct audit_header h;
        assert_int_equal(audit_header_read(slice_from_text(cases[i].line), &h),
                         cases[i].type != NULL);
        if (!cases[i].type)
            continue;
        assert_true(slice_equal_text(h.node, cases[i].node));
        assert_true(slice_equal_text(h.type, cases[i].type));
        assert_true(slice_equal_text(h.text, cases[i].text));
        assert_true(h.time_ns == 1002000000 && h.serial == 3);
    }
}

static void fields_end_where_their_quotes_say(void **state)
{
    (void)state;
    static const struct {
        const char *text, *fields;
    } cases[] = {
        {"a=1 b=\"x y\" c='p q'", "a{1}b{x y}c{p q}"},
        {"msg='op=x exe=\"it's\" res=1'", "msg{op=x exe=\"it's\" res=1}"},
        {"msg='a=1'\x1D"
         "UID='r'",
         "msg{a=1}UID{r}"},
        {"key=\"x\"\x1D"
         "ARCH=x86_64",
         "key{x}ARCH{x86_64}"},
        {"key=\"x\"ARCH=x86_64", "key{x}ARCH{x86_64}"},
        {"tty=(none) (hostname=h, addr=?, res=ok)", "tty{(none)}hostname{h}addr{?}res{ok}"},
        {"login pid=1 =2 a=", "{login}pid{1}{=2}a{}"},
        {"a=\"open b=1", "a{\"open}b{1}"},
        {"  ", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[256] = "";
        size_t at = 0, used = 0;
        struct audit_field field;
        while (audit_field_next(slice_from_text(cases[i].text), &at, &field))
            used += (size_t)snprintf(out + used, sizeof out - used, "%.*s{%.*s}",
                                     SLICE_ARGS(field.key), SLICE_ARGS(field.value));
        assert_string_equal(out, cases[i].fields);
    }
}

static void records_among_each_other_find_their_event(void **state)
{
    struct fixture *f = *state;
    run(f, AUDIT("SYSCALL", "1", "items=1") AUDIT("SYSCALL", "2", "items=0")
               AUDIT("PATH", "1", "name=\"x\"") "\n" AUDIT("CWD", "2", "cwd=\"/\""));
    assert_int_equal(f->item_count, 2);
    assert_event_has(f, 0, "{\"SYSCALL\":{\"items\":\"1\"},\"PATH\":{\"name\":\"x\"}}");
    assert_event_has(f, 0, "\"vehicle_seq\":1");
    assert_event_has(f, 0, "\"parse_status\":\"ok\",\"raw_offset\":0");
    assert_event_has(f, 1, "{\"SYSCALL\":{\"items\":\"0\"},\"CWD\":{\"cwd\":\"/\"}}");
}

/* Same serial number, other node or time: another event. */
static void an_event_is_of_one_node_and_time(void **state)
{
    struct fixture *f = *state;
    run(f, AUDIT("A", "1", "a=1") "node=gw " AUDIT(
               "A", "1", "a=2") "type=A msg=audit(1795342801.251:1): a=3\n" AUDIT("B", "1", "a=4"));
    assert_int_equal(f->item_count, 3);
    assert_event_has(f, 0, "{\"A\":{\"a\":\"1\"},\"B\":{\"a\":\"4\"}}");
    assert_event_has(f, 1, "\"ecu_id\":\"gw\"");
    assert_event_has(f, 2, "\"A\":{\"a\":\"3\"}");
}

static void a_record_that_did_not_come_is_noted(void **state)
{
    struct fixture *f = *state;
    run(f, AUDIT("SYSCALL", "1", "items=2") AUDIT("PATH", "1", "item=0"));
    assert_event_has(f, 0, "\"parse_status\":\"partial\"");
    assert_event_has(f, 0, "\"lost_records\"");
}

static void a_broken_line_leaves_its_neighbours_alone(void **state)
{
    struct fixture *f = *state;
    run(f, AUDIT("SYSCALL", "1", "a=1") "type=PATH msg=audit(17953\n" AUDIT("CWD", "1", "b=2"));
    assert_int_equal(f->item_count, 2);
    assert_rejected(f, 0, "not_of_format", "must start with type=");
    assert_event_has(f, 1, "{\"SYSCALL\":{\"a\":\"1\"},\"CWD\":{\"b\":\"2\"}}");
}

/* More events than the fixture keeps: pipeline_result has their number. */
static void only_count(void *arg, const struct event *event)
{
    (void)arg;
    (void)event;
}

/* A 65th event makes the first one ready; what comes for it after that is an event of its own. */
static void events_wait_for_their_records_until_64_later_ones_began(void **state)
{
    struct fixture *f = *state;
    for (int others = 63; others <= 64; others++) {
        char body[8192];
        size_t used = (size_t)snprintf(body, sizeof body, AUDIT("A", "1", "a=1"));
        for (int i = 0; i < others; i++)
            used +=
                (size_t)snprintf(body + used, sizeof body - used, AUDIT("X", "%d", ""), 100 + i);
        snprintf(body + used, sizeof body - used, AUDIT("B", "1", "b=2"));
        struct pipeline_options options = f->options;
        f->options.batch_events = 100;
        f->options.on_event = only_count;
        run(f, body);
        assert_int_equal(f->result.accepted, others == 63 ? 64 : 66);
        f->options = options;
    }
}

/* What lies between an event's records counts as its bytes, and those are limited. */
static void an_event_ends_before_it_is_larger_than_one_may_be(void **state)
{
    struct fixture *f = *state;
    f->options.event_bytes = 150;
    run(f, AUDIT("A", "1", "a=1") AUDIT("B", "2", "b=1") AUDIT("A", "1", "a=2")
               AUDIT("B", "1", "c=1") AUDIT("C", "1", "c=2"));
    assert_int_equal(f->item_count, 3);
    assert_event_has(f, 0, "{\"A\":{\"a\":\"1\"},\"A#2\":{\"a\":\"2\"}}");
    assert_event_has(f, 1, "{\"B\":{\"b\":\"1\"}}");
    assert_event_has(f, 2, "{\"B\":{\"c\":\"1\"},\"C\":{\"c\":\"2\"}}");
}

/* A 1025th line makes the oldest event ready, be it the one it belongs to. */
static void lines_that_wait_are_limited(void **state)
{
    struct fixture *f = *state;
    size_t used = 0;
    char *body = malloc(65536);
    for (int i = 0; i < 1030; i++)
        used += (size_t)snprintf(body + used, 65536 - used, AUDIT("CWD", "1", "i=%d"), i);
    run(f, body);
    free(body);
    assert_int_equal(f->item_count, 2);
    assert_event_has(f, 0, "{\"CWD\":{\"i\":\"0\"},");
    assert_event_has(f, 1, "{\"CWD\":{\"i\":\"1024\"},");
}

static void more_records_than_are_decoded_are_noted(void **state)
{
    struct fixture *f = *state;
    size_t used = 0;
    char *body = malloc(65536);
    for (int i = 0; i < 600; i++)
        used += (size_t)snprintf(body + used, 65536 - used, AUDIT("PATH", "1", "item=%d"), i);
    run(f, body);
    free(body);
    assert_int_equal(f->item_count, 1);
    assert_event_has(f, 0, "\"too_many_keys\"");
    assert_event_has(f, 0, "\"PATH#512\"");
}

static void refusals_and_failures_have_a_severity(void **state)
{
    static const struct {
        const char *body, *expected;
    } cases[] = {
        {AUDIT("AVC", "1", "avc:  denied  { read } for  pid=1"),
         "\"severity_id\":3,\"disposition\":\"blocked\""},
        {AUDIT("AVC", "1", "avc:  denied  { read } for  pid=1 permissive=1"),
         "\"severity_id\":2,\"disposition\":\"allowed\""},
        {AUDIT("AVC", "1", "apparmor=\"DENIED\" operation=\"ptrace\""),
         "\"severity_id\":3,\"disposition\":\"blocked\""},
        {AUDIT("USER_LOGIN", "1", "pid=1 msg='op=login addr=192.0.2.1 res=failed'"),
         "\"severity_id\":2,\"src_ip\":\"192.0.2.1\""},
        {AUDIT("USER_LOGIN", "1", "pid=1 msg='op=login addr=? res=success'"), "\"severity_id\":0"},
        {AUDIT("SYSCALL", "1", "success=no"), "\"severity_id\":0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(*state, cases[i].body);
        assert_event_has(*state, 0, cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_read_in_every_form),
        cmocka_unit_test(fields_end_where_their_quotes_say),
        fixture_test(records_among_each_other_find_their_event),
        fixture_test(an_event_is_of_one_node_and_time),
        fixture_test(a_record_that_did_not_come_is_noted),
        fixture_test(a_broken_line_leaves_its_neighbours_alone),
        fixture_test(events_wait_for_their_records_until_64_later_ones_began),
        fixture_test(an_event_ends_before_it_is_larger_than_one_may_be),
        fixture_test(lines_that_wait_are_limited),
        fixture_test(more_records_than_are_decoded_are_noted),
        fixture_test(refusals_and_failures_have_a_severity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
