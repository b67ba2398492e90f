/* test_pipeline_work.c: a body of any format is read in pieces: between two pauses little was done,
 * and a reading that is stopped ends soon. Counted in events and bytes, not in time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "parsers/registry/builtin.h"
#include "parsers/engine/pipeline.h"

/* No piece holds more items than it may, but for those of one record. */
#define ITEMS_OF_PIECE (WORK_PIECE / WORK_OF_ITEM + 1)
#define BODY_BYTES     ((size_t)1 << 20)
#define EVENT_BYTES    65536

struct reading {
    struct work work;
    unsigned pauses, stop_at;    /* stop_at 0: never */
    unsigned items, most_items;  /* since the last pause, and most of a piece */
    uint64_t offset, most_bytes; /* of the first item of a piece; how far one went */
    unsigned after_stop;
};

static bool pause_reading(void *arg)
{
    struct reading *r = arg;
    assert_false(r->work.stopped);
    r->pauses++;
    r->items = 0;
    r->offset = UINT64_MAX;
    return !r->stop_at || r->pauses < r->stop_at;
}

static void note(struct reading *r, uint64_t offset)
{
    r->items++;
    r->after_stop += r->work.stopped;
    if (r->items > r->most_items)
        r->most_items = r->items;
    if (r->offset == UINT64_MAX)
        r->offset = offset;
    if (offset - r->offset > r->most_bytes)
        r->most_bytes = offset - r->offset;
}

static void on_event(void *arg, const struct event *event)
{
    note(arg, (uint64_t)event->raw_offset);
}

static void on_reject(void *arg, const struct event_reject *reject)
{
    note(arg, reject->raw_offset);
}

static int64_t pseudonym(void *arg, struct slice tenant, struct slice vin, uint8_t pid[32])
{
    (void)arg, (void)tenant;
    memset(pid, vin.data[16], 32);
    return 1;
}

static struct pipeline_result result; /* of read_all */

static enum status read_all(struct reading *r, const char *format, const uint8_t *body, size_t size)
{
    struct arena arena;
    struct catalog *catalog = catalog_create_builtin();
    struct registry *registry = registry_create();
    struct json_parser *json = json_parser_create(32, PIPELINE_JSON_NODES);
    struct json_parser *inner = json_parser_create(32, PIPELINE_JSON_NODES);
    arena_init(&arena, (size_t)256 << 20);
    struct normaliser n = {.catalog = catalog,
                           .received_ns = INT64_C(1795342505000000000),
                           .tenant_id = SLICE_LITERAL("demo"),
                           .pseudonym = pseudonym,
                           .arena = &arena};
    r->work.pause = pause_reading;
    r->work.arg = r;
    r->offset = UINT64_MAX;
    const struct pipeline_options options = {
        .parser = registry_by_name(registry, slice_from_text(format)),
        .event_bytes = EVENT_BYTES,
        .batch_events = 1000000,
        .json_depth = 32,
        .normaliser = &n,
        .json = json,
        .json_inner = inner,
        .registry = registry,
        .on_event = on_event,
        .on_reject = on_reject,
        .arg = r,
        .work = &r->work,
    };
    assert_non_null(options.parser);
    enum status status = pipeline_run(&options, slice_make(body, size), &result);
    json_parser_destroy(inner);
    json_parser_destroy(json);
    registry_destroy(registry);
    catalog_destroy(catalog);
    arena_fini(&arena);
    return status;
}

/* head, then record again and again, then tail; PIPELINE_PADDING behind. */
static uint8_t *repeat(const char *head, const char *record, const char *tail, size_t *size)
{
    uint8_t *body = malloc(BODY_BYTES + 4096 + PIPELINE_PADDING);
    size_t n = strlen(record), at = strlen(head);
    memcpy(body, head, at);
    for (; at < BODY_BYTES; at += n)
        memcpy(body + at, record, n);
    if (!*tail)
        body[--at] = ' '; /* the last separator */
    memcpy(body + at, tail, strlen(tail));
    *size = at + strlen(tail);
    memset(body + *size, ' ', PIPELINE_PADDING);
    return body;
}

#define CEF     "CEF:0|V|P|1|C|N|5|act=blocked\n"
#define OTLP    "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":["
#define OTLP_LR "{\"body\":{\"stringValue\":\"x\"}},"

/* So that records are worth what an item must be. */
#define BLANKS "                "

