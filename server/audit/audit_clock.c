/* audit_clock.c: the wall clock against the monotonic one, and adjtimex. The owner's thread. Sets
 * no clock. */
#include "server/audit/audit_clock.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/timex.h>

#include "core/clock.h"
#include "core/metrics/metrics.h"

#define LOG_COMPONENT "audit"
#include "core/log/log.h"

#define HOUR_NS (3600 * NS_PER_S)
#define STEP_NS (250 * NS_PER_MS)
/* Twice what a clock is slewed by: 500 ppm. */
#define SLEW_PER_NS 1000
#define TRIES       8

typedef int (*adjust_fn)(struct timex *timex);

static _Atomic(adjust_fn) fake;

void audit_clock_fake(adjust_fn adjust)
{
    atomic_store(&fake, adjust);
}

void audit_clock_state(struct audit_clock_state *out)
{
    struct timex timex = {.modes = 0}; /* nothing is set */
    adjust_fn other = atomic_load(&fake);
    int state = other ? other(&timex) : adjtimex(&timex);
    *out = (struct audit_clock_state){.known = state >= 0};
    if (state < 0)
        return;
    out->synchronised = state != TIME_ERROR && !(timex.status & STA_UNSYNC);
    out->offset_ns = (int64_t)timex.offset * (timex.status & STA_NANO ? 1 : NS_PER_US);
    out->max_error_us = timex.maxerror > 0 ? (uint64_t)timex.maxerror : 0;
    out->estimated_error_us = timex.esterror > 0 ? (uint64_t)timex.esterror : 0;
    out->frequency_ppb = (int64_t)timex.freq * 1000 / 65536; /* ppm with 16 bits of fraction */
    out->tai_offset_s = timex.tai;
}

void audit_clock_publish(const struct audit_clock_state *state)
{
    metric_set(metric_series(METRIC_vsocd_clock_unsynchronised, ""), !state->synchronised);
    metric_set(metric_series(METRIC_vsocd_clock_max_error_seconds, ""),
               (double)state->max_error_us / 1e6);
}

void audit_clock_fields(const struct audit_clock_state *state, char text[2][AUDIT_CLOCK_TEXT],
                        struct audit_field fields[AUDIT_CLOCK_FIELDS])
{
    const char *word = !state->known         ? "unknown"
                       : state->synchronised ? "synchronised"
                                             : "not synchronised";
    text[0][0] = text[1][0] = '\0'; /* an empty field is left out */
    if (state->known) {
        snprintf(text[0], AUDIT_CLOCK_TEXT, "%" PRId64, state->offset_ns);
        snprintf(text[1], AUDIT_CLOCK_TEXT, "%" PRId64, state->frequency_ppb);
    }
    const struct audit_field all[AUDIT_CLOCK_FIELDS] = {
        AUDIT_TEXT(clock_state, word),
        AUDIT_TEXT(clock_offset_ns, text[0]),
        AUDIT_UINT(clock_max_error_us, state->max_error_us),
        AUDIT_UINT(clock_error_us, state->estimated_error_us),
        AUDIT_TEXT(clock_frequency_ppb, text[1]),
        AUDIT_UINT(tai_offset_s, state->tai_offset_s),
    };
    for (size_t i = 0; i < AUDIT_CLOCK_FIELDS; i++)
        fields[i] = all[i];
}

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
    clock->recorded_ns = clock->monotonic_ns;
    audit_clock_state(&clock->state);
    audit_clock_publish(&clock->state);
}

static void look_for_step(struct audit_clock *clock, int64_t wall_ns, int64_t monotonic_ns,
                          struct audit_clock_news *news)
{
    int64_t passed_ns = monotonic_ns - clock->monotonic_ns;
    int64_t expected_ns = clock->wall_ns + passed_ns;
    int64_t step_ns = wall_ns - expected_ns, least_ns = STEP_NS + passed_ns / SLEW_PER_NS;
    if (step_ns < least_ns && step_ns > -least_ns)
        return;
    news->before_ns = expected_ns;
    news->after_ns = wall_ns;
    metric_add(metric_series(METRIC_vsocd_clock_steps_total, ""), 1);
    log_warn("the wall clock was set", LOG_REAL("seconds", (double)step_ns / (double)NS_PER_S));
}

static void look_at_state(struct audit_clock *clock, struct audit_clock_news *news)
{
    bool before = clock->state.synchronised;
    audit_clock_state(&clock->state);
    audit_clock_publish(&clock->state);
    if (clock->state.synchronised == before)
        return;
    if (before)
        log_warn("the wall clock is not synchronised any more: times of events and evidence may be "
                 "wrong");
    else
        log_info("the wall clock is synchronised again");
    news->reason = before ? "synchronisation lost" : "synchronisation gained";
}

void audit_clock_look(struct audit_clock *clock, struct audit_clock_news *news)
{
    int64_t wall_ns, monotonic_ns;
    *news = (struct audit_clock_news){0};
    read_both(&wall_ns, &monotonic_ns);
    look_for_step(clock, wall_ns, monotonic_ns, news);
    look_at_state(clock, news);
    if (!news->reason && monotonic_ns - clock->recorded_ns >= HOUR_NS)
        news->reason = "hourly";
    if (news->reason)
        clock->recorded_ns = monotonic_ns;
    clock->wall_ns = wall_ns;
    clock->monotonic_ns = monotonic_ns;
}
