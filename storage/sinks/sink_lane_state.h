/* sink_lane_state.h: the inside of a runner and its lanes, for the files of this room that make up
 * a runner only. Lock order: runner->lock is a leaf. */
#ifndef VSOC_STORAGE_SINK_LANE_STATE_H
#define VSOC_STORAGE_SINK_LANE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/object.h"
#include "core/metrics/metrics.h"
#include "core/thread.h"
#include "storage/sinks/feed/feed_spool.h"
#include "storage/sinks/sink_loader.h"
#include "storage/sinks/sink_runner_options.h"

#define SINK_LANE_MAGIC 0x4c414e45U

struct sink_lane {
    unsigned magic; /* SINK_LANE_MAGIC */
    struct sink_runner *runner;
    unsigned number;
    void *state; /* the sink's */
    struct thread thread;
    spool_cursor_t cursor;

    struct feed_spool feed; /* the lane's place in the spool; any thread reads its position */
    struct sink_loader loader;

    /* The lane thread's own. */
    bool lanes_changed; /* since the last run: until something was delivered, the position that the
                           sink has for this lane's number belongs to another sharing out */
    uint64_t foreign; /* the sink's position that was reported as foreign to this spool; 0: none */
    uint64_t unknown; /* position for which it was reported that the sink has none */
    int64_t pause_ns; /* last pause since something was delivered */

    /* Under runner->lock. */
    bool up, done;
    int64_t since_ns;
    char problem[512]; /* its last of this outage; sink_news.c */
    char logged[512];  /* the last that was logged of it in this outage */
};

OBJECT_CAST(sink_lane, SINK_LANE_MAGIC)

struct sink_runner {
    struct sink_runner_options options;
    struct spool *spool;
    uint8_t spool_uid[UUID_BYTES];
    spool_cursor_t cursor; /* up to where all lanes have everything: where a changed number of lanes
                              starts */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* monotonic clock: stopping was set, or a lane is done */
    _Atomic bool stopping;
    _Atomic int64_t deadline_ns; /* when stopping */
    metric_t position_gauge, lag_events, lag_seconds, up, events_total, batches_total,
        retries_total, rejected_total, missed_total, deliver_seconds;
    int64_t down_since_ns;    /* under lock: since when a lane is down; 0: none, or not reported */
    int64_t waiting_since_ns; /* under lock: received_ns of the oldest batch that waits for it */
    unsigned lane_count;
    struct sink_lane lanes[];
};

#endif
