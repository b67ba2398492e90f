/* log_out.c: the ring of log lines and the log thread that empties it. The ring's lock is a leaf,
 * held only to copy a line. Does not format, rotate or choose what is logged. */
#include "core/log/log_out.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/metrics/metrics.h"
#include "core/thread.h"
#include "core/wait/condition.h"

/* How often the log thread checks its state while the reader is stalled. */
#define LOOK_MS 50

enum log_out_state {
    DIRECT,  /* no log thread yet: the caller writes */
    RUNNING, /* into the ring */
    STOPPED, /* the caller writes what does not block */
    DEAF,    /* the log thread hangs in a write: lines are lost */
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied; /* monotonic clock */
    uint8_t *ring;
    size_t head, used; /* first byte; bytes in the ring, including those being written */
    uint64_t lost;     /* lines since the last notice */
    bool ending, ended;
    int64_t deadline_ns; /* of ending */
    log_out_notice notice;
    metric_t lost_lines;
    struct thread thread;
} out = {.lock = PTHREAD_MUTEX_INITIALIZER};
static _Atomic int out_fd = 2, out_state = DIRECT;

void log_out_set_fd(int fd)
{
    atomic_store(&out_fd, fd);
}

static bool is_writable(int fd, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int n = poll(&p, 1, wait_ms);
    return n > 0 && p.revents != 0; /* an error is found by the write */
}

/* One piece that does not block after is_writable(): a pipe that polls writable has room for
 * PIPE_BUF bytes (POSIX write(2), Linux pipe(7)); a socket is asked not to wait. */
