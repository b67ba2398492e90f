/* spool_options.h: options for opening a spool. Included through spool.h. */
#ifndef VSOC_STORAGE_SPOOL_OPTIONS_H
#define VSOC_STORAGE_SPOOL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch_meta;
struct seal_keys;

#define SPOOL_CURSOR_MAX 64

/* A segment that is about to be removed. */
struct spool_removal {
    uint64_t segment;             /* the name of its file */
    uint64_t first, last;         /* positions of its records; 0: it has none */
    int64_t oldest_ns, newest_ns; /* when they were written */
};
enum spool_removal_verdict {
    SPOOL_REMOVAL_FREE,
    SPOOL_REMOVAL_HELD,    /* it must stay, and so must all after it */
    SPOOL_REMOVAL_UNKNOWN, /* not now: ask again */
};
/* Asked by the writer thread before each removal of a segment, whatever its reason; end follows
 * when begin said FREE and the segment is gone or stays. Neither waits. *holds: how many holds were
 * in force when it said FREE. */
struct spool_guard {
    enum spool_removal_verdict (*begin)(void *arg, const struct spool_removal *removal,
                                        uint64_t *holds);
    void (*end)(void *arg);
    void *arg;
};

/* What a record of a removal refers to. With it, each removal of a segment is a record of its own,
 * durable before the segment goes; without it (a spool that has no tree), removals leave none. */
struct spool_tree {
    /* Size of the newest signed head, 0: none, and its root (32 bytes). Thread: writer; does not
     * wait. */
    uint64_t (*newest_head)(void *arg, uint8_t *root);
    void *arg;
    const char *instance; /* name of the server; outlives the spool */
};

struct spool_options {
    const char *dir; /* created with mode 0750 if it is missing */
    uint64_t
        segment_bytes;  /* size of a new segment file; a larger batch gets a segment of its own */
    uint64_t max_bytes; /* of all segment files: above it batches are refused with NO_SPACE */
    uint64_t reserve_bytes;     /* kept free on the file system for cursors */
    int64_t commit_interval_ns; /* 0: sync as soon as the last sync is done; otherwise wait this
                                   long to gather batches while busy */
    int64_t evidence_ns;        /* evidence.retention: a younger segment stays */
    uint64_t evidence_bytes;    /* evidence.max_bytes: room for passed segments */
    bool evict; /* evidence.when_full: if it is used up, the oldest are removed early, each on
                   record; otherwise batches are refused */
    size_t queue_batches; /* maximum number of batches waiting for the writer: above it BUSY */
    size_t queue_bytes;   /* and maximum body + event bytes of them */
    /* Wrap the data keys of records; NULL: records have no keys and can't be checked by their
     * commitments or erased. Must outlive the spool. */
    const struct seal_keys *keys;
    uint64_t keys_max; /* spool_scan_fn gets at least so many of the newest batches; 0: all */
};

/* Called during spool_open for intact batches, oldest first: rebuilds the window of repeats. Of
 * meta, only these are filled in every case: version, kind, key, of which only the first 8 bytes if
 * it is not a plain one; key_is_plain, position, offset, ingested_ns. */
typedef void (*spool_scan_fn)(void *arg, const struct batch_meta *meta);

#endif
