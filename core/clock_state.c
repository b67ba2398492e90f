/* clock_state.c: asks adjtimex. Any thread. Sets no clock. */
#include "core/clock_state.h"

#include <stdatomic.h>
#include <sys/timex.h>

#include "core/clock.h"

typedef int (*adjust_fn)(struct timex *timex);

static _Atomic(adjust_fn) fake;

static const char *const state_names[] = {
    [TIME_OK] = "ok",        [TIME_INS] = "leap_insert", [TIME_DEL] = "leap_delete",
    [TIME_OOP] = "leap_now", [TIME_WAIT] = "leap_over",  [TIME_ERROR] = "error",
};

static const struct {
    int bit;
    const char *name;
} status_names[] = {
    {STA_PLL, "pll"},
    {STA_PPSFREQ, "ppsfreq"},
    {STA_PPSTIME, "ppstime"},
    {STA_FLL, "fll"},
    {STA_INS, "ins"},
    {STA_DEL, "del"},
    {STA_UNSYNC, "unsync"},
    {STA_FREQHOLD, "freqhold"},
    {STA_PPSSIGNAL, "ppssignal"},
    {STA_PPSJITTER, "ppsjitter"},
    {STA_PPSWANDER, "ppswander"},
    {STA_PPSERROR, "ppserror"},
    {STA_CLOCKERR, "clockerr"},
    {STA_NANO, "nano"},
    {STA_MODE, "mode"},
    {STA_CLK, "clk"},
};

void clock_state_fake(adjust_fn adjust)
{
    atomic_store(&fake, adjust);
}

void clock_state_read(struct clock_state *out)
{
    struct timex timex = {.modes = 0}; /* nothing is set */
    adjust_fn other = atomic_load(&fake);
    int state = other ? other(&timex) : adjtimex(&timex);
    *out = (struct clock_state){.known = state >= 0};
    if (state < 0)
        return;
    out->state = state;
    out->status = timex.status;
    out->synchronised = state != TIME_ERROR && !(timex.status & STA_UNSYNC);
    out->offset_ns = (int64_t)timex.offset * (timex.status & STA_NANO ? 1 : NS_PER_US);
    out->max_error_ns = (int64_t)timex.maxerror * NS_PER_US;
    out->estimated_error_ns = (int64_t)timex.esterror * NS_PER_US;
    out->frequency_ppb = (int64_t)timex.freq * 1000 / 65536; /* ppm with 16 bits of fraction */
    out->tai_offset_s = timex.tai;
}

static void write_status(struct writer *w, int status)
{
    const char *comma = "";
    writer_text(w, ",\"status\":[");
    for (size_t i = 0; i < sizeof status_names / sizeof *status_names; i++)
        if (status & status_names[i].bit) {
            writer_format(w, "%s\"%s\"", comma, status_names[i].name);
            comma = ",";
        }
    writer_text(w, "]");
}

void clock_state_write(struct writer *w, const struct clock_state *s)
{
    bool named = s->state >= 0 && (size_t)s->state < sizeof state_names / sizeof *state_names;
    writer_format(w, "\"known\":%s", s->known ? "true" : "false");
    if (!s->known)
        return;
    writer_format(w, ",\"synchronised\":%s,\"state\":\"%s\"", s->synchronised ? "true" : "false",
                  named ? state_names[s->state] : "unknown");
    write_status(w, s->status);
    writer_format(w,
                  ",\"offset_ns\":%lld,\"max_error_ns\":%lld,\"estimated_error_ns\":%lld,"
                  "\"frequency_ppb\":%lld,\"tai_offset_s\":%d",
                  (long long)s->offset_ns, (long long)s->max_error_ns,
                  (long long)s->estimated_error_ns, (long long)s->frequency_ppb, s->tai_offset_s);
}
