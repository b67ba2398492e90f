/* spool_room.c: the space that the spool uses and has left, and the messages about it. Runs on the
 * writer thread, at open on the opener's. Creates and removes nothing. */
#define LOG_COMPONENT "spool"
#include "storage/spool/spool_internal.h"

#include "core/event/event_json.h"
#include "core/log/log.h"
#include "storage/spool/spool.h"

#include <sys/statvfs.h>

/* False if the file system does not report it: some report no blocks at all. */
static bool file_system(const struct spool *spool, struct statvfs *fs)
{
    return fstatvfs(spool->dir_fd, fs) == 0 && fs->f_blocks > 0;
}

static bool free_bytes(struct spool *spool, uint64_t *bytes)
{
    struct statvfs fs;
    if (!file_system(spool, &fs))
        return false;
    *bytes = (uint64_t)fs.f_bavail * fs.f_frsize + spool_keeper_spare_bytes(spool);
    return true;
}

bool spool_has_plenty(struct spool *spool)
{
    struct spool_stats stats;
    uint64_t left, needed = 2 * spool->options.segment_bytes;
    spool_stats(spool, &stats);
    return stats.bytes + needed <= spool->options.max_bytes && free_bytes(spool, &left) &&
           left >= needed && left - needed >= spool->options.reserve_bytes;
}

void spool_show(struct spool *spool)
{
    spool_assert_writer(spool);
    struct spool_stats stats;
    spool_stats(spool, &stats);
    metric_set(spool->metrics.bytes_gauge, (double)stats.bytes);
    metric_set(spool->metrics.segments_gauge, (double)stats.segments);
    metric_set(spool->metrics.position_gauge, (double)stats.position);
    metric_set(spool->metrics.full_gauge, stats.full ? 1 : 0);
}

/* Space that sealing the active segment will free. */
static uint64_t unused_bytes(const struct spool *spool)
{
    return spool->writer.fd >= 0 ? spool->writer.file_bytes - spool->writer.durable.offset : 0;
}

bool spool_has_room(struct spool *spool, uint64_t bytes)
{
    spool_assert_writer(spool);
    struct spool_stats stats;
    uint64_t left;
    spool_stats(spool, &stats);
    if (stats.bytes - unused_bytes(spool) + bytes > spool->options.max_bytes)
        return false;
    if (!free_bytes(spool, &left))
        return true; /* creating the file will show it */
    return left >= bytes && left - bytes >= spool->options.reserve_bytes;
}

enum refusal_reason spool_full_code(enum spool_full why)
{
    return why == SPOOL_FULL_EVIDENCE ? REFUSAL_evidence_full : REFUSAL_spool_full;
}

const char *spool_full_reason(enum spool_full why)
{
    switch (why) {
    case SPOOL_FULL_EVIDENCE:
        return "the spool is full of evidence that all sinks have and evidence.retention keeps: "
               "raise "
               "evidence.max_bytes or make the file system larger, or lower evidence.retention, or "
               "set evidence.when_full to evict, and restart";
    case SPOOL_FULL_OTHERS:
        return "the file system of data_dir is full of files that do not belong to the spool: "
               "remove "
               "some, "
               "or give the spool a file system of its own";
    case SPOOL_FULL_INODES:
        return "the file system of data_dir has no free inode for a new file, although it may have "
               "free bytes: remove files, or make the file system with more inodes";
    case SPOOL_FULL_LIMIT:
        return "a new segment file can't be created although the file system has room: look for a "
               "quota "
               "or a limit of file size (ulimit -f, LimitFSIZE)";
    default:
        return "the spool is full of batches that sinks do not have yet: restore the sinks, or "
               "raise spool.max_bytes or make the file system larger";
    }
}

/* The reason within the spool itself. */
static enum spool_full filling(const struct spool_stats *stats)
{
    return stats->evidence_bytes > stats->bytes / 2 ? SPOOL_FULL_EVIDENCE : SPOOL_FULL_SINKS;
}

static enum spool_full find_reason(struct spool *spool, const struct spool_stats *stats,
                                   uint64_t bytes)
{
    struct statvfs fs;
    if (!spool_evidence_allows(spool))
        return SPOOL_FULL_EVIDENCE;
    if (stats->bytes - unused_bytes(spool) + bytes > spool->options.max_bytes)
        return filling(stats);
    if (!file_system(spool, &fs))
        return SPOOL_FULL_LIMIT;
    uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (left < bytes || left - bytes < spool->options.reserve_bytes) {
        uint64_t used = (uint64_t)(fs.f_blocks - fs.f_bfree) * fs.f_frsize;
        bool others = used > stats->bytes && used - stats->bytes > stats->bytes;
        return others ? SPOOL_FULL_OTHERS : filling(stats);
    }
    /* Some file systems report no inodes at all. */
    return fs.f_files > 0 && fs.f_favail == 0 ? SPOOL_FULL_INODES : SPOOL_FULL_LIMIT;
}

void spool_become_full(struct spool *spool, uint64_t bytes)
{
    thread_assert(THREAD_WRITER);
    struct spool_stats stats;
    uint64_t left = 0;
    spool_stats(spool, &stats);
    enum spool_full reason = find_reason(spool, &stats, bytes);
    bool other = atomic_exchange(&spool->now.full_for, (int)reason) != (int)reason;
    if (atomic_exchange(&spool->now.full, true) && !other)
        return;
    (void)free_bytes(spool, &left);
    log_error("batches are refused until there is room",
              LOG_TEXT("problem", spool_full_reason(reason)), LOG_U64("spool_bytes", stats.bytes),
              LOG_U64("evidence_bytes", stats.evidence_bytes), LOG_U64("free_bytes", left),
              LOG_U64("spool.max_bytes", spool->options.max_bytes),
              LOG_U64("evidence.max_bytes", spool->options.evidence_bytes),
              LOG_U64("spool.reserve_bytes", spool->options.reserve_bytes));
}

void spool_time_text(int64_t ns, char text[SPOOL_TIME_BYTES])
{
    uint8_t room[SPOOL_TIME_BYTES];
    struct writer w = {.data = room, .capacity = sizeof room, .limit = sizeof room};
    event_json_write_time(&w, ns);
    size_t size = w.size > 2 ? w.size - 2 : 0; /* without its quotes */
    memcpy(text, room + 1, size);
    text[size] = '\0';
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
                 "spool.reserve_bytes: batches will be refused, or evidence removed early "
                 "(evidence.when_full), when evidence fills it; make it larger, or lower "
                 "evidence.max_bytes",
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
