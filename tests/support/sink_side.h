/* sink_side.h: a sink runner over a spool in memory, and a sink that does what the test says. */
#ifndef VSOC_TESTS_SINK_SIDE_H
#define VSOC_TESTS_SINK_SIDE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <sched.h>
#include <stdatomic.h>

#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "storage/sinks/sink_load.h"
#include "storage/sinks/sink_runner.h"
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
    unsigned undecodable[BATCH_MAX + 1]; /* rejects that stand for damaged items */
    size_t raw_bytes;                    /* of quarantined records that it got */
    bool diverts;                        /* quarantines the poison by itself */
    unsigned loads, largest_load, connects;
    uint64_t highest_first; /* loads came in ascending order as long as this is so */
    bool out_of_order;
    unsigned fail_connects, fail_delivers; /* SINK_LATER so many times */
    bool commit_and_fail;                  /* the next load is committed, its answer lost */
    bool broken, blocks, deaf, interrupted;
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

static inline bool is_marked(const struct sink_load *load, size_t batch, uint32_t index)
{
    for (size_t i = 0; i < load->rejected_count; i++)
        if (load->rejected[i].batch == batch && load->rejected[i].index == index)
            return strcmp(load->rejected[i].reason, "poison") == 0;
    return false;
}

/* Takes or (count_only) just looks for the poison. */
static inline bool take(const struct sink_load *load, bool dry, struct sink_problem *problem)
{
    for (size_t b = 0; b < load->batch_count; b++) {
        struct sink_iterator iterator;
        struct event_item item;
        uint64_t position = load->batches[b].position;
        for (load->begin(load, b, &iterator); load->next(&iterator, &item) == SINK_NEXT_ITEM;) {
            uint32_t index = item.is_reject ? item.reject.index : (uint32_t)item.event.batch_index;
            ensure(item.is_reject ||
                   (item.event.sev_id == index && EVENT_HAS(&item.event, event_uid)));
            bool marked = is_marked(load, b, index);
            if (item.is_reject && !dry)
                side.raw_bytes += item.reject.raw.size;
            if (item.is_reject && slice_equal(item.reject.code, SLICE_LITERAL("undecodable"))) {
                side.undecodable[position] += !dry;
                continue;
            }
            if (side.diverts && position == side.poison_position && index == side.poison_index) {
                if (!dry)
                    load->reject(load, &(struct sink_rejected){b, index, "poison"});
                side.quarantined[position][index] += !dry;
                continue;
            }
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

static inline void note_load(const struct sink_load *load)
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

static inline void fake_interrupt(void *state)
{
    (void)state;
    pthread_mutex_lock(&side.lock);
    side.interrupted = !side.deaf;
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

static inline void on_advanced(void *arg, uint64_t position)
{
    (void)arg;
    atomic_store(&advanced_to, position);
}

static inline int setup(void **state)
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

static inline void stop(void)
{
    if (!runner)
        return;
    assert_true(sink_runner_stop(runner, clock_monotonic_ns() + 10 * NS_PER_S, INT64_MAX));
    sink_runner_destroy(runner);
    runner = NULL;
}

static inline int teardown(void **state)
{
    (void)state;
    stop();
    fake_spool_destroy(spool);
    pthread_mutex_destroy(&side.lock);
    return 0;
}

static inline void start(void)
{
    struct sink_problem problem;
    assert_int_equal(sink_runner_create(&options, spool, &runner, &problem), STATUS_OK);
    assert_int_equal(sink_runner_start(runner), STATUS_OK);
}

static inline void append(unsigned batches, uint32_t events)
{
    for (unsigned i = 0; i < batches; i++)
        fake_spool_append(spool, events, i % 3 == 0);
}

static inline void pause_a_moment(void)
{
    nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
}

static inline void await_position(uint64_t position)
{
    int64_t end = clock_monotonic_ns() + 20 * NS_PER_S;
    while (sink_runner_position(runner) != position) {
        assert_true(clock_monotonic_ns() < end);
        pause_a_moment();
    }
}

static inline void await_up(bool up, char problem[512])
{
    int64_t end = clock_monotonic_ns() + 20 * NS_PER_S, since;
    while (sink_runner_up(runner, &since, problem) != up ||
           (!up && strcmp(problem, SINK_NOT_TRIED) == 0)) {
        assert_true(clock_monotonic_ns() < end);
        pause_a_moment();
    }
}

/* Batches first … last are there, each event so many times. */
static inline void assert_copies(uint64_t first, uint64_t last, uint32_t events, unsigned copies)
{
    pthread_mutex_lock(&side.lock);
    for (uint64_t p = first; p <= last; p++)
        for (uint32_t i = 0; i < events; i++)
            if (side.copies[p][i] != copies)
                fail_msg("event %u of batch %u is there %u times", i, (unsigned)p,
                         side.copies[p][i]);
    pthread_mutex_unlock(&side.lock);
}

static inline double value(enum metric_family family)
{
    return metric_value(metric_series(family, "sink=\"fake\""));
}

#endif
