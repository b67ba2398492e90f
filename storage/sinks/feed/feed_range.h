/* feed_range.h: the feed of a replay: the batches of a spool directory from one position to
 * another. The directory may be a running server's: nothing in it is changed. Damaged places are
 * skipped and counted. Its position is in memory only: a replay that is run again finds what the
 * store has. Thread: the replay's. */
#ifndef VSOC_STORAGE_FEED_RANGE_H
#define VSOC_STORAGE_FEED_RANGE_H

#include "storage/sinks/feed/feed.h"

struct seal_keys;
struct spool_reader;

struct feed_range_totals {
    uint64_t batches, events; /* events and rejects */
    uint64_t erased;          /* further ones: gone, in batches that were erased or parts of them */
};

struct feed_range {
    struct feed feed;             /* first */
    const char *dir;              /* borrowed */
    const struct seal_keys *keys; /* borrowed; NULL: none */
    uint64_t to;
    bool records;                /* gives records that are no batches, too */
    struct spool_reader *reader; /* NULL: to be opened behind `seen` */
    bool follows;                /* it has passed a record: it knows what lacks before the next */
    uint64_t peeked;             /* position of the record peeked last */
    uint64_t seen;               /* position of the record passed last; before the range */
    uint64_t before;             /* the same before it was given */
    uint32_t last_events;        /* in it */
    uint32_t last_erased;        /* further ones, that are gone */
    uint64_t damaged;            /* skipped places, and places where events are missing */
    struct feed_range_totals given,
        loaded; /* all records given; those of them that are committed */
};

/* Positions from to `to`, both included; records: also those that are no batches. Nothing is opened
 * or read. dir must outlive the feed. The caller may set feed->keys then. */
void feed_range_init(struct feed_range *feed, const char *dir, uint64_t from, uint64_t to,
                     bool records);
void feed_range_close(struct feed_range *feed);

/* Explains why records of the directory can't be read. */
void feed_range_explain(struct problem *problem, const char *dir, enum status why);

#endif
