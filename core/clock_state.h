/* clock_state.h: how good the wall clock is, as the kernel knows from who disciplines it (adjtimex,
 * man 2). Thread: any. */
#ifndef VSOC_CORE_CLOCK_STATE_H
#define VSOC_CORE_CLOCK_STATE_H

#include "core/writer.h"

struct timex;

struct clock_state {
    bool known;        /* the kernel answered */
    bool synchronised; /* somebody disciplines the clock, and the error is within bounds */
    int state;         /* TIME_OK …: leap seconds that come or were */
    int status;        /* STA_… bits */
    int64_t offset_ns; /* that is still to be corrected */
    int64_t max_error_ns, estimated_error_ns;
    int64_t frequency_ppb;
    int tai_offset_s; /* TAI − UTC; 0: not set */
};

void clock_state_read(struct clock_state *out);
/* Appends members of a JSON object, without braces. */
void clock_state_write(struct writer *w, const struct clock_state *state);
/* Tests: this is asked instead of adjtimex; NULL: adjtimex again. */
void clock_state_fake(int (*adjust)(struct timex *timex));

#endif
