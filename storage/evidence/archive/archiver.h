/* archiver.h: the thread that archives sealed segments, and the spool's cursor `archive` that makes
 * retention wait for it. */
#ifndef VSOC_EVIDENCE_ARCHIVER_H
#define VSOC_EVIDENCE_ARCHIVER_H

#include "storage/evidence/archive/archive_target.h"

struct archiver;
struct spool;

struct archiver_options {
    const char *spool_dir;    /* with the segments */
    const char *evidence_dir; /* data_dir/evidence; created if it is missing */
    struct archive_settings target;
    int64_t retain_ns; /* Object Lock: after the newest record of a segment */
};

struct archiver_stats {
    uint64_t position;           /* everything up to it is archived */
    uint64_t segments, bytes;    /* archived since the start */
    uint64_t behind;             /* sealed segments that are not archived */
    bool up;                     /* the last attempt succeeded, or there was none */
    char problem[PROBLEM_BYTES]; /* when not */
};

/* Opens the cursor: call it after spool_open and before spool_cursors_settle. The options' texts
 * outlive it. CONFIG, IO, NO_MEMORY, TOO_MANY; *problem says why. Thread: main. */
enum status archiver_create(struct spool *spool, const struct archiver_options *options,
                            struct archiver **out, struct problem *problem) must_check;
enum status archiver_start(struct archiver *archiver) must_check;
/* Ends the transfer that is under way and joins. Thread: any, once; before spool_close. */
void archiver_stop(struct archiver *archiver);
/* NULL is allowed. Thread: main. */
void archiver_destroy(struct archiver *archiver);
/* Thread: any. */
void archiver_stats(struct archiver *archiver, struct archiver_stats *stats);

#endif
