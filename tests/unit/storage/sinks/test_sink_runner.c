/* test_sink_runner.c: the rules of delivery, with a spool in memory and a sink that does what the
 * test says. */
#include "tests/support/sink_side.h"

static void every_event_arrives_once_in_order(void **state)
{
    (void)state;
    append(100, 5);
    start();
    append(100, 5);
    await_position(200);
    assert_copies(1, 200, 5, 1);
    assert_false(side.out_of_order);
    assert_int_equal(advanced_to, 200);
    append(1, 5);
    await_position(201);
    assert_copies(201, 201, 5, 1);
}

static void loads_keep_to_their_size(void **state)
{
    (void)state;
    append(50, 5);
    fake_spool_append(spool, 16, false);
    options.load_events = 12;
    start();
    await_position(51);
    assert_copies(1, 50, 5, 1);
    assert_int_equal(side.largest_load, 16); /* one batch is never cut */
    assert_int_equal(side.loads, 26);        /* 25 of two batches, 1 of one */
}

static void lanes_share_the_batches_and_idle_ones_hold_nothing_back(void **state)
{
    (void)state;
    options.lanes = 3;
    append(1, 2);
    start();
    await_position(1); /* two lanes have nothing to do */
    append(299, 2);
    await_position(300);
    assert_copies(1, 300, 2, 1);
    assert_int_equal(advanced_to, 300);
    for (unsigned i = 0; i < 3; i++)
        assert_in_range(side.lanes[i].position, 298, 300);
}

static void busy_sink_gets_the_same_load_again(void **state)
{
    (void)state;
    char problem[512];
    double retries = value(METRIC_vsocd_sink_retries_total);
    side.fail_delivers = 2;
    append(3, 4);
    start();
    await_up(false, problem);
    assert_string_equal(problem, "busy");
    assert_true(value(METRIC_vsocd_sink_up) == 0);
    await_position(3);
    await_up(true, problem);
    assert_copies(1, 3, 4, 1);
    assert_true(value(METRIC_vsocd_sink_retries_total) - retries == 2);
    assert_true(value(METRIC_vsocd_sink_up) == 1);
}

static void sink_that_is_not_there_is_tried_until_it_is(void **state)
{
    (void)state;
    char problem[512];
    side.fail_connects = 3;
    append(3, 4);
    start();
    await_up(false, problem);
    assert_string_equal(problem, "nobody is there");
    sink_runner_refresh(runner);
    await_position(3);
    assert_copies(1, 3, 4, 1);
    assert_int_equal(side.connects, 4);
}

static void sink_is_not_up_before_it_has_connected(void **state)
{
    (void)state;
    char problem[512];
    int64_t since;
    struct sink_problem unused;
    options.lanes = 2;
    assert_int_equal(sink_runner_create(&options, spool, &runner, &unused), STATUS_OK);
    assert_false(sink_runner_up(runner, &since, problem));
    assert_string_equal(problem, SINK_NOT_TRIED);
    assert_true(value(METRIC_vsocd_sink_up) == 0);
    assert_int_equal(sink_runner_start(runner), STATUS_OK);
    int64_t end = clock_monotonic_ns() + 160 * NS_PER_S;
    while (value(METRIC_vsocd_sink_up) != 1) {
        assert_true(clock_monotonic_ns() < end);
        pause_a_moment();
    }
    assert_true(sink_runner_up(runner, &since, problem));
}

static void lag_counts_what_waits(void **state)
{
    (void)state;
    char problem[512];
    side.fail_connects = 1000;
    append(10, 4);
    start();
    await_up(false, problem);
    sink_runner_refresh(runner);
    assert_true(value(METRIC_vsocd_sink_lag_events) == 40);
    assert_true(value(METRIC_vsocd_sink_lag_seconds) > 0);
    pthread_mutex_lock(&side.lock);
    side.fail_connects = 0;
    pthread_mutex_unlock(&side.lock);
    await_position(10);
    sink_runner_refresh(runner);
    assert_true(value(METRIC_vsocd_sink_lag_events) == 0);
    assert_true(value(METRIC_vsocd_sink_lag_seconds) == 0);
    assert_true(value(METRIC_vsocd_sink_position) == 10);
}

static void poison_event_is_diverted_and_the_rest_arrives(void **state)
{
    (void)state;
    double rejected = value(METRIC_vsocd_sink_rejected_total);
    side.poison_position = 5;
    side.poison_index = 2;
    append(10, 4);
    start();
    await_position(10);
    assert_copies(1, 4, 4, 1);
    assert_copies(6, 10, 4, 1);
    assert_int_equal(side.quarantined[5][2], 1);
    assert_int_equal(side.copies[5][2], 0);
    assert_int_equal(side.copies[5][3], 1);
    assert_true(value(METRIC_vsocd_sink_rejected_total) - rejected == 1);
}

