#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "parsers/engine/split.h"
#include "tests/unit/parsers/cpu_cost.h"

/* Each record on a line; a broken one starts with !, its reason is left out. */
static const char *split_text(const char *body, enum parser_framing framing)
{
    static char out[8192];
    struct split split;
    struct split_record record;
    size_t used = 0;
    split_init(&split, slice_from_text(body), framing, SPLIT_PREFIX_NONE);
    while (split_next(&split, &record) == STATUS_OK) {
        assert_ptr_equal(record.bytes.size ? record.bytes.data : NULL,
                         record.bytes.size ? split.body.data + record.offset : NULL);
        used += (size_t)snprintf(out + used, sizeof out - used, "%s%.*s\n",
                                 record.broken ? "!" : "", SLICE_ARGS(record.bytes));
        split_advance(&split, 0);
    }
    assert_int_equal(split_next(&split, &record), STATUS_END);
    out[used] = '\0';
    return out;
}

#define assert_records(body, expected)                                                             \
    assert_string_equal(split_text(body, PARSER_FRAMING_JSON), expected)

static void each_framing_of_json_gives_its_values(void **state)
{
    (void)state;
    assert_records("{\"a\":1}\n{\"b\":2}\r\n\n{\"c\":3}", "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n");
    assert_records("[{\"a\":1} , {\"b\":[{}]}]", "{\"a\":1}\n{\"b\":[{}]}\n");
    assert_records("{\"a\":1}{\"b\":2} {\"c\":3}\n{}", "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n{}\n");
    assert_records("{\n \"a\": {\n }\n}\n{}", "{\n \"a\": {\n }\n}\n{}\n");
    assert_records("\xEF\xBB\xBF{}", "{}\n");
    assert_records("\xEF\xBB\xBF{}\n\xEF\xBB\xBF{}\xEF\xBB\xBF\n", "{}\n{}\n");
    assert_records("\x1E{\"a\":1}\n\x1E{}\n", "{\"a\":1}\n{}\n");
    assert_records("", "");
    assert_records(" \n\t", "");
    assert_records("[]", "");
    assert_records("[{}][{}]", "{}\n{}\n");
}

static void brackets_and_quotes_in_texts_do_not_count(void **state)
{
    (void)state;
    assert_records("{\"a\":\"}{\"}\n{\"b\":\"\\\"}\"}", "{\"a\":\"}{\"}\n{\"b\":\"\\\"}\"}\n");
    assert_records("[{\"a\":\"\\\\\"},{\"b\":\"]\"}]", "{\"a\":\"\\\\\"}\n{\"b\":\"]\"}\n");
}

/* Backslashes at each place of a 64-byte block, in runs of each parity. */
static void escapes_across_blocks_are_seen(void **state)
{
    (void)state;
    for (size_t lead = 0; lead < 70; lead++)
        for (size_t run = 0; run < 5; run++) {
            char body[256], expected[256];
            int n = snprintf(body, sizeof body, "[{\"%*s", (int)lead, "");
            memset(body + n, '\\', 2 * run);
            snprintf(body + n + 2 * run, sizeof body - (size_t)n - 2 * run,
                     "\\\"}{\":\"\"},{\"z\":1}]");
            snprintf(expected, sizeof expected, "%.*s\n{\"z\":1}\n",
                     (int)(strlen(body) - strlen(",{\"z\":1}]") - 1), body + 1);
            assert_records(body, expected);
        }
}

static void a_broken_value_costs_its_lines_only(void **state)
{
    (void)state;
    assert_records("{\"a\":\"x\n{\"b\":2}\n", "!{\"a\":\"x\n{\"b\":2}\n");
    assert_records("{\"a\":1\n{\"b\":2}\n", "!{\"a\":1\n{\"b\":2}\n");
    assert_records("{\"a\":{\"b\":1}\n  {\"c\":2}\n", "{\"a\":{\"b\":1}\n{\"c\":2}\n");
    assert_records("junk\n{\"b\":2}\n", "!junk\n{\"b\":2}\n");
    assert_records("{\"a\":1} junk\n{\"b\":2}\n", "{\"a\":1}\n!junk\n{\"b\":2}\n");
    assert_records("{\"a\":\n", "!{\"a\":\n");
}

static void a_value_without_end_leaves_lines_as_records(void **state)
{
    (void)state;
    assert_records("{\"a\":[\n{\"b\":1},\n{\"c\":2}\n", "!{\"a\":[\n{\"b\":1}\n{\"c\":2}\n");
}

static void an_array_may_hold_what_is_no_event(void **state)
{
    (void)state;
    assert_records("[1,\"a,]\",true,{}]", "1\n\"a,]\"\ntrue\n{}\n");
    assert_records("[,{}]", "!,\n{}\n");
    assert_records("[{},", "{}\n!\n");
    assert_records("[{}] tail", "{}\n!tail\n");
}

