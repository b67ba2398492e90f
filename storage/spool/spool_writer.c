/* spool_writer.c: the writer thread: group commit of all batches that were queued during the last
 * one: write, fdatasync, publish, verdicts, then cursors and retention. Does not parse its data and
 * does not read it back.
 *
 * Invariants (tests/models/group_commit.pml): an accepted batch gets exactly one verdict, OK only
 * after its sync and never after a failure; at the end of the thread the inbox is closed and empty,
 * in whatever order workers and spool stop. */
#define LOG_COMPONENT "spool"
#include "storage/spool/spool_internal.h"

#include "core/clock.h"
#include "core/log/log.h"
#include "core/disk/fault.h"
#include "storage/spool/spool_frame.h"
#include "storage/spool/spool.h"

#include <errno.h>
#include <unistd.h>

#define TICK_NS      NS_PER_S          /* cursors and retention */
#define FULL_TICK_NS (100 * NS_PER_MS) /* check for room while full */

/* --- verdicts ------------------------------------------------------------------------------- */

/* Returns the batch to its owner, if it still exists. */
static void give_back(struct spool *spool, struct batch *batch, enum status verdict)
{
    size_t bytes = spool_frame_bytes(batch);
    batch->verdict = verdict;
    /* Free the queue slot before the owner sees the verdict. */
    atomic_fetch_sub(&spool->now.queued_bytes, bytes);
    atomic_fetch_sub(&spool->now.queued_batches, 1);
    if (mailbox_put(batch->reply_to, &batch->mail) != STATUS_OK)
        batch_destroy(batch);
    fault_point(spool_verdict_given);
}

static void give_back_pending(struct spool *spool, enum status verdict)
{
    struct mail *mail = spool->writer.pending;
    spool->writer.pending = NULL;
    spool->writer.pending_last = &spool->writer.pending;
    while (mail) {
        struct mail *next = mail->next;
        give_back(spool, batch_from_mail(mail), verdict);
        mail = next;
    }
}

/* Final for the process: after a failed fdatasync the data may or may not be on disk, and a retry
 * proves nothing. */
static void fail(struct spool *spool, enum status status)
{
    if (atomic_exchange(&spool->now.failed, true))
        return;
    log_error("spool write failed: no more batches are accepted; check the disk, then restart",
              LOG_TEXT("dir", spool->dir), LOG_STATUS(status));
    if (spool->on_failure)
        spool->on_failure(spool->on_failure_arg);
}

/* --- writing -------------------------------------------------------------------------------- */

static void drop_written(struct spool *spool, size_t bytes)
{
    int i = 0;
    while (bytes && bytes >= spool->writer.iov[i].iov_len)
        bytes -= spool->writer.iov[i++].iov_len;
    spool->writer.iov_count -= i;
    memmove(spool->writer.iov, spool->writer.iov + i,
            (size_t)spool->writer.iov_count * sizeof *spool->writer.iov);
    if (bytes) {
        spool->writer.iov[0].iov_base = (uint8_t *)spool->writer.iov[0].iov_base + bytes;
        spool->writer.iov[0].iov_len -= bytes;
    }
}

#ifdef VSOCD_FAULTS
/* Bytes of the last record: less than its head and body, more than the zeros at its end. */
#define TORN_BYTES 64

/* Test builds: dies with the end of the last record missing on disk. */
static void fault_torn_write(struct spool *spool)
{
    if (!fault_due(spool_records_torn))
        return;
    size_t rest = spool->writer.iov_bytes - TORN_BYTES, i = 0;
    uint64_t at = spool->writer.write_offset;
    for (; rest; i++) {
        size_t n = spool->writer.iov[i].iov_len < rest ? spool->writer.iov[i].iov_len : rest;
        (void)!pwrite(spool->writer.fd, spool->writer.iov[i].iov_base, n, (off_t)at);
        at += n;
        rest -= n;
    }
    fault_die();
}
#else
#define fault_torn_write(spool) ((void)0)
#endif