/* In one pass: nothing comes again. */
static void events_that_the_sink_quarantined_itself_are_counted(void **state)
{
    (void)state;
    double rejected = value(METRIC_vsocd_sink_rejected_total);
    side.poison_position = 2;
    side.poison_index = 3;
    side.diverts = true;
    append(5, 4);
    start();
    await_position(5);
    assert_int_equal(side.connects, 1);
    assert_int_equal(side.copies[2][3], 0);
    assert_int_equal(side.quarantined[2][3], 1);
    assert_true(value(METRIC_vsocd_sink_rejected_total) - rejected == 1);
    assert_true(value(METRIC_vsocd_sink_up) == 1);
}

static void sink_that_rejects_a_marked_event_is_broken_not_looped(void **state)
{
    (void)state;
    char problem[512];
    side.poison_position = 1;
    side.stubborn = true;
    append(1, 4);
    start();
    await_up(false, problem);
    assert_string_equal(problem, "poison");
    assert_in_range(side.connects, 2, 3);
}

static void damaged_and_missing_batches_are_passed_and_counted(void **state)
{
    (void)state;
    double missed = value(METRIC_vsocd_sink_missed_batches_total);
    append(10, 4);
    spool->records[2].corrupt = true;
    spool->records[5].gone = spool->records[6].gone = true;
    start();
    await_position(10);
    assert_copies(1, 2, 4, 1);
    assert_copies(3, 3, 4, 0);
    assert_copies(4, 5, 4, 1);
    assert_copies(8, 10, 4, 1);
    assert_true(value(METRIC_vsocd_sink_missed_batches_total) - missed == 3);
}

/* The record is whole, what stands in it is not: the sink gets what can be decoded, and one record
 * for its quarantine instead of silence. */
static void events_that_cannot_be_decoded_are_quarantined_as_one(void **state)
{
    (void)state;
    double lost = metric_value(metric_series(METRIC_vsocd_sink_undecodable_events_total, ""));
    append(3, 5);
    struct writer *events = &spool->records[1].events;
    events->data[events->size / 2] = 0xff;
    memset(events->data + events->size / 2, 0xff, events->size - events->size / 2);
    start();
    await_position(3);
    assert_copies(1, 1, 5, 1);
    assert_copies(3, 3, 5, 1);
    assert_int_equal(side.copies[2][0], 1);
    assert_int_equal(side.undecodable[2], 1);
    unsigned there = 0;
    for (unsigned i = 0; i < 5; i++)
        there += side.copies[2][i];
    assert_in_range(there, 1, 4);
    assert_true(metric_value(metric_series(METRIC_vsocd_sink_undecodable_events_total, "")) -
                    lost ==
                5 - there);
}

/* Its end is missing at a place where an event ends: nothing to decode is wrong, only too little.
 */
static void fewer_events_than_the_record_says_are_quarantined_as_one(void **state)
{
    (void)state;
    append(1, 5);
    spool->records[0].meta.accepted += 2;
    append(1, 5);
    start();
    await_position(2);
    assert_copies(1, 2, 5, 1);
    assert_int_equal(side.undecodable[1], 1);
    assert_int_equal(side.undecodable[2], 0);
}

static void nothing_of_a_batch_can_be_decoded(void **state)
{
    (void)state;
    append(2, 5);
    spool->records[0].events.data[0] = 0; /* no version that ever was */
    start();
    await_position(2);
    assert_copies(1, 1, 5, 0);
    assert_copies(2, 2, 5, 1);
    assert_int_equal(side.undecodable[1], 1);
}

static void damage_is_counted_once_however_often_it_is_delivered(void **state)
{
    (void)state;
    double lost = metric_value(metric_series(METRIC_vsocd_sink_undecodable_events_total, ""));
    append(1, 5);
    spool->records[0].events.data[0] = 0;
    side.fail_delivers = 1;
    start();
    await_position(1);
    assert_true(
        metric_value(metric_series(METRIC_vsocd_sink_undecodable_events_total, "")) - lost == 5);
    assert_int_equal(side.undecodable[1], 1);
}

static void spool_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    char problem[512];
    append(1, 1);
    spool->fail_reading = true;
    start();
    await_up(false, problem);
    assert_non_null(strstr(problem, "spool can't be read after position 0"));
}

static void stop_delivers_what_is_durable(void **state)
{
    (void)state;
    options.load_interval_ns = 60 * NS_PER_S; /* only the stop sends it */
    start();
    append(50, 5);
    stop();
    assert_copies(1, 50, 5, 1);
}

