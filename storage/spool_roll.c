/* spool_roll.c: segments made, sealed and removed, cursors stored. Runs on the writer thread (and
 * at close). Does not write records.
 *
 * Invariants (tests/models/retire.pml): cursors are on disk before a segment that they let go is
 * unlinked; no cursor on disk is ahead of its sink; a lane finds all that its sink lacks. */
#define LOG_COMPONENT "spool"
#include "storage/spool_internal.h"

#include "core/clock.h"
#include "core/log.h"
#include "storage/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define RETIRE_AT_ONCE 16 /* each one is a sync that batches wait for */

#define CLOCK_STEP_NS (60 * NS_PER_S)   /* more than clocks are slewed by between two ticks */
#define CLOCK_WAIT_NS (3600 * NS_PER_S) /* before ages are believed after a step, or a start */

/* The active segment holds no record. It is never left for another: that would have its name. */
static bool active_is_empty(const struct spool *spool)
{
    return spool->fd >= 0 && spool->durable.offset == SPOOL_SEGMENT_HEADER_BYTES;
}

void spool_seal_active(struct spool *spool)
{
    if (spool->fd < 0)
        return;
    if (ftruncate(spool->fd, (off_t)spool->durable.offset) == 0) {
        pthread_mutex_lock(&spool->lock);
        struct spool_segment *last = &spool->segments[spool->segment_count - 1];
        last->file_bytes = spool->durable.offset;
        pthread_mutex_unlock(&spool->lock);
    } else {
        log_warn("unused room of a segment could not be given back",
                 LOG_STATUS(status_from_errno(errno)));
    }
    spool->file_bytes = spool->durable.offset;
    fault_point(spool_segment_sealed);
    if (active_is_empty(spool))
        return;
    close(spool->fd);
    spool->fd = -1;
}

static enum status make_segment(struct spool *spool, uint64_t bytes,
                                struct spool_segment_header *header, int *fd)
{
    *header = (struct spool_segment_header){
        .first_position = spool->staged.position + 1,
        .events_before = spool->staged.events,
        .created_ns = clock_wall_ns(),
        .file_bytes = bytes,
    };
    memcpy(header->spool_uid, spool->uid, UUID_BYTES);
    memcpy(header->chain_before, spool->staged.chain, SHA256_BYTES);
    random_bytes(&header->tag, sizeof header->tag);
    enum status status = spool_segment_begin(spool->dir_fd, header, fd);
    if (status != STATUS_OK)
        return status;
    status = spool_segment_publish(spool->dir_fd, header, *fd);
    if (status != STATUS_OK)
        spool_segment_abandon(spool->dir_fd, header, *fd);
    return status;
}

/* The size of a new segment that has room for a record. */
static uint64_t segment_bytes(const struct spool *spool, uint32_t record_bytes)
{
    uint64_t need = UINT64_C(0) + SPOOL_SEGMENT_HEADER_BYTES + record_bytes;
    return need > spool->options.segment_bytes ? need : spool->options.segment_bytes;
}

static enum status roll_to(struct spool *spool, uint64_t bytes)
{
    struct spool_segment_header header;
    int fd;
    enum status status = make_segment(spool, bytes, &header, &fd);
    if (status != STATUS_OK)
        return status;
    spool_seal_active(spool);
    struct spool_segment segment = {
        .first_position = header.first_position,
        .tag = header.tag,
        .file_bytes = bytes,
        .end = SPOOL_SEGMENT_HEADER_BYTES,
        .newest_ns = header.created_ns,
    };
    pthread_mutex_lock(&spool->lock);
    status = spool_segment_append(spool, &segment);
    pthread_mutex_unlock(&spool->lock);
    if (status != STATUS_OK) {
        close(fd);
        return status;
    }
    spool->fd = fd;
    spool->tag = header.tag;
    spool->file_bytes = bytes;
    spool->durable.offset = spool->staged.offset = SPOOL_SEGMENT_HEADER_BYTES;
    spool->write_offset = SPOOL_SEGMENT_HEADER_BYTES;
    return STATUS_OK;
}

/* Makes the empty active segment large enough. */
static enum status grow_to(struct spool *spool, uint64_t bytes)
{
    enum status status = spool_segment_allocate(spool->fd, bytes);
    if (status != STATUS_OK)
        return status;
    pthread_mutex_lock(&spool->lock);
    spool->segments[spool->segment_count - 1].file_bytes = bytes;
    pthread_mutex_unlock(&spool->lock);
    spool->file_bytes = bytes;
    spool->write_offset = spool->durable.offset; /* not behind what was taken back */
    return STATUS_OK;
}

static enum status make_room(struct spool *spool, uint64_t bytes)
{
    bool empty = active_is_empty(spool);
    uint64_t more = empty ? bytes - SPOOL_SEGMENT_HEADER_BYTES : bytes;
    if (!spool_has_room(spool, more))
        spool_retire(spool);
    if (!spool_has_room(spool, more))
        return STATUS_NO_SPACE;
    return empty ? grow_to(spool, bytes) : roll_to(spool, bytes);
}

enum status spool_roll(struct spool *spool, uint32_t record_bytes)
{
    thread_assert(THREAD_WRITER);
    ensure(!spool->pending && spool->iov_count == 0);
    uint64_t bytes = segment_bytes(spool, record_bytes);
    enum status status = make_room(spool, bytes);
    bool ordinary = bytes <= spool->options.segment_bytes;
    if (status == STATUS_NO_SPACE && ordinary && !atomic_exchange(&spool->full, true))
        spool_log_full(spool);
    spool_show(spool);
    return status;
}