/* All of iov to the segment; the first failure of the group stays. */
static void write_out(struct spool *spool)
{
    if (spool->writer.iov_count)
        fault_torn_write(spool);
    while (spool->writer.iov_count && spool->writer.write_status == STATUS_OK) {
        ssize_t n = pwritev(spool->writer.fd, spool->writer.iov, spool->writer.iov_count,
                            (off_t)spool->writer.write_offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            spool->writer.write_status = n < 0 ? status_from_errno(errno) : STATUS_IO;
            break;
        }
        spool->writer.write_offset += (uint64_t)n;
        drop_written(spool, (size_t)n);
    }
    spool->writer.iov_count = 0;
    spool->writer.iov_bytes = 0;
}

static void push_bytes(struct spool *spool, struct slice bytes)
{
    if (!bytes.size)
        return;
    if (spool->writer.iov_count == SPOOL_IOV_MAX)
        write_out(spool);
    spool->writer.iov[spool->writer.iov_count++] =
        (struct iovec){.iov_base = (void *)(uintptr_t)bytes.data, .iov_len = bytes.size};
    spool->writer.iov_bytes += bytes.size;
}

/* Assigns the batch its place after the staged tail. */
static void stage(struct spool *spool, struct batch *batch, int64_t now_ns)
{
    struct batch_meta *meta = &batch->meta;
    struct spool_tail *tail = &spool->writer.staged;
    meta->position = tail->position + 1;
    meta->events_before = tail->events;
    meta->leaf_index = tail->leaves;
    meta->offset = tail->offset;
    meta->ingested_ns = now_ns;
    spool_frame_seal(batch, spool->writer.tag, spool->writer.hash, tail->chain);
    push_bytes(spool, writer_slice(&batch->frame));
    push_bytes(spool, writer_slice(&batch->events));
    push_bytes(spool, spool_frame_events_tag(batch));
    for (size_t i = 0; i < batch->body_count; i++)
        push_bytes(spool, batch->body[i]);
    push_bytes(spool, spool_frame_body_tag(batch));
    push_bytes(spool, spool_frame_padding(batch));
    tail->position++;
    tail->leaves++;
    tail->events += UINT64_C(0) + meta->accepted + meta->quarantined;
    tail->offset += spool_frame_bytes(batch);
    *spool->writer.pending_last = &batch->mail;
    spool->writer.pending_last = &batch->mail.next;
    batch->mail.next = NULL;
}

/* --- commit --------------------------------------------------------------------------------- */

/* Readers see the group from here on. */
static void publish(struct spool *spool, int64_t now_ns)
{
    thread_assert(THREAD_WRITER);
    pthread_mutex_lock(&spool->shared.lock);
    struct spool_segment *last = &spool->shared.segments[spool->shared.segment_count - 1];
    if (!last->oldest)
        last->oldest = batch_from_mail(spool->writer.pending)->meta.position;
    last->newest = spool->writer.staged.position;
    if (!last->oldest_ns)
        last->oldest_ns = now_ns;
    last->newest_ns = now_ns;
    for (const struct mail *mail = spool->writer.pending; mail; mail = mail->next)
        last->records++;
    last->end = spool->writer.staged.offset;
    spool->now.position = spool->writer.staged.position;
    spool->shared.events = spool->writer.staged.events;
    spool->shared.leaves = spool->writer.staged.leaves;
    pthread_cond_broadcast(&spool->shared.grown);
    pthread_mutex_unlock(&spool->shared.lock);
    metric_add(spool->metrics.events_total,
               spool->writer.staged.events - spool->writer.durable.events);
    metric_set(spool->metrics.position_gauge, (double)spool->writer.staged.position);
    spool->writer.durable = spool->writer.staged;
    if (spool->writer.durable.offset > spool->writer.file_bytes / 2)
        spool_keeper_want_spare(spool);
}

/* The disk filled up under a file that could not be preallocated: undoes the group, truncates the
 * segment after its last durable record and seals it. */
static enum status take_back(struct spool *spool)
{
    spool->writer.staged = spool->writer.durable;
    if (ftruncate(spool->writer.fd, (off_t)spool->writer.durable.offset) != 0 ||
        fdatasync(spool->writer.fd) != 0)
        return STATUS_IO;
    spool_seal_active(spool);
    spool_keeper_drop_spare(spool);
    spool_become_full(spool, spool->options.segment_bytes);
    return STATUS_NO_SPACE;
}

