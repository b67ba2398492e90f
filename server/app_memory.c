/* app_memory.c: gives the kernel back what the heap has kept after a rush of requests, or after the
 * last load of a sink that went away: the allocator keeps it for ever otherwise. Main thread. Does
 * not limit anything: admission.c. */
#include "server/app_internal.h"

#include <malloc.h>

#include "core/clock.h"
#include "core/thread.h"

#define RUSH_BYTES ((uint64_t)16 << 20) /* in flight; with less the heap is as it always is */
#define CALM_NS    (5 * NS_PER_S)       /* the next wave would take the pages again */

/* True when fewer sinks are up than at the last look. */
static bool sink_has_gone(struct app *app)
{
    const struct ack_sinks *sinks = &app->shared.sinks;
    size_t before = app->sinks_up;
    char problem[512];
    int64_t since_ns;
    app->sinks_up = 0;
    for (size_t i = 0; i < sinks->count; i++)
        app->sinks_up += sink_runner_up(sinks->runners[i], &since_ns, problem);
    return app->sinks_up < before;
}

/* True once after each rush. A small limits.memory makes half of it a rush. */
static bool rush_is_over(struct app *app)
{
    int64_t now_ns = clock_monotonic_ns();
    uint64_t half = atomic_load(&app->budget.limit) / 2;
    if (atomic_load(&app->budget.used) >= (half < RUSH_BYTES ? half : RUSH_BYTES))
        app->rush_ns = now_ns;
    if (!app->rush_ns || now_ns - app->rush_ns < CALM_NS)
        return false;
    app->rush_ns = 0;
    return true;
}

void app_memory_trim(struct app *app)
{
    thread_assert(THREAD_MAIN);
    bool gone = sink_has_gone(app), over = rush_is_over(app);
    if (gone || over)
        malloc_trim(0);
}