static ssize_t write_piece(int fd, struct slice piece)
{
    if (piece.size > PIPE_BUF)
        piece.size = PIPE_BUF;
    ssize_t n = send(fd, piece.data, piece.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n < 0 && errno == ENOTSOCK ? write(fd, piece.data, piece.size) : n;
}

static bool is_passing(int error)
{
    return error == EINTR || error == EAGAIN || error == EWOULDBLOCK;
}

/* Writes on the caller's thread. wait_ms < 0: forever. */
static void put_direct(struct slice line, int wait_ms)
{
    int fd = atomic_load(&out_fd);
    while (line.size && is_writable(fd, wait_ms)) {
        ssize_t n = write_piece(fd, line);
        if (n < 0 && !is_passing(errno))
            return; /* nowhere left to report it */
        if (n > 0)
            line = slice_sub(line, (size_t)n, line.size);
    }
}

/* Under the lock, with room for it. */
static void ring_add(struct slice line)
{
    for (size_t i = 0, at = (out.head + out.used) % LOG_OUT_RING_BYTES; i < line.size;) {
        size_t run = LOG_OUT_RING_BYTES - at;
        if (run > line.size - i)
            run = line.size - i;
        memcpy(out.ring + at, line.data + i, run);
        i += run;
        at = (at + run) % LOG_OUT_RING_BYTES;
    }
    out.used += line.size;
}

/* Under the lock: reports lost lines at the place where they are missing. */
static void ring_add_notice(void)
{
    char text[LOG_OUT_NOTICE_BYTES];
    size_t size = out.notice(out.lost, text);
    out.lost = 0;
    ring_add(slice_make((const uint8_t *)text, size));
}

static void ring_put(struct slice line)
{
    size_t reserved = out.lost ? LOG_OUT_NOTICE_BYTES : 0;
    if (out.used + reserved + line.size > LOG_OUT_RING_BYTES) {
        out.lost++;
        metric_add(out.lost_lines, 1);
        return;
    }
    if (out.used == 0)
        pthread_cond_signal(&out.filled);
    if (out.lost)
        ring_add_notice();
    ring_add(line);
}

void log_out_put(struct slice line)
{
    int state = atomic_load_explicit(&out_state, memory_order_acquire);
    if (state == RUNNING) {
        pthread_mutex_lock(&out.lock);
        state = atomic_load(&out_state);
        if (state == RUNNING)
            ring_put(line);
        pthread_mutex_unlock(&out.lock);
    }
    if (state == DIRECT || state == STOPPED)
        put_direct(line, state == DIRECT ? -1 : 0);
}

/* Under the lock. False: ended, with nothing left to write. */
static bool wait_for_lines(void)
{
    if (out.used == 0 && out.lost)
        ring_add_notice();
    while (out.used == 0 && !out.ending)
        pthread_cond_wait(&out.filled, &out.lock);
    return out.used > 0;
}

/* Removes from the ring what was written, or what can't be written. */
static void ring_drop(size_t size)
{
    pthread_mutex_lock(&out.lock);
    out.head = (out.head + size) % LOG_OUT_RING_BYTES;
    out.used -= size;
    if (out.used == 0)
        pthread_cond_broadcast(&out.emptied);
    pthread_mutex_unlock(&out.lock);
}

static void count_lines_lost(struct slice run)
{
    for (size_t i = 0; i < run.size; i++)
        if (run.data[i] == '\n')
            metric_add(out.lost_lines, 1);
}

/* The bytes of `run` stay in the ring, untouched by others, until ring_drop(). */
static void write_run(struct slice run)
{
    int fd = atomic_load(&out_fd);
    if (!is_writable(fd, LOOK_MS))
        return;
    ssize_t n = write_piece(fd, run);
    if (n > 0) {
        ring_drop((size_t)n);
    } else if (n < 0 && !is_passing(errno)) {
        count_lines_lost(run);
        ring_drop(run.size);
    }
}

static void log_thread(void *arg)
{
    (void)arg;
    thread_assert(THREAD_LOG);
    pthread_mutex_lock(&out.lock);
    while (wait_for_lines() && !(out.ending && clock_kernel_ns() >= out.deadline_ns)) {
        size_t run = LOG_OUT_RING_BYTES - out.head;
        struct slice bytes = slice_make(out.ring + out.head, out.used < run ? out.used : run);
        pthread_mutex_unlock(&out.lock);
        write_run(bytes);
        pthread_mutex_lock(&out.lock);
    }
    out.ended = true;
    pthread_cond_broadcast(&out.emptied);
    pthread_mutex_unlock(&out.lock);
}

size_t log_out_queued(void)
{
    pthread_mutex_lock(&out.lock);
    size_t queued = out.used;
    pthread_mutex_unlock(&out.lock);
    return queued;
}

/* A forked child has no log thread and may have inherited a held lock: it writes by itself. */
static void after_fork_in_child(void)
{
    atomic_store(&out_state, DIRECT);
}

static void prepare(void)
{
    condition_init(&out.filled);
    condition_init(&out.emptied);
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

enum status log_out_start(log_out_notice notice)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int state = atomic_load(&out_state);
    ensure(state == DIRECT || state == STOPPED);
    pthread_once(&once, prepare);
    if (!out.ring)
        out.ring = malloc(LOG_OUT_RING_BYTES);
    if (!out.ring)
        return STATUS_NO_MEMORY;
    out.notice = notice;
    out.ending = out.ended = false;
    out.head = out.used = 0;
    out.lost = 0;
    out.lost_lines = metric_series(METRIC_vsocd_log_lines_lost_total, "");
    enum status s = thread_start(&out.thread, THREAD_LOG, "log", log_thread, NULL);
    if (s == STATUS_OK)
        atomic_store_explicit(&out_state, RUNNING, memory_order_release);
    return s;
}

/* Under the lock. Waits until the ring is empty, or the log thread has ended when that is asked
 * for. */
static void wait_until(int64_t deadline_ns, bool for_end)
{
    while (!out.ended && (for_end || out.used > 0))
        if (!condition_wait(&out.emptied, &out.lock, deadline_ns))
            return;
}

void log_out_flush(int64_t wait_ns)
{
    if (atomic_load(&out_state) != RUNNING)
        return;
    pthread_mutex_lock(&out.lock);
    wait_until(clock_kernel_ns() + wait_ns, false);
    pthread_mutex_unlock(&out.lock);
}

void log_out_stop(int64_t wait_ns)
{
    if (atomic_load(&out_state) != RUNNING)
        return;
    pthread_mutex_lock(&out.lock);
    out.ending = true;
    out.deadline_ns = clock_kernel_ns() + wait_ns;
    pthread_cond_signal(&out.filled);
    wait_until(out.deadline_ns + 4 * LOOK_MS * NS_PER_MS, true);
    bool ended = out.ended;
    atomic_store(&out_state, ended ? STOPPED : DEAF);
    pthread_mutex_unlock(&out.lock);
    if (!ended)
        return; /* the descriptor itself hangs: leak the thread and its ring */
    thread_join(&out.thread);
    free(out.ring);
    out.ring = NULL;
}