static const struct {
    const char *format, *head, *record, *tail;
} cases[] = {
    {"vsoc_json", "", "{\"event_name\":\"x\",\"sensor_kind\":\"can_ids\"}\n", ""},
    {"vsoc_json", "", "{}" BLANKS "\n", ""},
    {"vsoc_json", "[", "0," BLANKS, "0]"},
    {"vsoc_json", "", "x" BLANKS "\n", ""},
    {"cef", "", CEF, ""},
    {"cef", "", "x" BLANKS "\n", ""},
    {"leef", "", "LEEF:1.0|V|P|1|C|\tsev=5\n", ""},
    {"syslog", "", "<13>Nov 22 10:15:02 gw app: x\n", ""},
    {"syslog", "", "14 <13>a b cdefgh", ""},
    {"auditd", "", "type=AVC msg=audit(1795342505.123:1): avc:  denied  { read } for pid=1\n", ""},
    {"auditd", "", "x" BLANKS "\n", ""},
    {"candump", "", "(1.000000) can0 1#\n", ""},
    {"eve", "", "{\"timestamp\":\"2026-11-22T10:15:02.250000+0000\",\"event_type\":\"alert\"}\n",
     ""},
    {"hec", "", "{\"event\":\"x y z\"}", ""},
    {"hec_raw", "", CEF, ""},
    {"otlp", OTLP, OTLP_LR, "{}]}]}]}"},
    {"otlp", OTLP, "0," BLANKS, "0]}]}]}"},
    {"cloudevents", "",
     "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\",\"data\":{}}\n", ""},
};

static void every_format_pauses_between_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size;
        uint8_t *body = repeat(cases[i].head, cases[i].record, cases[i].tail, &size);
        struct reading r = {.pauses = 0};
        assert_int_equal(read_all(&r, cases[i].format, body, size), STATUS_OK);
        if (r.pauses < size / WORK_PIECE / 4 || r.most_items > ITEMS_OF_PIECE ||
            r.most_bytes > WORK_PIECE + EVENT_BYTES)
            fail_msg("case %zu (%s): %u pauses, %u items and %llu bytes between two", i,
                     cases[i].format, r.pauses, r.most_items, (unsigned long long)r.most_bytes);
        free(body);
    }
}

static void a_stopped_reading_ends_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size;
        uint8_t *body = repeat(cases[i].head, cases[i].record, cases[i].tail, &size);
        struct reading r = {.stop_at = 3};
        assert_int_equal(read_all(&r, cases[i].format, body, size), STATUS_CLOSED);
        assert_int_equal(r.pauses, 3);
        if (r.after_stop)
            fail_msg("case %zu (%s): %u items behind the stop", i, cases[i].format, r.after_stop);
        free(body);
    }
}

/* Each costs as much as an ordinary one, whatever its size. */
static void records_that_are_too_short_end_the_batch(void **state)
{
    (void)state;
    static const struct {
        const char *format, *head, *record, *tail;
        size_t worth;
    } shorts[] = {
        {"syslog", "", "x\n", "", 16},
        {"syslog", "", "5 <1>ab", "", 16},
        {"cef", "", "x\n", "", 12},
        {"auditd", "", "x\n", "", 12},
        {"candump", "", "x\n", "", 12},
        {"hec_raw", "", "x\n", "", 12},
        {"leef", "", "x\n", "", 12},
        {"logcat", "", "x\n", "", 12},
        {"vsoc_json", "", "{}", "", 12},
        {"vsoc_json", "[", "0,", "0]", 12},
        {"eve", "", "{}", "", 12},
        {"hec", "", "{}", "", 12},
        {"json", "", "{}", "", 12},
        {"cloudevents", "", "{}", "", 12},
        {"otlp", OTLP, "{},", "{}]}]}]}", 16},
    };
    for (size_t i = 0; i < sizeof shorts / sizeof *shorts; i++) {
        size_t size;
        struct reading r = {.pauses = 0};
        uint8_t *body = repeat(shorts[i].head, shorts[i].record, shorts[i].tail, &size);
        assert_int_equal(read_all(&r, shorts[i].format, body, size), STATUS_TOO_MANY);
        assert_true(result.too_short);
        assert_int_equal(result.item_bytes, shorts[i].worth);
        assert_int_equal(result.items, PIPELINE_ITEMS_FREE + size / shorts[i].worth);
        free(body);
    }
}

static void a_few_records_of_any_size_are_taken(void **state)
{
    (void)state;
    struct reading r = {.pauses = 0};
    uint8_t body[2 * PIPELINE_ITEMS_FREE + PIPELINE_PADDING];
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = i % 2 ? '\n' : 'x';
    assert_int_equal(read_all(&r, "syslog", body, 2 * PIPELINE_ITEMS_FREE), STATUS_OK);
    assert_int_equal(result.accepted + result.quarantined, PIPELINE_ITEMS_FREE);
    assert_false(result.too_short);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_pauses_between_pieces),
        cmocka_unit_test(a_stopped_reading_ends_at_once),
        cmocka_unit_test(records_that_are_too_short_end_the_batch),
        cmocka_unit_test(a_few_records_of_any_size_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
