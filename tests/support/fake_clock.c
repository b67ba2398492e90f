/* fake_clock.c: put before the C library by LD_PRELOAD, sets the wall clock of one program: the
 * file that FAKE_CLOCK names holds what is added to it, an int64 of ns, and may change at any time.
 * The monotonic clock stays. Waits until a time of day end by the wall clock, as they do when the
 * system's is set. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S          INT64_C(1000000000)
#define SLICE_NS          (NS_PER_S / 20)
#define TIME_OF_DAY_MIN_S 1000000000 /* no machine's monotonic clock is as far: 31 years */

static const _Atomic int64_t *added_ns;

__attribute__((constructor)) static void open_clock(void)
{
    const char *path = getenv("FAKE_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *page = fd >= 0 ? mmap(NULL, sizeof *added_ns, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (page == MAP_FAILED)
        abort();
    close(fd);
    added_ns = page;
}

static int64_t real_ns(clockid_t id)
{
    static int (*_Atomic real)(clockid_t, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    struct timespec now;
    real(id, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t wall_ns(void)
{
    return real_ns(CLOCK_REALTIME) + (added_ns ? *added_ns : 0);
}

static struct timespec spec_of(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    bool wall = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;
    *now = spec_of(wall ? wall_ns() : real_ns(id));
    return 0;
}

int timespec_get(struct timespec *now, int base)
{
    *now = spec_of(wall_ns());
    return base;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    (void)zone;
    int64_t ns = wall_ns();
    *now = (struct timeval){.tv_sec = ns / NS_PER_S, .tv_usec = ns % NS_PER_S / 1000};
    return 0;
}

time_t time(time_t *now)
{
    time_t seconds = wall_ns() / NS_PER_S;
    if (now)
        *now = seconds;
    return seconds;
}

/* The end of a slice of a wait until a time of day, as the kernel counts; *last: it is the end. */
static struct timespec slice_end(const struct timespec *end, bool *last)
{
    int64_t left_ns = end->tv_sec * NS_PER_S + end->tv_nsec - wall_ns();
    *last = left_ns <= SLICE_NS;
    return spec_of(real_ns(CLOCK_REALTIME) + (*last ? left_ns : SLICE_NS));
}

/* A slice that ends early is a wake-up without a cause, which every waiter must stand. */
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict end)
{
    static int (*_Atomic real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    if (!real)
        real = (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))dlsym(
            RTLD_NEXT, "pthread_cond_timedwait");
    if (end->tv_sec < TIME_OF_DAY_MIN_S)
        return real(condition, mutex, end);
    bool last;
    struct timespec soon = slice_end(end, &last);
    int error = real(condition, mutex, &soon);
    return error == ETIMEDOUT && !last ? 0 : error;
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                  const struct timespec *restrict end)
{
    static int (*_Atomic real)(cnd_t *, mtx_t *, const struct timespec *);
    if (!real)
        real =
            (int (*)(cnd_t *, mtx_t *, const struct timespec *))dlsym(RTLD_NEXT, "cnd_timedwait");
    bool last;
    struct timespec soon = slice_end(end, &last);
    int result = real(condition, mutex, &soon);
    return result == thrd_timedout && !last ? thrd_success : result;
}
