/* sink_runner.c: creates, starts and stops the lanes of a sink, and reports its position. Main
 * thread; position, up and refresh: any. What a lane does is in sink_lane.c. */
#define LOG_COMPONENT "sink"
#include "storage/sinks/sink_runner.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/log/log.h"
#include "core/wait/condition.h"
#include "storage/sinks/sink_lane.h"

#define STOP_TICK_NS (50 * NS_PER_MS)

static void make_series(struct sink_runner *runner)
{
    char label[128];
    snprintf(label, sizeof label, "sink=\"%s\"", runner->options.sink->name);
    runner->position_gauge = metric_series(METRIC_vsocd_sink_position, label);
    runner->lag_events = metric_series(METRIC_vsocd_sink_lag_events, label);
    runner->lag_seconds = metric_series(METRIC_vsocd_sink_lag_seconds, label);
    runner->up = metric_series(METRIC_vsocd_sink_up, label);
    runner->events_total = metric_series(METRIC_vsocd_sink_events_total, label);
    runner->batches_total = metric_series(METRIC_vsocd_sink_batches_total, label);
    runner->retries_total = metric_series(METRIC_vsocd_sink_retries_total, label);
    runner->rejected_total = metric_series(METRIC_vsocd_sink_rejected_total, label);
    (void)metric_series(METRIC_vsocd_sink_undecodable_events_total, ""); /* there from the start */
    runner->missed_total = metric_series(METRIC_vsocd_sink_missed_batches_total, label);
    runner->deliver_seconds = metric_series(METRIC_vsocd_sink_deliver_seconds, label);
}

static struct sink_runner *runner_new(const struct sink_runner_options *options,
                                      struct spool *spool)
{
    struct sink_runner *runner =
        calloc(1, sizeof *runner + options->lanes * sizeof runner->lanes[0]);
    if (!runner)
        return NULL;
    struct spool_stats stats;
    spool_stats(spool, &stats);
    memcpy(runner->spool_uid, stats.spool_uid, UUID_BYTES);
    runner->options = *options;
    runner->options.config.struct_size = sizeof runner->options.config;
    runner->options.config.lanes = options->lanes;
    runner->options.config.spool_uid = runner->spool_uid;
    runner->spool = spool;
    condition_init(&runner->changed);
    pthread_mutex_init(&runner->lock, NULL);
    make_series(runner);
    return runner;
}

/* A lane whose cursor is new starts where all lanes of the last run were. */
static enum status lane_open(struct sink_runner *runner, unsigned number, uint64_t all,
                             struct sink_problem *problem)
{
    const struct sink *sink = runner->options.sink;
    struct sink_lane *lane = &runner->lanes[number];
    char cursor[128];
    uint64_t position;
    snprintf(cursor, sizeof cursor, "%s.%uof%u", sink->name, number, runner->options.lanes);
    enum status status = spool_cursor_open(runner->spool, cursor, &lane->cursor, &position);
    if (status != STATUS_OK) {
        snprintf(problem->text, sizeof problem->text, "the spool's cursor %s can't be opened: %s",
                 cursor, status_text(status));
        return status;
    }
    struct sink_config config = runner->options.config;
    config.lane = number;
    lane->state = sink->open(&config, problem);
    if (!lane->state)
        return STATUS_CONFIG;
    lane->runner = runner;
    lane->magic = SINK_LANE_MAGIC;
    lane->number = number;
    lane->lanes_changed = position < all; /* otherwise the slowest lane would be behind itself */
    lane->done = true;
    snprintf(lane->problem, sizeof lane->problem, "%s", SINK_NOT_TRIED);
    lane->since_ns = clock_monotonic_ns();
    sink_lane_init(lane, position > all ? position : all);
    runner->lane_count++;
    return STATUS_OK;
}

static enum status check_options(const struct sink_runner_options *options,
                                 struct sink_problem *problem)
{
    if (options->sink->abi_version != VSOC_SINK_ABI) {
        snprintf(problem->text, sizeof problem->text,
                 "sink %s was built for another version of the sink ABI (%u, needed is %u): build "
                 "it again",
                 options->sink->name, options->sink->abi_version, VSOC_SINK_ABI);
        return STATUS_CONFIG;
    }
    if (options->lanes < 1 || options->lanes > SINK_LANES_MAX) {
        snprintf(problem->text, sizeof problem->text,
                 "sink %s can have 1 to %d connections, not %u", options->sink->name,
                 SINK_LANES_MAX, options->lanes);
        return STATUS_CONFIG;
    }
    return STATUS_OK;
}