static void stop_does_not_wait_for_a_sink_that_is_down(void **state)
{
    (void)state;
    char problem[512];
    side.broken = true; /* pauses of ten seconds and more */
    append(1, 1);
    int64_t took = 10 * NS_PER_S;
    /* A machine that stands still for seconds does not do so each time. */
    for (int round = 0; round < 8 && took >= 5 * NS_PER_S; round++) {
        start();
        await_up(false, problem);
        assert_string_equal(problem, "no such table");
        int64_t before = clock_monotonic_ns();
        assert_true(sink_runner_stop(runner, before + 240 * NS_PER_S, INT64_MAX));
        took = clock_monotonic_ns() - before;
        sink_runner_destroy(runner);
        runner = NULL;
    }
    assert_true(took < 5 * NS_PER_S);
}

static void blocked_delivery_is_interrupted_after_the_deadline(void **state)
{
    (void)state;
    side.blocks = true;
    append(1, 1);
    start();
    int64_t before = clock_monotonic_ns();
    assert_true(sink_runner_stop(runner, before + 100 * NS_PER_MS, INT64_MAX));
    int64_t took = clock_monotonic_ns() - before;
    assert_in_range(took, 100 * NS_PER_MS, 160 * NS_PER_S);
    assert_true(side.interrupted);
    sink_runner_destroy(runner);
    runner = NULL;
    assert_copies(1, 1, 1, 0);
}

static void stop_gives_up_on_a_sink_that_does_not_hear(void **state)
{
    (void)state;
    side.blocks = side.deaf = true;
    append(1, 1);
    start();
    int64_t now = clock_monotonic_ns();
    assert_false(sink_runner_stop(runner, now + 100 * NS_PER_MS, now + 300 * NS_PER_MS));
    pthread_mutex_lock(&side.lock);
    side.deaf = false;
    pthread_mutex_unlock(&side.lock);
    now = clock_monotonic_ns();
    assert_true(sink_runner_stop(runner, now, INT64_MAX));
    sink_runner_destroy(runner);
    runner = NULL;
}

/* They are as the sender sent them, a VIN among them: only a sink that says so gets them. */
static void bytes_of_quarantined_records_go_to_who_takes_them(void **state)
{
    (void)state;
    struct sink taker = fake_sink;
    fake_spool_append(spool, 3, true);
    start();
    await_position(1);
    assert_copies(1, 1, 3, 1);
    assert_int_equal(side.raw_bytes, 0);
    stop();
    taker.takes_raw = true;
    options.sink = &taker;
    fake_spool_append(spool, 3, true);
    start();
    await_position(2);
    assert_copies(2, 2, 3, 1);
    assert_int_equal(side.raw_bytes, strlen("as sent"));
    stop();
}

static void wrong_options_are_refused_with_a_reason(void **state)
{
    (void)state;
    struct sink_problem problem;
    struct sink other_abi = fake_sink;
    other_abi.abi_version++;
    options.sink = &other_abi;
    assert_int_equal(sink_runner_create(&options, spool, &runner, &problem), STATUS_CONFIG);
    assert_non_null(strstr(problem.text, "another version of the sink ABI"));
    options.sink = &fake_sink;
    options.lanes = 0;
    assert_int_equal(sink_runner_create(&options, spool, &runner, &problem), STATUS_CONFIG);
    assert_non_null(strstr(problem.text, "1 to 16 connections"));
    options.lanes = 2;
    options.config.settings = "wrong";
    assert_int_equal(sink_runner_create(&options, spool, &runner, &problem), STATUS_CONFIG);
    assert_string_equal(problem.text, "settings are wrong");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_event_arrives_once_in_order),
        TEST(bytes_of_quarantined_records_go_to_who_takes_them),
        TEST(loads_keep_to_their_size),
        TEST(lanes_share_the_batches_and_idle_ones_hold_nothing_back),
        TEST(busy_sink_gets_the_same_load_again),
        TEST(sink_that_is_not_there_is_tried_until_it_is),
        TEST(sink_is_not_up_before_it_has_connected),
        TEST(lag_counts_what_waits),
        TEST(poison_event_is_diverted_and_the_rest_arrives),
        TEST(sink_that_rejects_a_marked_event_is_broken_not_looped),
        TEST(damaged_and_missing_batches_are_passed_and_counted),
        TEST(events_that_cannot_be_decoded_are_quarantined_as_one),
        TEST(fewer_events_than_the_record_says_are_quarantined_as_one),
        TEST(nothing_of_a_batch_can_be_decoded),
        TEST(damage_is_counted_once_however_often_it_is_delivered),
        TEST(events_that_the_sink_quarantined_itself_are_counted),
        TEST(spool_that_cannot_be_read_is_told),
        TEST(stop_delivers_what_is_durable),
        TEST(stop_does_not_wait_for_a_sink_that_is_down),
        TEST(blocked_delivery_is_interrupted_after_the_deadline),
        TEST(stop_gives_up_on_a_sink_that_does_not_hear),
        TEST(wrong_options_are_refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
