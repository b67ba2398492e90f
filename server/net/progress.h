/* progress.h: judges whether a transfer makes enough progress: a total time, the time since the
 * last byte, and a minimum rate in each window, so that a fast start does not compensate for a slow
 * rest. The owner polls it. Pure. Thread: any, one owner. */
#ifndef VSOC_SERVER_PROGRESS_H
#define VSOC_SERVER_PROGRESS_H

#include <stdint.h>

struct progress {
    int64_t started_ns;
    int64_t moved_ns;  /* when moved_bytes last grew */
    int64_t window_ns; /* start of the current window */
    uint64_t moved_bytes, window_bytes;
};

struct progress_limits {
    int64_t total_ns;          /* from the start */
    int64_t stall_ns;          /* without a byte; also the length of a window */
    uint64_t bytes_per_second; /* in each window; 0: none */
};

enum progress_verdict {
    PROGRESS_GOOD,
    PROGRESS_LATE,    /* total_ns is over */
    PROGRESS_STALLED, /* stall_ns without a byte */
    PROGRESS_SLOW,    /* less than bytes_per_second in the window that has ended */
};

/* Begins at now_ns (monotonic) with `bytes` moved so far. */
void progress_start(struct progress *progress, int64_t now_ns, uint64_t bytes);
/* `bytes` have moved in all. */
void progress_note(struct progress *progress, int64_t now_ns, uint64_t bytes);
/* The verdict at now_ns; starts the next window when one has ended well. */
enum progress_verdict progress_judge(struct progress *progress,
                                     const struct progress_limits *limits, int64_t now_ns);

#endif
