/* sink_lane.c: one lane: lets its loader move batches from the spool into the sink while the server
 * runs, pauses after failures, and reports its state. Runs on the lane's thread. Knows nothing
 * about the store. sink_resume.c decides where it continues after the sink has reported its
 * position. */
#define LOG_COMPONENT "sink"
#include "storage/sinks/sink_lane.h"

#include <stdio.h>

#include "core/clock.h"
#include "core/log/log.h"
#include "core/wait/condition.h"
#include "storage/sinks/sink_news.h"
#include "storage/sinks/sink_runner_lag.h"

/* Pauses between attempts: the first one's least, and the cap. */
struct pauses {
    int64_t first_ns, longest_ns;
};
static const struct pauses pauses_later = {100 * NS_PER_MS, 10 * NS_PER_S};
static const struct pauses pauses_broken = {NS_PER_S, 30 * NS_PER_S}; /* an operator is needed */

static bool is_stopping(const struct sink_lane *lane)
{
    return atomic_load(&lane->runner->stopping);
}

static void log_back(const struct sink_lane *lane, const struct sink_news *news,
                     const struct sink_lag *lag)
{
    int64_t waited_ns = news->waiting_since_ns ? clock_wall_ns() - news->waiting_since_ns : 0;
    log_info("sink is back", LOG_TEXT("sink", lane->runner->options.sink->name),
             LOG_U64("lane", lane->number),
             LOG_REAL("seconds_down", (double)(news->down_ns / NS_PER_MS) / 1e3),
             LOG_U64("events_behind", lag->events), LOG_U64("batches_behind", lag->batches),
             LOG_REAL("seconds_behind", (double)(waited_ns / NS_PER_MS) / 1e3));
}

static void log_problem(const struct sink_lane *lane, bool broken, const char *problem)
{
    const char *name = lane->runner->options.sink->name;
    if (broken)
        log_error("sink needs operator action; retrying every 1 to 30 s", LOG_TEXT("sink", name),
                  LOG_U64("lane", lane->number), LOG_TEXT("problem", problem));
    else
        log_warn("sink is unavailable; the spool keeps its events, retrying",
                 LOG_TEXT("sink", name), LOG_U64("lane", lane->number),
                 LOG_TEXT("problem", problem));
}

/* Reports up or down. Logs a change, not repetitions. The line is written (to the log's ring) under
 * the lock, so that the lines of lanes are in order. */
static void lane_show(struct sink_lane *lane, bool up, bool broken, const char *problem)
{
    struct sink_runner *runner = lane->runner;
    struct sink_lag lag = {0};
    if (up && !lane->up) /* only this thread sets it */
        sink_runner_lag(runner, &lag);
    pthread_mutex_lock(&runner->lock);
    struct sink_news news = sink_news_note(lane, up, problem);
    metric_set(runner->up, news.all_up);
    if (news.back)
        log_back(lane, &news, &lag);
    else if (news.problem)
        log_problem(lane, broken, problem);
    pthread_mutex_unlock(&runner->lock);
}

static uint64_t random_below(uint64_t limit)
{
    uint64_t bits;
    random_bytes(&bits, sizeof bits);
    return bits % limit;
}

/* Decorrelated jitter: from the shortest pause to three times the last one, capped. */
static int64_t next_pause(struct sink_lane *lane, bool broken)
{
    const struct pauses *p = broken ? &pauses_broken : &pauses_later;
    int64_t last = lane->pause_ns > p->first_ns ? lane->pause_ns : p->first_ns;
    int64_t pause = p->first_ns + (int64_t)random_below((uint64_t)(3 * last - p->first_ns));
    lane->pause_ns = pause < p->longest_ns ? pause : p->longest_ns;
    return lane->pause_ns;
}

/* Waits before the next attempt; a stop ends the wait. False: the failed attempt was made while
 * stopping, and there will be no other; the spool keeps the rest. */
static bool lane_pause(struct sink_lane *lane, bool broken)
{
    struct sink_runner *runner = lane->runner;
    if (is_stopping(lane))
        return false;
    int64_t end = clock_monotonic_ns() + next_pause(lane, broken);
    pthread_mutex_lock(&runner->lock);
    for (;;) {
        int64_t left = end - clock_monotonic_ns();
        if (left <= 0 || atomic_load(&runner->stopping))
            break;
        (void)condition_wait(&runner->changed, &runner->lock, condition_end_ns(left));
    }
    pthread_mutex_unlock(&runner->lock);
    return true;
}

/* --- what the feed and the loader say (their hooks) ------------------------------------------- */

static void on_moved(void *arg)
{
    struct sink_runner *runner = sink_lane_cast(arg)->runner;
    uint64_t all = sink_runner_position(runner);
    metric_set(runner->position_gauge, (double)all);
    if (runner->options.advanced)
        runner->options.advanced(runner->options.advanced_arg, all);
}

