/* clock.c: the system's clocks, or a test's. Any thread. Keeps no time of its own. */
#include "core/clock.h"

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

void clock_fake(clock_fn wall_ns, clock_fn monotonic_ns)
{
    atomic_store(&fake_wall, wall_ns);
    atomic_store(&fake_monotonic, monotonic_ns);
}
