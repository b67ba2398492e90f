/* test_pipeline_rejects.c: records that no event can be made of: the first ones of a body are rows
 * of their own, many in a row become one, and no byte of them is lost. */
#include "pipeline_fixture.h"

#define BODY_BYTES ((size_t)2 << 20)

/* What a row must hold, and that the rows follow each other. */
struct rows {
    const uint8_t *body; /* NULL: records stand in others, what they carry is not compared */
    uint32_t events, rejects, records;
    uint64_t end;       /* of the last row in the body */
    uint32_t index;     /* of the last row */
    uint64_t raw_bytes; /* of all rows */
    char code[32], detail[300];
};

static void on_event(void *arg, const struct event *event)
{
    struct rows *rows = arg;
    assert_true(event->raw_offset >= (int64_t)rows->end || !rows->body);
    rows->events++;
}

static void on_reject(void *arg, const struct event_reject *r)
{
    struct rows *rows = arg;
    unsigned records = 1;
    assert_true(r->raw_offset >= rows->end || !rows->body);
    assert_true(!rows->rejects || r->index > rows->index);
    if (rows->body) {
        assert_int_equal(r->raw.size, r->raw_size);
        assert_memory_equal(r->raw.data, rows->body + r->raw_offset, r->raw.size);
    }
    snprintf(rows->code, sizeof rows->code, "%.*s", SLICE_ARGS(r->code));
    snprintf(rows->detail, sizeof rows->detail, "%.*s", SLICE_ARGS(r->detail));
    if (strstr(rows->detail, "records in a row"))
        assert_int_equal(sscanf(rows->detail, "%u records in a row", &records), 1);
    rows->rejects++;
    rows->records += records;
    rows->end = r->raw_offset + r->raw_size;
    rows->index = r->index;
    rows->raw_bytes += r->raw.size;
}

/* count times the record, which ends with what separates it from the next. */
static void run(struct fixture *f, struct rows *rows, const char *record, size_t count)
{
    size_t n = strlen(record), size = n * count;
    uint8_t *body = malloc(size + PIPELINE_PADDING);
    for (size_t i = 0; i < count; i++)
        memcpy(body + i * n, record, n);
    memset(body + size, ' ', PIPELINE_PADDING);
    *rows = (struct rows){.body = strstr(record, "sourcetype") ? NULL : body};
    f->options.batch_events = 50000;
    f->options.on_event = on_event;
    f->options.on_reject = on_reject;
    f->options.arg = rows;
    f->status = pipeline_run(&f->options, slice_make(body, size), &f->result);
    free(body);
}

static void bad_records_in_a_row_become_few_rows(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *format, *record;
    } bad[] = {
        {"vsoc_json", "{\"event\":\"\"}     \n"},
        {"vsoc_json", "[[[[[[[[[[[[[[[[\n"},
        {"cef", "x                 \n"},
        {"leef", "x                 \n"},
        {"auditd", "x                 \n"},
        {"candump", "x                 \n"},
        {"eve", "{\"event\":\"\"}     \n"},
        {"hec", "{\"event\":\"\"}     \n"},
        {"cloudevents", "{\"id\":\"\"}        \n"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rows rows;
        f->options.parser = registry_by_name(f->registry, slice_from_text(bad[i].format));
        run(f, &rows, bad[i].record, 40000);
        assert_int_equal(f->status, STATUS_OK);
        if (!f->result.items || rows.rejects > 300)
            fail_msg("%s: %u rows", bad[i].format, rows.rejects);
        assert_int_equal(rows.records, f->result.items);
        assert_int_equal(rows.rejects, f->result.quarantined);
        assert_true(f->result.truncated);
        /* what stands between two rows are line ends and blanks */
        assert_true(rows.raw_bytes + 19 * (PIPELINE_REJECTS_SINGLE + 20) >=
                    40000 * strlen(bad[i].record));
    }
}

static void the_first_ones_are_rows_of_their_own(void **state)
{
    struct fixture *f = *state;
    struct rows rows;
    run(f, &rows, "{\"event\":\"\"}     \n", PIPELINE_REJECTS_SINGLE);
    assert_int_equal(rows.rejects, PIPELINE_REJECTS_SINGLE);
    assert_null(strstr(rows.detail, "in a row"));
    run(f, &rows, "{\"event\":\"\"}     \n", PIPELINE_REJECTS_SINGLE + 3);
    assert_int_equal(rows.rejects, PIPELINE_REJECTS_SINGLE + 1);
    assert_int_equal(rows.index, PIPELINE_REJECTS_SINGLE);
    assert_string_equal(rows.code, "missing_field");
    assert_non_null(strstr(rows.detail, "3 records in a row, the first: event_name"));
}

static void a_good_record_ends_the_row(void **state)
{
    struct fixture *f = *state;
    struct rows rows;
    run(f, &rows, "{\"event\":\"\"}     \n{\"event\":\"\"}     \n{\"message\":\"m\"}\n", 1000);
    assert_int_equal(rows.events, 1000);
    assert_int_equal(rows.records, 2000);
    assert_int_equal(rows.rejects, PIPELINE_REJECTS_SINGLE + 1000 - PIPELINE_REJECTS_SINGLE / 2);
}

static void codes_that_take_turns_do_not_make_more_rows(void **state)
{
    struct fixture *f = *state;
    struct rows rows;
    run(f, &rows, "{\"event\":\"\"}     \n{\"message\":12345}\n", 20000);
    assert_int_equal(rows.records, 40000);
    assert_in_range(rows.rejects, PIPELINE_REJECTS_BY_CODE, PIPELINE_REJECTS_BY_CODE + 20);
}

static void a_row_holds_no_more_than_a_record_may(void **state)
{
    struct fixture *f = *state;
    struct rows rows;
    f->options.event_bytes = 100;
    run(f, &rows, "{\"event\":\"\"}     \n", 1000);
    assert_int_equal(rows.records, 1000);
    assert_int_equal(rows.rejects,
                     PIPELINE_REJECTS_SINGLE + (1000 - PIPELINE_REJECTS_SINGLE + 4) / 5);
}

/* A HEC event whose text holds lines of another format: the rows hold the outer record. */
static void bad_lines_inside_a_record_become_one_row(void **state)
{
    struct fixture *f = *state;
    struct rows rows;
    static const char head[] = "{\"sourcetype\":\"cef\",\"event\":\"CEF:0|V|P|1|C|N|5|";
    char record[60000];
    size_t n = (size_t)snprintf(record, sizeof record, "%s", head);
    for (size_t i = 0; i < 2000; i++)
        n += (size_t)snprintf(record + n, sizeof record - n, "\\nx");
    snprintf(record + n, sizeof record - n, "\"}\n");
    f->options.parser = registry_by_name(f->registry, SLICE_LITERAL("hec"));
    run(f, &rows, record, 20);
    if (rows.events > 20 || rows.rejects > 1000 + 40)
        fail_msg("%u events, %u rows", rows.events, rows.rejects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(bad_records_in_a_row_become_few_rows),
        fixture_test(the_first_ones_are_rows_of_their_own),
        fixture_test(a_good_record_ends_the_row),
        fixture_test(codes_that_take_turns_do_not_make_more_rows),
        fixture_test(a_row_holds_no_more_than_a_record_may),
        fixture_test(bad_lines_inside_a_record_become_one_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