static enum sink_result on_connected(void *arg, const struct sink_position *there,
                                     struct sink_problem *problem)
{
    struct sink_lane *lane = sink_lane_cast(arg);
    enum status status = sink_lane_resume(lane, there);
    if (status != STATUS_OK) {
        feed_spool_fail(&lane->feed, there->position - 1, status);
        snprintf(problem->text, sizeof problem->text, "%s", lane->feed.feed.problem.text);
        return SINK_BROKEN;
    }
    if (!lane->loader.tried)
        lane_show(lane, true, false, "");
    return SINK_DELIVERED;
}

static void on_tried(void *arg, double seconds)
{
    metric_observe(sink_lane_cast(arg)->runner->deliver_seconds, seconds);
}

static void on_rejected(void *arg, size_t events, const struct sink_rejected *first)
{
    const struct sink_lane *lane = sink_lane_cast(arg);
    metric_add(lane->runner->rejected_total, events);
    log_warn("sink can't store some events: they go to quarantine",
             LOG_TEXT("sink", lane->runner->options.sink->name), LOG_U64("events", events),
             LOG_U64("position", lane->loader.gather.batches[first->batch].position),
             LOG_U64("index", first->index), LOG_TEXT("reason", first->reason));
}

static void on_unmarked(void *arg, const struct sink_rejected *rejected, enum status why)
{
    log_error("sink refuses an event that can't be marked", LOG_STATUS(why),
              LOG_TEXT("sink", sink_lane_cast(arg)->runner->options.sink->name),
              LOG_U64("batch", rejected->batch), LOG_U64("index", rejected->index));
}

static void on_delivered(void *arg)
{
    struct sink_lane *lane = sink_lane_cast(arg);
    const struct sink_load *load = &lane->loader.gather.load;
    metric_add(lane->runner->events_total, load->event_count);
    metric_add(lane->runner->batches_total, load->batch_count);
    lane->lanes_changed = false;
    lane->foreign = 0;
    lane->pause_ns = 0;
    lane_show(lane, true, false, "");
}

static const struct sink_loader_hooks lane_hooks = {.connected = on_connected,
                                                    .tried = on_tried,
                                                    .rejected = on_rejected,
                                                    .unmarked = on_unmarked,
                                                    .delivered = on_delivered};

void sink_lane_init(struct sink_lane *lane, uint64_t position)
{
    const struct sink_runner *runner = lane->runner;
    const struct sink_runner_options *o = &runner->options;
    feed_spool_init(&lane->feed, &(struct feed_spool_options){.spool = runner->spool,
                                                              .sink = o->sink->name,
                                                              .lane = lane->number,
                                                              .lanes = o->lanes,
                                                              .cursor = lane->cursor,
                                                              .position = position,
                                                              .records = o->sink->takes_records,
                                                              .stopping = &runner->stopping,
                                                              .missed = runner->missed_total,
                                                              .moved = on_moved,
                                                              .arg = lane});
    sink_loader_init(&lane->loader,
                     &(struct sink_loader_options){.sink = o->sink,
                                                   .lane = lane->state,
                                                   .feed = &lane->feed.feed,
                                                   .spool_uid = runner->spool_uid,
                                                   .load_events = o->load_events,
                                                   .load_bytes = o->load_bytes,
                                                   .load_interval_ns = o->load_interval_ns,
                                                   .hooks = &lane_hooks,
                                                   .owner = lane});
}

/* --- the thread ------------------------------------------------------------------------------- */

static bool is_overdue(const struct sink_lane *lane)
{
    return is_stopping(lane) && clock_monotonic_ns() > atomic_load(&lane->runner->deadline_ns);
}

/* Work of the first lane for all lanes, at least once per idle wait. */
static void lane_keep_house(struct sink_runner *runner)
{
    spool_cursor_advance(runner->spool, runner->cursor, sink_runner_position(runner));
    sink_runner_refresh(runner);
}

/* False: there will be no other attempt. */
static bool lane_retry(struct sink_lane *lane, enum loader_turn failure)
{
    const struct sink_loader *loader = &lane->loader;
    const struct sink_runner_options *options = &lane->runner->options;
    bool broken = failure == LOADER_UNREADABLE || loader->result != SINK_LATER;
    if (failure == LOADER_FAILED && loader->result == SINK_MISCONFIGURED &&
        !loader->was_connected && options->misconfigured)
        options->misconfigured(options->misconfigured_arg, loader->problem.text);
    metric_add(lane->runner->retries_total, 1);
    lane_show(lane, false, broken, loader->problem.text);
    return lane_pause(lane, broken);
}

void sink_lane_run(void *arg)
{
    thread_assert(THREAD_SINK);
    struct sink_lane *lane = sink_lane_cast(arg);
    while (!is_overdue(lane)) {
        enum loader_turn turn = sink_loader_turn(&lane->loader);
        if (lane->number == 0)
            lane_keep_house(lane->runner);
        if (turn == LOADER_END)
            break;
        if (turn != LOADER_GOES_ON && !lane_retry(lane, turn))
            break;
    }
    feed_spool_close(&lane->feed);
    pthread_mutex_lock(&lane->runner->lock);
    lane->done = true;
    pthread_cond_broadcast(&lane->runner->changed);
    pthread_mutex_unlock(&lane->runner->lock);
}