/* --- retention ------------------------------------------------------------------------------ */

/* Copies cursors for the file; *passed: position that all of them have passed. Under lock. */
static void gather_cursors(struct spool *spool, struct spool_cursor_table *table, uint64_t *passed)
{
    *passed = UINT64_MAX;
    table->count = 0;
    for (unsigned i = 0; i < spool->cursor_count; i++) {
        const struct spool_cursor *c = &spool->cursors[i];
        if (!c->name[0])
            continue;
        uint64_t position = atomic_load(&c->position);
        memcpy(table->entries[table->count].name, c->name, SPOOL_CURSOR_NAME_BYTES);
        table->entries[table->count++].position = position;
        if (position < *passed)
            *passed = position;
    }
}

/* Stores cursors that moved. False when they could not be made durable. */
static bool store_cursors(struct spool *spool, uint64_t *passed)
{
    bool moved = atomic_exchange(&spool->cursors_moved, false);
    struct spool_cursor_table *table = &spool->stored;
    memcpy(table->spool_uid, spool->uid, UUID_BYTES);
    pthread_mutex_lock(&spool->lock);
    gather_cursors(spool, table, passed);
    if (!spool->settled)
        *passed = 0;
    pthread_mutex_unlock(&spool->lock);
    if (!moved)
        return true;
    enum status status = spool_cursor_store(spool->cursor_fd, table);
    if (status == STATUS_OK)
        return true;
    log_warn("cursors could not be stored: no segment is removed", LOG_STATUS(status));
    atomic_store(&spool->cursors_moved, true);
    return false;
}

/* Ages are believed when the wall clock has not been set for a while; a clock that is wrong for
 * less costs no evidence. */
static bool clock_is_steady(struct spool *spool, int64_t wall_ns)
{
    int64_t now_ns = clock_monotonic_ns();
    int64_t step_ns = (wall_ns - spool->seen_wall_ns) - (now_ns - spool->seen_ns);
    bool first = !spool->seen_ns;
    spool->seen_wall_ns = wall_ns;
    spool->seen_ns = now_ns;
    if (first || step_ns > CLOCK_STEP_NS || step_ns < -CLOCK_STEP_NS) {
        spool->clock_set_ns = now_ns;
        if (!first)
            log_warn("the clock was set; evidence is not removed for its age for an hour",
                     LOG_I64("by_s", step_ns / NS_PER_S));
    }
    int64_t wait_ns = spool->options.evidence_ns;
    return now_ns - spool->clock_set_ns >= (wait_ns < CLOCK_WAIT_NS ? wait_ns : CLOCK_WAIT_NS);
}

/* Segments at the head that all cursors have passed; never the active one. Under lock. */
static size_t count_passed(const struct spool *spool, uint64_t passed, uint64_t *bytes)
{
    size_t n = 0;
    *bytes = 0;
    for (; n + 1 < spool->segment_count && spool->segments[n].newest <= passed; n++)
        *bytes += spool->segments[n].file_bytes;
    return n;
}

/* How many of them may go. The others are counted as evidence. Under lock. */
static size_t count_expired(struct spool *spool, uint64_t passed, int64_t now_ns, bool steady)
{
    uint64_t kept_bytes;
    size_t n = 0, passed_count = count_passed(spool, passed, &kept_bytes);
    for (; n < passed_count; n++) {
        const struct spool_segment *s = &spool->segments[n];
        bool old = steady && now_ns - s->newest_ns > spool->options.evidence_ns;
        if (!old && kept_bytes <= spool->options.evidence_bytes)
            break;
        kept_bytes -= s->file_bytes;
    }
    spool->evidence_bytes = kept_bytes;
    return n;
}

/* Unlinks the first segment; false when that failed. What went before it is gone on disk by then: a
 * younger segment gone and an older one back would look like missing records. */
static bool remove_first(struct spool *spool)
{
    char name[SPOOL_NAME_BYTES];
    spool_segment_name(spool->segments[0].first_position, name);
    fault_point(spool_retire_chosen);
    if (fsync(spool->dir_fd) != 0 || (unlinkat(spool->dir_fd, name, 0) != 0 && errno != ENOENT)) {
        log_warn("segment could not be removed", LOG_TEXT("file", name),
                 LOG_STATUS(status_from_errno(errno)));
        return false;
    }
    fault_point(spool_retire_unlinked);
    pthread_mutex_lock(&spool->lock);
    spool->segment_count--;
    memmove(spool->segments, spool->segments + 1, spool->segment_count * sizeof *spool->segments);
    pthread_mutex_unlock(&spool->lock);
    return true;
}

void spool_keep_cursors(struct spool *spool)
{
    ensure(!spool->thread.started);
    uint64_t passed;
    if (spool->cursor_fd >= 0)
        (void)store_cursors(spool, &passed);
}

void spool_retire(struct spool *spool)
{
    thread_assert(THREAD_WRITER);
    uint64_t passed;
    if (!store_cursors(spool, &passed))
        return;
    int64_t now_ns = clock_wall_ns();
    bool steady = clock_is_steady(spool, now_ns);
    pthread_mutex_lock(&spool->lock);
    size_t n = spool->settled ? count_expired(spool, passed, now_ns, steady) : 0;
    pthread_mutex_unlock(&spool->lock);
    if (!n)
        return;
    n = n < RETIRE_AT_ONCE ? n : RETIRE_AT_ONCE;
    while (n > 0 && remove_first(spool))
        n--;
    spool_show(spool);
}
