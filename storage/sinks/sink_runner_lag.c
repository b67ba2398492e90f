/* sink_runner_lag.c: how far the lanes of a sink are. Any thread; atomics only, and the spool's
 * counts. Does not move a lane. */
#include "storage/sinks/sink_runner_lag.h"

#include "core/clock.h"
#include "storage/sinks/sink_lane_state.h"

uint64_t sink_runner_position(const struct sink_runner *runner)
{
    uint64_t all = UINT64_MAX;
    for (unsigned i = 0; i < runner->lane_count; i++) {
        uint64_t position = atomic_load(&runner->lanes[i].feed.position);
        all = position < all ? position : all;
    }
    return all;
}

void sink_runner_lag(struct sink_runner *runner, struct sink_lag *out)
{
    struct spool_stats stats;
    spool_stats(runner->spool, &stats);
    uint64_t slowest = UINT64_MAX;
    int64_t oldest_ns = 0, now = clock_wall_ns();
    *out = (struct sink_lag){0};
    for (unsigned i = 0; i < runner->lane_count; i++) {
        struct sink_lane *lane = &runner->lanes[i];
        uint64_t passed = atomic_load(&lane->feed.events);
        int64_t since = atomic_load(&lane->loader.waiting_since_ns);
        uint64_t position = atomic_load(&lane->feed.position), behind = 0;
        /* Before its first record a lane does not know its events: then each batch counts for one.
         */
        if (atomic_load(&lane->feed.events_known))
            behind = stats.events > passed ? stats.events - passed : 0;
        else
            behind = stats.position > position ? stats.position - position : 0;
        out->events = behind > out->events ? behind : out->events;
        slowest = position < slowest ? position : slowest;
        if (since && (!oldest_ns || since < oldest_ns))
            oldest_ns = since;
    }
    out->batches = stats.position > slowest ? stats.position - slowest : 0;
    out->ns = oldest_ns && oldest_ns < now ? now - oldest_ns : 0;
}

void sink_runner_refresh(struct sink_runner *runner)
{
    struct sink_lag lag;
    sink_runner_lag(runner, &lag);
    metric_set(runner->lag_events, (double)lag.events);
    metric_set(runner->lag_seconds, (double)lag.ns / 1e9);
}
