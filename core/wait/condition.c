/* condition.c: see condition.h. Any thread. Guards no state: the caller's lock does. */
#include "core/wait/condition.h"

#include <errno.h>
#include <time.h>

#include "core/clock.h"
#include "core/thread.h"

void condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    ensure(pthread_cond_init(condition, &monotonic) == 0);
    pthread_condattr_destroy(&monotonic);
}

int64_t condition_end_ns(int64_t timeout_ns)
{
    int64_t now_ns = clock_kernel_ns();
    if (timeout_ns <= 0)
        return now_ns;
    return timeout_ns < INT64_MAX - now_ns ? now_ns + timeout_ns : INT64_MAX;
}

bool condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t end_ns)
{
    struct timespec end = clock_timespec(end_ns);
    int error = pthread_cond_timedwait(condition, lock, &end);
    ensure(error == 0 || error == ETIMEDOUT);
    return error == 0;
}
