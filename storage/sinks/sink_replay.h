/* sink_replay.h: puts a range of a spool directory through a sink again: the sink gets what it
 * lacks and nothing twice. The directory may be a running server's; nothing of it is locked or
 * changed.
 *
 * Memory: one load, and for a sink that has to be read to know what it holds, the ids of at most
 * 1 Mi events at a time (36 MiB); such a sink is read once for each such stretch of the range.
 * Thread: the caller's, for the whole time. */
#ifndef VSOC_STORAGE_SINK_REPLAY_H
#define VSOC_STORAGE_SINK_REPLAY_H

#include "storage/sink.h"
#include "storage/spool/spool.h"

struct sink_replay_counts {
    uint64_t from, to;        /* positions of the first and the last batch of the range */
    uint64_t batches, events; /* of the range; events and quarantined records */
    uint64_t batches_done, events_done;
    uint64_t put;     /* events and quarantined records that were put in, or would be */
    uint64_t damaged; /* places of the spool that had to be passed over */
    uint64_t
        erased;    /* of the range: events and quarantined records that nobody can read any more */
    uint64_t left; /* newest position that was asked for but is the server's own to deliver; 0:
                      none */
};

struct sink_replay_options {
    const struct sink *sink;
    struct sink_config config;    /* spool_uid and replay are filled in */
    const char *dir;              /* with the segments */
    const struct seal_keys *keys; /* for records that are encrypted; NULL: none */
    uint64_t from, to;            /* positions, both included */
    uint32_t load_events;
    uint64_t load_bytes;
    bool dry_run;
    int64_t patience_ns; /* how long the other side may be away */
    /* Called when counts have changed, and when the other side is waited for (problem not NULL). */
    void (*progress)(void *arg, const struct sink_replay_counts *counts, const char *problem);
    void *arg;
};

/* OK: all of the range that could be read is in the sink. NOT_FOUND: the range holds no batch that
 * is the sink's. UNAVAILABLE: the other side was away for too long. REFUSED: it needs a person.
 * CONFIG: wrong settings. VERSION, IO, NO_MEMORY: of the spool. *counts and problem->text say how
 * far it went and why; calling it again goes on. */
enum status sink_replay_run(const struct sink_replay_options *options,
                            struct sink_replay_counts *counts,
                            struct sink_problem *problem) must_check;

#endif