static enum status write_and_sync(struct spool *spool)
{
    int64_t start_ns = clock_monotonic_ns();
    write_out(spool);
    fault_point(spool_records_written);
    if (spool->writer.write_status == STATUS_OK && fdatasync(spool->writer.fd) != 0) {
        enum status status = status_from_errno(errno);
        return status == STATUS_NO_SPACE ? STATUS_IO : status; /* an fdatasync never gets better */
    }
    fault_point(spool_records_synced);
    spool->writer.last_sync_end_ns = clock_monotonic_ns();
    metric_observe(spool->metrics.commit_seconds,
                   (double)(spool->writer.last_sync_end_ns - start_ns) / 1e9);
    metric_add(spool->metrics.commits, 1);
    return spool->writer.write_status == STATUS_NO_SPACE ? take_back(spool)
                                                         : spool->writer.write_status;
}

/* Makes the staged batches durable and returns the verdicts. */
static void commit(struct spool *spool, int64_t now_ns)
{
    if (!spool->writer.pending)
        return;
    int64_t outer = spool_disk_begin(spool);
    enum status status = write_and_sync(spool);
    spool_disk_end(spool, outer);
    if (status == STATUS_OK)
        publish(spool, now_ns);
    else if (status != STATUS_NO_SPACE)
        fail(spool, status);
    fault_point(spool_records_published);
    give_back_pending(spool, status == STATUS_OK || status == STATUS_NO_SPACE ? status : STATUS_IO);
    spool->writer.write_status = STATUS_OK;
    fault_point(spool_verdicts_given);
}

/* A position that a cursor has reached is never assigned again. */
static void pass_cursors(struct spool *spool)
{
    for (unsigned i = 0; i < SPOOL_CURSOR_MAX; i++) {
        uint64_t position = atomic_load(&spool->shared.cursors[i].position);
        if (position > spool->writer.staged.position)
            spool->writer.staged.position = position;
    }
}

uint64_t spool_next_position(struct spool *spool)
{
    thread_assert(THREAD_WRITER);
    pass_cursors(spool);
    return spool->writer.staged.position + 1;
}

/* The end of a segment is for records that are no batches: a spool that is full for batches can
 * still say what operators do about it. At most this, and a 64th of the segment. */
#define RECORDS_ROOM 32768

/* A few records. */
#define REMOVALS_ROOM 8192

uint64_t spool_room_for_removals(const struct spool *spool)
{
    uint64_t part = spool->writer.file_bytes / 256;
    return part < REMOVALS_ROOM ? part : REMOVALS_ROOM;
}

static uint64_t kept_for_records(const struct spool *spool, const struct batch *batch)
{
    uint64_t part = spool->writer.file_bytes / 64;
    if (batch->meta.kind == BATCH_KIND_RETIREMENT ||
        spool->writer.staged.offset == SPOOL_SEGMENT_HEADER_BYTES) /* one large batch may fill it */
        return 0;
    if (!batch_is_events(&batch->meta))
        return spool_room_for_removals(spool);
    return (part < RECORDS_ROOM ? part : RECORDS_ROOM) + spool_room_for_removals(spool);
}

static bool fits(const struct spool *spool, const struct batch *batch)
{
    return spool->writer.fd >= 0 && spool->writer.file_bytes - spool->writer.staged.offset >=
                                        spool_frame_bytes(batch) + kept_for_records(spool, batch);
}

/* Why a segment could not be created. BUSY: no descriptor left, so none was started; the next batch
 * retries. */
static bool passes(enum status status)
{
    return status == STATUS_OK || status == STATUS_NO_SPACE || status == STATUS_BUSY;
}

static void take_batch(struct spool *spool, struct batch *batch, int64_t now_ns)
{
    enum status status = STATUS_OK;
    if (!atomic_load(&spool->now.failed) && !fits(spool, batch)) {
        commit(spool, now_ns);
        if (!atomic_load(&spool->now.failed)) {
            status = spool_roll(spool, spool_frame_bytes(batch));
            if (!passes(status))
                fail(spool, status);
        }
    }
    if (atomic_load(&spool->now.failed))
        status = STATUS_IO;
    if (status != STATUS_OK)
        give_back(spool, batch, status);
    else
        stage(spool, batch, now_ns);
}

