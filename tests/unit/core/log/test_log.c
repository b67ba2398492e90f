/* test_log.c: lines are JSON or text, safe for any bytes, and bounded a second and site. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#define LOG_COMPONENT "test"
#include "core/clock.h"
#include "core/log/log.h"
#include "core/log/log_out.h"
#include "core/metrics/metrics.h"

static int ends[2];
static int64_t fake_monotonic_ns;

static int64_t wall(void)
{
    return INT64_C(1795392000123) * NS_PER_MS; /* 2026-11-23T00:00:00.123Z */
}

static int64_t monotonic(void)
{
    return fake_monotonic_ns;
}

static int setup(void **state)
{
    (void)state;
    fake_monotonic_ns += 10 * NS_PER_S;
    clock_fake(wall, monotonic);
    log_configure(LOG_INFO, LOG_JSON);
    if (pipe(ends) != 0)
        return -1;
    log_out_set_fd(ends[1]);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    log_out_set_fd(2);
    clock_fake(NULL, NULL);
    close(ends[0]);
    return close(ends[1]);
}

/* All that was written so far, as text. */
static const char *written(void)
{
    static char text[65536];
    ssize_t n = write(ends[1], "", 1);
    assert_int_equal(n, 1);
    size_t size = 0;
    do {
        n = read(ends[0], text + size, sizeof text - size);
        assert_true(n > 0);
        size += (size_t)n;
    } while (text[size - 1]);
    return text;
}

static void line_is_one_json_object(void **state)
{
    (void)state;
    log_warn("spool opened", LOG_TEXT("dir", "/var/lib"), LOG_U64("segments", UINT64_MAX),
             LOG_I64("left", -3), LOG_REAL("ratio", 0.5), LOG_TEXT("none", NULL));
    assert_string_equal(
        written(),
        "{\"ts\":\"2026-11-23T00:00:00.123Z\",\"level\":\"warn\",\"component\":\"test\","
        "\"msg\":\"spool opened\",\"dir\":\"/var/lib\",\"segments\":18446744073709551615,"
        "\"left\":-3,\"ratio\":0.5,\"none\":\"\"}\n");
}

static void any_bytes_give_valid_json_on_one_line(void **state)
{
    (void)state;
    uint8_t all[256];
    for (unsigned i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    log_info("bytes", LOG_SLICE("all", slice_make(all, sizeof all)),
             LOG_TEXT("bad", "\xed\xa0\x80 \xf4\x90\x80\x80 \xc0\xaf \xe2\x82"),
             LOG_TEXT("good", "\xe2\x82\xac \xf0\x9f\x9a\x97"),
             LOG_TEXT("c1", "\xc2\x9b"
                            "31m"));
    const char *text = written();
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    json_t *line = json_loads(text, JSON_ALLOW_NUL, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "good")),
                        "\xe2\x82\xac \xf0\x9f\x9a\x97");
    assert_null(strpbrk(text, "\x1b\x7f"));
    assert_non_null(strstr(text, "\\u009b31m"));
    assert_non_null(strstr(text, "\xef\xbf\xbd"));
    json_decref(line);
}

static void long_value_is_cut(void **state)
{
    (void)state;
    char text[5000];
    memset(text, 'x', sizeof text);
    log_info("long", LOG_SLICE("text", slice_make(text, sizeof text)));
    const char *line = written();
    assert_in_range(strlen(line), 2048, 2300);
    assert_non_null(strstr(line, "xxx…\"}"));
}

static void plain_format_quotes_only_what_needs_it(void **state)
{
    (void)state;
    log_configure(LOG_INFO, LOG_PLAIN);
    log_error("sink failed", LOG_TEXT("sink", "kafka"), LOG_TEXT("why", "no broker\nat all"));
    assert_string_equal(written(), "2026-11-23T00:00:00.123Z error test: sink failed sink=kafka "
                                   "why=\"no broker\\u000aat all\"\n");
}

static void lines_below_the_level_are_not_written(void **state)
{
    (void)state;
    log_debug("not shown");
    log_configure(LOG_ERROR, LOG_JSON);
    log_warn("not shown");
    assert_false(log_enabled(LOG_WARN));
    assert_string_equal(written(), "");
}

static void site_writes_ten_lines_a_second_and_tells_what_it_left_out(void **state)
{
    (void)state;
    metric_t suppressed = metric_series(METRIC_vsocd_log_lines_suppressed_total, "");
    double before = metric_value(suppressed);
    for (int i = 0; i < 26; i++) {
        if (i == 25)
            fake_monotonic_ns += NS_PER_S;
        log_info("handshake failed", LOG_I64("n", i));
    }
    const char *text = written();
    size_t lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 11);
    assert_non_null(strstr(text, "\"n\":25,\"suppressed\":15}\n"));
    assert_true(metric_value(suppressed) - before == 15);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(line_is_one_json_object),
        TEST(any_bytes_give_valid_json_on_one_line),
        TEST(long_value_is_cut),
        TEST(plain_format_quotes_only_what_needs_it),
        TEST(lines_below_the_level_are_not_written),
        TEST(site_writes_ten_lines_a_second_and_tells_what_it_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
