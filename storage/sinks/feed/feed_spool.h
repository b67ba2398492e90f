/* feed_spool.h: the feed of a sink's lane: those batches of the live spool whose position is the
 * lane's, from its cursor on. Records of other lanes are skipped. Thread: the lane's. */
#ifndef VSOC_STORAGE_FEED_SPOOL_H
#define VSOC_STORAGE_FEED_SPOOL_H

#include <stdatomic.h>

#include "core/metrics/metrics.h"
#include "storage/sinks/feed/feed.h"
#include "storage/spool/spool.h"

struct feed_spool_options {
    struct spool *spool;
    const char *sink;             /* its name, for the log */
    unsigned lane, lanes;         /* record at position p belongs to lane p % lanes */
    spool_cursor_t cursor;        /* the lane's */
    uint64_t position;            /* the lane has everything up to here */
    bool records;                 /* gives records that are no batches, too; else they are passed */
    const _Atomic bool *stopping; /* the feed is asked to stop */
    metric_t missed;              /* counts batches that the lane can't get any more */
    /* Called with arg after each move of the position. */
    void (*moved)(void *arg);
    void *arg;
};

struct feed_spool {
    struct feed feed; /* first */
    struct feed_spool_options options;

    /* The lane has everything up to here. Written by the lane's thread, read by any. */
    _Atomic uint64_t position;
    _Atomic uint64_t events;   /* in all batches up to position */
    _Atomic bool events_known; /* false until a record was read */

    /* The lane thread's own. */
    struct spool_reader *reader; /* NULL: to be opened after `seen` */
    uint64_t seen;               /* position last read or skipped */
    uint64_t seen_events;        /* in all batches up to seen, when events_known */
    uint64_t given;              /* records given since the position moved */
    uint64_t before;             /* seen before the record that was given last, */
    uint64_t before_events;      /* and the events up to it */
};

/* Nothing is opened or read. */
void feed_spool_init(struct feed_spool *feed, const struct feed_spool_options *options);
/* Closes the segment being read; the feed can still be used. */
void feed_spool_close(struct feed_spool *feed);
/* Moves the position, forward or back. Forgets records that were returned and not committed; the
 * next record is the one after the position. The number of events before it is unknown until then.
 */
void feed_spool_move(struct feed_spool *feed, uint64_t position);
/* True when a record of this lane is in (after, to]. Thread: any. */
bool feed_spool_owns_between(const struct feed_spool *feed, uint64_t after, uint64_t to);
/* Fills feed->status and feed->problem: the spool can't be read after this position. */
void feed_spool_fail(struct feed_spool *feed, uint64_t after, enum status why);

#endif