static void take_group(struct spool *spool, struct mail *mail)
{
    int64_t now_ns = clock_wall_ns();
    fault_point(spool_group_taken);
    pass_cursors(spool);
    spool->writer.write_offset = spool->writer.staged.offset;
    while (mail) {
        struct mail *next = mail->next;
        take_batch(spool, batch_from_mail(mail), now_ns);
        mail = next;
    }
    commit(spool, now_ns);
}

enum status spool_append_own(struct spool *spool, struct batch **batch)
{
    thread_assert(THREAD_WRITER);
    ensure(!spool->writer.pending && spool->writer.iov_count == 0);
    struct batch *own = *batch;
    *batch = NULL;
    enum status status =
        atomic_load(&spool->now.failed) ? STATUS_IO : spool_frame_prepare(own, spool->options.keys);
    if (status == STATUS_OK && !fits(spool, own))
        status = spool_roll_for_removal(spool, spool_frame_bytes(own));
    if (status == STATUS_OK) {
        own->reply_to = &spool->own;
        atomic_fetch_add(&spool->now.queued_batches, 1); /* give_back takes both back */
        atomic_fetch_add(&spool->now.queued_bytes, spool_frame_bytes(own));
        int64_t now_ns = clock_wall_ns();
        pass_cursors(spool);
        spool->writer.write_offset = spool->writer.staged.offset;
        stage(spool, own, now_ns);
        commit(spool, now_ns);
        own = batch_from_mail(mailbox_take(&spool->own));
        status = own->verdict;
    }
    batch_destroy(own);
    return status;
}

/* --- the loop ------------------------------------------------------------------------------- */

/* There is room again if a segment can be created: free bytes alone do not account for quotas. */
static void look_for_room(struct spool *spool)
{
    enum status status = spool_roll(spool, 0);
    if (!passes(status))
        fail(spool, status);
    if (status != STATUS_OK)
        return;
    atomic_store(&spool->now.full, false);
    log_info("spool has room again");
    spool_show(spool);
}

/* Cursors and retention once a second; while full, checks for room more often. */
static void tick(struct spool *spool)
{
    int64_t now_ns = clock_monotonic_ns();
    bool full = atomic_load(&spool->now.full);
    if (now_ns - spool->writer.last_tick_ns < (full ? FULL_TICK_NS : TICK_NS))
        return;
    spool->writer.last_tick_ns = now_ns;
    spool_retire(spool);
    if (full && !atomic_load(&spool->now.failed))
        look_for_room(spool);
}

/* Batches arrived during the last sync, so more are likely: gathers them for one sync. A single
 * batch in an idle spool never waits. */
static struct mail *gather(struct spool *spool, struct mail *mail)
{
    int64_t wait_ns =
        spool->writer.last_sync_end_ns + spool->options.commit_interval_ns - clock_monotonic_ns();
    if (wait_ns <= 0 || mailbox_is_closed(&spool->inbox))
        return mail;
    clock_sleep(wait_ns < spool->options.commit_interval_ns ? wait_ns
                                                            : spool->options.commit_interval_ns);
    struct mail *more = mailbox_take(&spool->inbox), **end = &mail;
    while (*end)
        end = &(*end)->next;
    *end = more;
    return mail;
}

void spool_writer_run(void *arg)
{
    thread_assert(THREAD_WRITER);
    struct spool *spool = spool_cast(arg);
    for (;;) {
        bool closed =
            mailbox_is_closed(&spool->inbox); /* check first: nothing arrives afterwards */
        struct mail *mail = mailbox_take(&spool->inbox);
        if (mail)
            mail = gather(spool, mail);
        else if (!closed)
            mail =
                mailbox_wait(&spool->inbox, atomic_load(&spool->now.full) ? FULL_TICK_NS : TICK_NS);
        if (mail)
            take_group(spool, mail);
        else if (closed)
            break;
        tick(spool);
    }
    spool_retire(spool);
}
