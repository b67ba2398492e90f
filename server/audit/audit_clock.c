/* audit_clock.c: the wall clock against the monotonic one, and adjtimex. The owner's thread.
 * Changes no clock. */
#include "server/audit/audit_clock.h"

#include <sys/timex.h>

#include "core/clock.h"

#define STEP_NS (250 * NS_PER_MS)

#define TRIES 8

/* Both as of one moment: without a pause of the thread between the two reads. */
static void read_both(int64_t *wall_ns, int64_t *monotonic_ns)
{
    for (int i = 0; i < TRIES; i++) {
        *monotonic_ns = clock_monotonic_ns();
        *wall_ns = clock_wall_ns();
        if (clock_monotonic_ns() - *monotonic_ns < STEP_NS / 10)
            return;
    }
}

void audit_clock_init(struct audit_clock *clock)
{
    read_both(&clock->wall_ns, &clock->monotonic_ns);
}

bool audit_clock_look(struct audit_clock *clock, struct audit_clock_step *step)
{
    int64_t wall_ns, monotonic_ns;
    read_both(&wall_ns, &monotonic_ns);
    int64_t expected_ns = clock->wall_ns + (monotonic_ns - clock->monotonic_ns);
    int64_t step_ns = wall_ns - expected_ns;
    clock->wall_ns = wall_ns;
    clock->monotonic_ns = monotonic_ns;
    *step = (struct audit_clock_step){expected_ns, wall_ns};
    return step_ns >= STEP_NS || step_ns <= -STEP_NS;
}

struct audit_clock_state audit_clock_state(void)
{
    struct timex timex = {0};
    int state = adjtimex(&timex);
    if (state < 0)
        return (struct audit_clock_state){.text = "unknown"};
    return (struct audit_clock_state){
        .text = state == TIME_ERROR || (timex.status & STA_UNSYNC) ? "not synchronised"
                                                                   : "synchronised",
        .estimated_error_us = timex.esterror > 0 ? (uint64_t)timex.esterror : 0};
}
