/* sink.h: THE SINK ABI. PUBLIC, versioned, installed. A sink gets batches in the order of their
 * positions and reports the result; the runner decides when to retry, back off, or continue
 * (storage/sinks/sink_runner.h), in the same way for all sinks.
 *
 * Each lane of a sink has one thread; all calls for one lane come from it. */
#ifndef VSOC_STORAGE_SINK_H
#define VSOC_STORAGE_SINK_H

#include "core/event.h"

#define VSOC_SINK_ABI 5

/* What a record of the spool is. */
enum sink_kind {
    SINK_KIND_BATCH = 1, /* events, as a sender sent them */
    SINK_KIND_AUDIT,
    SINK_KIND_RETIREMENT,
    SINK_KIND_KEY,
    SINK_KIND_CLOCK,
};

/* Leaf of a record that has none: of a spool of an earlier build. */
#define SINK_NO_LEAF UINT64_MAX

/* One batch of a load, or a record of another kind (sink.takes_records): that one has no events,
 * key and digests are of no use, and body is its JSON object. */
struct sink_batch {
    uint64_t position;
    const uint8_t *batch_uid;       /* 16 bytes */
    const uint8_t *key;             /* 32 bytes: unique key of the batch */
    const uint8_t *body_digest;     /* 32 bytes, keyed digest of the body as received; NULL: the
                                       batch was stored before format 2 of the spool */
    const uint8_t *body_commitment; /* 32 bytes, as in the batch's leaf in the evidence tree; NULL
                                       as for body_digest */
    const uint8_t *inflated_digest; /* 32 bytes: batches of the same key and content are the same
                                       batch. Not for storage as it is: of an old batch it may be a
                                       plain hash of the body */
    const uint8_t *chain_hash;      /* 32 bytes */
    int64_t received_ns, ingested_ns;
    uint64_t leaf_index; /* in the evidence tree of its spool; SINK_NO_LEAF: it has none */
    uint64_t body_bytes, inflated_bytes;
    uint32_t kind;     /* enum sink_kind */
    struct slice body; /* JSON object of a record that is no batch; else empty */
    uint32_t accepted, duplicates, quarantined;
    struct slice tenant, sender, transport_identity, content_type, content_encoding, format,
        parser_version, idempotency_key, traceparent;
    const void *cursor; /* the runner's, for sink_load.next */
};

/* An event that the sink can't store and the runner has marked: it goes to the sink's quarantine
 * instead. */
struct sink_rejected {
    size_t batch;   /* index in the load */
    uint32_t index; /* batch_index of the event */
    const char *reason;
};

struct sink_iterator {
    const struct sink_batch *batch;
    void *state[4];
};

enum sink_next {
    SINK_NEXT_ITEM, /* *item is the next event or reject */
    SINK_NEXT_END,  /* the batch has no more */
    SINK_NEXT_LOST, /* the rest can't be read now: discard the load and return SINK_LATER from
                       deliver */
};

/* The unit of delivery. Everything is valid until deliver returns. */
struct sink_load {
    uint32_t struct_size;
    const struct sink_batch *batches; /* ascending positions */
    size_t batch_count;
    uint32_t event_count;                 /* events and rejects of all batches */
    const uint8_t *spool_uid;             /* 16 bytes: positions are valid only together with it */
    const struct sink_rejected *rejected; /* events to divert into quarantine, by batch and index */
    size_t rejected_count;
    /* Walks a batch's items, complete events and rejects: begin, then next until it gives no
     * SINK_NEXT_ITEM. item is valid until the next call. Items that can't be decoded any more come
     * as one reject with code "undecodable", so they are in the sink's quarantine and not silently
     * missing. */
    void (*begin)(const struct sink_load *load, size_t batch, struct sink_iterator *iterator);
    enum sink_next (*next)(struct sink_iterator *iterator, struct event_item *item);
    /* Marks one more event that the sink can't take, before it returns SINK_REJECTED; or one that
     * it has put into its quarantine by itself, before it returns SINK_DELIVERED. The reason is
     * copied.
     */
    void (*reject)(const struct sink_load *load, const struct sink_rejected *event);
};

enum sink_result {
    SINK_DELIVERED, /* the whole load is stored durably */
    SINK_LATER,     /* the store is unavailable or busy: retry the same load after a pause */
    SINK_REJECTED,  /* events can't be stored: problem->rejected is the first, load->reject got the
                       others; nothing of the load was stored */
    SINK_BROKEN,    /* needs an operator (wrong schema, no permission): logged as an error, retried
                       slowly */
    SINK_MISCONFIGURED, /* of connect: the settings require something that is refused. The server
                           exits with status 78 if the lane was never connected, otherwise as
                           SINK_BROKEN */
};

/* Filled by a sink on failure; text for people, copied by the runner. */
struct sink_problem {
    char text[512];
    struct sink_rejected rejected; /* SINK_REJECTED; reason in text */
};

/* What a sink has committed for a lane. */
struct sink_position {
    bool known; /* false: the store has none, or one of another spool */
    uint64_t position;
    uint8_t batch_uid[16]; /* of the batch there; position 0: nothing */
};

/* What to store when the load is in, together with it: the lane has everything of its own up to its
 * last batch, and the uid shows later whether that is still the batch at the position. */
static inline struct sink_position sink_load_end(const struct sink_load *load)
{
    const struct sink_batch *last = &load->batches[load->batch_count - 1];
    struct sink_position end = {.known = true, .position = last->position};
    memcpy(end.batch_uid, last->batch_uid, sizeof end.batch_uid);
    return end;
}

