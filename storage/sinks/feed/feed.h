/* feed.h: the input of a loader: records in order, and a position that moves past the loaded ones.
 * The loader (storage/sinks/sink_loader.h) knows only this interface; struct feed_ops hides the
 * source of the records:
 *
 * feed_spool.h   a lane's share of the live spool, with its cursor
 * feed_range.h   a range of a spool directory, for replay
 *
 * Thread: one at a time, the loader's. */
#ifndef VSOC_STORAGE_FEED_H
#define VSOC_STORAGE_FEED_H

#include "core/log/problem.h"
#include "storage/spool/batch.h"

enum feed_status {
    FEED_ITEM,        /* there is a record */
    FEED_NONE,        /* none yet; feed_wait waits for one */
    FEED_END,         /* none, and none will come */
    FEED_STOPPING,    /* none yet, and the feed was asked to stop */
    FEED_UNDECODABLE, /* a record can't be read any more: the feed has skipped, counted and reported
                         it; continue with the next */
    FEED_FAILED,      /* can't be read now: feed->status and feed->problem; the same record next
                         time */
};

/* Of feed->problem: position, id of the key. */
#define FEED_NO_KEY_TEXT                                                                           \
    "the batch at position %llu is encrypted with key %u, which privacy.keys_file does not have, " \
    "or has with other digits: restore the file that has it"

/* The next record by its header. */
struct feed_item {
    uint64_t position;
    uint32_t events; /* events and rejects in it */
};

struct feed;

struct feed_ops {
    enum feed_status (*peek)(struct feed *feed, struct feed_item *item);
    enum feed_status (*next)(struct feed *feed, struct batch_record *record);
    void (*give_back)(struct feed *feed, enum status why);
    bool (*wait)(struct feed *feed, int64_t timeout_ns);
    enum status (*commit)(struct feed *feed);
};

/* Embedded at the beginning of a feed of some kind. */
struct feed {
    const struct feed_ops *ops;
    enum status status;     /* FEED_FAILED, or a commit that failed: the cause */
    struct problem problem; /* the same for people */
};

/* Looks at the next record, without reading its body and events; a record that is not taken with
 * feed_next is held back and is the next one again. *item is filled with FEED_ITEM only. */
static inline enum feed_status feed_peek(struct feed *feed, struct feed_item *item)
{
    return feed->ops->peek(feed, item);
}

/* Takes the record that feed_peek gave. FEED_ITEM: *record lives until the next call. Else
 * FEED_UNDECODABLE or FEED_FAILED, and *record is undefined. */
static inline enum feed_status feed_next(struct feed *feed, struct batch_record *record)
{
    return feed->ops->next(feed, record);
}

/* The record that feed_next gave last can't be taken: it is the next one again. why goes to
 * feed->status and, with where it was, to feed->problem. */
static inline void feed_give_back(struct feed *feed, enum status why)
{
    feed->ops->give_back(feed, why);
}

/* After FEED_NONE: waits until there may be a record, at most timeout_ns. True: there is one. A
 * feed that was asked to stop does not wait. */
static inline bool feed_wait(struct feed *feed, int64_t timeout_ns)
{
    return feed->ops->wait(feed, timeout_ns);
}

/* All records that feed_next has given are on the other side, durably: moves the position behind
 * them. Anything but OK: it is where it was, feed->problem says why; call it again before the next
 * feed_next. */
static inline enum status feed_commit(struct feed *feed) must_check;
static inline enum status feed_commit(struct feed *feed)
{
    return feed->ops->commit(feed);
}

#endif
