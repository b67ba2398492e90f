/* app_memory.c: after a rush of requests, gives the kernel back what they have left in the heap:
 * the allocator keeps it for ever otherwise. Main thread. Does not limit anything: admission.c. */
#include "server/app_internal.h"

#include <malloc.h>

#include "core/clock.h"
#include "core/thread.h"

#define RUSH_BYTES ((uint64_t)16 << 20) /* in flight; with less the heap is as it always is */
#define CALM_NS    (5 * NS_PER_S)       /* the next wave would take the pages again */

void app_memory_trim(struct app *app)
{
    thread_assert(THREAD_MAIN);
    int64_t now_ns = clock_monotonic_ns();
    if (atomic_load(&app->budget.used) >= RUSH_BYTES)
        app->rush_ns = now_ns;
    if (!app->rush_ns || now_ns - app->rush_ns < CALM_NS)
        return;
    app->rush_ns = 0;
    malloc_trim(0);
}
