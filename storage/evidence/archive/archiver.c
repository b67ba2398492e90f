/* archiver.c: the archive thread: takes sealed segments in order, archives each, then moves the
 * cursor. Being away from the archive stops nothing here but the removal of segments. */
#define LOG_COMPONENT "archive"
#include "storage/evidence/archive/archiver.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/disk/fault.h"
#include "core/disk/folder.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "core/object.h"
#include "core/thread.h"
#include "core/wait/condition.h"
#include "storage/evidence/archive/archive_send.h"
#include "storage/spool/spool.h"

#define CURSOR       "archive"
#define LOOK_NS      NS_PER_S /* between looks for a sealed segment */
#define PAUSE_NS     NS_PER_S /* after a failure; doubles up to */
#define PAUSE_MAX_NS (300 * NS_PER_S)

#define ARCHIVER_MAGIC 0x41524348U

struct archiver {
    unsigned magic; /* ARCHIVER_MAGIC */
    struct archiver_options options;
    struct spool *spool;
    struct archive_target *target;
    spool_cursor_t cursor;
    int spool_fd;
    struct thread thread;
    atomic_bool stopping;
    int64_t pause_ns;     /* of the last failure; 0: none */
    pthread_mutex_t lock; /* guards stats and changed */
    pthread_cond_t changed;
    struct archiver_stats stats;
    struct {
        metric_t segments, bytes, failures, position, behind, up;
    } metrics;
};

OBJECT_CAST(archiver, ARCHIVER_MAGIC)

static void fini(struct archiver *a)
{
    archive_target_close(a->target);
    if (a->spool_fd >= 0)
        close(a->spool_fd);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    object_end(&a->magic);
    free(a);
}

