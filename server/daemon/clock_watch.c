/* clock_watch.c: watches the wall clock and records what it sees. Main thread. Sets no clock, and
 * waits for nothing: a record is with the writer until its batch comes back. */
#include "server/daemon/clock_watch.h"

#include "core/clock.h"
#include "core/event/event_json.h"
#include "core/metrics/metrics.h"
#include "core/thread.h"
#include "storage/spool/spool.h"

#define LOG_COMPONENT "clock"
#include "core/log/log.h"

#define HOUR_NS    (3600 * NS_PER_S)
#define RECORD_MAX 4096
/* More than any slewing moves the clock: 500 ppm, and what lies between two readings. */
#define STEP_MIN    (100 * NS_PER_MS)
#define STEP_PER_NS 1000

static const struct {
    enum clock_reason reason;
    const char *name;
} reason_names[] = {
    {CLOCK_STARTED, "started"},         {CLOCK_HOURLY, "hourly"},   {CLOCK_SYNC_LOST, "sync_lost"},
    {CLOCK_SYNC_GAINED, "sync_gained"}, {CLOCK_STEPPED, "stepped"},
};

static void write_record(struct writer *w, const struct clock_watch *watch, int64_t wall_ns)
{
    const char *comma = "";
    writer_text(w, "{\"time\":");
    event_json_write_time(w, wall_ns);
    writer_text(w, ",\"instance\":");
    writer_json_string(w, slice_from_text(watch->instance));
    writer_text(w, ",\"kind\":\"clock_state\",\"reasons\":[");
    for (size_t i = 0; i < sizeof reason_names / sizeof *reason_names; i++)
        if (watch->due & reason_names[i].reason) {
            writer_format(w, "%s\"%s\"", comma, reason_names[i].name);
            comma = ",";
        }
    writer_text(w, "],");
    clock_state_write(w, &watch->last);
    if (watch->due & CLOCK_STEPPED)
        writer_format(w, ",\"step_ns\":%lld", (long long)watch->step_ns);
    writer_text(w, "}");
}

static void collect(struct clock_watch *watch)
{
    for (struct mail *mail = mailbox_take(&watch->replies), *next; mail; mail = next) {
        struct batch *batch = batch_from_mail(mail);
        next = mail->next;
        if (batch->verdict != STATUS_OK) { /* another one says it */
            watch->due |= watch->sent;
            watch->step_ns += watch->sent_step_ns;
        }
        batch_destroy(batch);
        watch->under_way = false;
    }
}

static void record(struct clock_watch *watch, int64_t wall_ns, int64_t monotonic_ns)
{
    struct writer json;
    writer_init(&json, RECORD_MAX);
    write_record(&json, watch, wall_ns);
    struct batch *batch = json.status == STATUS_OK
                              ? batch_of_record(BATCH_KIND_CLOCK, writer_slice(&json), wall_ns)
                              : NULL;
    writer_fini(&json);
    if (!batch)
        return;
    batch->reply_to = &watch->replies;
    if (spool_submit(watch->spool, &batch) != STATUS_OK) {
        batch_destroy(batch);
        return;
    }
    watch->under_way = true;
    watch->sent = watch->due;
    watch->sent_step_ns = watch->step_ns;
    watch->due = 0;
    watch->step_ns = 0;
    watch->recorded_ns = monotonic_ns;
}

static void publish(const struct clock_watch *watch)
{
    metric_set(metric_series(METRIC_vsocd_clock_unsynchronised, ""), !watch->last.synchronised);
    metric_set(metric_series(METRIC_vsocd_clock_max_error_seconds, ""),
               (double)watch->last.max_error_ns / (double)NS_PER_S);
}

/* Both clocks as of one moment, as far as a thread that may be interrupted can. */
static void read_clocks(int64_t *wall_ns, int64_t *monotonic_ns)
{
    for (int tries = 0; tries < 8; tries++) {
        *monotonic_ns = clock_monotonic_ns();
        *wall_ns = clock_wall_ns();
        if (clock_monotonic_ns() - *monotonic_ns < STEP_MIN / 10)
            return;
    }
}

static void look_for_step(struct clock_watch *watch, int64_t wall_ns, int64_t monotonic_ns)
{
    int64_t passed_ns = monotonic_ns - watch->monotonic_ns;
    int64_t step_ns = wall_ns - watch->wall_ns - passed_ns;
    int64_t least_ns = STEP_MIN + passed_ns / STEP_PER_NS;
    if (step_ns < least_ns && step_ns > -least_ns)
        return;
    watch->due |= CLOCK_STEPPED;
    watch->step_ns += step_ns;
    metric_add(metric_series(METRIC_vsocd_clock_steps_total, ""), 1);
    log_warn("the wall clock was set", LOG_REAL("seconds", (double)step_ns / (double)NS_PER_S));
}

static void look_for_sync(struct clock_watch *watch, const struct clock_state *now)
{
    if (now->synchronised == watch->last.synchronised)
        return;
    watch->due |= now->synchronised ? CLOCK_SYNC_GAINED : CLOCK_SYNC_LOST;
    if (now->synchronised)
        log_info("the wall clock is synchronised again");
    else
        log_warn("the wall clock is not synchronised any more: times of events and evidence may be "
                 "wrong");
}

enum status clock_watch_init(struct clock_watch *watch, struct spool *spool, const char *instance)
{
    enum status status = mailbox_init(&watch->replies, false);
    if (status != STATUS_OK)
        return status;
    watch->is_ready = true;
    watch->spool = spool;
    watch->instance = instance;
    watch->due = CLOCK_STARTED;
    clock_state_read(&watch->last);
    if (!watch->last.synchronised)
        log_warn("the wall clock of this machine is not synchronised: times of events and evidence "
                 "may be wrong");
    read_clocks(&watch->wall_ns, &watch->monotonic_ns);
    publish(watch);
    record(watch, watch->wall_ns, watch->monotonic_ns);
    return STATUS_OK;
}

void clock_watch_look(struct clock_watch *watch)
{
    struct clock_state now;
    int64_t wall_ns, monotonic_ns;
    thread_assert(THREAD_MAIN);
    if (!watch->is_ready)
        return;
    collect(watch);
    read_clocks(&wall_ns, &monotonic_ns);
    clock_state_read(&now);
    look_for_step(watch, wall_ns, monotonic_ns);
    look_for_sync(watch, &now);
    if (monotonic_ns - watch->recorded_ns >= HOUR_NS)
        watch->due |= CLOCK_HOURLY;
    watch->last = now;
    watch->wall_ns = wall_ns;
    watch->monotonic_ns = monotonic_ns;
    publish(watch);
    if (watch->due && !watch->under_way)
        record(watch, wall_ns, monotonic_ns);
}

void clock_watch_fini(struct clock_watch *watch)
{
    if (!watch->is_ready)
        return;
    collect(watch);
    ensure(!watch->under_way);
    mailbox_fini(&watch->replies);
    watch->is_ready = false;
}
