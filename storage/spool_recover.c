/* spool_recover.c: start-up of a spool directory: finds the whole records, cuts a torn tail, has
 * damaged segments set aside or salvaged, finds where to go on. Runs on the opener's thread. Does
 * not check the hash chain: that is verify's. */
#define LOG_COMPONENT "spool"
#include "storage/spool_recover.h"

#include "core/clock.h"
#include "core/log.h"
#include "storage/fault.h"
#include "storage/spool_salvage.h"
#include "storage/spool_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a segment file was found to hold. */
struct survey {
    struct spool_segment_header header;
    struct spool_segment segment; /* end: behind the last whole record */
    uint64_t used_end;            /* behind the last byte that is not zero */
    bool damaged;                 /* something is lost before the last whole record */
    struct spool_range *good;     /* whole records, neighbours joined */
    size_t good_count, good_room;
};

struct recovery {
    struct spool *spool;
    spool_scan_fn scan_fn;
    void *scan_arg;
    struct spool_scan scan;
    uint64_t floor; /* the next record's position is above this */
    char *reason;
};

static enum status fail(struct recovery *r, enum status status, const char *advice, uint64_t first)
{
    char name[SPOOL_NAME_BYTES];
    spool_segment_name(first, name);
    snprintf(r->reason, 256, "%s: %s (%s)", name, advice, status_text(status));
    return status;
}

static void raise_floor(struct recovery *r, uint64_t position)
{
    if (position > r->floor)
        r->floor = position;
}

/* What is lost is not mended before it is on disk that its positions are used up. */
static enum status keep_floor(struct recovery *r)
{
    struct spool_cursor_table *table = &r->spool->stored;
    if (r->floor <= table->floor)
        return STATUS_OK;
    table->floor = r->floor;
    enum status status = spool_cursor_store(r->spool->cursor_fd, table);
    fault_point("spool.recover.floor_kept");
    return status;
}

static void log_damage(const char *message, uint64_t first, uint64_t offset, uint64_t bytes)
{
    char name[SPOOL_NAME_BYTES];
    spool_segment_name(first, name);
    log_error(message, LOG_TEXT("file", name), LOG_U64("offset", offset), LOG_U64("bytes", bytes));
}

/* --- which spool is it ---------------------------------------------------------------------- */

struct vote {
    uint8_t uid[UUID_BYTES];
    size_t votes;
};
#define VOTES_MAX 16

static void count_vote(struct vote votes[VOTES_MAX], size_t *count, const uint8_t *uid)
{
    for (size_t i = 0; i < *count; i++)
        if (memcmp(votes[i].uid, uid, UUID_BYTES) == 0) {
            votes[i].votes++;
            return;
        }
    if (*count == VOTES_MAX)
        return;
    memcpy(votes[*count].uid, uid, UUID_BYTES);
    votes[(*count)++].votes = 1;
}

/* Most segments say whose spool this is; the cursor file decides a draw. NOT_FOUND: no one says. */
static enum status elect_uid(struct recovery *r, const uint64_t *firsts, size_t count,
                             const struct spool_cursor_table *cursors)
{
    struct vote votes[VOTES_MAX];
    size_t candidates = 0, best = 0;
    for (size_t i = 0; i < count; i++) {
        struct spool_segment_header header;
        int fd;
        if (spool_segment_open(r->spool->dir_fd, firsts[i], false, &fd) != STATUS_OK)
            continue;
        enum status status = spool_segment_read_header(fd, &header);
        close(fd);
        if (status == STATUS_VERSION)
            return fail(r, status, "made by a newer vsocd: run that version or newer", firsts[i]);
        if (status == STATUS_OK)
            count_vote(votes, &candidates, header.spool_uid);
    }
    if (cursors)
        count_vote(votes, &candidates, cursors->spool_uid);
    if (!candidates)
        return STATUS_NOT_FOUND;
    for (size_t i = 1; i < candidates; i++)
        if (votes[i].votes > votes[best].votes)
            best = i;
    memcpy(r->spool->uid, votes[best].uid, UUID_BYTES);
    return STATUS_OK;
}

/* --- one segment ---------------------------------------------------------------------------- */

static enum status keep_range(struct survey *s, uint64_t offset, uint64_t size)
{
    struct spool_range *last = s->good_count ? &s->good[s->good_count - 1] : NULL;
    if (last && last->offset + last->size == offset) {
        last->size += size;
        return STATUS_OK;
    }
    if (s->good_count == s->good_room) {
        size_t room = s->good_room ? s->good_room * 2 : 8;
        struct spool_range *grown = realloc(s->good, room * sizeof *grown);
        if (!grown)
            return STATUS_NO_MEMORY;
        s->good = grown;
        s->good_room = room;
    }
    s->good[s->good_count++] = (struct spool_range){offset, size};
    return STATUS_OK;
}

