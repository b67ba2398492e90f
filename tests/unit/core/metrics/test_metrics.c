/* test_metrics.c: counting from many threads, buckets, and the Prometheus text. */
/* wrap: pthread_mutex_lock */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/metrics/metrics.h"
#include "core/thread.h"

#define THREADS 6
#define ROUNDS  20000

static unsigned locks; /* taken so far, by the one thread of the test that looks at it */

int __real_pthread_mutex_lock(pthread_mutex_t *lock);
int __wrap_pthread_mutex_lock(pthread_mutex_t *lock);
int __wrap_pthread_mutex_lock(pthread_mutex_t *lock)
{
    __atomic_fetch_add(&locks, 1, __ATOMIC_RELAXED);
    return __real_pthread_mutex_lock(lock);
}

static char *scrape(void)
{
    struct writer w;
    writer_init(&w, 1 << 20);
    metrics_write(&w);
    writer_u8(&w, 0);
    assert_int_equal(w.status, STATUS_OK);
    char *text = strdup((const char *)w.data);
    writer_fini(&w);
    return text;
}

static void assert_line(const char *line)
{
    char *text = scrape(), wanted[256];
    snprintf(wanted, sizeof wanted, "\n%s\n", line);
    if (!strstr(text, wanted))
        fail_msg("no line '%s' in:\n%s", line, text);
    free(text);
}

static void same_labels_give_the_same_series(void **state)
{
    (void)state;
    metric_t a = metric_series(METRIC_vsocd_refusals_total, "reason=\"body_too_large\"");
    metric_t b = metric_series(METRIC_vsocd_refusals_total, "reason=\"quota\"");
    assert_int_not_equal(a, 0);
    assert_int_not_equal(a, b);
    char labels[] = "reason=\"quota\"";
    assert_int_equal(metric_series(METRIC_vsocd_refusals_total, labels), b);
    metric_add(b, 2);
    assert_line("vsocd_refusals_total{reason=\"body_too_large\"} 0");
    assert_line("vsocd_refusals_total{reason=\"quota\"} 2");
    assert_line("# TYPE vsocd_refusals_total counter");
}

static void series_zero_swallows(void **state)
{
    (void)state;
    metric_add(0, 1);
    metric_set(0, 1);
    metric_move(0, 1);
    metric_observe(0, 1);
    assert_true(metric_value(0) == 0);
}

/* A refusal asks for the series of its reason: under attack, all workers do so for each request. */
static void known_series_is_found_and_counted_without_a_lock(void **state)
{
    (void)state;
    enum { REASONS = 200 };
    metric_t made[REASONS];
    char labels[64];
    for (int i = 0; i < REASONS; i++) {
        unsigned before = locks;
        snprintf(labels, sizeof labels, "reason=\"of_many_%d\"", i);
        made[i] = metric_series(METRIC_vsocd_refusals_total, labels);
        assert_int_equal(locks, before + 1);
    }
    unsigned before = locks;
    for (int i = 0; i < REASONS; i++) {
        snprintf(labels, sizeof labels, "reason=\"of_many_%d\"", i);
        assert_int_equal(metric_series(METRIC_vsocd_refusals_total, labels), made[i]);
        metric_add(made[i], 1);
    }
    assert_int_equal(locks, before);
}

static metric_t counter, gauge, histogram;

static void count(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        metric_add(counter, 3);
        metric_move(gauge, i % 2 ? 1 : 2);
        metric_observe(histogram, 0.003);
    }
}

