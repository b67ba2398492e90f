/* spool_retain.c: decides which segments are removed, and stores cursors. Runs on the writer thread
 * (and at close). Creates no segment.
 *
 * Invariants (tests/models/retire.pml): cursors are on disk before a segment that they have passed
 * is unlinked; no cursor on disk is ahead of its sink; a lane finds every record that its sink does
 * not have. What is kept of a segment's keys is on disk before it is unlinked
 * (tests/models/keeper.pml). A segment within evidence.retention is removed only if
 * evidence.when_full is evict, after an entry in the file of evictions is durable. No segment is
 * removed that the guard (legal holds) keeps, nor one after it, nor, in a spool with a tree, one
 * whose removal is not on record (spool_removal.c). */
#define LOG_COMPONENT "spool"
#include "storage/spool/spool_internal.h"

#include "core/clock.h"
#include "core/log/log.h"
#include "core/disk/fault.h"
#include "storage/spool/retire/retirement.h"
#include "storage/spool/spool.h"

#include <errno.h>
#include <unistd.h>

#define RETIRE_AT_ONCE 16 /* each removal is a sync that delays batches */

#define CLOCK_STEP_NS (60 * NS_PER_S) /* more than a clock is slewed between two ticks */
#define CLOCK_WAIT_NS                                                                              \
    (3600 * NS_PER_S) /* time after a step, or a start, before ages are trusted                    \
                       */

/* Copies cursors for the file; *passed: position that all of them have passed. Under lock. */
static void gather_cursors(struct spool *spool, struct spool_cursor_table *table, uint64_t *passed)
{
    *passed = UINT64_MAX;
    table->count = 0;
    for (unsigned i = 0; i < spool->shared.cursor_count; i++) {
        const struct spool_cursor *c = &spool->shared.cursors[i];
        if (!c->name[0])
            continue;
        uint64_t position = atomic_load(&c->position);
        memcpy(table->entries[table->count].name, c->name, SPOOL_CURSOR_NAME_BYTES);
        table->entries[table->count++].position = position;
        if (position < *passed)
            *passed = position;
    }
}

/* Stores changed cursors. False if they could not be made durable. */
static bool store_cursors(struct spool *spool, uint64_t *passed)
{
    bool moved = atomic_exchange(&spool->now.cursors_moved, false);
    struct spool_cursor_table *table = &spool->writer.stored;
    memcpy(table->spool_uid, spool->uid, UUID_BYTES);
    pthread_mutex_lock(&spool->shared.lock);
    gather_cursors(spool, table, passed);
    if (!spool->shared.settled)
        *passed = 0;
    pthread_mutex_unlock(&spool->shared.lock);
    if (!moved)
        return true;
    enum status status = spool_cursor_store(spool->cursor_fd, table);
    if (status == STATUS_OK)
        return true;
    log_warn("cursors could not be stored: no segment is removed", LOG_STATUS(status));
    atomic_store(&spool->now.cursors_moved, true);
    return false;
}

/* Ages are trusted if the wall clock has not been set for a while; a clock that is wrong for less
 * time removes no evidence. */
static bool clock_is_steady(struct spool *spool, int64_t wall_ns)
{
    int64_t now_ns = clock_monotonic_ns();
    int64_t step_ns = (wall_ns - spool->writer.seen_wall_ns) - (now_ns - spool->writer.seen_ns);
    bool first = !spool->writer.seen_ns;
    spool->writer.seen_wall_ns = wall_ns;
    spool->writer.seen_ns = now_ns;
    if (first || step_ns > CLOCK_STEP_NS || step_ns < -CLOCK_STEP_NS) {
        spool->writer.clock_set_ns = now_ns;
        if (!first)
            log_warn("the clock was set; evidence is not removed by age for an hour",
                     LOG_I64("by_s", step_ns / NS_PER_S));
    }
    int64_t wait_ns = spool->options.evidence_ns;
    return now_ns - spool->writer.clock_set_ns >=
           (wait_ns < CLOCK_WAIT_NS ? wait_ns : CLOCK_WAIT_NS);
}

