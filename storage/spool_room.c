/* spool_room.c: how much room the spool takes and has, and what people are told of it. Runs on the
 * writer thread, at open on the opener's. Makes and removes nothing. */
#define LOG_COMPONENT "spool"
#include "storage/spool_internal.h"

#include "core/log.h"

#include <sys/statvfs.h>

/* False when the file system does not tell. */
static bool free_bytes(const struct spool *spool, uint64_t *bytes)
{
    struct statvfs fs;
    if (fstatvfs(spool->dir_fd, &fs) != 0)
        return false;
    *bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    return true;
}

void spool_show(struct spool *spool)
{
    struct spool_stats stats;
    spool_stats(spool, &stats);
    metric_set(spool->bytes_gauge, (double)stats.bytes);
    metric_set(spool->segments_gauge, (double)stats.segments);
    metric_set(spool->position_gauge, (double)stats.position);
    metric_set(spool->full_gauge, stats.full ? 1 : 0);
}

/* What sealing the active segment will give back. */
static uint64_t unused_bytes(const struct spool *spool)
{
    return spool->fd >= 0 ? spool->file_bytes - spool->durable.offset : 0;
}

bool spool_has_room(struct spool *spool, uint64_t bytes)
{
    struct spool_stats stats;
    uint64_t left;
    spool_stats(spool, &stats);
    if (stats.bytes - unused_bytes(spool) + bytes > spool->options.max_bytes)
        return false;
    if (!free_bytes(spool, &left))
        return true; /* making the file will tell */
    return left >= bytes && left - bytes >= spool->options.reserve_bytes;
}

const char *spool_full_reason(const struct spool_stats *stats)
{
    if (stats->evidence_bytes > stats->bytes / 2)
        return "the spool is full of evidence that all sinks have: make the file system larger, "
               "or lower evidence.max_bytes or evidence.retention and restart";
    return "the spool is full: bring the sinks back, or free the disk";
}

void spool_log_full(struct spool *spool)
{
    struct spool_stats stats;
    uint64_t left = 0;
    spool_stats(spool, &stats);
    (void)free_bytes(spool, &left);
    log_error("batches are refused until there is room",
              LOG_TEXT("problem", spool_full_reason(&stats)), LOG_U64("spool_bytes", stats.bytes),
              LOG_U64("evidence_bytes", stats.evidence_bytes), LOG_U64("free_bytes", left),
              LOG_U64("spool.max_bytes", spool->options.max_bytes),
              LOG_U64("spool.reserve_bytes", spool->options.reserve_bytes));
}

void spool_warn_of_room(struct spool *spool)
{
    const struct spool_options *o = &spool->options;
    struct spool_stats stats;
    uint64_t left;
    spool_stats(spool, &stats);
    if (!free_bytes(spool, &left))
        return;
    uint64_t room = left + stats.bytes;
    uint64_t kept = o->evidence_ns ? o->evidence_bytes : 0;
    room = room > o->reserve_bytes ? room - o->reserve_bytes : 0;
    if (room < 2 * o->segment_bytes || room - 2 * o->segment_bytes < kept)
        log_warn("the file system has no room for evidence.max_bytes, two segments and "
                 "spool.reserve_bytes: batches will be refused when evidence fills it; make it "
                 "larger, or lower evidence.max_bytes",
                 LOG_TEXT("dir", spool->dir), LOG_U64("room_bytes", room),
                 LOG_U64("evidence.max_bytes", o->evidence_bytes),
                 LOG_U64("spool.segment_bytes", o->segment_bytes),
                 LOG_U64("spool.reserve_bytes", o->reserve_bytes));
    else if (room < o->max_bytes)
        log_warn("the file system has no room for spool.max_bytes and spool.reserve_bytes: "
                 "batches will be refused before spool.max_bytes is reached",
                 LOG_TEXT("dir", spool->dir), LOG_U64("room_bytes", room),
                 LOG_U64("spool.max_bytes", o->max_bytes),
                 LOG_U64("spool.reserve_bytes", o->reserve_bytes));
}
