/* sink_lane.c: one lane: reads its batches from the spool, gathers loads, delivers until it worked,
 * moves on. Runs on the lane's thread. Knows nothing of what is on the other side.
 *
 * Invariants (tests/models/retire.pml): the cursor moves only behind what the sink has committed; a
 * load whose answer was lost is not delivered again when the sink says it has it. Where it goes on
 * when the sink says where it is: sink_resume.c. */
#define LOG_COMPONENT "sink"
#include "storage/sinks/sink_lane.h"

#include <stdio.h>

#include "core/clock.h"
#include "core/log/log.h"
#include "core/disk/fault.h"
#include "core/wait/condition.h"
#include "storage/sinks/sink_news.h"
#include "storage/sinks/sink_runner_lag.h"

#define IDLE_WAIT_NS NS_PER_S

/* Pauses between attempts: the first one's least, and the cap. */
struct pauses {
    int64_t first_ns, longest_ns;
};
static const struct pauses pauses_later = {100 * NS_PER_MS, 10 * NS_PER_S};
static const struct pauses pauses_broken = {NS_PER_S, 30 * NS_PER_S}; /* a person is needed */

enum gather_mode { GATHER_WAIT, GATHER_NOW };

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
        log_error("sink can't work until this is fixed; it is tried again now and then",
                  LOG_TEXT("sink", name), LOG_U64("lane", lane->number),
                  LOG_TEXT("problem", problem));
    else
        log_warn("sink is not there; the spool keeps what it misses, trying again",
                 LOG_TEXT("sink", name), LOG_U64("lane", lane->number),
                 LOG_TEXT("problem", problem));
}

/* Up or down as people see it. A change is logged; what repeats is not. The line is written (to the
 * log's ring) under the lock: the lines of lanes come in the order of what they say. */
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

/* Waits before the next attempt; a stop ends the wait. False: the attempt that failed was made
 * while stopping, there will be no other; the spool keeps what is left. */
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

void sink_lane_advance(struct sink_lane *lane, uint64_t position, uint64_t events)
{
    struct sink_runner *runner = lane->runner;
    atomic_store(&lane->events, events);
    atomic_store(&lane->position, position);
    spool_cursor_advance(runner->spool, lane->cursor, position);
    fault_point(lane_advanced);
    uint64_t all = sink_runner_position(runner);
    metric_set(runner->position_gauge, (double)all);
    if (runner->options.advanced)
        runner->options.advanced(runner->options.advanced_arg, all);
}

static void lane_close_reader(struct sink_lane *lane)
{
    if (lane->reader)
        spool_reader_close(lane->reader);
    lane->reader = NULL;
}

void sink_lane_reopen(struct sink_lane *lane, uint64_t position)
{
    lane_close_reader(lane);
    lane->seen = position;
    atomic_store(&lane->events_known, false);
    sink_gather_reset(&lane->gather);
    atomic_store(&lane->waiting_since_ns, 0);
    lane->delivery_failed = false;
}

void sink_lane_delivered(struct sink_lane *lane)
{
    struct sink_runner *runner = lane->runner;
    struct sink_load *load = &lane->gather.load;
    metric_add(runner->events_total, load->event_count);
    metric_add(runner->batches_total, load->batch_count);
    sink_gather_reset(&lane->gather);
    atomic_store(&lane->waiting_since_ns, 0);
    lane->delivery_failed = false;
    lane->lanes_changed = false;
    lane->foreign = 0;
    lane->pause_ns = 0;
    lane_show(lane, true, false, "");
    sink_lane_advance(lane, lane->seen,
                      lane->seen_events); /* others' batches behind ours are no gap */
}

static void lane_fail_reading(struct sink_lane *lane, uint64_t after, enum status status)
{
    snprintf(lane->failure.text, sizeof lane->failure.text,
             "the spool can't be read after position %llu: %s; see 'vsocd spool check'",
             (unsigned long long)after, status_text(status));
}

/* What failed stands in lane->failure. */
static bool lane_connect(struct sink_lane *lane, bool *broken)
{
    const struct sink *sink = lane->runner->options.sink;
    struct sink_position there = {0};
    lane->failure.text[0] = '\0';
    enum sink_result result = sink->connect(lane->state, &there, &lane->failure);
    *broken = result != SINK_DELIVERED && result != SINK_LATER;
    const struct sink_runner_options *options = &lane->runner->options;
    if (result == SINK_MISCONFIGURED && !lane->was_connected && options->misconfigured)
        options->misconfigured(options->misconfigured_arg, lane->failure.text);
    if (result != SINK_DELIVERED)
        return false;
    lane->was_connected = true;
    fault_point(lane_connected);
    enum status status = sink_lane_resume(lane, &there);
    lane->connected = status == STATUS_OK;
    if (status != STATUS_OK) {
        *broken = true;
        lane_fail_reading(lane, there.position - 1, status);
        return false;
    }
    if (!lane->delivery_failed)
        lane_show(lane, true, false, "");
    return true;
}