static void lines_lose_their_ends_and_blank_ones(void **state)
{
    (void)state;
    assert_string_equal(split_text("one\r\n\n  \n two\nthree", PARSER_FRAMING_LINES),
                        "one\n two\nthree\n");
    assert_string_equal(split_text("", PARSER_FRAMING_LINES), "");
}

#define assert_frames(body, expected)                                                              \
    assert_string_equal(split_text(body, PARSER_FRAMING_SYSLOG), expected)

static void octet_counted_frames_and_lines_are_told_apart_one_by_one(void **state)
{
    (void)state;
    assert_frames("5 <13>a6 <13>bc", "5 <13>a\n6 <13>bc\n");
    assert_frames("5 <13>a\n<13>line\n6 <13>bc\r\n", "5 <13>a\n<13>line\n6 <13>bc\n");
    assert_frames("6 <13>a\n6 <13>b\n",
                  "6 <13>a\n\n6 <13>b\n\n"); /* the count takes the line end */
    assert_frames("9 <13>a\n<1>6 <13>bc", "9 <13>a\n<1>\n6 <13>bc\n");
    assert_frames("5 <13>a<13>line\nx\n", "5 <13>a\n<13>line\nx\n");
    assert_frames("\xEF\xBB\xBF"
                  "5 <13>a",
                  "5 <13>a\n");
    assert_frames("12 monkeys\n0 <13>a\n5<13>a\n", "12 monkeys\n0 <13>a\n5<13>a\n");
    assert_frames("", "");
    assert_frames(" \n", "");
}

static void count_that_lies_costs_its_frame_only(void **state)
{
    (void)state;
    assert_frames("9 <13>a5 <13>b5 <13>c", "!9 <13>a\n5 <13>b\n5 <13>c\n");
    assert_frames("5 <13>abc5 <13>b", "5 <13>a\n!bc\n5 <13>b\n");
    assert_frames("5 <13>ax5 <13>b\n", "5 <13>a\n!x\n5 <13>b\n");
    assert_frames("99 <13>a5 <13>b", "!99 <13>a\n5 <13>b\n");
    assert_frames("5 <13>a99 <13>b", "5 <13>a\n!99 <13>b\n");
    assert_frames("5 <1x>a5 <13>b", "5 <1x>a\n5 <13>b\n");
    assert_frames("5 <13>1"
                  "5 <13>b",
                  "5 <13>1\n5 <13>b\n");
}

static void text_of_a_line_starts_no_frame(void **state)
{
    (void)state;
    assert_frames("<13>user 5 <13>a\n<13>b", "<13>user 5 <13>a\n<13>b\n");
    assert_frames("16 <13>user 5 <13>a5 <13>b", "16 <13>user 5 <13>a\n5 <13>b\n");
}

static void a_stream_goes_on_where_the_parser_stopped(void **state)
{
    (void)state;
    struct split split;
    struct split_record record;
    split_init(&split, SLICE_LITERAL("aabbbc"), PARSER_FRAMING_STREAM, SPLIT_PREFIX_NONE);
    assert_int_equal(split_next(&split, &record), STATUS_OK);
    assert_int_equal(record.bytes.size, 6);
    split_advance(&split, 2);
    assert_int_equal(split_next(&split, &record), STATUS_OK);
    assert_int_equal(record.offset, 2);
    split_advance(&split, 0); /* the rest belongs to it */
    assert_int_equal(split_next(&split, &record), STATUS_END);
}

static void prefixes_delimit_binary_records(void **state)
{
    (void)state;
    struct split split;
    struct split_record record;
    split_init(&split, SLICE_LITERAL("\0\2ab\0\0\0\3abc"), PARSER_FRAMING_STREAM, SPLIT_PREFIX_U16);
    assert_int_equal(split_next(&split, &record), STATUS_OK);
    assert_true(slice_equal_text(record.bytes, "ab"));
    assert_int_equal(record.offset, 2);
    assert_int_equal(split_next(&split, &record), STATUS_OK);
    assert_int_equal(record.bytes.size, 0);
    assert_int_equal(split_next(&split, &record), STATUS_OK);
    assert_true(slice_equal_text(record.bytes, "abc"));
    assert_int_equal(split_next(&split, &record), STATUS_END);

    split_init(&split, SLICE_LITERAL("\0\0\0\7abc"), PARSER_FRAMING_STREAM, SPLIT_PREFIX_U32);
    assert_int_equal(split_next(&split, &record), STATUS_OK);
    assert_non_null(record.broken);
    assert_int_equal(record.bytes.size, 7);
    assert_int_equal(split_next(&split, &record), STATUS_END);
}

