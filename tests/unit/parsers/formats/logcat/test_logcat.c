#include "pipeline_fixture.h"

static void run(struct fixture *f, const char *text)
{
    f->options.parser = &parser_logcat;
    fixture_run_text(f, text);
}

#define DENIAL                                                                                     \
    "type=1400 audit(0.0:45): avc: denied { read } for comm=\"a\" scontext=u:r:a:s0 "              \
    "tcontext=u:r:b:s0 tclass=file permissive=0"

static void assert_denied(struct fixture *f)
{
    assert_int_equal(f->item_count, 1);
    assert_event_has(f, 0, "\"event_name\":\"avc\"");
    assert_event_has(f, 0, "\"event_category\":\"mandatory_access_control\"");
    assert_event_has(f, 0, "\"disposition\":\"blocked\"");
    assert_event_has(f, 0, "\"severity_id\":3");
    assert_event_has(f, 0, "\"vehicle_seq\":45");
}

static void a_denial_is_found_in_every_form(void **state)
{
    static const char *const heads[] = {
        "W/sh( 1234): ",
        "W( 1234) ",
        "W/sh: ",
        "W( 1234: 5678) ",
        "",
        "11-29 12:00:00.123 W/sh( 1234): ",
        "11-29 12:00:00.123  1234  5678 W sh      : ",
        "[ 11-29 12:00:00.123  1234: 5678 W/sh ]\n",
        "2023-11-29 12:00:00.123  1234  5678 W sh: ",
        "11-29 12:00:00.123 +0000  1234  5678 W sh: ",
        "2023-11-29 12:00:00.123 +0000 root  1234  5678 W sh: ",
        "11-29 12:00:00.123 10123  1234  5678 W sh: ",
        "\x1b[38;5;214m11-29 12:00:00.123  1234  5678 W sh: ",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        char text[512];
        snprintf(text, sizeof text, "%s" DENIAL "\n", heads[i]);
        run(f, text);
        assert_denied(f);
    }
}

static void a_denial_behind_a_syslog_header_is_one_too(void **state)
{
    static const char *const heads[] = {
        "<4>Nov 29 12:00:00 tcu kernel: ",
        "<4>Nov 29 12:00:00 tcu kernel: [   12.345678] ",
        "<36>1 2026-11-22T10:15:02Z tcu auditd 1 - - ",
        "Nov 29 12:00:00 tcu kern.warn kernel: [  12.3] audit: ",
        "[   12.345678] ",
        "[   12.345678] audit: ",
        "[   12.345678][  T123] audit: ",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        char text[512];
        snprintf(text, sizeof text, "%s" DENIAL, heads[i]);
        f->options.parser = &parser_syslog;
        fixture_run_text(f, text);
        assert_denied(f);
    }
    f->options.parser = &parser_auditd;
    fixture_run_text(f, DENIAL);
    assert_denied(f);
    assert_null(strstr(f->items[0].json, "time_event_ns"));
}

static void a_typed_denial_is_text(void **state)
{
    struct fixture *f = *state;
    run(f, "11-29 12:00:00.123  1234  5678 I app: user typed avc: denied { read } for x");
    assert_event_has(f, 0, "\"event_name\":\"app\"");
    assert_event_has(f, 0, "\"severity_id\":1");
}

static void a_tag_that_is_no_text_is_noted(void **state)
{
    struct fixture *f = *state;
    run(f, "I/dia\xffgd( 812): started\n");
    assert_int_equal(f->item_count, 1);
    assert_event_has(f, 0, "\"tag\":\"dia\xef\xbf\xbdgd\"");
    assert_event_has(f, 0, "\"parse_status\":\"partial\"");
    assert_event_has(f, 0, "\"code\":\"bad_text\"");
}

static void an_entry_of_the_long_form_has_all_its_lines(void **state)
{
    struct fixture *f = *state;
    run(f, "[ 11-29 12:00:00.123  1234: 5678 I/A ]\none\n\ntwo\n\n"
           "[ 11-29 12:00:00.124  1234: 5678 I/B ]\nthree\n\n");
    assert_int_equal(f->item_count, 2);
    assert_event_has(f, 0, "\"message\":\"one\\n\\ntwo\"");
    assert_event_has(f, 1, "\"message\":\"three\"");
}

static void an_entry_over_the_limit_is_quarantined(void **state)
{
    struct fixture *f = *state;
    char text[4096];
    memset(text, 'x', sizeof text);
    memcpy(text, "I/Tag: ", 7);
    memcpy(text + 3000, "\nI/Tag: good", 12);
    text[3012] = 0;
    f->options.event_bytes = 1000;
    run(f, text);
    assert_int_equal(f->item_count, 2);
    assert_rejected(f, 0, "event_too_large", "");
    assert_event_has(f, 1, "\"message\":\"good\"");
}

static void heads_are_probed(void **state)
{
    (void)state;
    assert_int_equal(parser_logcat.probe(SLICE_LITERAL("--------- beginning of main\n"
                                                       "11-29 12:00:00.123  1  2 I T: x")),
                     82);
    assert_int_equal(parser_logcat.probe(SLICE_LITERAL("I/T( 1): x")), 62);
    assert_int_equal(parser_logcat.probe(SLICE_LITERAL("I/T: x")), 30);
    assert_int_equal(parser_logcat.probe(SLICE_LITERAL("Oct 11 22:14:15 h t: m")), 0);
    assert_int_equal(parser_logcat.probe(SLICE_EMPTY), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_denial_is_found_in_every_form),
        fixture_test(a_denial_behind_a_syslog_header_is_one_too),
        fixture_test(a_typed_denial_is_text),
        fixture_test(a_tag_that_is_no_text_is_noted),
        fixture_test(an_entry_of_the_long_form_has_all_its_lines),
        fixture_test(an_entry_over_the_limit_is_quarantined),
        fixture_test(heads_are_probed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