static enum status take_record(struct recovery *r, struct survey *s,
                               const struct spool_frame *frame, const struct batch_meta *meta)
{
    enum status status = keep_range(s, r->scan.offset, frame->record_bytes);
    if (status != STATUS_OK)
        return status;
    if (r->scan_fn)
        r->scan_fn(r->scan_arg, meta);
    struct spool_tail *tail = &r->spool->durable;
    tail->position = meta->position;
    tail->events = meta->events_before + meta->accepted + meta->quarantined;
    memcpy(tail->chain, meta->chain_hash, SHA256_BYTES);
    if (!s->segment.oldest)
        s->segment.oldest = meta->position;
    s->segment.newest = meta->position;
    s->segment.newest_ns = meta->ingested_ns;
    spool_scan_pass(&r->scan, frame);
    s->segment.end = r->scan.offset;
    raise_floor(r, meta->position);
    return STATUS_OK;
}

/* Next record of the segment: takes it, or moves on to the next whole one. END: no more. */
static enum status survey_step(struct recovery *r, struct survey *s)
{
    struct spool_frame frame;
    struct batch_record record;
    enum status status = spool_scan_header(&r->scan, &frame);
    if (status == STATUS_OK)
        status = spool_scan_record(&r->scan, &frame, &record);
    if (status == STATUS_OK && (frame.meta.position <= r->spool->durable.position ||
                                frame.meta.position < s->segment.first_position))
        status = STATUS_CORRUPT; /* out of order */
    if (status == STATUS_OK)
        return take_record(r, s, &frame, &record.meta);
    if (status == STATUS_NO_MEMORY)
        return status;
    uint64_t bad = r->scan.offset;
    status = spool_scan_resync(&r->scan);
    if (status == STATUS_OK) {
        s->damaged = true;
        log_damage("segment is damaged: records are lost", s->segment.first_position, bad,
                   r->scan.offset - bad);
    } else if (status == STATUS_IO) {
        s->damaged = true;
        log_damage("segment can't be read to its end", s->segment.first_position, bad, 0);
        status = STATUS_END;
    }
    return status;
}

static enum status survey_records(struct recovery *r, struct survey *s, int fd)
{
    spool_scan_start(&r->scan, fd, s->header.tag, s->segment.file_bytes);
    s->segment.end = r->scan.offset;
    enum status status;
    do
        status = survey_step(r, s);
    while (status == STATUS_OK);
    if (status != STATUS_END)
        return status;
    r->scan.offset = s->segment.end;
    status = spool_scan_used_end(&r->scan, &s->used_end);
    if (status == STATUS_IO)
        s->used_end = s->segment.file_bytes;
    return status == STATUS_NO_MEMORY ? status : STATUS_OK;
}

/* Both copies of the header are gone. The first record's place is fixed, so no sender can have put
 * something there: its tag is the segment's. */
static enum status rebuild_header(struct recovery *r, struct survey *s, int fd)
{
    uint8_t bytes[SPOOL_RECORD_HEADER_BYTES];
    struct spool_frame frame;
    if (pread(fd, bytes, sizeof bytes, SPOOL_SEGMENT_HEADER_BYTES) != (ssize_t)sizeof bytes)
        return STATUS_CORRUPT;
    uint64_t tag = 0;
    for (size_t i = 8; i > 0; i--)
        tag = tag << 8 | bytes[16 + i - 1];
    if (spool_frame_decode_header(slice_make(bytes, sizeof bytes), tag, &frame) != STATUS_OK ||
        frame.meta.position < s->segment.first_position)
        return STATUS_CORRUPT;
    s->header = (struct spool_segment_header){
        .first_position = s->segment.first_position,
        .events_before = frame.meta.events_before,
        .created_ns = frame.meta.ingested_ns,
        .tag = tag,
    };
    memcpy(s->header.spool_uid, r->spool->uid, UUID_BYTES);
    memcpy(s->header.chain_before, r->spool->durable.chain, SHA256_BYTES);
    s->damaged = true;
    return STATUS_OK;
}

/* CORRUPT: not a segment of this spool that can be read at all. */
static enum status survey_header(struct recovery *r, struct survey *s, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return STATUS_IO;
    s->segment.file_bytes = (uint64_t)st.st_size;
    enum status status = spool_segment_read_header(fd, &s->header);
    if (status == STATUS_CORRUPT)
        status = rebuild_header(r, s, fd);
    else if (status == STATUS_OK && (s->header.first_position != s->segment.first_position ||
                                     memcmp(s->header.spool_uid, r->spool->uid, UUID_BYTES) != 0))
        status = STATUS_CORRUPT;
    s->segment.tag = s->header.tag;
    s->segment.newest_ns = s->header.created_ns;
    return status;
}

