/* clock.c: the system's clocks, or a test's. Any thread. Keeps no time of its own. */
#include "core/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

typedef int64_t (*clock_fn)(void);

static _Atomic(clock_fn) fake_wall, fake_monotonic;

static int64_t system_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t clock_wall_ns(void)
{
    clock_fn fake = atomic_load_explicit(&fake_wall, memory_order_relaxed);
    return fake ? fake() : system_ns(CLOCK_REALTIME);
}

int64_t clock_monotonic_ns(void)
{
    clock_fn fake = atomic_load_explicit(&fake_monotonic, memory_order_relaxed);
    return fake ? fake() : system_ns(CLOCK_MONOTONIC);
}

int64_t clock_kernel_ns(void)
{
    return system_ns(CLOCK_MONOTONIC);
}

struct timespec clock_timespec(int64_t ns)
{
    ns = ns < 0 ? 0 : ns;
    return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
}

void clock_sleep(int64_t ns)
{
    struct timespec left = clock_timespec(ns);
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

void clock_fake(clock_fn wall_ns, clock_fn monotonic_ns)
{
    atomic_store(&fake_wall, wall_ns);
    atomic_store(&fake_monotonic, monotonic_ns);
}