/* Says so when batches are missing: they were taken by retention or set aside as damaged. */
static void lane_note_gap(const struct sink_lane *lane, uint64_t position)
{
    if (position <= lane->seen + 1 || !sink_lane_owns_between(lane, lane->seen, position - 1) ||
        !spool_reader_misses(lane->reader))
        return;
    uint64_t gap = position - 1 - lane->seen, lanes = lane->runner->lane_count;
    metric_add(lane->runner->missed_total, (gap + lanes - 1) / lanes);
    log_warn("batches that the sink has not had are no longer in the spool",
             LOG_TEXT("sink", lane->runner->options.sink->name), LOG_U64("lane", lane->number),
             LOG_U64("first", lane->seen + 1), LOG_U64("last", position - 1));
}

static void lane_saw(struct sink_lane *lane, uint64_t position, uint64_t events_after)
{
    lane->seen = position;
    lane->seen_events = events_after;
}

/* The first record after a start says how many events came before it. */
static void lane_learn_events(struct sink_lane *lane, uint64_t before)
{
    if (atomic_load_explicit(&lane->events_known, memory_order_relaxed))
        return;
    atomic_store(&lane->events, before);
    atomic_store(&lane->events_known, true);
}

/* Takes the next record, this lane's or (to learn how many events came before) another's. */
static enum status lane_read(struct sink_lane *lane, uint64_t position, uint32_t events, bool own)
{
    struct batch_record record;
    enum status status = spool_reader_next(lane->reader, &record);
    if (status == STATUS_CORRUPT) {
        log_error("a batch changed on disk after it was written: it is left out; see 'vsocd spool "
                  "check'",
                  LOG_TEXT("sink", lane->runner->options.sink->name), LOG_U64("position", position),
                  LOG_U64("events", events));
        if (own)
            metric_add(lane->runner->missed_total, 1);
        lane_saw(lane, position, lane->seen_events + events);
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return status;
    bool first = lane->gather.load.batch_count == 0;
    if (own)
        status = sink_gather_add(&lane->gather, &record, events);
    if (status != STATUS_OK)
        return status;
    if (own && first)
        atomic_store(&lane->waiting_since_ns, record.meta.received_ns);
    lane_learn_events(lane, record.meta.events_before);
    lane_saw(lane, position, record.meta.events_before + events);
    return STATUS_OK;
}

static bool lane_is_full(const struct sink_lane *lane, uint32_t more)
{
    const struct sink_runner_options *options = &lane->runner->options;
    const struct sink_load *load = &lane->gather.load;
    if (load->batch_count == 0)
        return false;
    return (uint64_t)load->event_count + more > options->load_events ||
           load->event_count == options->load_events || lane->gather.bytes >= options->load_bytes;
}

/* One record. END: there is none, or no more go into the load. */
static enum status lane_step(struct sink_lane *lane, bool *full)
{
    uint64_t position;
    uint32_t events;
    *full = lane_is_full(lane, 0);
    if (*full)
        return STATUS_END;
    enum status status = spool_reader_peek(lane->reader, &position, &events);
    if (status == STATUS_CORRUPT) {
        log_error("a batch changed on disk after it was written: it is left out; see 'vsocd spool "
                  "check'",
                  LOG_TEXT("sink", lane->runner->options.sink->name),
                  LOG_U64("after_position", lane->seen));
        metric_add(lane->runner->missed_total, 1);
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return status;
    bool own = position % lane->runner->lane_count == lane->number;
    *full = own && lane_is_full(lane, events);
    if (*full)
        return STATUS_END;
    lane_note_gap(lane, position);
    if (own || !atomic_load_explicit(&lane->events_known, memory_order_relaxed))
        return lane_read(lane, position, events, own);
    spool_reader_skip(lane->reader);
    lane_saw(lane, position, lane->seen_events + events);
    return STATUS_OK;
}

/* Nothing to read: waits for more, unless the load has waited long enough. False: go on with what
 * is there. */
static bool lane_await(struct sink_lane *lane, int64_t started_ns)
{
    bool empty = lane->gather.load.batch_count == 0;
    int64_t left = IDLE_WAIT_NS;
    if (!empty)
        left = started_ns + lane->runner->options.load_interval_ns - clock_monotonic_ns();
    if (left <= 0 || is_stopping(lane))
        return false;
    bool more = spool_reader_wait(lane->reader, left);
    return more || !empty;
}

/* Fills the load until it is full, old enough, or (GATHER_NOW) nothing is left to read. */
static bool lane_gather(struct sink_lane *lane, enum gather_mode mode)
{
    int64_t started_ns = clock_monotonic_ns();
    bool stopping = is_stopping(lane); /* before reading: what is durable by then counts */
    enum status status = STATUS_OK;
    if (!lane->reader)
        status = spool_reader_open(lane->runner->spool, lane->seen, &lane->reader);
    while (status == STATUS_OK || status == STATUS_END) {
        bool full, empty = lane->gather.load.batch_count == 0;
        status = lane_step(lane, &full);
        if (empty && lane->gather.load.batch_count > 0)
            started_ns = clock_monotonic_ns();
        if (status != STATUS_END)
            continue;
        if (empty && lane->seen > atomic_load(&lane->position))
            sink_lane_advance(lane, lane->seen, lane->seen_events); /* past others' batches */
        if (full || mode == GATHER_NOW || !lane_await(lane, started_ns))
            break;
    }
    if (status != STATUS_END && status != STATUS_OK) {
        lane_fail_reading(lane, lane->seen, status);
        lane_close_reader(lane); /* opened again where it stopped */
    }
    lane->drained = stopping && status == STATUS_END && lane->gather.load.batch_count == 0;
    return status == STATUS_END || status == STATUS_OK || lane->gather.load.batch_count > 0;
}

/* first: one of them. */
static void lane_note_rejected(const struct sink_lane *lane, size_t events,
                               const struct sink_rejected *first)
{
    metric_add(lane->runner->rejected_total, events);
    log_warn("sink can't take some events: they go to quarantine",
             LOG_TEXT("sink", lane->runner->options.sink->name), LOG_U64("events", events),
             LOG_U64("position", lane->gather.batches[first->batch].position),
             LOG_U64("index", first->index), LOG_TEXT("reason", first->reason));
}

/* Events can't be taken: marked, so that the next delivery diverts them. before: how many were
 * marked when it was delivered. */
static bool lane_reject(struct sink_lane *lane, size_t before)
{
    struct sink_rejected *rejected = &lane->failure.rejected;
    rejected->reason = lane->failure.text;
    enum status status = sink_gather_reject(&lane->gather, rejected);
    size_t events = lane->gather.load.rejected_count - before;
    if (events == 0) {
        log_error("sink refuses an event that can't be marked", LOG_STATUS(status),
                  LOG_TEXT("sink", lane->runner->options.sink->name),
                  LOG_U64("batch", rejected->batch), LOG_U64("index", rejected->index));
        return false;
    }
    lane_note_rejected(lane, events, rejected);
    return true;
}

/* False: failed; what and why stands in *broken and lane->failure. */
static bool lane_deliver(struct sink_lane *lane, bool *broken)
{
    struct sink_runner *runner = lane->runner;
    int64_t start = clock_monotonic_ns();
    size_t marked = lane->gather.load.rejected_count;
    fault_point(lane_gathered);
    lane->failure.text[0] = '\0';
    enum sink_result result =
        runner->options.sink->deliver(lane->state, &lane->gather.load, &lane->failure);
    metric_observe(runner->deliver_seconds, (double)(clock_monotonic_ns() - start) / 1e9);
    if (result == SINK_DELIVERED) {
        fault_point(lane_confirmed);
        if (lane->gather.load.rejected_count > marked)
            lane_note_rejected(lane, lane->gather.load.rejected_count - marked,
                               &lane->gather.rejected[marked]);
        sink_lane_delivered(lane);
        return true;
    }
    lane->connected = false;
    if (result == SINK_REJECTED && lane_reject(lane, marked))
        return true;
    lane->delivery_failed = true;
    *broken = result != SINK_LATER;
    return false;
}

/* One turn: connect, or gather, or deliver. False: failed, see lane->failure. */
static bool lane_turn(struct sink_lane *lane, bool *broken)
{
    *broken = false;
    if (!lane->connected && !lane_connect(lane, broken)) {
        if (lane->gather.load.batch_count == 0 && !lane_gather(lane, GATHER_NOW))
            *broken = true; /* else only to know how much is waiting */
        return false;
    }
    if (lane->gather.load.batch_count == 0 && !lane_gather(lane, GATHER_WAIT)) {
        *broken = true;
        return false;
    }
    return lane->gather.load.batch_count == 0 || lane_deliver(lane, broken);
}

static bool lane_is_finished(const struct sink_lane *lane)
{
    return is_stopping(lane) &&
           (lane->drained || clock_monotonic_ns() > atomic_load(&lane->runner->deadline_ns));
}

/* What the first lane does for all, at least once an idle wait. */
static void lane_keep_house(struct sink_runner *runner)
{
    spool_cursor_advance(runner->spool, runner->cursor, sink_runner_position(runner));
    sink_runner_refresh(runner);
}

void sink_lane_run(void *arg)
{
    thread_assert(THREAD_SINK);
    struct sink_lane *lane = sink_lane_cast(arg);
    bool broken = false;
    while (!lane_is_finished(lane)) {
        bool ok = lane_turn(lane, &broken);
        if (lane->number == 0)
            lane_keep_house(lane->runner);
        if (ok)
            continue;
        metric_add(lane->runner->retries_total, 1);
        lane_show(lane, false, broken, lane->failure.text);
        if (!lane_pause(lane, broken))
            break;
    }
    lane_close_reader(lane);
    pthread_mutex_lock(&lane->runner->lock);
    lane->done = true;
    pthread_cond_broadcast(&lane->runner->changed);
    pthread_mutex_unlock(&lane->runner->lock);
}
