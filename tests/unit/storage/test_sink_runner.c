/* test_sink_runner.c: the rules of delivery, with a spool in memory and a sink that does what the
 * test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <sched.h>
#include <stdatomic.h>

#include "core/log.h"
#include "core/metrics.h"
#include "storage/sink_runner.h"
#include "tests/support/fake_spool.h"

#define LANES_MAX  4
#define BATCH_MAX  FAKE_RECORDS
#define EVENTS_MAX 16

/* The other side: what it has, and what it will answer. */
static struct side {
    pthread_mutex_t lock;
    struct sink_position lanes[LANES_MAX];
    unsigned copies[BATCH_MAX + 1][EVENTS_MAX]; /* of each event */
    unsigned quarantined[BATCH_MAX + 1][EVENTS_MAX];
    unsigned loads, largest_load, connects;
    uint64_t highest_first; /* loads came in ascending order as long as this is so */
    bool out_of_order;
    unsigned fail_connects, fail_delivers; /* SINK_LATER so many times */
    bool commit_and_fail;                  /* the next load is committed, its answer lost */
    bool broken, blocks, interrupted;
    uint64_t poison_position; /* 0: none */
    uint32_t poison_index;
    bool stubborn; /* rejects the poison even when it is marked */
} side;

struct fake_lane {
    unsigned number;
};

static void *fake_open(const struct sink_config *config, struct sink_problem *problem)
{
    if (config->settings) {
        snprintf(problem->text, sizeof problem->text, "settings are wrong");
        return NULL;
    }
    struct fake_lane *lane = calloc(1, sizeof *lane);
    ensure(lane && config->spool_uid[0] == 7);
    lane->number = config->lane;
    return lane;
}

static enum sink_result fake_connect(void *state, struct sink_position *there,
                                     struct sink_problem *problem)
{
    struct fake_lane *lane = state;
    enum sink_result result = SINK_DELIVERED;
    pthread_mutex_lock(&side.lock);
    side.connects++;
    if (side.fail_connects) {
        side.fail_connects--;
        snprintf(problem->text, sizeof problem->text, "nobody is there");
        result = SINK_LATER;
    } else {
        *there = side.lanes[lane->number];
    }
    pthread_mutex_unlock(&side.lock);
    return result;
}

static bool is_marked(const struct sink_load *load, size_t batch, uint32_t index)
{
    for (size_t i = 0; i < load->rejected_count; i++)
        if (load->rejected[i].batch == batch && load->rejected[i].index == index)
            return strcmp(load->rejected[i].reason, "poison") == 0;
    return false;
}

/* Takes or (count_only) just looks for the poison. */
static bool take(const struct sink_load *load, bool dry, struct sink_problem *problem)
{
    for (size_t b = 0; b < load->batch_count; b++) {
        struct sink_iterator iterator;
        struct event_item item;
        uint64_t position = load->batches[b].position;
        for (load->begin(load, b, &iterator); load->next(&iterator, &item);) {
            uint32_t index = item.is_reject ? item.reject.index : (uint32_t)item.event.batch_index;
            ensure(item.is_reject ||
                   (item.event.sev_id == index && EVENT_HAS(&item.event, event_uid)));
            bool marked = is_marked(load, b, index);
            if (position == side.poison_position && index == side.poison_index &&
                (!marked || side.stubborn)) {
                problem->rejected = (struct sink_rejected){.batch = b, .index = index};
                snprintf(problem->text, sizeof problem->text, "poison");
                return false;
            }
            if (!dry)
                (marked ? side.quarantined : side.copies)[position][index]++;
        }
    }
    return true;
}

static void note_load(const struct sink_load *load)
{
    side.loads++;
    if (load->event_count > side.largest_load)
        side.largest_load = load->event_count;
    for (size_t b = 1; b < load->batch_count; b++)
        side.out_of_order |= load->batches[b].position <= load->batches[b - 1].position;
}

