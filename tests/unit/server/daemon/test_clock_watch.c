/* wrap: spool_submit */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timex.h>
#include <cmocka.h>

#include "core/clock.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "server/daemon/clock_watch.h"
#include "storage/spool/spool.h"

#define START_NS (INT64_C(1700000000) * NS_PER_S)
#define HOUR     INT64_C(3600)

enum status __wrap_spool_submit(struct spool *spool, struct batch **batch);

/* The spool of these tests: keeps the last record's text, answers as the test says. */
static char last[4096];
static unsigned records;
static enum status answer, verdict;

enum status __wrap_spool_submit(struct spool *spool, struct batch **batch)
{
    (void)spool;
    assert_int_equal((*batch)->meta.kind, BATCH_KIND_CLOCK);
    if (answer != STATUS_OK)
        return answer;
    records++;
    snprintf(last, sizeof last, "%.*s", SLICE_ARGS((*batch)->body[0]));
    (*batch)->verdict = verdict;
    assert_int_equal(mailbox_put((*batch)->reply_to, &(*batch)->mail), STATUS_OK);
    *batch = NULL;
    return STATUS_OK;
}

static int64_t passed_ns, set_ns;
static bool synchronised;

static int64_t fake_wall(void)
{
    return START_NS + passed_ns + set_ns;
}

static int64_t fake_monotonic(void)
{
    return passed_ns;
}

static int fake_adjtimex(struct timex *timex)
{
    timex->status = synchronised ? STA_PLL : STA_UNSYNC;
    timex->maxerror = 16000000;
    return synchronised ? TIME_OK : TIME_ERROR;
}

static struct clock_watch watch;

static int begin(void **state)
{
    (void)state;
    passed_ns = set_ns = 0;
    records = 0;
    synchronised = true;
    answer = verdict = STATUS_OK;
    last[0] = '\0';
    log_configure(LOG_ERROR + 1, LOG_PLAIN);
    clock_fake(fake_wall, fake_monotonic);
    clock_state_fake(fake_adjtimex);
    watch = (struct clock_watch){.is_ready = false};
    return clock_watch_init(&watch, (struct spool *)(void *)last, "node-\"1\"") == STATUS_OK ? 0
                                                                                             : -1;
}

static int end(void **state)
{
    (void)state;
    clock_watch_fini(&watch);
    clock_fake(NULL, NULL);
    clock_state_fake(NULL);
    return 0;
}

static void pass(int64_t seconds)
{
    for (int64_t i = 0; i < seconds; i++) {
        passed_ns += NS_PER_S;
        clock_watch_look(&watch);
    }
}

static void assert_last(unsigned count, const char *has)
{
    assert_int_equal(records, count);
    if (!strstr(last, has))
        fail_msg("%s has no %s", last, has);
}

static void start_is_on_record_with_instance_and_time(void **state)
{
    (void)state;
    assert_last(1, "{\"time\":\"2023-11-14T22:13:20.000000Z\",\"instance\":\"node-\\\"1\\\"\","
                   "\"kind\":\"clock_state\",\"reasons\":[\"started\"],\"known\":true,");
}

static void there_is_one_record_an_hour(void **state)
{
    (void)state;
    pass(HOUR - 1);
    assert_int_equal(records, 1);
    pass(1);
    assert_last(2, "\"reasons\":[\"hourly\"]");
    pass(HOUR);
    assert_int_equal(records, 3);
}

static void loss_and_gain_of_synchronisation_are_on_record(void **state)
{
    metric_t unsynchronised = metric_series(METRIC_vsocd_clock_unsynchronised, "");
    (void)state;
    assert_true(metric_value(unsynchronised) == 0);
    synchronised = false;
    pass(2);
    assert_last(2, "\"reasons\":[\"sync_lost\"],\"known\":true,\"synchronised\":false");
    assert_true(metric_value(unsynchronised) == 1);
    assert_true(metric_value(metric_series(METRIC_vsocd_clock_max_error_seconds, "")) == 16);
    synchronised = true;
    pass(2);
    assert_last(3, "\"reasons\":[\"sync_gained\"],\"known\":true,\"synchronised\":true");
}

static void step_is_on_record_with_its_size(void **state)
{
    (void)state;
    set_ns -= 3600 * NS_PER_S;
    pass(1);
    assert_last(2, "\"step_ns\":-3600000000000}");
    assert_last(2, "\"reasons\":[\"stepped\"]");
    set_ns += 101 * NS_PER_MS + NS_PER_MS;
    pass(2);
    assert_last(3, "\"step_ns\":102000000}");
}

static void slewing_is_no_step(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        set_ns += 500 * NS_PER_US; /* as fast as the kernel slews */
        pass(1);
    }
    passed_ns += 600 * NS_PER_S; /* the loop was held up */
    set_ns += 300 * NS_PER_MS;
    pass(1);
    assert_int_equal(records, 1);
}

static void record_that_the_spool_refuses_is_tried_again(void **state)
{
    (void)state;
    answer = STATUS_NO_SPACE;
    synchronised = false;
    set_ns += 2 * NS_PER_S;
    pass(3);
    set_ns += NS_PER_S;
    pass(3);
    assert_int_equal(records, 1);
    answer = STATUS_OK;
    pass(1);
    assert_last(2, "\"reasons\":[\"sync_lost\",\"stepped\"]");
    assert_last(2, "\"step_ns\":3000000000}");
    pass(10);
    assert_int_equal(records, 2);
}

static void record_that_the_disk_did_not_take_is_said_again(void **state)
{
    (void)state;
    verdict = STATUS_NO_SPACE;
    set_ns += 2 * NS_PER_S;
    pass(1);
    assert_last(2, "\"step_ns\":2000000000}");
    verdict = STATUS_OK;
    pass(1);
    assert_last(3, "\"reasons\":[\"stepped\"]");
    assert_last(3, "\"step_ns\":2000000000}");
    pass(10);
    assert_int_equal(records, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(start_is_on_record_with_instance_and_time),
        TEST(there_is_one_record_an_hour),
        TEST(loss_and_gain_of_synchronisation_are_on_record),
        TEST(step_is_on_record_with_its_size),
        TEST(slewing_is_no_step),
        TEST(record_that_the_spool_refuses_is_tried_again),
        TEST(record_that_the_disk_did_not_take_is_said_again),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