/* Positions that records in the torn bytes [end, used_end) can have had at most. */
static enum status count_torn(struct recovery *r, struct survey *s, uint64_t *records)
{
    struct spool_frame frame;
    uint64_t n = 0;
    enum status status = STATUS_OK;
    spool_scan_start(&r->scan, r->scan.fd, s->header.tag, s->segment.file_bytes);
    r->scan.offset = s->segment.end;
    while (r->scan.offset < s->used_end && n < s->segment.file_bytes) {
        struct slice bytes;
        status = spool_scan_header_bytes(&r->scan, &bytes);
        if (status != STATUS_OK ||
            spool_frame_decode_header(bytes, s->header.tag, &frame) != STATUS_OK)
            break;
        n++;
        spool_scan_pass(&r->scan, &frame);
    }
    if (r->scan.offset < s->used_end)
        n += (s->used_end - r->scan.offset) / SPOOL_RECORD_HEADER_BYTES + 1;
    *records = n;
    return status == STATUS_NO_MEMORY ? status : STATUS_OK;
}

/* The last segment ends in the middle of a record: what was never acknowledged. It is copied to
 * corrupt/ all the same, then zeroed. */
static enum status cut_tail(struct recovery *r, struct survey *s, int fd)
{
    struct spool_range tail = {s->segment.end, s->used_end - s->segment.end};
    log_damage("torn tail is cut", s->segment.first_position, tail.offset, tail.size);
    enum status status = keep_floor(r);
    if (status == STATUS_OK)
        status = spool_salvage_tail(r->spool->dir_fd, fd, s->segment.first_position, tail);
    if (status != STATUS_OK)
        return status;
    if (ftruncate(fd, (off_t)s->segment.end) != 0)
        return status_from_errno(errno);
    fault_point("spool.recover.cut");
    uint64_t room = s->header.file_bytes;
    if (room > s->segment.end && fallocate(fd, 0, 0, (off_t)room) == 0)
        s->segment.file_bytes = room;
    else
        s->segment.file_bytes = s->segment.end;
    s->used_end = s->segment.end;
    return fdatasync(fd) == 0 ? STATUS_OK : status_from_errno(errno);
}

static void salvage(struct recovery *r, struct survey *s, int fd)
{
    r->spool->corrupt_segments++;
    enum status status = keep_floor(r);
    if (status == STATUS_OK)
        status = spool_salvage_replace(r->spool->dir_fd, fd, &s->header, s->good, s->good_count);
    if (status != STATUS_OK) {
        log_error("damaged segment could not be salvaged and stays in place",
                  LOG_U64("first_position", s->segment.first_position), LOG_STATUS(status));
        return;
    }
    log_warn("damaged segment salvaged; the original is under corrupt/",
             LOG_U64("first_position", s->segment.first_position),
             LOG_U64("ranges", s->good_count));
    s->segment.end = s->segment.file_bytes = s->header.file_bytes;
}

static void set_aside(struct recovery *r, struct survey *s)
{
    r->spool->corrupt_segments++;
    uint64_t records = s->segment.file_bytes / SPOOL_RECORD_HEADER_BYTES + 1;
    if (s->segment.first_position <= UINT64_MAX / 2)
        raise_floor(r, s->segment.first_position + records);
    enum status status = keep_floor(r);
    if (status == STATUS_OK)
        status = spool_salvage_set_aside(r->spool->dir_fd, s->segment.first_position);
    if (status == STATUS_OK)
        log_error("unreadable or foreign segment moved to corrupt/",
                  LOG_U64("first_position", s->segment.first_position),
                  LOG_U64("bytes", s->segment.file_bytes));
    else
        log_error("unreadable or foreign segment can't be moved and is left alone",
                  LOG_U64("first_position", s->segment.first_position), LOG_STATUS(status));
}

/* Mends what the survey found. *go_on: records can be appended to it. */
static enum status mend(struct recovery *r, struct survey *s, int fd, bool last, bool *go_on)
{
    bool tail = s->used_end > s->segment.end;
    *go_on = last && !(s->header.flags & SPOOL_SEGMENT_SALVAGED);
    if (last && tail) {
        uint64_t records;
        enum status status = count_torn(r, s, &records);
        if (status != STATUS_OK)
            return status;
        raise_floor(r, r->spool->durable.position + records);
    }
    if (s->damaged || (tail && !last)) {
        *go_on = false;
        if (!s->damaged)
            log_damage("segment is damaged at its end", s->segment.first_position, s->segment.end,
                       s->used_end - s->segment.end);
        salvage(r, s, fd);
    } else if (tail) {
        enum status status = cut_tail(r, s, fd);
        *go_on = *go_on && status == STATUS_OK;
        if (status != STATUS_OK)
            log_error("torn tail could not be cut and stays", LOG_STATUS(status));
    } else if (!last && s->segment.file_bytes > s->segment.end &&
               ftruncate(fd, (off_t)s->segment.end) == 0) {
        s->segment.file_bytes = s->segment.end; /* only zeros: room that was not needed */
    }
    return STATUS_OK;
}