/* Seconds to split a body that repeats a text. */
static double cost_of(enum parser_framing framing, const char *text, uint8_t *body, size_t size)
{
    struct split split;
    struct split_record record;
    size_t unit = strlen(text);
    for (size_t i = 0; i < size; i++)
        body[i] = (uint8_t)text[i % unit];
    double start = cpu_s();
    split_init(&split, slice_make(body, size), framing, SPLIT_PREFIX_NONE);
    while (split_next(&split, &record) == STATUS_OK)
        ;
    return cpu_s() - start;
}

/* Bodies made to be searched again and again: the time must follow the size. Its square would be a
 * hundred thousand times what an ordinary body takes. */
static void no_body_takes_time_by_its_square(void **state)
{
    (void)state;
    static const struct {
        enum parser_framing framing;
        const char *text;
    } units[] = {
        {PARSER_FRAMING_JSON, "{\"a\":\n"},
        {PARSER_FRAMING_JSON, "[\n"},
        {PARSER_FRAMING_JSON, "{\n"},
        {PARSER_FRAMING_JSON, "{\"a\":\"\n"},
        {PARSER_FRAMING_JSON, "[[[["},
        {PARSER_FRAMING_JSON, "{\"a\":["},
        {PARSER_FRAMING_JSON, "{} "},
        {PARSER_FRAMING_JSON, "}{"},
        {PARSER_FRAMING_JSON, "x"},
        {PARSER_FRAMING_JSON, "\"\n"},
        {PARSER_FRAMING_JSON, "[,"},
        {PARSER_FRAMING_JSON, "\\"},
        {PARSER_FRAMING_SYSLOG, "5 <13>a5 <13>ax"},
        {PARSER_FRAMING_SYSLOG, "99 <13>"},
        {PARSER_FRAMING_SYSLOG, "999999 <1>"},
        {PARSER_FRAMING_SYSLOG, "9999999999 <13>"},
        {PARSER_FRAMING_SYSLOG, "1 <1>"},
        {PARSER_FRAMING_SYSLOG, "3 <1><1>"},
        {PARSER_FRAMING_SYSLOG, "<"},
        {PARSER_FRAMING_SYSLOG, " <1>"},
    };
    const size_t most = 4 << 20;
    uint8_t *body = malloc(most);
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        bool syslog = units[u].framing == PARSER_FRAMING_SYSLOG;
        size_t size = syslog ? most : most / 4;
        double ordinary =
            cost_of(units[u].framing, syslog ? "<13>host text\n" : "{\"a\":1}\n", body, size);
        double cost = cost_of(units[u].framing, units[u].text, body, size);
        if (cost > 100 * ordinary)
            fail_msg("'%s' repeated takes %.3f s, an ordinary body %.3f s", units[u].text, cost,
                     ordinary);
    }
    free(body);
}

/* Many values in one line, and then blanks up to the end of the body. */
static void blanks_behind_a_line_of_values_are_searched_once(void **state)
{
    (void)state;
    const size_t size = 8 << 20, line = 4000;
    uint8_t *body = malloc(size);
    memset(body, ' ', size);
    for (size_t i = 0; i < line; i++)
        body[i] = (uint8_t) "{}[]"[i % 4];
    memcpy(body + line, "{}\n", 3);
    body[size - 1] = 'x';
    struct split split;
    struct split_record record;
    size_t records = 0;
    double start = cpu_s();
    split_init(&split, slice_make(body, size), PARSER_FRAMING_JSON, SPLIT_PREFIX_NONE);
    while (split_next(&split, &record) == STATUS_OK)
        records++;
    double cost = cpu_s() - start, ordinary = cost_of(PARSER_FRAMING_JSON, "{}\n", body, size);
    assert_int_equal(records, line / 4 + 2);
    if (cost > 100 * ordinary)
        fail_msg("%.3f s, an ordinary body %.3f s", cost, ordinary);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_framing_of_json_gives_its_values),
        cmocka_unit_test(brackets_and_quotes_in_texts_do_not_count),
        cmocka_unit_test(escapes_across_blocks_are_seen),
        cmocka_unit_test(a_broken_value_costs_its_lines_only),
        cmocka_unit_test(a_value_without_end_leaves_lines_as_records),
        cmocka_unit_test(an_array_may_hold_what_is_no_event),
        cmocka_unit_test(lines_lose_their_ends_and_blank_ones),
        cmocka_unit_test(octet_counted_frames_and_lines_are_told_apart_one_by_one),
        cmocka_unit_test(count_that_lies_costs_its_frame_only),
        cmocka_unit_test(text_of_a_line_starts_no_frame),
        cmocka_unit_test(a_stream_goes_on_where_the_parser_stopped),
        cmocka_unit_test(prefixes_delimit_binary_records),
        cmocka_unit_test(no_body_takes_time_by_its_square),
        cmocka_unit_test(blanks_behind_a_line_of_values_are_searched_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
