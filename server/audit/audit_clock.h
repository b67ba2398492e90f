/* audit_clock.h: how good the wall clock is, as the kernel knows from who disciplines it (adjtimex,
 * man 2), and what must be on record of it: each hour, when synchronisation is lost or gained, and
 * when the clock was set. Sets no clock. One owner thread; audit_clock_state: any. */
#ifndef VSOC_SERVER_AUDIT_CLOCK_H
#define VSOC_SERVER_AUDIT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "server/audit/audit_field.h"

struct timex;

struct audit_clock_state {
    bool known;        /* the kernel answered */
    bool synchronised; /* somebody disciplines the clock, and its error is within bounds */
    int64_t offset_ns; /* that is still to be corrected */
    uint64_t max_error_us, estimated_error_us;
    int64_t frequency_ppb;
    int tai_offset_s; /* TAI − UTC; 0: not set */
};

/* Embedded; audit_clock_init fills it. */
struct audit_clock {
    int64_t wall_ns, monotonic_ns; /* at the last look */
    int64_t recorded_ns;           /* monotonic time of the last record of the state */
    struct audit_clock_state state;
};

/* Why the state must be recorded; NULL in `reason`: it need not. */
struct audit_clock_news {
    const char *reason;          /* hourly, synchronisation lost, synchronisation gained */
    int64_t before_ns, after_ns; /* what the clock would have shown, and what it shows; equal: it
                                  * was not set */
};

void audit_clock_init(struct audit_clock *clock);
/* Looks again, about once a second. The clock was set if it has moved against the monotonic one by
 * more than 250 ms and 0.1 % of the time since the last look: more than any slewing does. */
void audit_clock_look(struct audit_clock *clock, struct audit_clock_news *news);

void audit_clock_state(struct audit_clock_state *out);
/* Metrics of the state. */
void audit_clock_publish(const struct audit_clock_state *state);

#define AUDIT_CLOCK_FIELDS 6
#define AUDIT_CLOCK_TEXT   32

/* The state as fields of a record; they point into text. */
void audit_clock_fields(const struct audit_clock_state *state, char text[2][AUDIT_CLOCK_TEXT],
                        struct audit_field fields[AUDIT_CLOCK_FIELDS]);

/* Tests: this is asked instead of adjtimex; NULL: adjtimex again. */
void audit_clock_fake(int (*adjust)(struct timex *timex));

#endif
