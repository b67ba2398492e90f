/* sink_lane_state.h: the inside of a runner and its lanes, for the files of this room that make up
 * a runner only. Lock order: runner->lock is a leaf. */
#ifndef VSOC_STORAGE_SINK_LANE_STATE_H
#define VSOC_STORAGE_SINK_LANE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/object.h"
#include "core/metrics/metrics.h"
#include "core/thread.h"
#include "storage/sinks/sink_load.h"
#include "storage/sinks/sink_runner_options.h"
#include "storage/spool/spool.h"

#define SINK_LANE_MAGIC 0x4c414e45U

struct sink_lane {
    unsigned magic; /* SINK_LANE_MAGIC */
    struct sink_runner *runner;
    unsigned number;
    void *state; /* the sink's */
    struct thread thread;
    spool_cursor_t cursor;

    /* Up to where the lane has everything. Written by the lane's thread. */
    _Atomic uint64_t position;
    _Atomic uint64_t events;          /* in all batches up to position */
    _Atomic bool events_known;        /* false until a record was read */
    _Atomic int64_t waiting_since_ns; /* received_ns of the oldest batch in the load; 0: none */

    /* The lane thread's own. */
    struct spool_reader *reader; /* NULL: to be opened after `seen` */
    uint64_t seen;               /* position last read or passed over */
    uint64_t seen_events;        /* in all batches up to seen, when events_known */
    struct sink_gather gather;
    bool was_connected; /* once, since the start */
    bool connected;
    bool lanes_changed; /* since the last run: until something was delivered, the position that the
                           sink has for this lane's number belongs to another sharing out */
    uint64_t foreign;   /* position of the sink's that was said not to be of this spool; 0: none */
    uint64_t unknown;   /* position up to which it was said that the sink knows none */
    bool delivery_failed; /* the load in hand failed: only its delivery makes the lane good again */
    bool drained;         /* while stopping: the spool has no more for it */
    int64_t pause_ns;     /* last pause since something was delivered */
    struct sink_problem failure;

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
    int64_t down_since_ns;    /* under lock: since a lane is down; 0: none, or nobody was told */
    int64_t waiting_since_ns; /* under lock: received_ns of the oldest batch that waits for it */
    unsigned lane_count;
    struct sink_lane lanes[];
};

/* True when a batch of this lane is in (after, to]. */
static inline bool sink_lane_owns_between(const struct sink_lane *lane, uint64_t after, uint64_t to)
{
    unsigned lanes = lane->runner->lane_count;
    uint64_t first = after + 1;
    uint64_t own = first + (lane->number + lanes - first % lanes) % lanes;
    return own <= to;
}

#endif
