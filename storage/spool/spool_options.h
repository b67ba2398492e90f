/* spool_options.h: what a spool is opened with. Included through spool.h. */
#ifndef VSOC_STORAGE_SPOOL_OPTIONS_H
#define VSOC_STORAGE_SPOOL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch_meta;

#define SPOOL_CURSOR_MAX 64

struct spool_options {
    const char *dir; /* made with mode 0750 when it is not there */
    uint64_t
        segment_bytes;  /* size of a new segment file; a larger batch gets a segment of its own */
    uint64_t max_bytes; /* of all segment files: above it batches are refused with NO_SPACE */
    uint64_t reserve_bytes;     /* kept free on the file system for cursors */
    int64_t commit_interval_ns; /* 0: sync as soon as the last sync is done; else wait that long to
                                   gather while busy */
    int64_t evidence_ns;        /* evidence.retention: a segment younger than that stays */
    uint64_t evidence_bytes;    /* evidence.max_bytes: room for passed segments */
    bool evict;           /* evidence.when_full: when it is used up, the oldest go early, each on
                             record; else batches are refused */
    size_t queue_batches; /* most batches waiting for the writer: above it BUSY */
    size_t queue_bytes;   /* and most body + event bytes of them */
};

/* Called during spool_open for every whole batch record, oldest first: rebuilds the duplicate
 * window. */
typedef void (*spool_scan_fn)(void *arg, const struct batch_meta *meta);

#endif