/* The log goes on from what the header says, if records before it are lost. */
static void follow_header(struct recovery *r, const struct spool_segment_header *header)
{
    struct spool_tail *tail = &r->spool->durable;
    tail->events = header->events_before;
    memcpy(tail->chain, header->chain_before, SHA256_BYTES);
    raise_floor(r, header->first_position - 1);
}

static enum status recover_segment(struct recovery *r, uint64_t first, bool last)
{
    struct spool *spool = r->spool;
    struct survey s = {.segment = {.first_position = first}};
    int fd;
    bool go_on = false;
    enum status status = spool_segment_open(spool->dir_fd, first, true, &fd);
    if (status != STATUS_OK)
        return fail(r, STATUS_IO, "can't be opened: check owner and mode of the spool", first);
    status = first ? survey_header(r, &s, fd) : STATUS_CORRUPT;
    if (status == STATUS_CORRUPT) {
        set_aside(r, &s);
        status = STATUS_OK;
        goto out;
    }
    if (status == STATUS_OK) {
        follow_header(r, &s.header);
        status = survey_records(r, &s, fd);
    }
    if (status == STATUS_OK)
        status = mend(r, &s, fd, last, &go_on);
    if (status == STATUS_OK)
        status = spool_segment_append(spool, &s.segment);
    if (status != STATUS_OK)
        fail(r, status, "can't be read: check the disk and free memory", first);
out:
    if (status == STATUS_OK && go_on) {
        spool->fd = fd;
        spool->tag = s.header.tag;
        spool->file_bytes = s.segment.file_bytes;
        spool->durable.offset = s.segment.end;
    } else {
        close(fd);
    }
    free(s.good);
    return status;
}

/* --- the directory -------------------------------------------------------------------------- */

/* The cursor file, if it is this spool's. */
static void take_cursors(struct recovery *r, const struct spool_cursor_table *table)
{
    struct spool *spool = r->spool;
    if (!table || memcmp(table->spool_uid, spool->uid, UUID_BYTES) != 0) {
        if (table)
            log_warn("cursor file of another spool is not used");
        memcpy(spool->stored.spool_uid, spool->uid, UUID_BYTES);
        spool->stored.generation = table ? table->generation : 0;
        return;
    }
    spool->stored = *table;
    raise_floor(r, table->floor);
    for (uint32_t i = 0; i < table->count; i++)
        raise_floor(r, table->entries[i].position);
}

static enum status recover_all(struct recovery *r, const uint64_t *firsts, size_t count)
{
    struct spool_cursor_table table;
    enum status status = spool_cursor_load(r->spool->dir_fd, &table);
    if (status == STATUS_VERSION) {
        snprintf(r->reason, 256, "%s: made by a newer vsocd: run that version or newer",
                 SPOOL_CURSOR_FILE);
        return status;
    }
    const struct spool_cursor_table *cursors = status == STATUS_OK ? &table : NULL;
    status = elect_uid(r, firsts, count, cursors);
    if (status == STATUS_NOT_FOUND)
        uuid7_make(clock_wall_ns(), r->spool->uid);
    else if (status != STATUS_OK)
        return status;
    take_cursors(r, cursors);
    status = spool_cursor_create(r->spool->dir_fd, &r->spool->cursor_fd);
    if (status != STATUS_OK)
        snprintf(r->reason, 256,
                 "%.150s/" SPOOL_CURSOR_FILE
                 ": can't be written: free some space and check its owner (%s)",
                 r->spool->dir, status_text(status));
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = recover_segment(r, firsts[i], i + 1 == count);
    return status;
}

enum status spool_recover(struct spool *spool, spool_scan_fn scan, void *scan_arg, char reason[256])
{
    struct recovery r = {.spool = spool, .scan_fn = scan, .scan_arg = scan_arg, .reason = reason};
    uint64_t *firsts = NULL;
    size_t count = 0;
    spool_scan_init(&r.scan);
    enum status status = spool_segment_clean(spool->dir_fd);
    if (status == STATUS_OK)
        status = spool_segment_list(spool->dir_fd, &firsts, &count);
    if (status != STATUS_OK)
        snprintf(reason, 256, "%.150s: can't be read: check its owner and mode (%s)", spool->dir,
                 status_text(status));
    else
        status = recover_all(&r, firsts, count);
    if (status == STATUS_OK && spool->durable.position < r.floor)
        spool->durable.position = r.floor;
    spool_scan_fini(&r.scan);
    free(firsts);
    return status;
}