static void nothing_is_lost_between_threads(void **state)
{
    (void)state;
    struct thread threads[THREADS] = {0};
    counter = metric_series(METRIC_vsocd_spool_commits_total, "");
    gauge = metric_series(METRIC_vsocd_memory_in_flight_bytes, "");
    histogram = metric_series(METRIC_vsocd_spool_commit_seconds, "");
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(thread_start(&threads[i], THREAD_WORKER, "count", count, NULL), STATUS_OK);
    free(scrape()); /* while they count */
    for (int i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    assert_true(metric_value(counter) == 3.0 * THREADS * ROUNDS);
    assert_true(metric_value(gauge) == 1.5 * THREADS * ROUNDS);
    assert_line("vsocd_spool_commit_seconds_bucket{le=\"0.0025\"} 0");
    assert_line("vsocd_spool_commit_seconds_bucket{le=\"0.005\"} 120000");
    assert_line("vsocd_spool_commit_seconds_bucket{le=\"+Inf\"} 120000");
    assert_line("vsocd_spool_commit_seconds_count 120000");
}

static void buckets_include_their_bound(void **state)
{
    (void)state;
    metric_t h = metric_series(METRIC_vsocd_sink_deliver_seconds, "sink=\"x\"");
    metric_observe(h, 0.0005);
    metric_observe(h, 0.00051);
    metric_observe(h, 10);
    metric_observe(h, 11);
    assert_line("vsocd_sink_deliver_seconds_bucket{sink=\"x\",le=\"0.0005\"} 1");
    assert_line("vsocd_sink_deliver_seconds_bucket{sink=\"x\",le=\"0.001\"} 2");
    assert_line("vsocd_sink_deliver_seconds_bucket{sink=\"x\",le=\"10\"} 3");
    assert_line("vsocd_sink_deliver_seconds_bucket{sink=\"x\",le=\"+Inf\"} 4");
    assert_line("vsocd_sink_deliver_seconds_sum{sink=\"x\"} 21.00101");
}

static void gauges_are_set_and_moved(void **state)
{
    (void)state;
    metric_t up = metric_series(METRIC_vsocd_sink_up, "sink=\"x\"");
    metric_set(up, 1);
    metric_move(up, -0.5);
    assert_true(metric_value(up) == 0.5);
    assert_line("vsocd_sink_up{sink=\"x\"} 0.5");
}

static void refresh_position(void *arg)
{
    metric_set(*(metric_t *)arg, 77);
}

static void hooks_run_before_printing(void **state)
{
    (void)state;
    static metric_t position;
    position = metric_series(METRIC_vsocd_spool_position, "");
    metrics_on_scrape(refresh_position, &position);
    assert_line("vsocd_spool_position 77");
}

static double number_after(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    assert_non_null(at);
    return strtod(at + strlen(name), NULL);
}

static void process_values_are_this_process(void **state)
{
    (void)state;
    char *before = scrape();
    int fd = dup(0);
    char *after = scrape();
    close(fd);
    assert_true(number_after(after, "\nprocess_open_fds ") ==
                number_after(before, "\nprocess_open_fds ") + 1);
    assert_in_range((long)number_after(after, "\nprocess_resident_memory_bytes "), 1 << 20,
                    1 << 30);
    assert_in_range((long)number_after(after, "\nprocess_threads "), 1, 3);
    double start = number_after(after, "\nprocess_start_time_seconds ");
    assert_true(start > (double)time(NULL) - 600 && start <= (double)time(NULL) + 1);
    assert_true(number_after(after, "\nprocess_cpu_seconds_total ") > 0);
    free(before);
    free(after);
}

static void cell_keeps_the_series_of_its_label(void **state)
{
    (void)state;
    metric_cell cell = 0, other = 0;
    metric_t series =
        metric_series_in(&cell, METRIC_vsocd_refusals_total, "reason", "cell_of_a_test");
    assert_int_not_equal(series, 0);
    assert_int_equal(series,
                     metric_series(METRIC_vsocd_refusals_total, "reason=\"cell_of_a_test\""));
    assert_int_equal(
        metric_series_in(&cell, METRIC_vsocd_refusals_total, "reason", "not looked up"), series);
    assert_int_equal(
        metric_series_in(&other, METRIC_vsocd_refusals_total, "reason", "cell_of_a_test"), series);
}

static metric_cell shared_cell;
static pthread_barrier_t all_have_counted;

static void *count_in_cell(void *arg)
{
    (void)arg;
    metric_add(metric_series(METRIC_vsocd_spool_commits_total, ""),
               1); /* its own memory is there */
    pthread_barrier_wait(&all_have_counted);
    metric_add(metric_series_in(&shared_cell, METRIC_vsocd_refusals_total, "reason", "shared_cell"),
               1);
    return NULL;
}

/* Under the thread sanitizer: a thread that finds the cell filled sees all of the series. */
static void threads_share_a_cell(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    pthread_barrier_init(&all_have_counted, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_in_cell, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&all_have_counted);
    assert_true(metric_value(shared_cell) == THREADS);
}

static void families_are_well_formed(void **state)
{
    (void)state;
    for (int i = 0; i < METRIC_FAMILY_COUNT; i++) {
        const struct metric_family_info *info = &metric_family_table[i];
        size_t length = strlen(info->name);
        assert_true(strspn(info->name, "abcdefghijklmnopqrstuvwxyz_") == length);
        assert_true(strlen(info->help) > 0);
        bool total = length > 6 && strcmp(info->name + length - 6, "_total") == 0;
        assert_int_equal(info->type == METRIC_COUNTER, total);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_labels_give_the_same_series),
        cmocka_unit_test(known_series_is_found_and_counted_without_a_lock),
        cmocka_unit_test(series_zero_swallows),
        cmocka_unit_test(nothing_is_lost_between_threads),
        cmocka_unit_test(buckets_include_their_bound),
        cmocka_unit_test(gauges_are_set_and_moved),
        cmocka_unit_test(hooks_run_before_printing),
        cmocka_unit_test(process_values_are_this_process),
        cmocka_unit_test(cell_keeps_the_series_of_its_label),
        cmocka_unit_test(threads_share_a_cell),
        cmocka_unit_test(families_are_well_formed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
