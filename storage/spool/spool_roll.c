/* spool_roll.c: creates and seals segments. Runs on the writer thread. Does not write records and
 * does not decide which segments are removed (spool_retain.c). */
#define LOG_COMPONENT "spool"
#include "storage/spool/spool_internal.h"

#include "core/clock.h"
#include "core/log/log.h"
#include "core/disk/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* The active segment holds no record. It is never replaced by another one, which would have the
 * same name. */
static bool active_is_empty(const struct spool *spool)
{
    return spool->writer.fd >= 0 && spool->writer.durable.offset == SPOOL_SEGMENT_HEADER_BYTES;
}

enum status spool_segment_append(struct spool *spool, const struct spool_segment *segment)
{
    spool_assert_writer(spool);
    if (spool->shared.segment_count == spool->shared.segment_room) {
        size_t room = spool->shared.segment_room ? spool->shared.segment_room * 2 : 64;
        struct spool_segment *grown = realloc(spool->shared.segments, room * sizeof *grown);
        if (!grown)
            return STATUS_NO_MEMORY;
        spool->shared.segments = grown;
        spool->shared.segment_room = room;
    }
    spool->shared.segments[spool->shared.segment_count++] = *segment;
    return STATUS_OK;
}

void spool_seal_active(struct spool *spool)
{
    thread_assert(THREAD_WRITER);
    if (spool->writer.fd < 0)
        return;
    bool empty = active_is_empty(spool);
    if (empty && ftruncate(spool->writer.fd, (off_t)spool->writer.durable.offset) != 0)
        log_warn("unused space of a segment could not be freed",
                 LOG_STATUS(status_from_errno(errno)));
    pthread_mutex_lock(&spool->shared.lock);
    spool->shared.segments[spool->shared.segment_count - 1].file_bytes =
        spool->writer.durable.offset; /* the keeper frees the rest, with the index */
    pthread_mutex_unlock(&spool->shared.lock);
    spool->writer.file_bytes = spool->writer.durable.offset;
    if (empty)
        return;
    close(spool->writer.fd);
    spool->writer.fd = -1;
}

/* All that is left to do is the header and the name. */
static enum status use_spare(struct spool *spool, const struct spool_segment_header *header, int fd)
{
    enum status status = spool_segment_use_spare(spool->dir_fd, header, fd);
    if (status != STATUS_OK)
        spool_segment_drop_spare(spool->dir_fd, fd);
    return status;
}

static enum status make_segment(struct spool *spool, uint64_t bytes,
                                struct spool_segment_header *header, int *fd)
{
    *header = (struct spool_segment_header){
        .version = SPOOL_FORMAT_VERSION,
        .leaves_before = spool->writer.staged.leaves,
        .first_position = spool->writer.staged.position + 1,
        .events_before = spool->writer.staged.events,
        .created_ns = clock_wall_ns(),
        .file_bytes = bytes,
    };
    memcpy(header->spool_uid, spool->uid, UUID_BYTES);
    memcpy(header->chain_before, spool->writer.staged.chain, SHA256_BYTES);
    random_bytes(&header->tag, sizeof header->tag);
    *fd = bytes == spool->options.segment_bytes ? spool_keeper_take_spare(spool) : -1;
    enum status status = *fd >= 0 ? use_spare(spool, header, *fd) : STATUS_NOT_FOUND;
    if (status != STATUS_NOT_FOUND) /* else there is none, or somebody removed it */
        return status;
    status = spool_segment_begin(spool->dir_fd, header, fd);
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
        .events_before = header.events_before,
    };
    pthread_mutex_lock(&spool->shared.lock);
    status = spool_segment_append(spool, &segment);
    pthread_mutex_unlock(&spool->shared.lock);
    if (status != STATUS_OK) {
        close(fd);
        return status;
    }
    spool->writer.spare_wanted = false;
    spool_keeper_wake(spool);
    spool->writer.fd = fd;
    spool->writer.tag = header.tag;
    spool->writer.file_bytes = bytes;
    spool->writer.durable.offset = spool->writer.staged.offset = SPOOL_SEGMENT_HEADER_BYTES;
    spool->writer.write_offset = SPOOL_SEGMENT_HEADER_BYTES;
    return STATUS_OK;
}

/* Extends the empty active segment. */
static enum status grow_to(struct spool *spool, uint64_t bytes)
{
    enum status status = spool_segment_allocate(spool->writer.fd, bytes);
    if (status != STATUS_OK)
        return status;
    pthread_mutex_lock(&spool->shared.lock);
    spool->shared.segments[spool->shared.segment_count - 1].file_bytes = bytes;
    pthread_mutex_unlock(&spool->shared.lock);
    spool->writer.file_bytes = bytes;
    spool->writer.write_offset =
        spool->writer.durable.offset; /* not after bytes that were undone */
    return STATUS_OK;
}

/* What a segment of this size takes in addition. Removals add records, so the active segment may
 * be another one after each. */
static uint64_t more_bytes(const struct spool *spool, uint64_t bytes)
{
    return active_is_empty(spool) ? bytes - SPOOL_SEGMENT_HEADER_BYTES : bytes;
}

static enum status make_room(struct spool *spool, uint64_t bytes)
{
    if (!spool_evidence_allows(spool) || !spool_has_room(spool, more_bytes(spool, bytes)))
        spool_retire(spool);
    if (!spool_evidence_allows(spool))
        return STATUS_NO_SPACE;
    if (!spool_has_room(spool, more_bytes(spool, bytes)))
        spool_evict_for(spool, bytes);
    if (atomic_load(&spool->now.failed))
        return STATUS_IO;
    if (!spool_has_room(spool, more_bytes(spool, bytes)))
        return STATUS_NO_SPACE;
    return active_is_empty(spool) ? grow_to(spool, bytes) : roll_to(spool, bytes);
}

#define SMALL_BYTES 65536

enum status spool_roll_for_removal(struct spool *spool, uint32_t record_bytes)
{
    thread_assert(THREAD_WRITER);
    uint64_t whole = segment_bytes(spool, record_bytes);
    uint64_t small = UINT64_C(0) + SPOOL_SEGMENT_HEADER_BYTES + record_bytes;
    small = small > SMALL_BYTES ? small : SMALL_BYTES;
    bool has_room = spool_has_room(spool, more_bytes(spool, whole));
    uint64_t bytes = has_room || whole < small ? whole : small;
    return active_is_empty(spool) ? grow_to(spool, bytes) : roll_to(spool, bytes);
}

enum status spool_roll(struct spool *spool, uint32_t record_bytes)
{
    thread_assert(THREAD_WRITER);
    ensure(!spool->writer.pending && spool->writer.iov_count == 0);
    uint64_t bytes = segment_bytes(spool, record_bytes);
    int64_t outer = spool_disk_begin(spool), start_ns = clock_monotonic_ns();
    enum status status = make_room(spool, bytes);
    spool_disk_end(spool, outer);
    metric_observe(spool->metrics.roll_seconds, (double)(clock_monotonic_ns() - start_ns) / 1e9);
    bool ordinary = bytes <= spool->options.segment_bytes;
    if (status == STATUS_NO_SPACE && ordinary)
        spool_become_full(spool, bytes);
    spool_show(spool);
    return status;
}
