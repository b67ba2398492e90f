/* sink_loader.c: gathers a load from a feed, lets the sink deliver it, commits it to the feed. Runs
 * on the owner's thread. Knows neither the source of the records nor the store, and does not wait
 * between attempts.
 *
 * Invariants (tests/models/retire.pml): the feed's position moves only past what the sink has
 * committed; a load whose answer was lost is not delivered again if the sink reports that it has
 * it. */
#include "storage/sinks/sink_loader.h"

#include <stdio.h>

#include "core/clock.h"
#include "core/disk/fault.h"
#include "core/thread.h"

#define IDLE_WAIT_NS NS_PER_S

enum gather_mode { GATHER_WAIT, GATHER_NOW };

void sink_loader_init(struct sink_loader *l, const struct sink_loader_options *options)
{
    ensure(options->hooks && options->hooks->connected);
    memset(l, 0, sizeof *l);
    l->options = *options;
    sink_gather_init(&l->gather, options->spool_uid);
    l->gather.takes_raw = options->sink->takes_raw;
}

void sink_loader_fini(struct sink_loader *l)
{
    sink_gather_fini(&l->gather);
}

static bool has_load(const struct sink_loader *l)
{
    return l->gather.load.batch_count > 0;
}

/* result: not DELIVERED. */
static void note_failure(struct sink_loader *l, enum sink_result result)
{
    l->result = result == SINK_REJECTED ? SINK_BROKEN : result;
}

static void tell_feed_problem(struct sink_loader *l)
{
    snprintf(l->problem.text, sizeof l->problem.text, "%s", l->options.feed->problem.text);
}

/* --- commit --------------------------------------------------------------------------------- */

void sink_loader_drop(struct sink_loader *l)
{
    sink_gather_reset(&l->gather);
    atomic_store(&l->waiting_since_ns, 0);
    l->tried = false;
}

/* False: failed. Nothing is gathered before it succeeds, because a commit covers everything that
 * the feed has returned. */
static bool commit(struct sink_loader *l)
{
    if (!l->uncommitted)
        return true;
    l->uncommitted = feed_commit(l->options.feed) != STATUS_OK;
    if (l->uncommitted) {
        tell_feed_problem(l);
        note_failure(l, SINK_LATER);
    }
    return !l->uncommitted;
}

void sink_loader_settle(struct sink_loader *l)
{
    ensure(has_load(l));
    if (l->options.hooks->delivered)
        l->options.hooks->delivered(l->options.owner);
    sink_loader_drop(l);
    l->uncommitted = true;
}

/* --- connect -------------------------------------------------------------------------------- */

bool sink_loader_connect(struct sink_loader *l)
{
    const struct sink_loader_options *o = &l->options;
    struct sink_position there = {0};
    if (l->connected)
        return true;
    l->problem.text[0] = '\0';
    enum sink_result result = o->sink->connect(o->lane, &there, &l->problem);
    if (result == SINK_DELIVERED) {
        l->was_connected = true;
        fault_point(lane_connected);
        result = o->hooks->connected(o->owner, &there, &l->problem);
    }
    l->connected = result == SINK_DELIVERED;
    if (!l->connected)
        note_failure(l, result);
    return l->connected;
}

/* --- gather --------------------------------------------------------------------------------- */

static bool is_full(const struct sink_loader *l, uint32_t more)
{
    const struct sink_load *load = &l->gather.load;
    if (!has_load(l))
        return false;
    return (uint64_t)load->event_count + more > l->options.load_events ||
           load->event_count == l->options.load_events || l->gather.bytes >= l->options.load_bytes;
}

/* Puts the peeked record into the load. */
static enum feed_status take(struct sink_loader *l)
{
    struct batch_record record;
    bool first = !has_load(l);
    enum feed_status next = feed_next(l->options.feed, &record);
    if (next != FEED_ITEM)
        return next;
    enum status status = sink_gather_add(&l->gather, &record, batch_record_items(&record));
    if (status != STATUS_OK) {
        feed_give_back(l->options.feed, status);
        return FEED_FAILED;
    }
    if (first)
        atomic_store(&l->waiting_since_ns, record.meta.received_ns);
    return FEED_ITEM;
}

/* No record yet: waits for one, unless the load has waited long enough. False: continue with the
 * gathered records. */
static bool await(struct sink_loader *l, int64_t started_ns)
{
    int64_t left_ns = IDLE_WAIT_NS;
    if (has_load(l))
        left_ns = started_ns + l->options.load_interval_ns - clock_monotonic_ns();
    if (left_ns <= 0)
        return false;
    return feed_wait(l->options.feed, left_ns) || has_load(l);
}

