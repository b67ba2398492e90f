#include "parsers/registry/text_body.h"
#include "pipeline_fixture.h"

/* A record of each format of text. */
static const struct {
    const struct parser *parser;
    const char *record;
} samples[] = {
    {&parser_vsoc_json, "{\"event_name\":\"x\",\"severity_id\":1}"},
    {&parser_syslog, "<13>1 2026-11-22T10:15:02Z h a p m - text"},
    {&parser_cef, "CEF:0|v|p|1|id|n|5|msg=text"},
    {&parser_leef, "LEEF:1.0|v|p|1|id|msg=text"},
    {&parser_auditd, "type=LOGIN msg=audit(1700000000.123:1): pid=1 uid=0"},
    {&parser_logcat, "11-29 12:00:00.123  1234  5678 I Tag: text"},
    {&parser_candump, "(1767225600.500000) can0 123#01"},
    {&parser_candump, "  can0  123   [1]  01"},
};

#define EACH(i) for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)

/* Around a record: what stands before it, and behind. */
static void assert_one_event(struct fixture *f, size_t i, const char *before, size_t before_size,
                             const char *behind, size_t behind_size)
{
    char body[256];
    size_t size = before_size, record = strlen(samples[i].record);
    memcpy(body, before, before_size);
    memcpy(body + size, samples[i].record, record);
    size += record;
    memcpy(body + size, behind, behind_size);
    size += behind_size;
    if (registry_probe(f->registry, slice_make(body, size)) != samples[i].parser)
        fail_msg("%s is not found behind %zu bytes", samples[i].record, before_size);
    f->options.parser = samples[i].parser;
    fixture_run(f, body, size);
    assert_int_equal(f->item_count, 1);
    if (f->items[0].is_reject)
        fail_msg("%s behind %zu bytes: %s", samples[i].record, before_size, f->items[0].detail);
    assert_event_has(f, 0, "\"parse_status\":\"ok\"");
}

#define ASSERT_ONE(f, i, before, behind)                                                           \
    assert_one_event(f, i, before, sizeof before - 1, behind, sizeof behind - 1)

static void a_mark_and_blank_lines_before_the_first_record_are_passed(void **state)
{
    EACH(i)
    {
        ASSERT_ONE(*state, i, "", "\n");
        ASSERT_ONE(*state, i, "\xEF\xBB\xBF", "\n");
        ASSERT_ONE(*state, i, "\n", "\n");
        ASSERT_ONE(*state, i, "\r\n\r\n", "\n");
        ASSERT_ONE(*state, i, "\xEF\xBB\xBF\r\n", "\n");
    }
}

static void padding_behind_the_last_record_is_none(void **state)
{
    EACH(i)
    {
        ASSERT_ONE(*state, i, "", "\n\x1A");
        ASSERT_ONE(*state, i, "", "\r\n\0\0\0\0\0");
        ASSERT_ONE(*state, i, "", "\n\x1A\0\0");
    }
}

static void utf16_is_refused_by_name(void **state)
{
    struct fixture *f = *state;
    EACH(i)
    {
        for (int form = 0; form < 4; form++) { /* little, big endian; with a mark or without */
            char body[300];
            size_t size = 0;
            if (form < 2) {
                memcpy(body, form ? "\xFE\xFF" : "\xFF\xFE", 2);
                size = 2;
            }
            for (const char *p = samples[i].record; *p; p++) {
                body[size + (form % 2 ? 1 : 0)] = *p;
                body[size + (form % 2 ? 0 : 1)] = 0;
                size += 2;
            }
            assert_null(registry_probe(f->registry, slice_make(body, size)));
            f->options.parser = samples[i].parser;
            fixture_run(f, body, size);
            assert_int_equal(f->item_count, 1);
            assert_rejected(f, 0, "utf16", "UTF-16; send UTF-8");
        }
    }
}

static void comments_before_candump_do_not_hide_it(void **state)
{
    struct fixture *f = *state;
    assert_ptr_equal(
        registry_probe(f->registry, SLICE_LITERAL("# trace of gw\n#\n(1767225600.500000) "
                                                  "can0 123#01\n")),
        &parser_candump);
    assert_null(registry_probe(f->registry, SLICE_LITERAL("# trace of gw\nwords\n")));
}

/* A counted frame of syslog holds what its count says. */
static void the_end_of_a_counted_frame_is_no_padding(void **state)
{
    struct fixture *f = *state;
    static const char body[] = "8 <13>a: b\0";
    f->options.parser = &parser_syslog;
    fixture_run(f, body, sizeof body - 2);
    assert_int_equal(f->item_count, 1);
    fixture_run(f, "9 <13>a: b\0", 11);
    assert_int_equal(f->item_count, 1);
    assert_false(f->items[0].is_reject);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_mark_and_blank_lines_before_the_first_record_are_passed),
        fixture_test(padding_behind_the_last_record_is_none),
        fixture_test(utf16_is_refused_by_name),
        fixture_test(comments_before_candump_do_not_hide_it),
        fixture_test(the_end_of_a_counted_frame_is_no_padding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
