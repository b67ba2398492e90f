/* spool.c: opens, closes and describes the spool, takes batches for its writer. Any thread, as told
 * in spool.h. Does not write records (spool_writer.c) or read them (spool_reader.c). */
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

static enum status open_dir(struct spool *spool, char reason[256])
{
    const char *dir = spool->options.dir;
    int n = snprintf(spool->dir, sizeof spool->dir, "%s", dir);
    if (n < 0 || (size_t)n >= sizeof spool->dir) {
        snprintf(reason, 256, "the spool's path is too long");
        return STATUS_REFUSED;
    }
    enum status status = folder_make(dir);
    if (status != STATUS_OK) {
        snprintf(reason, 256, "%.180s: can't be made: %s", dir, strerror(errno));
        return status;
    }
    spool->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (spool->dir_fd < 0) {
        int err = errno;
        snprintf(reason, 256, "%.180s: can't be opened: %s", dir, strerror(err));
        return err == ENOTDIR ? STATUS_REFUSED : status_from_errno(err);
    }
    return STATUS_OK;
}

static enum status lock_dir(struct spool *spool, char reason[256])
{
    spool->lock_fd =
        openat(spool->dir_fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (spool->lock_fd < 0) {
        int err = errno;
        snprintf(reason, 256, "%.180s/" LOCK_FILE ": %s", spool->dir, strerror(err));
        return status_from_errno(err);
    }
    if (flock(spool->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        snprintf(reason, 256,
                 "%.180s: another vsocd uses this spool: stop it, or choose another data_dir",
                 spool->dir);
        return STATUS_LOCKED;
    }
    return STATUS_OK;
}

static void load_cursors(struct spool *spool)
{
    for (uint32_t i = 0; i < spool->stored.count; i++) {
        struct spool_cursor *cursor = &spool->cursors[spool->cursor_count++];
        memcpy(cursor->name, spool->stored.entries[i].name, SPOOL_CURSOR_NAME_BYTES);
        atomic_store(&cursor->position, spool->stored.entries[i].position);
    }
}

static void make_metrics(struct spool *spool)
{
    spool->commit_seconds = metric_series(METRIC_vsocd_spool_commit_seconds, "");
    spool->commits = metric_series(METRIC_vsocd_spool_commits_total, "");
    spool->events_total = metric_series(METRIC_vsocd_spool_events_total, "");
    spool->bytes_gauge = metric_series(METRIC_vsocd_spool_bytes, "");
    spool->segments_gauge = metric_series(METRIC_vsocd_spool_segments, "");
    spool->position_gauge = metric_series(METRIC_vsocd_spool_position, "");
    spool->full_gauge = metric_series(METRIC_vsocd_spool_full, "");
    spool->evicted_batches = metric_series(METRIC_vsocd_evidence_evicted_batches_total, "");
    metric_set(metric_series(METRIC_vsocd_spool_max_bytes, ""), (double)spool->options.max_bytes);
    metric_add(metric_series(METRIC_vsocd_spool_corrupt_segments_total, ""),
               spool->corrupt_segments);
}

/* Position of the newest record there is, 0: none. */
static uint64_t newest_record(const struct spool *spool)
{
    for (size_t i = spool->segment_count; i > 0; i--)
        if (spool->segments[i - 1].newest)
            return spool->segments[i - 1].newest;
    return 0;
}

static enum status open_evictions(struct spool *spool, char reason[256])
{
    enum status status =
        spool_eviction_open(spool->dir_fd, &spool->eviction_fd, &spool->evicted_to);
    if (status != STATUS_OK)
        snprintf(reason, 256,
                 "%.150s/" SPOOL_EVICTION_FILE
                 ": can't be opened: free some space and check its owner (%s)",
                 spool->dir, status_text(status));
    return status;
}

static enum status open_all(struct spool *spool, spool_scan_fn scan, void *scan_arg,
                            char reason[256])
{
    enum status status = open_dir(spool, reason);
    if (status == STATUS_OK)
        status = lock_dir(spool, reason);
    if (status == STATUS_OK)
        status = spool_recover(spool, scan, scan_arg, reason);
    if (status == STATUS_OK && spool->options.evict)
        status = open_evictions(spool, reason);
    if (status != STATUS_OK)
        return status;
    load_cursors(spool);
    spool->position = newest_record(spool);
    spool->events = spool->durable.events;
    spool->staged = spool->durable;
    return STATUS_OK;
}

static struct spool *spool_create(const struct spool_options *options)
{
    struct spool *spool = calloc(1, sizeof *spool);
    if (!spool)
        return NULL;
    spool->options = *options;
    spool->magic = SPOOL_MAGIC;
    spool->dir_fd = spool->lock_fd = spool->cursor_fd = spool->fd = spool->eviction_fd = -1;
    spool->pending_last = &spool->pending;
    spool->hash = sha256_create();
    if (!spool->hash || mailbox_init(&spool->inbox, false) != STATUS_OK) {
        sha256_destroy(spool->hash);
        free(spool);
        return NULL;
    }
    pthread_mutex_init(&spool->lock, NULL);
    condition_init(&spool->grown);
    return spool;
}

enum status spool_open(const struct spool_options *options, spool_scan_fn scan, void *scan_arg,
                       struct spool **out, char reason[256])
{
    reason[0] = '\0';
    struct spool *spool = spool_create(options);
    if (!spool) {
        snprintf(reason, 256, "out of memory");
        return STATUS_NO_MEMORY;
    }
    enum status status = open_all(spool, scan, scan_arg, reason);
    if (status != STATUS_OK) {
        spool_close(spool);
        return status;
    }
    spool->options.dir = spool->dir;
    make_metrics(spool);
    spool_show(spool);
    log_info("spool opened", LOG_TEXT("dir", spool->dir), LOG_U64("segments", spool->segment_count),
             LOG_U64("position", spool->position), LOG_U64("events", spool->events),
             LOG_U64("corrupt_segments", spool->corrupt_segments));
    spool_warn_of_room(spool);
    *out = spool;
    return STATUS_OK;
}

enum status spool_start(struct spool *spool)
{
    ensure(!atomic_load(&spool->started));
    enum status status =
        thread_start(&spool->thread, THREAD_WRITER, "vsoc-spool", spool_writer_run, spool);
    if (status == STATUS_OK)
        atomic_store(&spool->started, true);
    return status;
}

void spool_stop(struct spool *spool)
{
    mailbox_close(&spool->inbox);
    thread_join(&spool->thread);
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void spool_close(struct spool *spool)
{
    if (!spool)
        return;
    spool_stop(spool);
    spool_keep_cursors(spool);
    for (struct mail *mail = mailbox_take(&spool->inbox), *next; mail; mail = next) {
        next = mail->next;
        struct batch *batch = batch_from_mail(mail);
        batch->verdict = STATUS_CLOSED;
        if (mailbox_put(batch->reply_to, mail) != STATUS_OK)
            batch_destroy(batch);
    }
    mailbox_fini(&spool->inbox);
    close_fd(spool->fd);
    close_fd(spool->cursor_fd);
    close_fd(spool->eviction_fd);
    close_fd(spool->dir_fd);
    close_fd(spool->lock_fd);
    pthread_cond_destroy(&spool->grown);
    pthread_mutex_destroy(&spool->lock);
    sha256_destroy(spool->hash);
    object_end(&spool->magic);
    free(spool->segments);
    free(spool);
}

/* Takes room in the queue; false when it is full. */
static bool queue_enter(struct spool *spool, size_t bytes)
{
    size_t batches = atomic_fetch_add(&spool->queued_batches, 1) + 1;
    size_t total = atomic_fetch_add(&spool->queued_bytes, bytes) + bytes;
    if (batches <= spool->options.queue_batches &&
        (total <= spool->options.queue_bytes || batches == 1))
        return true;
    atomic_fetch_sub(&spool->queued_batches, 1);
    atomic_fetch_sub(&spool->queued_bytes, bytes);
    return false;
}

enum status spool_submit(struct spool *spool, struct batch **batch)
{
    ensure((*batch)->reply_to);
    if (atomic_load(&spool->failed))
        return STATUS_IO;
    if (atomic_load(&spool->full))
        return STATUS_NO_SPACE;
    enum status status = spool_frame_prepare(*batch);
    if (status != STATUS_OK)
        return status == STATUS_NO_MEMORY ? STATUS_BUSY : status;
    size_t bytes = spool_frame_bytes(*batch);
    if (bytes + SPOOL_SEGMENT_HEADER_BYTES > spool->options.max_bytes)
        return STATUS_TOO_LARGE;
    if (!queue_enter(spool, bytes))
        return STATUS_BUSY;
    status = mailbox_put(&spool->inbox, &(*batch)->mail);
    if (status != STATUS_OK) {
        atomic_fetch_sub(&spool->queued_batches, 1);
        atomic_fetch_sub(&spool->queued_bytes, bytes);
        return status;
    }
    *batch = NULL;
    return STATUS_OK;
}

static uint64_t oldest_record(const struct spool *spool)
{
    for (size_t i = 0; i < spool->segment_count; i++)
        if (spool->segments[i].oldest)
            return spool->segments[i].oldest;
    return 0;
}

static int64_t oldest_ns(const struct spool *spool)
{
    for (size_t i = 0; i < spool->segment_count; i++)
        if (spool->segments[i].oldest)
            return spool->segments[i].oldest_ns;
    return 0;
}

void spool_stats(struct spool *spool, struct spool_stats *stats)
{
    *stats = (struct spool_stats){
        .queued_batches = atomic_load(&spool->queued_batches),
        .queued_bytes = atomic_load(&spool->queued_bytes),
        .full = atomic_load(&spool->full),
        .full_for = (enum spool_full)atomic_load(&spool->full_for),
        .failed = atomic_load(&spool->failed),
    };
    memcpy(stats->spool_uid, spool->uid, UUID_BYTES);
    pthread_mutex_lock(&spool->lock);
    stats->first_position = oldest_record(spool);
    stats->oldest_ns = oldest_ns(spool);
    stats->position = spool->position;
    stats->events = spool->events;
    stats->segments = spool->segment_count;
    stats->corrupt_segments = spool->corrupt_segments;
    stats->evidence_bytes = spool->evidence_bytes;
    for (size_t i = 0; i < spool->segment_count; i++)
        stats->bytes += spool->segments[i].file_bytes;
    pthread_mutex_unlock(&spool->lock);
}

bool spool_is_full(const struct spool *spool, enum spool_full *why)
{
    bool full = atomic_load(&spool->full); /* before the reason, which is stored first */
    *why = (enum spool_full)atomic_load(&spool->full_for);
    return full;
}

uint64_t spool_position(const struct spool *spool)
{
    return atomic_load(&spool->position);
}

const uint8_t *spool_uid(const struct spool *spool)
{
    return spool->uid;
}

int64_t spool_disk_wait_ns(struct spool *spool)
{
    int64_t since_ns = atomic_load(&spool->disk_since_ns);
    int64_t waited_ns = since_ns ? clock_monotonic_ns() - since_ns : 0;
    return waited_ns > 0 ? waited_ns : 0;
}

void spool_on_failure(struct spool *spool, void (*failed)(void *arg), void *arg)
{
    ensure(!atomic_load(&spool->started));
    spool->on_failure = failed;
    spool->on_failure_arg = arg;
}

void spool_wake(struct spool *spool)
{
    pthread_mutex_lock(&spool->lock);
    spool->woken++;
    pthread_cond_broadcast(&spool->grown);
    pthread_mutex_unlock(&spool->lock);
}

/* --- cursors -------------------------------------------------------------------------------- */

static struct spool_cursor *find_cursor(struct spool *spool, const char *name)
{
    for (unsigned i = 0; i < spool->cursor_count; i++)
        if (strcmp(spool->cursors[i].name, name) == 0)
            return &spool->cursors[i];
    return NULL;
}

enum status spool_cursor_open(struct spool *spool, const char *name, spool_cursor_t *cursor,
                              uint64_t *position)
{
    size_t size = strlen(name);
    if (size == 0 || size >= SPOOL_CURSOR_NAME_BYTES)
        return STATUS_TOO_LARGE;
    enum status status = STATUS_OK;
    pthread_mutex_lock(&spool->lock);
    struct spool_cursor *c = find_cursor(spool, name);
    if (!c && spool->cursor_count == SPOOL_CURSOR_MAX) {
        status = STATUS_TOO_MANY;
    } else if (!c) {
        c = &spool->cursors[spool->cursor_count++];
        memcpy(c->name, name, size + 1);
        uint64_t oldest = oldest_record(spool);
        atomic_store(&c->position, oldest ? oldest - 1 : spool->position);
        atomic_store(&spool->cursors_moved, true);
    }
    if (c) {
        c->open = true;
        *cursor = (spool_cursor_t)(c - spool->cursors);
        *position = atomic_load(&c->position);
    }
    pthread_mutex_unlock(&spool->lock);
    return status;
}

void spool_cursor_advance(struct spool *spool, spool_cursor_t cursor, uint64_t position)
{
    ensure(cursor < SPOOL_CURSOR_MAX);
    struct spool_cursor *c = &spool->cursors[cursor];
    uint_fast64_t now = atomic_load(&c->position);
    while (now < position && !atomic_compare_exchange_weak(&c->position, &now, position))
        ;
    if (now < position)
        atomic_store(&spool->cursors_moved, true);
}

void spool_cursor_return(struct spool *spool, spool_cursor_t cursor, uint64_t position)
{
    ensure(cursor < SPOOL_CURSOR_MAX);
    struct spool_cursor *c = &spool->cursors[cursor];
    uint_fast64_t now = atomic_load(&c->position);
    while (now > position && !atomic_compare_exchange_weak(&c->position, &now, position))
        ;
    if (now > position)
        atomic_store(&spool->cursors_moved, true);
}

/* Cursors keep their numbers: a dropped one is marked by an empty name. */
void spool_cursors_settle(struct spool *spool)
{
    pthread_mutex_lock(&spool->lock);
    for (unsigned i = 0; i < spool->cursor_count; i++)
        if (!spool->cursors[i].open) {
            log_info("cursor that no sink uses is dropped",
                     LOG_TEXT("name", spool->cursors[i].name));
            spool->cursors[i].name[0] = '\0';
        }
    spool->settled = true;
    pthread_mutex_unlock(&spool->lock);
    atomic_store(&spool->cursors_moved, true);
}
