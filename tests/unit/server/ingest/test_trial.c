/* test_trial.c: what ingestion would make of a body, without a spool: the same events, the same
 * refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "server/ingest/trial.h"

static struct config *config;
static struct registry *registry;
static struct catalog *catalog;
static struct trial *trial;

static struct {
    uint32_t events, rejects;
    char code[32];     /* of the last reject */
    uint8_t pid[32];   /* of the last event */
    uint8_t dedup[16]; /* of the last event */
} taken;

static struct trial_counts counts;
static struct refusal refusal;

static void take(void *arg, const struct event_item *item)
{
    assert_null(arg);
    if (item->is_reject) {
        taken.rejects++;
        snprintf(taken.code, sizeof taken.code, "%.*s", SLICE_ARGS(item->reject.code));
        return;
    }
    taken.events++;
    if (EVENT_HAS(&item->event, vehicle_pid))
        memcpy(taken.pid, item->event.vehicle_pid.data, sizeof taken.pid);
    memcpy(taken.dedup, item->event.dedup_key.data, sizeof taken.dedup);
}

static int64_t pseudonym(void *arg, struct slice tenant, struct slice vin, uint8_t pid[32])
{
    assert_null(arg);
    assert_true(slice_equal_text(tenant, "demo") && vin.size == 17);
    memset(pid, 7, 32);
    return 42;
}

static int setup(void **state)
{
    const char *const sets[] = {"limits.body_bytes=1024", "limits.inflated_bytes=4096",
                                "limits.batch_events=50", "limits.event_bytes=512"};
    struct config_problems problems;
    (void)state;
    assert_int_equal(config_from_text(SLICE_LITERAL(""), sets, 4, &config, &problems), STATUS_OK);
    registry = registry_create();
    catalog = catalog_create_builtin();
    trial = trial_create(config, registry, catalog);
    return trial ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    trial_destroy(trial);
    catalog_destroy(catalog);
    registry_destroy(registry);
    config_destroy(config);
    return 0;
}

static enum status try_as(const char *format, enum inflate_coding coding, struct slice bytes)
{
    struct trial_body body = {
        .tenant = SLICE_LITERAL("demo"),
        .coding = coding,
        .trial = {.received_ns = INT64_C(1795342502000000000), .pseudonym = pseudonym},
        .body = bytes};
    if (format)
        body.parser = registry_by_name(registry, slice_from_text(format));
    memset(&taken, 0, sizeof taken);
    return trial_run(trial, &body, take, NULL, &counts, &refusal);
}

static enum status try_lines(const char *text)
{
    return try_as("vsoc_json", INFLATE_IDENTITY, slice_from_text(text));
}

static void batch_that_would_be_stored_gives_its_events(void **state)
{
    (void)state;
    assert_int_equal(try_lines("{\"message\":\"a\",\"vin\":\"WVWZZZ1JZXW000001\"}\n{}\n"),
                     STATUS_OK);
    assert_int_equal(counts.accepted, 1);
    assert_int_equal(counts.quarantined, 1);
    assert_int_equal(taken.events, 1);
    assert_int_equal(taken.rejects, 1);
    assert_true(taken.code[0] != '\0');
    assert_int_equal(taken.pid[31], 7); /* the trial's own pseudonyms */
}

static void same_body_gives_the_same_events_each_time(void **state)
{
    (void)state;
    uint8_t first[sizeof taken.dedup];
    assert_int_equal(try_lines("{\"message\":\"a\"}"), STATUS_OK);
    memcpy(first, taken.dedup, sizeof first);
    assert_int_equal(try_lines("{\"message\":\"a\"}"), STATUS_OK); /* no repeat: nothing was kept */
    assert_int_equal(taken.events, 1);
    assert_memory_equal(first, taken.dedup, sizeof first);
}

static void assert_refused(enum status status, enum refusal_reason reason)
{
    assert_int_equal(status, STATUS_REFUSED);
    assert_int_equal(refusal.reason, reason);
    assert_int_equal(taken.events + taken.rejects, 0);
}

static void body_is_refused_as_the_server_would(void **state)
{
    static char large[2000], lines[1000];
    (void)state;
    memset(large, ' ', sizeof large);
    for (size_t i = 0; i < sizeof lines; i++)
        lines[i] = "[1]\n"[i % 4];
    assert_refused(try_lines(""), REFUSAL_empty_batch);
    assert_refused(try_lines(" \n"), REFUSAL_empty_batch);
    assert_refused(try_as("vsoc_json", INFLATE_IDENTITY, slice_make(large, sizeof large)),
                   REFUSAL_body_too_large);
    assert_refused(try_as("vsoc_json", INFLATE_IDENTITY, slice_make(lines, sizeof lines)),
                   REFUSAL_batch_events);
    assert_refused(try_as("vsoc_json", INFLATE_GZIP, SLICE_LITERAL("{}")), REFUSAL_bad_encoding);
    assert_refused(try_as("vsoc_json", INFLATE_IDENTITY, SLICE_LITERAL("\x1f\x8b\x08\0\0\0\0\0")),
                   REFUSAL_undeclared_encoding);
}

static void coding_is_undone_under_its_limits(void **state)
{
    static uint8_t packed[512];
    static char blanks[8192];
    (void)state;
    uLongf size = sizeof packed;
    assert_int_equal(compress(packed, &size, (const uint8_t *)"{\"message\":\"a\"}", 15), Z_OK);
    assert_int_equal(try_as("vsoc_json", INFLATE_DEFLATE, slice_make(packed, size)), STATUS_OK);
    assert_int_equal(taken.events, 1);
    memset(blanks, ' ', sizeof blanks);
    size = sizeof packed;
    assert_int_equal(compress(packed, &size, (const uint8_t *)blanks, sizeof blanks), Z_OK);
    assert_refused(try_as("vsoc_json", INFLATE_DEFLATE, slice_make(packed, size)),
                   REFUSAL_inflated_bytes);
}

static void body_of_no_named_format_is_probed(void **state)
{
    (void)state;
    assert_int_equal(try_as(NULL, INFLATE_IDENTITY, SLICE_LITERAL("CEF:0|a|b|1|2|name|5|")),
                     STATUS_OK);
    assert_int_equal(taken.events, 1);
    assert_int_equal(try_as(NULL, INFLATE_IDENTITY, SLICE_LITERAL("nothing that is known")),
                     STATUS_OK);
    assert_int_equal(taken.rejects, 1);
    assert_string_equal(taken.code, "no_parser");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch_that_would_be_stored_gives_its_events),
        cmocka_unit_test(same_body_gives_the_same_events_each_time),
        cmocka_unit_test(body_is_refused_as_the_server_would),
        cmocka_unit_test(coding_is_undone_under_its_limits),
        cmocka_unit_test(body_of_no_named_format_is_probed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
