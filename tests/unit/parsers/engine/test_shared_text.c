/* test_shared_text.c: what stands once in a body and is repeated in its events is bounded by the
 * body, and an honest batch has it in each of them. */
#include "pipeline_fixture.h"

#include <string.h>
#include "parsers/engine/shared_text.h"

#define BODY_ROOM ((size_t)4 << 20)

struct sum {
    uint32_t events, with, noted; /* with: that repeat what is shared */
    size_t bytes;                 /* of attributes and texts */
    bool first_has;
    const char *shared; /* what a copy of it contains */
};

static bool contains(struct slice text, const char *word)
{
    return memmem(text.data, text.size, word, strlen(word)) != NULL;
}

static void on_event(void *arg, const struct event *event)
{
    struct sum *sum = arg;
    bool has = EVENT_HAS(event, attributes) && contains(event->attributes, sum->shared);
    if (EVENT_HAS(event, attributes))
        sum->bytes += event->attributes.size;
    if (EVENT_HAS(event, message))
        sum->bytes += event->message.size;
    sum->first_has |= has && !sum->events;
    sum->events++;
    sum->with += has;
    sum->noted += EVENT_HAS(event, parse_notes) && contains(event->parse_notes, "\"not_repeated\"");
}

static void on_reject(void *arg, const struct event_reject *reject)
{
    (void)arg;
    fail_msg("%.*s: %.*s", SLICE_ARGS(reject->code), SLICE_ARGS(reject->detail));
}

/* What a body of a format looks like: head, what is shared, behind, then the record again and
 * again with `between` between two, then tail. */
struct form {
    const char *format, *head, *behind, *record, *between, *tail;
};

/* Size of the body. */
static size_t run(struct fixture *f, struct sum *sum, const struct form *form, const char *shared,
                  size_t count)
{
    char *body = malloc(BODY_ROOM);
    size_t n = (size_t)snprintf(body, BODY_ROOM, "%s%s%s", form->head, shared, form->behind);
    for (size_t i = 0; i < count; i++)
        n +=
            (size_t)snprintf(body + n, BODY_ROOM - n, "%s%s", i ? form->between : "", form->record);
    n += (size_t)snprintf(body + n, BODY_ROOM - n, "%s", form->tail);
    assert_true(n + PIPELINE_PADDING < BODY_ROOM);
    memset(body + n, ' ', PIPELINE_PADDING);
    *sum = (struct sum){.shared = "shared text"};
    f->options.parser = registry_by_name(f->registry, slice_from_text(form->format));
    f->options.batch_events = 50000;
    f->options.event_bytes = (size_t)256 << 10;
    f->options.on_event = on_event;
    f->options.on_reject = on_reject;
    f->options.arg = sum;
    f->status = pipeline_run(&f->options, slice_make(body, n), &f->result);
    assert_int_equal(f->status, STATUS_OK);
    assert_int_equal(sum->events, count);
    free(body);
    return n;
}

/* Words of so many bytes together. */
static const char *text_of(size_t bytes)
{
    static char text[16384];
    static const char pattern[] = "shared text and ";
    for (size_t i = 0; i < bytes; i++)
        text[i] = pattern[i % (sizeof pattern - 1)];
    text[bytes] = '\0';
    return text;
}

#define OTLP_HEAD                                                                                  \
    "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{"      \
    "\"stringValue\":\"gw\"}},{\"key\":\"k\",\"value\":{\"stringValue\":\""
#define OTLP_BEHIND "\"}}]},\"scopeLogs\":[{\"logRecords\":["
#define CEF_LINE    "CEF:0|V|P|1|C|N|5|"

static const struct form forms[] = {
    {"otlp", OTLP_HEAD, OTLP_BEHIND, "{\"flags\":1    }", ",", "]}]}]}"},
    {"otlp", "{\"resourceLogs\":[{\"scopeLogs\":[{\"scope\":{\"name\":\"", "\"},\"logRecords\":[",
     "{\"flags\":1    }", ",", "]}]}]}"},
    {"hec", "{\"sourcetype\":\"cef\",\"fields\":{\"k\":\"", "\"},\"event\":\"", CEF_LINE, "\\n",
     "\"}"},
    {"cloudevents",
     "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\",\"k\":\"",
     "\",\"datacontenttype\":\"application/json\",\"data\":[", "{\"message\":\"m\"}", ",", "]}"},
};

/* Each event had all 8,000 bytes before, 500 times the body. */
static void shared_text_is_not_multiplied_by_small_records(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct sum sum;
        size_t size = run(f, &sum, &forms[i], text_of(7000), 4000);
        if (sum.bytes > SHARED_TEXT_FREE + SHARED_TEXT_OF_BYTE * size || !sum.first_has ||
            sum.with + sum.noted != 4000 || sum.noted < 2000)
            fail_msg(
                "form %zu: %zu bytes of a body of %zu, %u events with it, %u without, first %d", i,
                sum.bytes, size, sum.with, sum.noted, sum.first_has);
    }
}