/* Oldest segments that all cursors have passed; never the active one. Under lock. */
static size_t count_passed(const struct spool *spool, uint64_t passed, uint64_t *bytes)
{
    size_t n = 0;
    *bytes = 0;
    for (; n + 1 < spool->shared.segment_count && spool->shared.segments[n].newest <= passed; n++)
        *bytes += spool->shared.segments[n].file_bytes;
    return n;
}

/* The segments that all cursors have passed, and which of them may be removed. */
struct choice {
    size_t passed;  /* segments, from the oldest */
    size_t expired; /* of them, older than the retention */
    size_t evicted; /* after those, segments beyond evidence.max_bytes */
    uint64_t kept_bytes;
};

/* Under lock. */
static struct choice choose(struct spool *spool, uint64_t passed, int64_t now_ns, bool steady)
{
    struct choice c = {0};
    c.passed = count_passed(spool, passed, &c.kept_bytes);
    for (; c.expired < c.passed; c.expired++) {
        const struct spool_segment *s = &spool->shared.segments[c.expired];
        if (!steady || now_ns - s->newest_ns <= spool->options.evidence_ns)
            break;
        c.kept_bytes -= s->file_bytes;
    }
    if (spool->options.evict)
        for (size_t n = c.expired; n < c.passed && c.kept_bytes > spool->options.evidence_bytes;
             n++, c.evicted++)
            c.kept_bytes -= spool->shared.segments[n].file_bytes;
    spool->shared.evidence_bytes = c.kept_bytes;
    return c;
}

bool spool_evidence_allows(struct spool *spool)
{
    spool_assert_writer(spool);
    const struct spool_options *o = &spool->options;
    struct spool_cursor_table table;
    uint64_t passed, bytes = 0;
    if (o->evict || o->evidence_ns == 0)
        return true;
    pthread_mutex_lock(&spool->shared.lock);
    gather_cursors(spool, &table, &passed);
    if (spool->shared.settled)
        (void)count_passed(spool, passed, &bytes);
    spool->shared.evidence_bytes = bytes;
    pthread_mutex_unlock(&spool->shared.lock);
    return bytes <= o->evidence_bytes;
}

/* Warns once, in time, that batches will be refused. */
static void warn_of_evidence(struct spool *spool)
{
    const struct spool_options *o = &spool->options;
    uint64_t kept = spool->shared.evidence_bytes;
    if (o->evict || o->evidence_ns == 0)
        return;
    if (kept / 8 * 10 < o->evidence_bytes / 8 * 7)
        spool->writer.evidence_warned = false;
    if (kept / 8 * 10 < o->evidence_bytes || spool->writer.evidence_warned)
        return;
    spool->writer.evidence_warned = true;
    log_warn("evidence takes over 80 % of evidence.max_bytes: when it reaches the limit, batches "
             "are refused until the oldest is past evidence.retention; make room, or set "
             "evidence.when_full",
             LOG_U64("evidence_bytes", kept), LOG_U64("evidence.max_bytes", o->evidence_bytes));
}

/* Unlinks the first segment; false if that failed. Earlier removals are durable by then: an older
 * segment that came back after a younger one was removed would look like missing records. */
static bool remove_first(struct spool *spool)
{
    char name[SPOOL_NAME_BYTES];
    uint64_t first = spool->shared.segments[0].first_position;
    spool_segment_name(first, name);
    bool kept = spool_keeper_release(spool);
    fault_point(spool_retire_chosen);
    if (fsync(spool->dir_fd) != 0 || (unlinkat(spool->dir_fd, name, 0) != 0 && errno != ENOENT)) {
        log_warn("segment could not be removed", LOG_TEXT("file", name),
                 LOG_STATUS(status_from_errno(errno)));
        return false;
    }
    fault_point(spool_retire_unlinked);
    pthread_mutex_lock(&spool->shared.lock);
    spool->shared.segment_count--;
    memmove(spool->shared.segments, spool->shared.segments + 1,
            spool->shared.segment_count * sizeof *spool->shared.segments);
    pthread_mutex_unlock(&spool->shared.lock);
    if (!kept)
        spool_keeper_forget(spool, first);
    return true;
}

