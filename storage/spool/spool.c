/* spool.c: opens, closes and describes the spool, and queues batches for its writer. Any thread,
 * see spool.h. Does not write records (spool_writer.c) or read them (spool_reader.c). */
#define LOG_COMPONENT "spool"
#include "storage/spool/spool.h"

#include "core/log/log.h"
#include "core/wait/condition.h"
#include "core/disk/folder.h"
#include "storage/spool/spool_frame.h"
#include "storage/spool/spool_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define LOCK_FILE "lock"

static enum status open_dir(struct spool *spool, struct problem *problem)
{
    const char *dir = spool->options.dir;
    int n = snprintf(spool->dir, sizeof spool->dir, "%s", dir);
    if (n < 0 || (size_t)n >= sizeof spool->dir) {
        problem_say(problem, "the spool's path is too long");
        return STATUS_REFUSED;
    }
    enum status status = folder_make(dir);
    if (status != STATUS_OK) {
        problem_say(problem, "%.180s: can't be created: %s", dir, strerror(errno));
        return status;
    }
    spool->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (spool->dir_fd < 0) {
        int err = errno;
        problem_say(problem, "%.180s: can't be opened: %s", dir, strerror(err));
        return err == ENOTDIR ? STATUS_REFUSED : status_from_errno(err);
    }
    return STATUS_OK;
}

