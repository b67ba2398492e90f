/* app_clock.c: the watch over the wall clock: begun when the spool takes records, looked after once
 * a second. Main thread. */
#include "server/daemon/app_internal.h"

#include "core/clock.h"

#define LOOK_NS NS_PER_S

enum status app_clock_start(struct app *app)
{
    thread_assert(THREAD_MAIN);
    return clock_watch_init(&app->clock, app->shared.spool, app->instance);
}

void app_clock_tick(struct app *app)
{
    int64_t now_ns = clock_monotonic_ns();
    if (app->ending || now_ns - app->clock_looked_ns < LOOK_NS)
        return;
    app->clock_looked_ns = now_ns;
    clock_watch_look(&app->clock);
}

void app_clock_end(struct app *app)
{
    thread_assert(THREAD_MAIN);
    clock_watch_fini(&app->clock);
}