static enum status open_folders(struct archiver *a, struct problem *problem)
{
    enum status status = folder_make(a->options.evidence_dir);
    if (status != STATUS_OK) {
        problem_say(problem, "%.300s: %s", a->options.evidence_dir, strerror(errno));
        return status;
    }
    a->spool_fd = open(a->options.spool_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (a->spool_fd >= 0)
        return STATUS_OK;
    problem_say(problem, "%.300s: %s", a->options.spool_dir, strerror(errno));
    return STATUS_IO;
}

enum status archiver_create(struct spool *spool, const struct archiver_options *options,
                            struct archiver **out, struct problem *problem)
{
    struct archiver *a = calloc(1, sizeof *a);
    if (!a)
        return STATUS_NO_MEMORY;
    a->magic = ARCHIVER_MAGIC;
    a->options = *options;
    a->spool = spool;
    a->spool_fd = -1;
    a->stats.up = true;
    pthread_mutex_init(&a->lock, NULL);
    condition_init(&a->changed);
    a->metrics.segments = metric_series(METRIC_vsocd_archive_segments_total, "");
    a->metrics.bytes = metric_series(METRIC_vsocd_archive_bytes_total, "");
    a->metrics.failures = metric_series(METRIC_vsocd_archive_failures_total, "");
    a->metrics.position = metric_series(METRIC_vsocd_archive_position, "");
    a->metrics.behind = metric_series(METRIC_vsocd_archive_segments_behind, "");
    a->metrics.up = metric_series(METRIC_vsocd_archive_up, "");
    enum status status = archive_target_open(&options->target, &a->target, problem);
    if (status == STATUS_OK)
        status = open_folders(a, problem);
    if (status == STATUS_OK) {
        status = spool_cursor_open(spool, CURSOR, &a->cursor, &a->stats.position);
        if (status != STATUS_OK)
            problem_say(problem, "the spool has no cursor left: %s", status_text(status));
    }
    if (status != STATUS_OK) {
        fini(a);
        return status;
    }
    archive_target_stop_on(a->target, &a->stopping);
    metric_set(a->metrics.up, 1);
    metric_set(a->metrics.position, (double)a->stats.position);
    *out = a;
    return STATUS_OK;
}

/* False: it is time to end. */
static bool wait_for(struct archiver *a, int64_t ns)
{
    int64_t end_ns = condition_end_ns(ns);
    pthread_mutex_lock(&a->lock);
    while (!atomic_load(&a->stopping) && condition_wait(&a->changed, &a->lock, end_ns))
        ;
    pthread_mutex_unlock(&a->lock);
    return !atomic_load(&a->stopping);
}

static void publish(struct archiver *a, const struct archiver_stats *stats)
{
    pthread_mutex_lock(&a->lock);
    a->stats = *stats;
    pthread_mutex_unlock(&a->lock);
    metric_set(a->metrics.position, (double)stats->position);
    metric_set(a->metrics.behind, (double)stats->behind);
    metric_set(a->metrics.up, stats->up);
}

static void succeed(struct archiver *a, const struct archive_entry *entry,
                    const struct spool_sealed *sealed)
{
    struct archiver_stats stats = a->stats;
    if (!stats.up)
        log_info("the archive takes segments again", LOG_TEXT("url", a->options.target.url));
    a->pause_ns = 0;
    stats.up = true;
    stats.problem[0] = '\0';
    stats.position = sealed->newest;
    stats.behind = sealed->after;
    stats.segments++;
    stats.bytes += entry->bytes;
    metric_add(a->metrics.segments, 1);
    metric_add(a->metrics.bytes, entry->bytes);
    publish(a, &stats);
    log_info("segment archived", LOG_U64("first_position", entry->segment),
             LOG_U64("last_position", entry->last), LOG_U64("bytes", entry->bytes));
    if (entry->damaged_bytes)
        log_warn("a damaged segment was archived without its damaged bytes; the next start keeps "
                 "the original under corrupt/",
                 LOG_U64("first_position", entry->segment), LOG_U64("bytes", entry->damaged_bytes));
}

static void fail(struct archiver *a, enum status status, const struct problem *problem,
                 const struct spool_sealed *sealed)
{
    struct archiver_stats stats = a->stats;
    const char *text = problem->text[0] ? problem->text : status_text(status);
    bool repeats = !stats.up && strcmp(stats.problem, text) == 0;
    metric_add(a->metrics.failures, 1);
    if (!repeats)
        log_warn("a segment can't be archived; it stays on the disk, and the attempt is repeated",
                 LOG_U64("first_position", sealed->first_position), LOG_TEXT("problem", text),
                 LOG_TEXT("url", a->options.target.url));
    stats.up = false;
    stats.behind = sealed->after + 1;
    snprintf(stats.problem, sizeof stats.problem, "%s", text);
    publish(a, &stats);
    a->pause_ns = !a->pause_ns                     ? PAUSE_NS
                  : a->pause_ns < PAUSE_MAX_NS / 2 ? a->pause_ns * 2
                                                   : PAUSE_MAX_NS;
}

/* Time until the next look: 0 when there may be more to do at once. */
static int64_t take_turn(struct archiver *a)
{
    struct spool_sealed sealed;
    struct archive_entry entry;
    struct problem problem = {""};
    if (spool_sealed_after(a->spool, a->stats.position, &sealed) != STATUS_OK)
        return LOOK_NS;
    const struct archive_source source = {
        .spool_fd = a->spool_fd,
        .evidence_dir = a->options.evidence_dir,
        .first_position = sealed.first_position,
        .bytes = sealed.bytes,
        .retain_ns = a->options.retain_ns,
    };
    enum status status = archive_send(a->target, &source, &entry, &problem);
    if (status == STATUS_OK) {
        fault_point(archive_segment_sent);
        spool_cursor_advance(a->spool, a->cursor, sealed.newest);
        succeed(a, &entry, &sealed);
        return 0;
    }
    if (status == STATUS_CLOSED && atomic_load(&a->stopping))
        return 0;
    if (status == STATUS_BUSY) /* the evidence thread signs within a second or so */
        return LOOK_NS;
    fail(a, status, &problem, &sealed);
    return a->pause_ns;
}

static void run(void *arg)
{
    thread_assert(THREAD_ARCHIVE);
    struct archiver *a = archiver_cast(arg);
    int64_t pause_ns = 0;
    while (wait_for(a, pause_ns))
        pause_ns = take_turn(a);
}

enum status archiver_start(struct archiver *archiver)
{
    return thread_start(&archiver->thread, THREAD_ARCHIVE, "vsoc-archive", run, archiver);
}

void archiver_stop(struct archiver *archiver)
{
    pthread_mutex_lock(&archiver->lock);
    atomic_store(&archiver->stopping, true);
    pthread_cond_broadcast(&archiver->changed);
    pthread_mutex_unlock(&archiver->lock);
    thread_join(&archiver->thread);
}

void archiver_destroy(struct archiver *archiver)
{
    if (!archiver)
        return;
    ensure(!archiver->thread.started);
    fini(archiver);
}

void archiver_stats(struct archiver *archiver, struct archiver_stats *stats)
{
    pthread_mutex_lock(&archiver->lock);
    *stats = archiver->stats;
    pthread_mutex_unlock(&archiver->lock);
}