static enum status lock_dir(struct spool *spool, struct problem *problem)
{
    spool->lock_fd =
        openat(spool->dir_fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (spool->lock_fd < 0) {
        int err = errno;
        problem_say(problem, "%.180s/" LOCK_FILE ": %s", spool->dir, strerror(err));
        return status_from_errno(err);
    }
    if (flock(spool->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        problem_say(problem,
                    "%.180s: another vsocd uses this spool: stop it, or choose another data_dir",
                    spool->dir);
        return STATUS_LOCKED;
    }
    return STATUS_OK;
}

static void load_cursors(struct spool *spool)
{
    for (uint32_t i = 0; i < spool->writer.stored.count; i++) {
        struct spool_cursor *cursor = &spool->shared.cursors[spool->shared.cursor_count++];
        memcpy(cursor->name, spool->writer.stored.entries[i].name, SPOOL_CURSOR_NAME_BYTES);
        atomic_store(&cursor->position, spool->writer.stored.entries[i].position);
    }
}

static void make_metrics(struct spool *spool)
{
    spool->metrics.commit_seconds = metric_series(METRIC_vsocd_spool_commit_seconds, "");
    spool->metrics.roll_seconds = metric_series(METRIC_vsocd_spool_roll_seconds, "");
    spool->metrics.upkeep_seconds = metric_series(METRIC_vsocd_spool_upkeep_seconds, "");
    spool->metrics.commits = metric_series(METRIC_vsocd_spool_commits_total, "");
    spool->metrics.events_total = metric_series(METRIC_vsocd_spool_events_total, "");
    spool->metrics.bytes_gauge = metric_series(METRIC_vsocd_spool_bytes, "");
    spool->metrics.segments_gauge = metric_series(METRIC_vsocd_spool_segments, "");
    spool->metrics.position_gauge = metric_series(METRIC_vsocd_spool_position, "");
    spool->metrics.full_gauge = metric_series(METRIC_vsocd_spool_full, "");
    spool->metrics.evicted_batches = metric_series(METRIC_vsocd_evidence_evicted_batches_total, "");
    spool->metrics.retired_records = metric_series(METRIC_vsocd_evidence_retired_records_total, "");
    metric_set(metric_series(METRIC_vsocd_spool_max_bytes, ""), (double)spool->options.max_bytes);
    metric_add(metric_series(METRIC_vsocd_spool_corrupt_segments_total, ""),
               spool->shared.corrupt_segments);
}

/* Position of the newest record, 0: none. */
static uint64_t newest_record(const struct spool *spool)
{
    for (size_t i = spool->shared.segment_count; i > 0; i--)
        if (spool->shared.segments[i - 1].newest)
            return spool->shared.segments[i - 1].newest;
    return 0;
}

static enum status open_evictions(struct spool *spool, struct problem *problem)
{
    enum status status =
        spool_eviction_open(spool->dir_fd, &spool->eviction_fd, &spool->writer.evicted_to);
    if (status != STATUS_OK)
        problem_say(problem,
                    "%.150s/" SPOOL_EVICTION_FILE
                    ": can't be opened: free some space and check its owner (%s)",
                    spool->dir, status_text(status));
    return status;
}

static enum status open_all(struct spool *spool, spool_scan_fn scan, void *scan_arg,
                            struct problem *problem)
{
    enum status status = open_dir(spool, problem);
    if (status == STATUS_OK)
        status = lock_dir(spool, problem);
    if (status == STATUS_OK)
        status = spool_recover(spool, scan, scan_arg, problem);
    if (status == STATUS_OK && spool->options.evict)
        status = open_evictions(spool, problem);
    if (status != STATUS_OK)
        return status;
    load_cursors(spool);
    spool->now.position = newest_record(spool);
    spool->shared.events = spool->writer.durable.events;
    spool->shared.leaves = spool->writer.durable.leaves;
    spool->writer.staged = spool->writer.durable;
    spool->recovered = true;
    return STATUS_OK;
}

static struct spool *spool_create(const struct spool_options *options)
{
    struct spool *spool = calloc(1, sizeof *spool);
    if (!spool)
        return NULL;
    spool->options = *options;
    spool->magic = SPOOL_MAGIC;
    spool->dir_fd = spool->lock_fd = spool->cursor_fd = spool->writer.fd = spool->eviction_fd = -1;
    spool->writer.pending_last = &spool->writer.pending;
    spool->writer.hash = sha256_create();
    if (!spool->writer.hash || mailbox_init(&spool->inbox, false) != STATUS_OK ||
        mailbox_init(&spool->recalls, false) != STATUS_OK ||
        mailbox_init(&spool->own, false) != STATUS_OK) {
        sha256_destroy(spool->writer.hash);
        free(spool);
        return NULL;
    }
    spool_keeper_init(&spool->keeper);
    pthread_mutex_init(&spool->shared.lock, NULL);
    condition_init(&spool->shared.grown);
    return spool;
}

enum status spool_open(const struct spool_options *options, spool_scan_fn scan, void *scan_arg,
                       struct spool **out, struct problem *problem)
{
    problem->text[0] = '\0';
    struct spool *spool = spool_create(options);
    if (!spool) {
        problem_say(problem, "out of memory");
        return STATUS_NO_MEMORY;
    }
    enum status status = open_all(spool, scan, scan_arg, problem);
    if (status != STATUS_OK) {
        spool_close(spool);
        return status;
    }
    spool->options.dir = spool->dir;
    make_metrics(spool);
    spool_show(spool);
    log_info("spool opened", LOG_TEXT("dir", spool->dir),
             LOG_U64("segments", spool->shared.segment_count),
             LOG_U64("position", spool->now.position), LOG_U64("events", spool->shared.events),
             LOG_U64("corrupt_segments", spool->shared.corrupt_segments));
    spool_warn_of_room(spool);
    *out = spool;
    return STATUS_OK;
}

enum status spool_start(struct spool *spool)
{
    ensure(!atomic_load(&spool->now.started));
    enum status status = spool_keeper_start(spool);
    if (status == STATUS_OK)
        status = thread_start(&spool->recall_thread, THREAD_RECALL, "vsoc-recall", spool_recall_run,
                              spool);
    if (status == STATUS_OK)
        status = thread_start(&spool->thread, THREAD_WRITER, "vsoc-spool", spool_writer_run, spool);
    if (status == STATUS_OK)
        atomic_store(&spool->now.started, true);
    return status;
}

void spool_raise_leaves(struct spool *spool, uint64_t next)
{
    spool_assert_writer(spool);
    ensure(!atomic_load(&spool->now.started));
    if (next <= spool->writer.durable.leaves)
        return;
    spool->writer.durable.leaves = spool->writer.staged.leaves = next;
    spool->shared.leaves = next;
}

void spool_stop(struct spool *spool)
{
    ensure(spool->magic == SPOOL_MAGIC);
    mailbox_close(&spool->inbox);
    mailbox_close(&spool->recalls);
    thread_join(&spool->thread);
    thread_join(&spool->recall_thread);
    spool_keeper_stop(spool);
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* Batches that no thread took. */
static void give_back_all(struct mailbox *box)
{
    for (struct mail *mail = mailbox_take(box), *next; mail; mail = next) {
        next = mail->next;
        struct batch *batch = batch_from_mail(mail);
        batch->verdict = batch->recall.status = STATUS_CLOSED;
        if (mailbox_put(batch->reply_to, mail) != STATUS_OK)
            batch_destroy(batch);
    }
}

void spool_close(struct spool *spool)
{
    if (!spool)
        return;
    spool_stop(spool);
    spool_keep_cursors(spool);
    spool_keeper_drop_spare(spool);
    if (spool->recovered)
        spool_keeper_close(spool);
    give_back_all(&spool->inbox);
    give_back_all(&spool->recalls);
    mailbox_fini(&spool->inbox);
    mailbox_fini(&spool->recalls);
    mailbox_fini(&spool->own);
    spool_keeper_fini(&spool->keeper);
    close_fd(spool->writer.fd);
    close_fd(spool->cursor_fd);
    close_fd(spool->eviction_fd);
    close_fd(spool->dir_fd);
    close_fd(spool->lock_fd);
    pthread_cond_destroy(&spool->shared.grown);
    pthread_mutex_destroy(&spool->shared.lock);
    sha256_destroy(spool->writer.hash);
    object_end(&spool->magic);
    free(spool->shared.segments);
    free(spool);
}

/* Reserves room in the queue; false if it is full. */
static bool queue_enter(struct spool *spool, size_t bytes)
{
    size_t batches = atomic_fetch_add(&spool->now.queued_batches, 1) + 1;
    size_t total = atomic_fetch_add(&spool->now.queued_bytes, bytes) + bytes;
    if (batches <= spool->options.queue_batches &&
        (total <= spool->options.queue_bytes || batches == 1))
        return true;
    atomic_fetch_sub(&spool->now.queued_batches, 1);
    atomic_fetch_sub(&spool->now.queued_bytes, bytes);
    return false;
}

enum status spool_submit(struct spool *spool, struct batch **batch)
{
    ensure(spool->magic == SPOOL_MAGIC && *batch != NULL);
    ensure((*batch)->events.status == STATUS_OK);
    ensure((*batch)->reply_to);
    if (atomic_load(&spool->now.failed))
        return STATUS_IO;
    if (atomic_load(&spool->now.full) && batch_is_events(&(*batch)->meta))
        return STATUS_NO_SPACE;
    enum status status = spool_frame_prepare(*batch, spool->options.keys);
    if (status != STATUS_OK)
        return status == STATUS_NO_MEMORY ? STATUS_BUSY : status;
    size_t bytes = spool_frame_bytes(*batch);
    if (bytes + SPOOL_SEGMENT_HEADER_BYTES > spool->options.max_bytes)
        return STATUS_TOO_LARGE;
    if (!queue_enter(spool, bytes))
        return STATUS_BUSY;
    status = mailbox_put(&spool->inbox, &(*batch)->mail);
    if (status != STATUS_OK) {
        atomic_fetch_sub(&spool->now.queued_batches, 1);
        atomic_fetch_sub(&spool->now.queued_bytes, bytes);
        return status;
    }
    *batch = NULL;
    return STATUS_OK;
}

static uint64_t oldest_record(const struct spool *spool)
{
    for (size_t i = 0; i < spool->shared.segment_count; i++)
        if (spool->shared.segments[i].oldest)
            return spool->shared.segments[i].oldest;
    return 0;
}

static int64_t oldest_ns(const struct spool *spool)
{
    for (size_t i = 0; i < spool->shared.segment_count; i++)
        if (spool->shared.segments[i].oldest)
            return spool->shared.segments[i].oldest_ns;
    return 0;
}

void spool_stats(struct spool *spool, struct spool_stats *stats)
{
    ensure(spool->magic == SPOOL_MAGIC);
    *stats = (struct spool_stats){
        .queued_batches = atomic_load(&spool->now.queued_batches),
        .queued_bytes = atomic_load(&spool->now.queued_bytes),
        .full = atomic_load(&spool->now.full),
        .full_for = (enum spool_full)atomic_load(&spool->now.full_for),
        .failed = atomic_load(&spool->now.failed),
    };
    memcpy(stats->spool_uid, spool->uid, UUID_BYTES);
    pthread_mutex_lock(&spool->shared.lock);
    stats->first_position = oldest_record(spool);
    stats->oldest_ns = oldest_ns(spool);
    stats->position = spool->now.position;
    stats->events = spool->shared.events;
    stats->leaves = spool->shared.leaves;
    stats->segments = spool->shared.segment_count;
    stats->corrupt_segments = spool->shared.corrupt_segments;
    stats->evidence_bytes = spool->shared.evidence_bytes;
    for (size_t i = 0; i < spool->shared.segment_count; i++)
        stats->bytes += spool->shared.segments[i].file_bytes;
    pthread_mutex_unlock(&spool->shared.lock);
}

bool spool_is_full(const struct spool *spool, enum spool_full *why)
{
    bool full = atomic_load(&spool->now.full); /* load before the reason, which is stored first */
    *why = (enum spool_full)atomic_load(&spool->now.full_for);
    return full;
}

uint64_t spool_position(const struct spool *spool)
{
    return atomic_load(&spool->now.position);
}

const uint8_t *spool_uid(const struct spool *spool)
{
    return spool->uid;
}

int64_t spool_disk_wait_ns(struct spool *spool)
{
    int64_t since_ns = atomic_load(&spool->now.disk_since_ns);
    int64_t waited_ns = since_ns ? clock_monotonic_ns() - since_ns : 0;
    return waited_ns > 0 ? waited_ns : 0;
}

enum status spool_sealed_after(struct spool *spool, uint64_t position, struct spool_sealed *out)
{
    struct spool_sealed found = {0};
    pthread_mutex_lock(&spool->shared.lock);
    for (size_t i = 0; i + 1 < spool->shared.segment_count; i++) {
        const struct spool_segment *s = &spool->shared.segments[i];
        if (s->newest <= position)
            continue;
        if (found.newest)
            found.after++;
        else
            found = (struct spool_sealed){s->first_position, s->newest, s->end, 0};
    }
    pthread_mutex_unlock(&spool->shared.lock);
    if (!found.newest)
        return STATUS_END;
    *out = found;
    return STATUS_OK;
}

void spool_on_failure(struct spool *spool, void (*failed)(void *arg), void *arg)
{
    ensure(!atomic_load(&spool->now.started));
    spool->on_failure = failed;
    spool->on_failure_arg = arg;
}

void spool_guard_with(struct spool *spool, const struct spool_guard *guard)
{
    ensure(!atomic_load(&spool->now.started));
    spool->guard = *guard;
}

void spool_record_removals(struct spool *spool, const struct spool_tree *tree)
{
    ensure(!atomic_load(&spool->now.started));
    spool->tree = *tree;
}

void spool_wake(struct spool *spool)
{
    pthread_mutex_lock(&spool->shared.lock);
    spool->shared.woken++;
    pthread_cond_broadcast(&spool->shared.grown);
    pthread_mutex_unlock(&spool->shared.lock);
}

/* --- cursors -------------------------------------------------------------------------------- */

static struct spool_cursor *find_cursor(struct spool *spool, const char *name)
{
    for (unsigned i = 0; i < spool->shared.cursor_count; i++)
        if (strcmp(spool->shared.cursors[i].name, name) == 0)
            return &spool->shared.cursors[i];
    return NULL;
}

enum status spool_cursor_open(struct spool *spool, const char *name, spool_cursor_t *cursor,
                              uint64_t *position)
{
    ensure(spool->magic == SPOOL_MAGIC);
    size_t size = strlen(name);
    if (size == 0 || size >= SPOOL_CURSOR_NAME_BYTES)
        return STATUS_TOO_LARGE;
    enum status status = STATUS_OK;
    pthread_mutex_lock(&spool->shared.lock);
    struct spool_cursor *c = find_cursor(spool, name);
    if (!c && spool->shared.cursor_count == SPOOL_CURSOR_MAX) {
        status = STATUS_TOO_MANY;
    } else if (!c) {
        c = &spool->shared.cursors[spool->shared.cursor_count++];
        memcpy(c->name, name, size + 1);
        uint64_t oldest = oldest_record(spool);
        atomic_store(&c->position, oldest ? oldest - 1 : spool->now.position);
        atomic_store(&spool->now.cursors_moved, true);
    }
    if (c) {
        c->open = true;
        *cursor = (spool_cursor_t)(c - spool->shared.cursors);
        *position = atomic_load(&c->position);
    }
    pthread_mutex_unlock(&spool->shared.lock);
    return status;
}

void spool_cursor_advance(struct spool *spool, spool_cursor_t cursor, uint64_t position)
{
    ensure(cursor < SPOOL_CURSOR_MAX);
    struct spool_cursor *c = &spool->shared.cursors[cursor];
    uint_fast64_t now = atomic_load(&c->position);
    while (now < position && !atomic_compare_exchange_weak(&c->position, &now, position))
        ;
    if (now < position)
        atomic_store(&spool->now.cursors_moved, true);
}

void spool_cursor_return(struct spool *spool, spool_cursor_t cursor, uint64_t position)
{
    ensure(cursor < SPOOL_CURSOR_MAX);
    struct spool_cursor *c = &spool->shared.cursors[cursor];
    uint_fast64_t now = atomic_load(&c->position);
    while (now > position && !atomic_compare_exchange_weak(&c->position, &now, position))
        ;
    if (now > position)
        atomic_store(&spool->now.cursors_moved, true);
}

/* Cursors keep their numbers: an empty name marks a dropped one. */
void spool_cursors_settle(struct spool *spool)
{
    pthread_mutex_lock(&spool->shared.lock);
    for (unsigned i = 0; i < spool->shared.cursor_count; i++)
        if (!spool->shared.cursors[i].open) {
            log_info("cursor without a sink dropped",
                     LOG_TEXT("name", spool->shared.cursors[i].name));
            spool->shared.cursors[i].name[0] = '\0';
        }
    spool->shared.settled = true;
    pthread_mutex_unlock(&spool->shared.lock);
    atomic_store(&spool->now.cursors_moved, true);
}