static enum sink_result fake_answer(struct fake_lane *lane, const struct sink_load *load,
                                    struct sink_problem *problem)
{
    if (side.broken) {
        snprintf(problem->text, sizeof problem->text, "no such table");
        return SINK_BROKEN;
    }
    if (side.fail_delivers) {
        side.fail_delivers--;
        snprintf(problem->text, sizeof problem->text, "busy");
        return SINK_LATER;
    }
    if (!take(load, true, problem))
        return SINK_REJECTED;
    take(load, false, problem);
    note_load(load);
    side.lanes[lane->number] = sink_load_end(load);
    if (!side.commit_and_fail)
        return SINK_DELIVERED;
    side.commit_and_fail = false;
    return SINK_LATER;
}

static enum sink_result fake_deliver(void *state, const struct sink_load *load,
                                     struct sink_problem *problem)
{
    pthread_mutex_lock(&side.lock);
    while (side.blocks && !side.interrupted) {
        pthread_mutex_unlock(&side.lock);
        sched_yield();
        pthread_mutex_lock(&side.lock);
    }
    enum sink_result result = side.interrupted ? SINK_LATER : fake_answer(state, load, problem);
    pthread_mutex_unlock(&side.lock);
    return result;
}

static void fake_interrupt(void *state)
{
    (void)state;
    pthread_mutex_lock(&side.lock);
    side.interrupted = true;
    pthread_mutex_unlock(&side.lock);
}

static const struct sink fake_sink = {
    .abi_version = VSOC_SINK_ABI,
    .struct_size = sizeof(struct sink),
    .name = "fake",
    .open = fake_open,
    .connect = fake_connect,
    .deliver = fake_deliver,
    .interrupt = fake_interrupt,
    .close = free,
};

static struct spool *spool;
static struct sink_runner *runner;
static struct sink_runner_options options;
static _Atomic uint64_t advanced_to;

static void on_advanced(void *arg, uint64_t position)
{
    (void)arg;
    atomic_store(&advanced_to, position);
}

static int setup(void **state)
{
    (void)state;
    memset(&side, 0, sizeof side);
    pthread_mutex_init(&side.lock, NULL);
    log_configure(LOG_ERROR + 1, LOG_JSON);
    spool = fake_spool_create();
    advanced_to = 0;
    options = (struct sink_runner_options){.sink = &fake_sink,
                                           .lanes = 1,
                                           .load_events = 100,
                                           .load_bytes = 1 << 20,
                                           .load_interval_ns = NS_PER_MS,
                                           .advanced = on_advanced};
    return 0;
}

static void stop(void)
{
    if (!runner)
        return;
    sink_runner_stop(runner, clock_monotonic_ns() + 10 * NS_PER_S);
    sink_runner_destroy(runner);
    runner = NULL;
}

static int teardown(void **state)
{
    (void)state;
    stop();
    fake_spool_destroy(spool);
    pthread_mutex_destroy(&side.lock);
    return 0;
}

static void start(void)
{
    struct sink_problem problem;
    assert_int_equal(sink_runner_create(&options, spool, &runner, &problem), STATUS_OK);
    assert_int_equal(sink_runner_start(runner), STATUS_OK);
}

static void append(unsigned batches, uint32_t events)
{
    for (unsigned i = 0; i < batches; i++)
        fake_spool_append(spool, events, i % 3 == 0);
}

static void pause_a_moment(void)
{
    nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
}

static void await_position(uint64_t position)
{
    int64_t end = clock_monotonic_ns() + 20 * NS_PER_S;
    while (sink_runner_position(runner) != position) {
        assert_true(clock_monotonic_ns() < end);
        pause_a_moment();
    }
}

static void await_up(bool up, char problem[512])
{
    int64_t end = clock_monotonic_ns() + 20 * NS_PER_S, since;
    while (sink_runner_up(runner, &since, problem) != up ||
           (!up && strcmp(problem, SINK_NOT_TRIED) == 0)) {
        assert_true(clock_monotonic_ns() < end);
        pause_a_moment();
    }
}

