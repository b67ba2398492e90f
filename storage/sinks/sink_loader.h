/* sink_loader.h: the only way from a feed into a sink: gather a load, deliver it, commit it to the
 * feed. Lanes of the server (sink_lane.c) and replays (sink_replay.c) own loaders: they decide how
 * long a failure is retried, and how it is reported.
 *
 * Order: a record is committed to its feed only when the sink has confirmed the load that it was
 * in, or when it can't be decoded and nothing is left to load before it. A load whose commit to the
 * feed failed is not delivered again.
 *
 * Thread: the owner's, one at a time. */
#ifndef VSOC_STORAGE_SINK_LOADER_H
#define VSOC_STORAGE_SINK_LOADER_H

#include <stdatomic.h>

#include "storage/sinks/feed/feed.h"
#include "storage/sinks/sink_load.h"

struct sink_loader;

/* Hooks of the owner. owner: the loader's. connected is required, the others may be NULL. */
struct sink_loader_hooks {
    /* The sink is connected and reports its position. The owner moves the feed if it differs; if
     * the sink has the current load, it calls sink_loader_settle. Any result except DELIVERED, with
     * *problem: the connection attempt has failed. */
    enum sink_result (*connected)(void *owner, const struct sink_position *there,
                                  struct sink_problem *problem);
    /* Before each delivery. Any result except DELIVERED, with *problem: it has failed. */
    enum sink_result (*ready)(void *owner, struct sink_problem *problem);
    /* The duration of a delivery, whatever its result. */
    void (*tried)(void *owner, double seconds);
    /* Some more events of the load are marked; first is one of them. */
    void (*rejected)(void *owner, size_t events, const struct sink_rejected *first);
    /* The sink refuses an event that can't be marked, or that is marked. */
    void (*unmarked)(void *owner, const struct sink_rejected *rejected, enum status why);
    /* loader->gather.load is in the sink, and not yet committed to the feed. */
    void (*delivered)(void *owner);
};

struct sink_loader_options {
    const struct sink *sink;
    void *lane;               /* the sink's state, from its open */
    struct feed *feed;        /* NULL: set before the first sink_loader_turn */
    const uint8_t *spool_uid; /* 16 bytes */
    uint32_t load_events;     /* a load is full when it has this many events, */
    uint64_t load_bytes;      /* or this many encoded bytes, */
    int64_t load_interval_ns; /* or when its first batch waits that long */
    const struct sink_loader_hooks *hooks;
    void *owner;
};

enum loader_turn {
    LOADER_GOES_ON, /* a load is delivered and committed, or there is nothing yet: another turn */
    LOADER_END,     /* the feed has no more and everything is delivered, or it was asked to stop */
    LOADER_UNREADABLE, /* the feed failed: options.feed->status, problem.text */
    LOADER_FAILED,     /* the sink or a commit failed: result, problem.text */
};

struct sink_loader {
    struct sink_loader_options options;
    struct sink_gather gather; /* the current load */
    /* received_ns of the oldest batch in it; 0: none. Read by any thread. */
    _Atomic int64_t waiting_since_ns;
    bool connected, was_connected; /* now; at any time */
    bool tried;       /* the current load failed: only its delivery makes the sink up again */
    bool uncommitted; /* the last load is delivered, but not committed to its feed yet */
    bool ended;       /* the feed had no more when the load was gathered */
    enum sink_result result;     /* of what failed last: never DELIVERED or REJECTED */
    struct sink_problem problem; /* the same for people */
};

/* What options point to must outlive the loader. */
void sink_loader_init(struct sink_loader *loader, const struct sink_loader_options *options);
void sink_loader_fini(struct sink_loader *loader);
/* Commits a load that is delivered but not committed. Otherwise connects if necessary, gathers if
 * there is no load, waiting for a record for at most a second, and delivers. */
enum loader_turn sink_loader_turn(struct sink_loader *loader) must_check;
/* Only the connection, for an owner that needs it before it has a feed. False: as LOADER_FAILED. */
bool sink_loader_connect(struct sink_loader *loader) must_check;
/* The sink has the current load: it is not delivered again but committed. For the connected hook.
 */
void sink_loader_settle(struct sink_loader *loader);
/* Forgets the current load: its records are read again. The owner moves the feed. */
void sink_loader_drop(struct sink_loader *loader);

#endif
