/* test_text_growth.c: no record becomes an event of many times its size, in any text format, and
 * what is cut is noted. */
#include "pipeline_fixture.h"

/* JSON of the event beside its record. Structure and fixed columns take some hundred bytes. */
#define MULTIPLE 3
#define FIXED    4096

static struct writer body;

static void fill(const char *head, const char *unit, size_t count, const char *tail)
{
    writer_reset(&body);
    writer_text(&body, head);
    for (size_t i = 0; i < count; i++)
        writer_text(&body, unit);
    writer_text(&body, tail);
    assert_int_equal(body.status, STATUS_OK);
}

static void run(struct fixture *f, const char *format)
{
    f->options.parser = registry_by_name(f->registry, slice_from_text(format));
    assert_non_null(f->options.parser);
    fixture_run(f, body.data, body.size);
    assert_int_equal(f->status, STATUS_OK);
    assert_int_equal(f->item_count, 1);
}

static void control_characters_make_no_large_event(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *format, *head, *unit, *tail;
    } cases[] = {
        {"syslog", "<1>1 2026-04-27T15:46:41Z h a 1 - [a@1 b=\"", "\x01\x02\x03\x04", "\"]\n"},
        {"syslog", "<1>1 2026-04-27T15:46:41Z h a 1 - - ", "\x01\x02\x03\x04", "\n"},
        {"syslog", "<1>Nov 22 10:15:02 h a: ", "\x01\x02\x03\x04", "\n"},
        {"cef", "CEF:0|V|P|1|C|N|5|cs1=", "\x01\x02\x03\x04", "\n"},
        {"cef", "CEF:0|V|P|1|C|N|5|msg=", "\x01\x02\x03\x04", "\n"},
        {"leef", "LEEF:1.0|V|P|1|C|\tx=", "\x01\x02\x03\x04", "\n"},
        {"auditd", "type=AVC msg=audit(1795342505.123:1): x=\"", "\x01\x02\x03\x04", "\"\n"},
        {"hec_raw", "", "\x01\x02\x03\x04", "\n"},
    };
    writer_init(&body, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fill(cases[i].head, cases[i].unit, 10000, cases[i].tail);
        run(f, cases[i].format);
        assert_false(f->items[0].is_reject);
        size_t size = strlen(f->items[0].json);
        if (size > MULTIPLE * body.size + FIXED)
            fail_msg("case %zu (%s): %zu bytes of JSON from %zu", i, cases[i].format, size,
                     body.size);
        assert_event_has(f, 0, "value_cut");
        assert_event_has(f, 0, "\\u0001\\u0002\\u0003\\u0004\\u0001");
    }
    writer_fini(&body);
}

/* Many values of some size each take their share of one bound. */
static void many_values_share_the_bound(void **state)
{
    struct fixture *f = *state;
    writer_init(&body, 1 << 20);
    writer_text(&body, "CEF:0|V|P|1|C|N|5|");
    for (unsigned i = 0; i < 100; i++) {
        writer_format(&body, "k%u=", i);
        for (unsigned k = 0; k < 400; k++)
            writer_u8(&body, 1);
        writer_u8(&body, ' ');
    }
    run(f, "cef");
    assert_true(strlen(f->items[0].json) < MULTIPLE * body.size + FIXED);
    assert_event_has(f, 0, "value_cut");
    writer_fini(&body);
}

/* What JSON escapes in two characters stays whole, and so does a short value of any. */
static void quotes_tabs_and_short_values_stay_whole(void **state)
{
    struct fixture *f = *state;
    writer_init(&body, 1 << 20);
    fill("CEF:0|V|P|1|C|N|5|cs1=", "\"\t\b\f", 10000, "x\n");
    run(f, "cef");
    assert_null(strstr(f->items[0].json, "value_cut"));
    assert_event_has(f, 0, "\\b\\fx\"");
    fill("CEF:0|V|P|1|C|N|5|cs1=", "\x01", 50, "x\n");
    run(f, "cef");
    assert_null(strstr(f->items[0].json, "value_cut"));
    writer_fini(&body);
}

/* A JSON record already has the escapes: its event is no larger, nothing is cut. */
static void escapes_of_a_json_record_stay(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *format, *head;
    } cases[] = {
        {"vsoc_json", "{\"event_name\":\"x\",\"sensor_kind\":\"can_ids\",\"message\":\""},
        {"vsoc_json", "{\"event_name\":\"x\",\"sensor_kind\":\"can_ids\",\"other\":\""},
        {"hec", "{\"event\":\""},
    };
    writer_init(&body, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fill(cases[i].head, "\\u0001", 9000, "\"}\n");
        run(f, cases[i].format);
        assert_null(strstr(f->items[0].json, "value_cut"));
    }
    writer_fini(&body);
}

static void a_head_that_fits_ends_with_a_character(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t more, fitting;
    } cases[] = {
        {"", 0, 0},         {"abc", 0, 3},      {"a\"b", 0, 1},      {"a\"b", 1, 3},
        {"\x01\x01", 4, 0}, {"\x01\x01", 9, 1}, {"\x01\x01", 10, 2}, {"\xc3\xa4\x01\xc3\xa4", 4, 2},
        {"\n\n\x0b", 2, 2}, {"\n\n\x0b", 7, 3}, {"\x7f\\", 0, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(writer_json_fitting(slice_from_text(cases[i].text), cases[i].more),
                         cases[i].fitting);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(control_characters_make_no_large_event),  T(many_values_share_the_bound),
        T(quotes_tabs_and_short_values_stay_whole), T(escapes_of_a_json_record_stay),
        T(a_head_that_fits_ends_with_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