/* The other side has committed what the spool has there. */
static void set_position(unsigned lane, uint64_t position)
{
    struct sink_position *there = &side.lanes[lane];
    *there = (struct sink_position){.known = true, .position = position};
    memcpy(there->batch_uid, spool->records[position - 1].meta.batch_uid, UUID_BYTES);
}

/* The other side has committed batches that this spool does not have: it was restored. */
static void set_foreign_position(unsigned lane, uint64_t position)
{
    side.lanes[lane] = (struct sink_position){true, position, {0xf0}};
}

/* Batches first … last are there, each event so many times. */
static void assert_copies(uint64_t first, uint64_t last, uint32_t events, unsigned copies)
{
    pthread_mutex_lock(&side.lock);
    for (uint64_t p = first; p <= last; p++)
        for (uint32_t i = 0; i < events; i++)
            if (side.copies[p][i] != copies)
                fail_msg("event %u of batch %u is there %u times", i, (unsigned)p,
                         side.copies[p][i]);
    pthread_mutex_unlock(&side.lock);
}

static double value(enum metric_family family)
{
    return metric_value(metric_series(family, "sink=\"fake\""));
}

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
    int64_t end = clock_monotonic_ns() + 20 * NS_PER_S;
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

static void load_whose_answer_was_lost_is_not_sent_again(void **state)
{
    (void)state;
    side.commit_and_fail = true;
    append(3, 4);
    start();
    append(7, 4);
    await_position(10);
    assert_copies(1, 10, 4, 1);
}

static void restart_goes_on_where_it_was(void **state)
{
    (void)state;
    append(10, 4);
    start();
    await_position(10);
    stop();
    side.lanes[0].known = false; /* the local cursor alone */
    append(10, 4);
    start();
    assert_int_equal(sink_runner_position(runner), 10);
    await_position(20);
    assert_copies(1, 20, 4, 1);
}

static void sink_restored_from_an_older_dump_gets_the_rest_again(void **state)
{
    (void)state;
    append(10, 4);
    start();
    await_position(10);
    stop();
    set_position(0, 4);
    spool->first = 3;
    start();
    append(1, 4);
    await_position(11);
    assert_copies(1, 4, 4, 1);
    assert_copies(5, 10, 4, 2);
    assert_copies(11, 11, 4, 1);
}

static void what_a_restored_sink_needs_again_is_kept(void **state)
{
    (void)state;
    append(10, 4);
    start();
    await_position(10);
    stop();
    set_position(0, 4);
    side.fail_delivers = UINT_MAX;
    start();
    char problem[512];
    await_up(false, problem);
    uint64_t highest = 0;
    pthread_mutex_lock(&spool->lock);
    for (unsigned i = 0; i < spool->cursor_count; i++)
        if (spool->cursors[i].position > highest)
            highest = spool->cursors[i].position;
    pthread_mutex_unlock(&spool->lock);
    assert_int_equal(highest, 4);
}

static void sink_that_is_ahead_is_believed(void **state)
{
    (void)state;
    append(10, 4);
    set_position(0, 6);
    start();
    await_position(10);
    assert_copies(1, 6, 4, 0);
    assert_copies(7, 10, 4, 1);
}

static void sink_ahead_of_the_whole_spool_does_not_swallow_new_batches(void **state)
{
    (void)state;
    append(2, 4);
    set_foreign_position(0, 1000);
    start();
    await_position(2);
    append(2, 4);
    await_position(4);
    assert_copies(3, 4, 4, 1);
}

static void batches_after_a_restored_spool_survive_a_lost_connection(void **state)
{
    (void)state;
    append(2, 4);
    set_foreign_position(0, 1000);
    start();
    await_position(2);
    pthread_mutex_lock(&side.lock);
    side.fail_delivers = 2;
    set_foreign_position(0, 1000);
    pthread_mutex_unlock(&side.lock);
    append(4, 4);
    await_position(6);
    assert_copies(3, 6, 4, 1);
}