enum status sink_runner_create(const struct sink_runner_options *options, struct spool *spool,
                               struct sink_runner **out, struct sink_problem *problem)
{
    problem->text[0] = '\0';
    enum status status = check_options(options, problem);
    if (status != STATUS_OK)
        return status;
    struct sink_runner *runner = runner_new(options, spool);
    if (!runner)
        return STATUS_NO_MEMORY;
    uint64_t all = 0;
    status = spool_cursor_open(spool, options->sink->name, &runner->cursor, &all);
    if (status != STATUS_OK)
        snprintf(problem->text, sizeof problem->text, "the spool's cursor %s can't be opened: %s",
                 options->sink->name, status_text(status));
    for (unsigned i = 0; i < options->lanes && status == STATUS_OK; i++)
        status = lane_open(runner, i, all, problem);
    if (status != STATUS_OK) {
        sink_runner_destroy(runner);
        return status;
    }
    metric_set(runner->up, 0);
    metric_set(runner->position_gauge, (double)sink_runner_position(runner));
    *out = runner;
    return STATUS_OK;
}

enum status sink_runner_start(struct sink_runner *runner)
{
    for (unsigned i = 0; i < runner->lane_count; i++) {
        struct sink_lane *lane = &runner->lanes[i];
        char name[32]; /* thread_start cuts it */
        snprintf(name, sizeof name, "%.16s-%u", runner->options.sink->name, i);
        lane->done = false;
        enum status status = thread_start(&lane->thread, THREAD_SINK, name, sink_lane_run, lane);
        if (status != STATUS_OK) {
            lane->done = true;
            ensure(sink_runner_stop(runner, clock_monotonic_ns(), INT64_MAX));
            return status;
        }
    }
    return STATUS_OK;
}

void sink_runner_begin_stop(struct sink_runner *runner, int64_t deadline_ns)
{
    pthread_mutex_lock(&runner->lock);
    atomic_store(&runner->deadline_ns, deadline_ns);
    atomic_store(&runner->stopping, true);
    pthread_cond_broadcast(&runner->changed);
    pthread_mutex_unlock(&runner->lock);
    spool_wake(runner->spool);
}

/* True if all lanes are done, after a short wait. */
static bool all_done(struct sink_runner *runner)
{
    pthread_mutex_lock(&runner->lock);
    bool done = true;
    for (unsigned i = 0; i < runner->lane_count; i++)
        done = done && runner->lanes[i].done;
    if (!done)
        (void)condition_wait(&runner->changed, &runner->lock, condition_end_ns(STOP_TICK_NS));
    pthread_mutex_unlock(&runner->lock);
    return done;
}

/* Repeat: a call may start just after an interrupt. */
static void interrupt_lanes(struct sink_runner *runner)
{
    if (!runner->options.sink->interrupt)
        return;
    for (unsigned i = 0; i < runner->lane_count; i++) {
        pthread_mutex_lock(&runner->lock);
        bool done = runner->lanes[i].done;
        pthread_mutex_unlock(&runner->lock);
        if (!done)
            runner->options.sink->interrupt(runner->lanes[i].state);
    }
}

bool sink_runner_stop(struct sink_runner *runner, int64_t deadline_ns, int64_t give_up_ns)
{
    sink_runner_begin_stop(runner, deadline_ns);
    while (!all_done(runner)) {
        spool_wake(runner->spool);
        if (clock_monotonic_ns() > deadline_ns)
            interrupt_lanes(runner);
        if (clock_monotonic_ns() > give_up_ns) {
            log_error("sink does not stop, although it was interrupted",
                      LOG_TEXT("sink", runner->options.sink->name));
            return false;
        }
    }
    for (unsigned i = 0; i < runner->lane_count; i++)
        thread_join(&runner->lanes[i].thread);
    spool_cursor_advance(runner->spool, runner->cursor, sink_runner_position(runner));
    log_info("sink stopped", LOG_TEXT("sink", runner->options.sink->name),
             LOG_U64("position", sink_runner_position(runner)));
    return true;
}

void sink_runner_destroy(struct sink_runner *runner)
{
    if (!runner)
        return;
    for (unsigned i = 0; i < runner->lane_count; i++) {
        ensure(!runner->lanes[i].thread.started);
        runner->options.sink->close(runner->lanes[i].state);
        sink_loader_fini(&runner->lanes[i].loader);
        object_end(&runner->lanes[i].magic);
    }
    pthread_cond_destroy(&runner->changed);
    pthread_mutex_destroy(&runner->lock);
    free(runner);
}

const char *sink_runner_name(const struct sink_runner *runner)
{
    return runner->options.sink->name;
}

bool sink_runner_is_awaited(const struct sink_runner *runner)
{
    return runner->options.sink->awaited;
}

bool sink_runner_up(struct sink_runner *runner, int64_t *since_ns, char problem[512])
{
    pthread_mutex_lock(&runner->lock);
    const struct sink_lane *shown = &runner->lanes[0];
    for (unsigned i = 0; i < runner->lane_count; i++)
        if (!runner->lanes[i].up && shown->up)
            shown = &runner->lanes[i];
    bool up = shown->up;
    *since_ns = shown->since_ns;
    memcpy(problem, shown->problem, sizeof shown->problem);
    pthread_mutex_unlock(&runner->lock);
    return up;
}