static void tell_eviction(struct spool *spool, const struct retirement *r)
{
    char from[SPOOL_TIME_BYTES], to[SPOOL_TIME_BYTES];
    spool_time_text(r->oldest_ns, from);
    spool_time_text(r->newest_ns, to);
    metric_add(spool->metrics.evicted_batches, r->records);
    log_warn("evidence is removed before its retention is over, as evidence.when_full says",
             LOG_U64("first_position", r->first), LOG_U64("last_position", r->last),
             LOG_U64("batches", r->records), LOG_U64("events", r->events), LOG_TEXT("from", from),
             LOG_TEXT("to", to), LOG_U64("bytes", r->file_bytes),
             LOG_TEXT("cause", retirement_cause_text(r->cause)));
}

/* Puts the removal on record, then removes the segment. False: it stays. */
static bool retire_free(struct spool *spool, enum retirement_cause cause, uint64_t holds)
{
    const struct spool_segment *s = &spool->shared.segments[0];
    struct retirement r;
    if (!spool_removal_describe(spool, &r))
        return false;
    if (!s->oldest && !r.leaves)
        return remove_first(spool); /* nothing was ever in it */
    r.cause = cause;
    r.holds_checked = spool->guard.begin != NULL;
    r.holds = holds;
    if (!spool_removal_record(spool, &r) || !remove_first(spool))
        return false;
    if (cause == RETIREMENT_AGE)
        log_info("evidence is removed: its retention is over", LOG_U64("first_position", r.first),
                 LOG_U64("last_position", r.last), LOG_U64("records", r.records));
    else
        tell_eviction(spool, &r);
    metric_add(spool->metrics.retired_records, r.records);
    return true;
}

/* The guard: no hold keeps the first segment, and none is added before it is gone. */
static bool retire_first(struct spool *spool, enum retirement_cause cause)
{
    const struct spool_segment *s = &spool->shared.segments[0];
    const struct spool_removal removal = {s->first_position, s->oldest, s->newest, s->oldest_ns,
                                          s->newest_ns};
    uint64_t holds = 0;
    if (!spool->guard.begin)
        return retire_free(spool, cause, 0);
    if (spool->guard.begin(spool->guard.arg, &removal, &holds) != SPOOL_REMOVAL_FREE)
        return false;
    bool removed = retire_free(spool, cause, holds);
    spool->guard.end(spool->guard.arg);
    return removed;
}

void spool_keep_cursors(struct spool *spool)
{
    ensure(!spool->thread.started);
    uint64_t passed;
    if (spool->cursor_fd >= 0)
        (void)store_cursors(spool, &passed);
}

static void retire(struct spool *spool)
{
    uint64_t passed;
    if (!store_cursors(spool, &passed))
        return;
    int64_t now_ns = clock_wall_ns();
    bool steady = clock_is_steady(spool, now_ns);
    struct choice c = {0};
    pthread_mutex_lock(&spool->shared.lock);
    if (spool->shared.settled)
        c = choose(spool, passed, now_ns, steady);
    pthread_mutex_unlock(&spool->shared.lock);
    warn_of_evidence(spool);
    unsigned left = RETIRE_AT_ONCE;
    bool going = true;
    for (; c.expired && left && going; c.expired--, left--)
        going = retire_first(spool, RETIREMENT_AGE);
    for (; c.evicted && left && going; c.evicted--, left--)
        going = retire_first(spool, RETIREMENT_MAX_BYTES);
    if (left < RETIRE_AT_ONCE)
        spool_show(spool);
}

void spool_retire(struct spool *spool)
{
    thread_assert(THREAD_WRITER);
    int64_t outer = spool_disk_begin(spool), start_ns = clock_monotonic_ns();
    retire(spool);
    spool_disk_end(spool, outer);
    metric_observe(spool->metrics.upkeep_seconds, (double)(clock_monotonic_ns() - start_ns) / 1e9);
}

void spool_evict_for(struct spool *spool, uint64_t bytes)
{
    spool_assert_writer(spool);
    thread_assert(THREAD_WRITER);
    uint64_t passed, kept;
    if (!spool->options.evict || !store_cursors(spool, &passed))
        return;
    for (;;) {
        pthread_mutex_lock(&spool->shared.lock);
        size_t n = spool->shared.settled ? count_passed(spool, passed, &kept) : 0;
        pthread_mutex_unlock(&spool->shared.lock);
        if (n == 0 || spool_has_room(spool, bytes) || !retire_first(spool, RETIREMENT_ROOM))
            break;
    }
}
