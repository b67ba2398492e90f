/* spool_recover_take.c: recovers a segment from its index, without reading it. The opener's thread.
 * Repairs nothing: what looks damaged is left to the reading of the segment. */
#include "storage/spool/recover/spool_recovery.h"

#include "core/disk/fault.h"

#include <unistd.h>

/* The log goes on behind these records, and nothing is there yet. */
static bool ends_with_zeros(struct recovery *r, const struct spool_index *index, int fd)
{
    struct spool_frame frame;
    spool_scan_start(&r->scan, fd, index->header.tag, index->segment.file_bytes);
    r->scan.offset = index->segment.end;
    return spool_scan_header(&r->scan, &frame) == STATUS_END;
}

/* The last segment: opens it for the next records. False: it is read. */
static bool open_last(struct recovery *r, const struct spool_index *index, int *fd)
{
    uint64_t first = index->header.first_position;
    if (spool_segment_open(r->spool->dir_fd, first, true, fd) != STATUS_OK)
        return false;
    if (ends_with_zeros(r, index, *fd) && fdatasync(*fd) == 0) {
        fault_point(spool_recover_synced);
        return true;
    }
    close(*fd);
    *fd = -1;
    return false;
}

/* From the first new record of the last segment on, its index would be wrong: there must be none.
 */
static bool drop_index(struct recovery *r, const struct spool_index *index)
{
    if (spool_index_remove(r->spool->dir_fd, index->header.first_position) != STATUS_OK ||
        fsync(r->spool->dir_fd) != 0)
        return false;
    fault_point(spool_recover_index_dropped);
    return true;
}

static void use_last(struct recovery *r, const struct spool_index *index, int fd,
                     struct spool_segment *segment)
{
    if (!recovery_may_continue(&index->header)) {
        if (ftruncate(fd, (off_t)segment->end) == 0)
            segment->file_bytes = segment->end;
        close(fd);
        return;
    }
    r->spool->writer.fd = fd;
    r->spool->writer.tag = index->header.tag;
    r->spool->writer.file_bytes = index->segment.file_bytes;
    r->spool->writer.durable.offset = index->segment.end;
}

/* What a reading would find damaged, or has to repair. */
static bool is_suspicious(struct recovery *r, const struct spool_index *index, uint64_t next)
{
    const struct spool_segment *s = &index->segment;
    struct spool_survey survey = {.header = index->header, .segment = *s};
    const struct spool_tail *tail = &r->spool->writer.durable;
    return memcmp(index->header.spool_uid, r->spool->uid, UUID_BYTES) != 0 || !s->first_position ||
           (s->records && s->oldest <= tail->position) || (next && s->file_bytes != s->end) ||
           (next && recovery_ends_early(r, &survey, index->tail.events, next));
}

/* Gives the places of the segment to the scan, if they are needed. */
static bool give_places(struct recovery *r, const struct spool_index *index)
{
    return !r->scan_fn || r->segment < r->indexes.needed_from ||
           spool_index_places(r->spool->dir_fd, index, r->scan_fn, r->scan_arg) == STATUS_OK;
}

/* Why the index can't be used after all; NULL: it can. *fd: of the last segment. Places that were
 * given before an index turns out to stay are given again by the reading: the window counts them
 * once. */
static const char *obstacle(struct recovery *r, const struct spool_index *index, uint64_t next,
                            int *fd)
{
    const char *why = NULL;
    if (is_suspicious(r, index, next))
        return "it does not fit the other segments";
    if (!next && !open_last(r, index, fd))
        return "its segment can't be continued";
    if (!give_places(r, index))
        why = "its places can't be read";
    else if (!next && !drop_index(r, index))
        why = "it can't be removed before its segment goes on";
    if (why && *fd >= 0)
        close(*fd);
    return why;
}

enum status recovery_take_index(struct recovery *r, uint64_t next)
{
    const struct spool_index *index = &r->indexes.items[r->segment];
    struct spool_tail *tail = &r->spool->writer.durable;
    int fd = -1;
    if (!r->indexes.valid[r->segment])
        return STATUS_NOT_FOUND;
    const char *why = obstacle(r, index, next, &fd);
    if (why) {
        spool_indexes_reject(&r->indexes, r->segment, why);
        return STATUS_NOT_FOUND;
    }
    struct spool_segment segment = index->segment;
    recovery_follow_header(r, &index->header);
    if (segment.records)
        tail->position = segment.newest;
    tail->events = index->tail.events;
    if (index->header.version > 1)
        tail->leaves = index->tail.leaves;
    memcpy(tail->chain, index->tail.chain, SHA256_BYTES);
    recovery_raise_floor(r, tail->position);
    segment.indexed = next != 0; /* the last one has no index from now on */
    if (!next)
        use_last(r, index, fd, &segment);
    enum status status = STATUS_OK;
    if (!recovery_is_vacant(&index->header, &segment, next))
        status = spool_segment_append(r->spool, &segment);
    fault_point(spool_recover_segment_done);
    return status;
}