/* The mark of an event, or NULL when it has none. */
static inline const struct sink_rejected *sink_load_find_rejected(const struct sink_load *load,
                                                                  size_t batch, int64_t index)
{
    size_t low = 0, high = load->rejected_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct sink_rejected *r = &load->rejected[middle];
        if (r->batch == batch && r->index == index)
            return r;
        if (r->batch < batch || (r->batch == batch && r->index < index))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* A setting that a plug-in takes: NAME.KEY of sinks.plugin_settings, where NAME is the sink's. */
struct sink_setting_row {
    const char *key;      /* a-z, 0-9 and _ */
    const char *fallback; /* value when it is not set; NULL: it must be set */
    const char *help;     /* one sentence, with the unit */
};

/* Its value in force. */
struct sink_setting {
    const char *key;
    const char *value;
};

/* How the server feeds a sink, and what the sink needs. */
struct sink_limits {
    unsigned lanes;           /* threads, 1 to 16; batch at position p belongs to lane p % lanes */
    uint32_t load_events;     /* a load is complete when it has so many events, */
    uint64_t load_bytes;      /* or so many encoded bytes, */
    int64_t load_interval_ns; /* or when its first batch waits that long */
    uint32_t files; /* open files (descriptors) of the sink at most, 0 to 4096, beside the segment
                       and one connection of each lane: the server keeps them free */
};

struct sink_held; /* ids that are looked for; the server's own */

/* Given to a lane that puts a range of batches through the sink again. Such a lane puts in only
 * what the other side does not have, stores no position, and works under a name of its own, so that
 * a running server's lane is not disturbed; its connect gives the position of that server's lane.
 */
struct sink_replay {
    struct sink_held *held; /* what look_up is to find; deliver leaves out what it found */
    bool dry_run;           /* put nothing in, only count */
    uint64_t put;           /* events and rejects that deliver has put in (or would have) */
};

struct sink_config {
    uint32_t struct_size;
    const char *instance;
    unsigned lane, lanes;
    const uint8_t *spool_uid;
    const void *settings;       /* plug-ins: struct sink_setting[], one for each row of
                                   sink.settings, in their order; built-in sinks: a
                                   struct sink_NAME_settings (storage/sinks/sink_table.h) */
    struct sink_replay *replay; /* NULL: ordinary delivery */
    const char *evidence_dir;   /* folder of this server's signed heads (docs/evidence.md); NULL:
                                   there are none */
};

struct sink {
    uint32_t abi_version; /* VSOC_SINK_ABI */
    uint32_t struct_size; /* sizeof(struct sink) */
    uint32_t event_abi;   /* VSOC_EVENT_ABI */
    uint32_t event_size;  /* sizeof(struct event) */
    const char *name;     /* 1 to 16 of a-z, 0-9 and _; label of metrics, level of VSOC-Ack, name of
                             the spool's cursors: never changed */
    const char *version;  /* semantic version */
    const char *description;
    /* Plug-ins: the settings that the sink takes, ended by a row without key; NULL: none. Built-in
     * sinks have typed rows (storage/sinks/sink_table.h). */
    const struct sink_setting_row *settings;
    /* The settings (those of sink_config) switch the sink on. NULL: it always is. Thread: any. */
    bool (*enabled)(const void *settings);
    /* Changes *limits, which is 1 lane, 10 000 events, 8 MiB, 100 ms and 12 files, to what the
     * settings ask for. NULL: they stay as they are. Thread: any. */
    void (*limits)(const void *settings, struct sink_limits *limits);
    bool awaited; /* senders may wait for it by its name (VSOC-Ack) */
    /* Makes a lane's state. Does not connect. NULL with problem->text set: settings are wrong. */
    void *(*open)(const struct sink_config *config, struct sink_problem *problem);
    /* Connects when needed and reads back what the other side has committed for this lane; *there
     * was zeroed. Blocks for at most 10 s. */
    enum sink_result (*connect)(void *lane, struct sink_position *there,
                                struct sink_problem *problem);
    /* Delivers a load: all or nothing. Blocks until the other side has confirmed. On any result but
     * DELIVERED the lane may need connect again: the runner calls it before the next deliver. */
    enum sink_result (*deliver)(void *lane, const struct sink_load *load,
                                struct sink_problem *problem);
    /* Asked from another thread to end a blocking call soon. May be NULL. */
    void (*interrupt)(void *lane);
    void (*close)(void *lane);
    bool replays; /* knows sink_config.replay */
    /* Replay: marks in replay->held what the other side has of it, all of which was received at
     * oldest_ns or later. Blocks for as long as it gets on. NULL: the other side has unique keys,
     * deliver finds out by itself. */
    enum sink_result (*look_up)(void *lane, int64_t oldest_ns, struct sink_problem *problem);
    /* Gets the bytes of quarantined records, which may name a vehicle: only for what keeps them
     * where each look is recorded. Without: event_reject.raw is empty with data NULL, and batch,
     * raw_offset and raw_size say where they are. */
    bool takes_raw;
    /* Gets the records that are no batches, too: audit log, retirements, key events, states of the
     * clock. Without, the runner leaves them out. */
    bool takes_records;
};

#define VSOC_SINK_PLUGIN_SYMBOL "vsoc_sink_plugin"

#ifdef __cplusplus
extern "C" {
#endif
/* What a plug-in defines: its sink, which lives as long as the plug-in is loaded. Called on the
 * main thread before a lane is open. */
__attribute__((visibility("default"))) const struct sink *vsoc_sink_plugin(void);
#ifdef __cplusplus
}
#endif

#endif