static void batches_after_a_restored_spool_survive_a_sink_that_was_down(void **state)
{
    (void)state;
    append(2, 4);
    set_foreign_position(0, 4);
    side.fail_connects = UINT_MAX;
    start();
    append(4, 4);
    char problem[512];
    await_up(false, problem);
    pthread_mutex_lock(&side.lock);
    side.fail_connects = 0;
    pthread_mutex_unlock(&side.lock);
    await_position(6);
    assert_copies(1, 6, 4, 1);
}

static void position_of_a_restored_spool_is_not_taken_for_the_load_in_hand(void **state)
{
    (void)state;
    set_foreign_position(0, 4);
    side.fail_delivers = 3;
    append(2, 4);
    side.fail_connects = UINT_MAX;
    start();
    append(2, 4);
    char problem[512];
    await_up(false, problem);
    pthread_mutex_lock(&side.lock);
    side.fail_connects = 0;
    pthread_mutex_unlock(&side.lock);
    await_position(4);
    assert_copies(1, 4, 4, 1);
}

static void batches_under_positions_that_a_sink_has_had_from_elsewhere_are_delivered(void **state)
{
    (void)state;
    append(10, 4); /* outgrown before the process started */
    set_foreign_position(0, 6);
    start();
    await_position(10);
    assert_copies(1, 10, 4, 1);
    assert_memory_equal(side.lanes[0].batch_uid, spool->records[9].meta.batch_uid, UUID_BYTES);
}

static void each_lane_has_its_own_history(void **state)
{
    (void)state;
    options.lanes = 2;
    append(10, 4);
    set_position(0, 4); /* ahead, for its load's answer was lost; the last batch is the other's */
    set_foreign_position(1, 7);
    start();
    append(1, 4);
    await_position(11);
    for (uint64_t p = 2; p <= 4; p += 2)
        assert_copies(p, p, 4, 0);
    for (uint64_t p = 1; p <= 11; p += p < 5 ? 2 : 1)
        assert_copies(p, p, 4, 1);
}

static void a_lanes_position_is_of_its_own_last_batch(void **state)
{
    (void)state;
    options.lanes = 2;
    append(9, 4);
    start();
    await_position(9);
    stop();
    assert_int_equal(side.lanes[0].position, 8);
    assert_int_equal(side.lanes[1].position, 9);
    start();
    append(2, 4);
    await_position(11);
    assert_copies(1, 11, 4, 1);
}

static void sink_restored_after_the_spool_was_gets_all_again(void **state)
{
    (void)state;
    append(10, 4);
    start();
    await_position(10);
    stop();
    set_foreign_position(0, 8); /* it may lack any of them */
    start();
    append(1, 4);
    await_position(11);
    assert_copies(1, 10, 4, 2);
    assert_copies(11, 11, 4, 1);
}

static void position_whose_batch_is_gone_or_damaged_is_believed(void **state)
{
    (void)state;
    append(10, 4);
    set_foreign_position(0, 6);
    spool->records[5].corrupt = true;
    start();
    await_position(10);
    stop();
    assert_copies(1, 6, 4, 0);
    assert_copies(7, 10, 4, 1);
    set_foreign_position(0, 8);
    spool->records[7].gone = true;
    start();
    append(1, 4);
    await_position(11);
    assert_copies(7, 8, 4, 1);
    assert_copies(9, 10, 4, 2);
}

static void position_that_cannot_be_looked_at_waits(void **state)
{
    (void)state;
    char problem[512];
    append(10, 4);
    set_position(0, 6);
    spool->fail_reading = true;
    start();
    await_up(false, problem);
    assert_non_null(strstr(problem, "spool can't be read after position"));
    pthread_mutex_lock(&spool->lock);
    spool->fail_reading = false;
    pthread_mutex_unlock(&spool->lock);
    await_position(10);
    assert_copies(1, 6, 4, 0);
    assert_copies(7, 10, 4, 1);
}

