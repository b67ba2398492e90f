/* audit_clock.h: notices that the wall clock was set, and asks the kernel how good it is. One owner
 * thread. */
#ifndef VSOC_SERVER_AUDIT_CLOCK_H
#define VSOC_SERVER_AUDIT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct audit_clock {
    int64_t wall_ns, monotonic_ns; /* both at the last look; 0: none yet */
};

struct audit_clock_step {
    int64_t before_ns, after_ns; /* what the clock would have shown, and what it shows */
};

struct audit_clock_state {
    const char *text;            /* synchronised, not synchronised, unknown */
    uint64_t estimated_error_us; /* as the kernel says */
};

void audit_clock_init(struct audit_clock *clock);
/* True with *step when the wall clock has moved against the monotonic one since the last look by
 * more than 250 ms: more than any slewing does between two looks. */
bool audit_clock_look(struct audit_clock *clock, struct audit_clock_step *step);
struct audit_clock_state audit_clock_state(void);

#endif
