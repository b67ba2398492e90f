/* progress.h: does something that has to move on move on? Looked at now and then: a total time, the
 * silence since it last moved, and a least rate in each window, so that a fast start buys no time
 * for a slow rest. Pure. Thread: any, one owner. */
#ifndef VSOC_SERVER_PROGRESS_H
#define VSOC_SERVER_PROGRESS_H

#include <stdint.h>

struct progress {
    int64_t started_ns;
    int64_t moved_ns;  /* when moved_bytes last grew */
    int64_t window_ns; /* start of the window that runs */
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
/* What is to be said at now_ns; a window that has ended well gives way to the next. */
enum progress_verdict progress_judge(struct progress *progress,
                                     const struct progress_limits *limits, int64_t now_ns);

#endif