static void changed_number_of_lanes_starts_where_all_were(void **state)
{
    (void)state;
    options.lanes = 4;
    append(20, 2);
    start();
    await_position(20);
    stop();
    for (unsigned lanes = 1; lanes <= 3; lanes++) {
        for (unsigned i = 0; i < LANES_MAX; i++)
            side.lanes[i].position = i * 3; /* left over from some other sharing out */
        options.lanes = lanes;
        start();
        append(10, 2);
        await_position(20 + 10 * lanes);
        stop();
    }
    assert_copies(1, 50, 2, 1);
}

static void damaged_and_missing_batches_are_passed(void **state)
{
    (void)state;
    append(10, 4);
    spool->records[2].corrupt = true;
    spool->records[5].gone = spool->records[6].gone = true;
    start();
    await_position(10);
    assert_copies(1, 2, 4, 1);
    assert_copies(3, 3, 4, 0);
    assert_copies(4, 5, 4, 1);
    assert_copies(8, 10, 4, 1);
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
    start();
    await_up(false, problem);
    assert_string_equal(problem, "no such table");
    int64_t before = clock_monotonic_ns();
    sink_runner_stop(runner, before + 30 * NS_PER_S);
    assert_true(clock_monotonic_ns() - before < 5 * NS_PER_S);
    sink_runner_destroy(runner);
    runner = NULL;
}

static void blocked_delivery_is_interrupted_after_the_deadline(void **state)
{
    (void)state;
    side.blocks = true;
    append(1, 1);
    start();
    int64_t before = clock_monotonic_ns();
    sink_runner_stop(runner, before + 100 * NS_PER_MS);
    int64_t took = clock_monotonic_ns() - before;
    assert_in_range(took, 100 * NS_PER_MS, 5 * NS_PER_S);
    assert_true(side.interrupted);
    sink_runner_destroy(runner);
    runner = NULL;
    assert_copies(1, 1, 1, 0);
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
        TEST(loads_keep_to_their_size),
        TEST(lanes_share_the_batches_and_idle_ones_hold_nothing_back),
        TEST(busy_sink_gets_the_same_load_again),
        TEST(sink_that_is_not_there_is_tried_until_it_is),
        TEST(sink_is_not_up_before_it_has_connected),
        TEST(lag_counts_what_waits),
        TEST(poison_event_is_diverted_and_the_rest_arrives),
        TEST(sink_that_rejects_a_marked_event_is_broken_not_looped),
        TEST(load_whose_answer_was_lost_is_not_sent_again),
        TEST(restart_goes_on_where_it_was),
        TEST(sink_restored_from_an_older_dump_gets_the_rest_again),
        TEST(what_a_restored_sink_needs_again_is_kept),
        TEST(sink_that_is_ahead_is_believed),
        TEST(sink_ahead_of_the_whole_spool_does_not_swallow_new_batches),
        TEST(batches_after_a_restored_spool_survive_a_lost_connection),
        TEST(batches_after_a_restored_spool_survive_a_sink_that_was_down),
        TEST(position_of_a_restored_spool_is_not_taken_for_the_load_in_hand),
        TEST(batches_under_positions_that_a_sink_has_had_from_elsewhere_are_delivered),
        TEST(each_lane_has_its_own_history),
        TEST(a_lanes_position_is_of_its_own_last_batch),
        TEST(sink_restored_after_the_spool_was_gets_all_again),
        TEST(position_whose_batch_is_gone_or_damaged_is_believed),
        TEST(position_that_cannot_be_looked_at_waits),
        TEST(changed_number_of_lanes_starts_where_all_were),
        TEST(damaged_and_missing_batches_are_passed),
        TEST(spool_that_cannot_be_read_is_told),
        TEST(stop_delivers_what_is_durable),
        TEST(stop_does_not_wait_for_a_sink_that_is_down),
        TEST(blocked_delivery_is_interrupted_after_the_deadline),
        TEST(wrong_options_are_refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