/* Fills the load until it is full, old enough, or (GATHER_NOW) there is no record. False: nothing
 * can be read. */
static bool gather(struct sink_loader *l, enum gather_mode mode)
{
    int64_t started_ns = clock_monotonic_ns();
    enum feed_status status = FEED_ITEM;
    while (!is_full(l, 0)) {
        struct feed_item item;
        bool empty = !has_load(l);
        status = feed_peek(l->options.feed, &item);
        if (status == FEED_ITEM && is_full(l, item.events))
            break;
        if (status == FEED_ITEM)
            status = take(l);
        if (empty && has_load(l))
            started_ns = clock_monotonic_ns();
        if (status == FEED_ITEM || status == FEED_UNDECODABLE)
            continue;
        if (status != FEED_NONE || mode == GATHER_NOW || !await(l, started_ns))
            break;
    }
    l->ended = !has_load(l) && (status == FEED_END || status == FEED_STOPPING);
    return status != FEED_FAILED || has_load(l);
}

/* --- deliver -------------------------------------------------------------------------------- */

/* The event that the sink names, and those that it has marked: the next delivery diverts them.
 * before: how many were marked when it was delivered. */
static bool mark(struct sink_loader *l, size_t before, enum status *why)
{
    struct sink_rejected *rejected = &l->problem.rejected;
    rejected->reason = l->problem.text;
    *why = sink_gather_reject(&l->gather, rejected);
    size_t events = l->gather.load.rejected_count - before;
    if (events > 0 && l->options.hooks->rejected)
        l->options.hooks->rejected(l->options.owner, events, rejected);
    if (events == 0 && l->options.hooks->unmarked)
        l->options.hooks->unmarked(l->options.owner, rejected, *why);
    return events > 0;
}

static enum sink_result deliver(struct sink_loader *l)
{
    const struct sink_loader_options *o = &l->options;
    l->problem.text[0] = '\0';
    enum sink_result result = SINK_DELIVERED;
    if (o->hooks->ready)
        result = o->hooks->ready(o->owner, &l->problem);
    if (result != SINK_DELIVERED)
        return result;
    int64_t start_ns = clock_monotonic_ns();
    fault_point(lane_gathered);
    result = o->sink->deliver(o->lane, &l->gather.load, &l->problem);
    if (o->hooks->tried)
        o->hooks->tried(o->owner, (double)(clock_monotonic_ns() - start_ns) / 1e9);
    return result;
}

static enum loader_turn deliver_load(struct sink_loader *l)
{
    size_t marked = l->gather.load.rejected_count;
    enum status why = STATUS_OK;
    enum sink_result result = deliver(l);
    if (result == SINK_DELIVERED) {
        fault_point(lane_confirmed);
        if (l->gather.load.rejected_count > marked && l->options.hooks->rejected)
            l->options.hooks->rejected(l->options.owner, l->gather.load.rejected_count - marked,
                                       &l->gather.rejected[marked]);
        sink_loader_settle(l);
        return commit(l) ? LOADER_GOES_ON : LOADER_FAILED;
    }
    l->connected = false;
    if (result == SINK_REJECTED && mark(l, marked, &why))
        return LOADER_GOES_ON;
    l->tried = true;
    note_failure(l, why == STATUS_NO_MEMORY ? SINK_LATER : result);
    return LOADER_FAILED;
}

/* --- turn ----------------------------------------------------------------------------------- */

static enum loader_turn unreadable(struct sink_loader *l)
{
    tell_feed_problem(l);
    return LOADER_UNREADABLE;
}

enum loader_turn sink_loader_turn(struct sink_loader *l)
{
    thread_assert(THREAD_SINK);
    if (!commit(l))
        return LOADER_FAILED;
    if (!sink_loader_connect(l)) {
        /* Only to know the oldest waiting batch. */
        if (has_load(l) || gather(l, GATHER_NOW) || l->result == SINK_MISCONFIGURED)
            return LOADER_FAILED;
        return unreadable(l);
    }
    if (!commit(l)) /* of a load that the sink turned out to have */
        return LOADER_FAILED;
    if (!has_load(l) && !gather(l, GATHER_WAIT))
        return unreadable(l);
    if (has_load(l))
        return deliver_load(l);
    return l->ended ? LOADER_END : LOADER_GOES_ON;
}
