/* progress.c: progress by window. Runs on the connection's loop. Keeps no timer; conn_timeout.c
 * asks. */
#include "server/net/progress.h"

#include "core/clock.h"

void progress_start(struct progress *progress, int64_t now_ns, uint64_t bytes)
{
    *progress = (struct progress){now_ns, now_ns, now_ns, bytes, bytes};
}

void progress_note(struct progress *progress, int64_t now_ns, uint64_t bytes)
{
    if (bytes == progress->moved_bytes)
        return;
    progress->moved_bytes = bytes;
    progress->moved_ns = now_ns;
}

enum progress_verdict progress_judge(struct progress *progress,
                                     const struct progress_limits *limits, int64_t now_ns)
{
    int64_t window = limits->stall_ns < limits->total_ns ? limits->stall_ns : limits->total_ns;
    int64_t in_window = now_ns - progress->window_ns;
    uint64_t bytes = progress->moved_bytes - progress->window_bytes;
    if (now_ns - progress->moved_ns >= limits->stall_ns)
        return PROGRESS_STALLED;
    if (in_window >= window &&
        (double)bytes < (double)limits->bytes_per_second * (double)in_window / (double)NS_PER_S)
        return PROGRESS_SLOW;
    if (now_ns - progress->started_ns >= limits->total_ns)
        return PROGRESS_LATE;
    if (in_window >= window) {
        progress->window_ns = now_ns;
        progress->window_bytes = progress->moved_bytes;
    }
    return PROGRESS_GOOD;
}