static void every_event_of_an_ordinary_batch_has_what_is_shared(void **state)
{
    static const char *const ordinary[] = {
        "{\"body\":{\"stringValue\":\"session opened\"}}",
        "{\"body\":{\"stringValue\":\"session opened\"}}",
        CEF_LINE "src=10.0.0.1 act=blocked",
        "{\"message\":\"session opened for root\"}",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct sum sum;
        struct form form = forms[i];
        form.record = ordinary[i];
        run(f, &sum, &form, text_of(250), 4000);
        if (sum.with != 4000 || sum.noted)
            fail_msg("form %zu: %u of 4000 have it, %u notes", i, sum.with, sum.noted);
    }
}

static void a_fleet_batch_under_a_large_resource_is_taken_whole(void **state)
{
    struct fixture *f = *state;
    struct sum sum;
    struct form form = forms[0];
    form.record = "{\"timeUnixNano\":\"1795342505000000000\",\"severityNumber\":9,\"body\":"
                  "{\"stringValue\":\"session opened\"}}";
    run(f, &sum, &form, text_of(2048), 5000);
    assert_int_equal(sum.with, 5000);
    assert_int_equal(sum.noted, 0);
}

static void names_stay_where_the_rest_is_not_repeated(void **state)
{
    struct fixture *f = *state;
    struct sum sum;
    char note[] = "\"ecu_id\":\"gw\"";
    run(f, &sum, &forms[0], text_of(7000), 50);
    assert_true(sum.noted > 0);
    f->options.on_event = fixture_on_event;
    f->options.on_reject = fixture_on_reject;
    f->options.arg = f;
    char body[16384];
    int n = snprintf(body, sizeof body, OTLP_HEAD "%s" OTLP_BEHIND, text_of(7000));
    for (int i = 0; i < 50; i++)
        n += snprintf(body + n, sizeof body - (size_t)n, "%s{\"flags\":1    }", i ? "," : "");
    snprintf(body + n, sizeof body - (size_t)n, "]}]}]}");
    fixture_run_text(f, body);
    assert_int_equal(f->item_count, 50);
    for (size_t i = 0; i < 50; i++)
        assert_event_has(f, i, note);
    assert_event_has(f, 49, "\"code\":\"not_repeated\"");
}

/* Splunk's raw route: parameters of the query go with each line. */
static void parameters_are_not_multiplied_by_short_lines(void **state)
{
    struct fixture *f = *state;
    struct sum sum;
    const char *text = text_of(7000);
    const struct parser_header headers[] = {{SLICE_LITERAL("?k"), slice_from_text(text)},
                                            {SLICE_LITERAL("?host"), SLICE_LITERAL("gw")}};
    static const struct form raw = {"hec_raw", "", "", "short line 1", "\n", "\n"};
    f->options.headers = headers;
    f->options.header_count = 2;
    size_t size = run(f, &sum, &raw, "", 4000);
    if (sum.bytes > SHARED_TEXT_FREE + SHARED_TEXT_OF_BYTE * size || sum.with + sum.noted != 4000)
        fail_msg("%zu bytes of a body of %zu, %u events with it, %u without", sum.bytes, size,
                 sum.with, sum.noted);
}

static void what_hides_vins_costs_more(void **state)
{
    (void)state;
    assert_int_equal(shared_text_cost(SLICE_LITERAL("a short one")), 11);
    assert_int_equal(shared_text_cost(SLICE_LITERAL("abcdefghijklmnopq")), 17 * 5);
    assert_true(shared_text_cost(SLICE_LITERAL("{\"a\":\"b\",\"vin\":\"x\"}")) == 2 * 19 + 80);
}

static void cost_without_reading_is_no_less_than_the_cost(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "\"",
                                        "\"\"\"\"\"vin\"\"\"",
                                        "abcdefghijklmnopqrstuvwxyz",
                                        "vin abcdefghijklmnopqrstuvwxyz \"\"\"\"",
                                        "{\"a\":\"b\",\"vin\":\"x\"}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct slice items[] = {slice_from_text(texts[i]), slice_from_text(texts[i])};
        struct event event;
        memset(&event, 0, sizeof event);
        EVENT_SET(&event, message, slice_from_text(texts[i]));
        EVENT_SET(&event, attributes, slice_from_text(texts[i]));
        EVENT_SET(&event, cve, ((struct slice_list){items, 2}));
        EVENT_SET(&event, sev_id, 7);
        assert_true(shared_text_cost_most(&event) >= shared_text_cost_of_event(&event));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(shared_text_is_not_multiplied_by_small_records),
        fixture_test(every_event_of_an_ordinary_batch_has_what_is_shared),
        fixture_test(a_fleet_batch_under_a_large_resource_is_taken_whole),
        fixture_test(names_stay_where_the_rest_is_not_repeated),
        fixture_test(parameters_are_not_multiplied_by_short_lines),
        cmocka_unit_test(what_hides_vins_costs_more),
        cmocka_unit_test(cost_without_reading_is_no_less_than_the_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
