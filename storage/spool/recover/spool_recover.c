/* spool_recover.c: recovery of a spool directory at start: finds the intact records, truncates a
 * torn tail, has damaged segments set aside or salvaged, and finds where to continue. Runs on the
 * opener's thread. Does not check the hash chain: verify does. */
#define LOG_COMPONENT "spool"
#include "storage/spool/spool_internal.h"

#include "core/clock.h"
#include "core/log/log.h"
#include "core/disk/fault.h"
#include "storage/spool/recover/spool_recovery.h"
#include "storage/spool/recover/spool_salvage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRESS_NS (2 * NS_PER_S)

static enum status fail(struct recovery *r, enum status status, const char *advice, uint64_t first)
{
    char name[SPOOL_NAME_BYTES];
    spool_segment_name(first, name);
    problem_say(r->problem, "%s: %s (%s)", name, advice, status_text(status));
    return status;
}

enum status recovery_refuse_version(struct recovery *r, const char *file, uint32_t found,
                                    uint32_t supported)
{
    problem_say(r->problem,
                "%s: made by a newer vsocd: its format is version %u, this program knows up to %u: "
                "run that version or newer",
                file, found, supported);
    return STATUS_VERSION;
}

enum status recovery_fail_to_open(struct recovery *r, uint64_t first)
{
    return fail(r, STATUS_IO, "can't be opened: check owner and mode of the spool, and the disk",
                first);
}

enum status recovery_fail_to_read(struct recovery *r, enum status status, uint64_t first)
{
    return fail(r, status,
                "can't be read: check the disk and free memory; if the disk has permanently "
                "failed, copy the readable part to another one and start there",
                first);
}

/* Persist the position floor before repairing, so that lost positions are never reused. */
static enum status keep_floor(struct recovery *r)
{
    struct spool_cursor_table *table = &r->spool->writer.stored;
    if (r->floor <= table->floor)
        return STATUS_OK;
    table->floor = r->floor;
    enum status status = spool_cursor_store(r->spool->cursor_fd, table);
    fault_point(spool_recover_floor_kept);
    return status;
}

/* --- one segment ---------------------------------------------------------------------------- */

/* The last segment ends in the middle of a record that was never acknowledged. Its bytes are still
 * copied to corrupt/, then zeroed. */
static enum status cut_tail(struct recovery *r, struct spool_survey *s, int fd)
{
    struct spool_range tail = {s->segment.end, s->used_end - s->segment.end};
    spool_survey_log("torn tail truncated", s->segment.first_position, tail.offset, tail.size);
    enum status status = keep_floor(r);
    if (status == STATUS_OK)
        status = spool_salvage_tail(r->spool->dir_fd, fd, s->segment.first_position, tail);
    if (status != STATUS_OK)
        return status;
    if (ftruncate(fd, (off_t)s->segment.end) != 0)
        return status_from_errno(errno);
    fault_point(spool_recover_cut);
    uint64_t room = s->header.file_bytes;
    if (room > s->segment.end && fallocate(fd, 0, 0, (off_t)room) == 0)
        s->segment.file_bytes = room;
    else
        s->segment.file_bytes = s->segment.end;
    s->used_end = s->segment.end;
    enum status synced = fdatasync(fd) == 0 ? STATUS_OK : status_from_errno(errno);
    fault_point(spool_recover_cut_synced);
    return synced;
}

/* Reports what was kept and what was lost. */
static void log_salvaged(const struct spool_survey *s)
{
    const struct spool_loss *loss = &s->loss;
    char from[SPOOL_TIME_BYTES], to[SPOOL_TIME_BYTES];
    char name[SPOOL_NAME_BYTES];
    spool_segment_name(s->segment.first_position, name);
    if (!loss->places) {
        log_warn("damaged segment salvaged, no record is lost; the original is under corrupt/",
                 LOG_TEXT("file", name), LOG_U64("records_kept", s->segment.records));
        return;
    }
    spool_time_text(loss->from_ns, from);
    spool_time_text(loss->to_ns, to);
    log_warn("damaged segment salvaged; the original is under corrupt/", LOG_TEXT("file", name),
             LOG_U64("records_kept", s->segment.records), LOG_U64("places", loss->places),
             LOG_U64("first_lost", loss->first), LOG_U64("last_lost", loss->last),
             LOG_U64("events_lost", loss->events), LOG_TEXT("written_after", from),
             LOG_TEXT("written_before", to));
}

static void salvage(struct recovery *r, struct spool_survey *s, int fd)
{
    r->spool->shared.corrupt_segments++;
    enum status status = keep_floor(r);
    if (status == STATUS_OK)
        status = spool_salvage_replace(r->spool->dir_fd, fd, &s->header, s->good, s->good_count);
    if (status != STATUS_OK) {
        log_error("damaged segment could not be salvaged and stays in place",
                  LOG_U64("first_position", s->segment.first_position), LOG_STATUS(status));
        s->segment.no_index = true; /* each start reports it */
        return;
    }
    log_salvaged(s);
    s->segment.end = s->segment.file_bytes = s->header.file_bytes;
}

static void set_aside(struct recovery *r, struct spool_survey *s)
{
    r->spool->shared.corrupt_segments++;
    uint64_t records = s->segment.file_bytes / SPOOL_RECORD_HEADER_MIN + 1;
    if (s->segment.first_position <= UINT64_MAX / 2)
        recovery_raise_floor(r, s->segment.first_position + records);
    enum status status = keep_floor(r);
    if (status == STATUS_OK)
        status = spool_salvage_set_aside(r->spool->dir_fd, s->segment.first_position);
    char name[SPOOL_NAME_BYTES];
    spool_segment_name(s->segment.first_position, name);
    if (status == STATUS_OK)
        log_error("unreadable or foreign segment moved to corrupt/", LOG_TEXT("file", name),
                  LOG_TEXT("reason", s->reason), LOG_U64("bytes", s->segment.file_bytes));
    else
        log_error("unreadable or foreign segment can't be moved and stays in place",
                  LOG_TEXT("file", name), LOG_TEXT("reason", s->reason), LOG_STATUS(status));
}

/* Header of the segment after this one. */
static enum status read_next(const struct recovery *r, uint64_t next,
                             struct spool_segment_header *header)
{
    int fd;
    if (r->indexes.valid[r->segment + 1]) {
        *header = r->indexes.items[r->segment + 1].header;
        return STATUS_OK;
    }
    enum status status = spool_segment_open(r->spool->dir_fd, next, false, &fd);
    if (status != STATUS_OK)
        return status;
    status = spool_segment_read_header(fd, header);
    close(fd);
    return status;
}

/* Reports what is missing between this segment's last intact record and the next segment. */
static void lose_end(struct recovery *r, struct spool_survey *s, const char *message, uint64_t next)
{
    struct spool_segment_header header;
    uint64_t bytes = s->used_end > s->segment.end ? s->used_end - s->segment.end : 0;
    if (next && read_next(r, next, &header) == STATUS_OK &&
        header.events_before > r->spool->writer.durable.events)
        spool_survey_lose(s, message, s->segment.end, bytes, &r->spool->writer.durable, next,
                          header.events_before, header.created_ns);
    else
        spool_survey_log(message, s->segment.first_position, s->segment.end, bytes);
}

bool recovery_ends_early(const struct recovery *r, const struct spool_survey *s, uint64_t events,
                         uint64_t next)
{
    struct spool_segment_header header;
    if (s->damaged || s->header.flags & SPOOL_SEGMENT_SALVAGED)
        return false;
    return read_next(r, next, &header) == STATUS_OK && header.first_position == next &&
           memcmp(header.spool_uid, r->spool->uid, UUID_BYTES) == 0 &&
           header.events_before != events &&
           !spool_salvage_has(r->spool->dir_fd, s->segment.first_position, next);
}

/* Repairs the damage that the survey found. *go_on: records can be appended to the segment. */
static enum status mend(struct recovery *r, struct spool_survey *s, int fd, uint64_t next,
                        bool *go_on)
{
    bool last = !next;
    bool tail = s->used_end > s->segment.end;
    *go_on = last && recovery_may_continue(&s->header);
    if (last && tail) {
        uint64_t records;
        enum status status = spool_survey_torn(s, &r->scan, &records);
        if (status != STATUS_OK)
            return status;
        recovery_raise_floor(r, r->spool->writer.durable.position);
        recovery_raise_floor(
            r, r->floor + records); /* they follow all positions that are marked as used */
    }
    if (s->damaged || (tail && !last)) {
        *go_on = false;
        if (!s->damaged)
            lose_end(r, s, "segment is damaged at its end", next);
        salvage(r, s, fd);
    } else if (tail) {
        enum status status = cut_tail(r, s, fd);
        *go_on = *go_on && status == STATUS_OK;
        if (status != STATUS_OK)
            log_error("torn tail could not be truncated and stays", LOG_STATUS(status));
        s->segment.no_index = status != STATUS_OK;
    } else if ((!last || !*go_on) && s->segment.file_bytes > s->segment.end &&
               ftruncate(fd, (off_t)s->segment.end) == 0) {
        s->segment.file_bytes = s->segment.end; /* only zeros: unused space */
    }
    return STATUS_OK;
}

bool recovery_may_continue(const struct spool_segment_header *header)
{
    return header->version == SPOOL_FORMAT_VERSION && !(header->flags & SPOOL_SEGMENT_SALVAGED);
}

/* The next segment would have its name, and replaces it then. */
bool recovery_is_vacant(const struct spool_segment_header *header,
                        const struct spool_segment *segment, uint64_t next)
{
    return !next && !segment->records && header->version != SPOOL_FORMAT_VERSION;
}

void recovery_follow_header(struct recovery *r, const struct spool_segment_header *header)
{
    struct spool_tail *tail = &r->spool->writer.durable;
    tail->events = header->events_before;
    if (header->version > 1)
        tail->leaves = header->leaves_before;
    memcpy(tail->chain, header->chain_before, SHA256_BYTES);
    recovery_raise_floor(r, header->first_position - 1);
}

/* --- one segment by reading it -------------------------------------------------------------- */

/* Reading takes a while: every few seconds, how far it is. */
static void log_progress(struct recovery *r)
{
    int64_t now_ns = clock_monotonic_ns();
    r->read++;
    if (!r->progress_ns)
        r->progress_ns = now_ns;
    if (now_ns - r->progress_ns < PROGRESS_NS)
        return;
    r->progress_ns = now_ns;
    log_info("reading segments that have no index", LOG_U64("read", r->read - 1),
             LOG_U64("of", r->indexes.missing));
}

/* next: first position of the following segment, 0: none. */
static enum status read_segment(struct recovery *r, uint64_t first, uint64_t next)
{
    struct spool *spool = r->spool;
    struct spool_survey s = {.segment = {.first_position = first}};
    int fd;
    bool go_on = false;
    log_progress(r);
    enum status status = spool_segment_open(spool->dir_fd, first, true, &fd);
    if (status != STATUS_OK)
        return recovery_fail_to_open(r, first);
    s.reason = first ? NULL : "there is no position 0";
    status =
        first ? spool_survey_header(&s, fd, spool->uid, &spool->writer.durable) : STATUS_CORRUPT;
    if (status == STATUS_CORRUPT) {
        set_aside(r, &s);
        status = STATUS_OK;
        goto out;
    }
    if (status == STATUS_OK) {
        recovery_follow_header(r, &s.header);
        s.segment.events_before = s.header.events_before;
        status =
            spool_survey_records(&s, &r->scan, fd, &spool->writer.durable, r->scan_fn, r->scan_arg);
        recovery_raise_floor(r, spool->writer.durable.position);
    }
    if (status == STATUS_OK && next &&
        recovery_ends_early(r, &s, spool->writer.durable.events, next)) {
        lose_end(r, &s, "records are missing after this segment", next);
        s.damaged = true;
    }
    /* Syncs records of a process that died before its sync: from now on they are read, and repeats
     * of them get their report. */
    if (status == STATUS_OK && !next && fdatasync(fd) != 0)
        status = STATUS_IO;
    fault_point(spool_recover_synced);
    if (status == STATUS_OK)
        status = mend(r, &s, fd, next, &go_on);
    if (status == STATUS_OK && !recovery_is_vacant(&s.header, &s.segment, next))
        status = spool_segment_append(spool, &s.segment);
    if (status != STATUS_OK)
        (void)recovery_fail_to_read(r, status, first);
out:
    if (status == STATUS_OK && go_on) {
        spool->writer.fd = fd;
        spool->writer.tag = s.header.tag;
        spool->writer.file_bytes = s.segment.file_bytes;
        spool->writer.durable.offset = s.segment.end;
    } else {
        close(fd);
    }
    spool_survey_fini(&s);
    fault_point(spool_recover_segment_done);
    return status;
}

/* --- the directory -------------------------------------------------------------------------- */

/* The cursor file, if it is this spool's. */
static void take_cursors(struct recovery *r, const struct spool_cursor_table *table)
{
    struct spool *spool = r->spool;
    if (!table || memcmp(table->spool_uid, spool->uid, UUID_BYTES) != 0) {
        if (table)
            log_warn("cursor file of another spool ignored");
        memcpy(spool->writer.stored.spool_uid, spool->uid, UUID_BYTES);
        spool->writer.stored.generation = table ? table->generation : 0;
        return;
    }
    spool->writer.stored = *table;
    recovery_raise_floor(r, table->floor);
    for (uint32_t i = 0; i < table->count; i++)
        recovery_raise_floor(r, table->entries[i].position);
}

/* A sink has had records that are missing at the log's end: a crash can't cause that. */
static enum status note_missing_end(struct recovery *r, const struct spool_cursor_table *cursors)
{
    struct spool *spool = r->spool;
    bool ours = cursors && memcmp(cursors->spool_uid, spool->uid, UUID_BYTES) == 0;
    uint64_t had = ours ? spool_cursor_missed(cursors) : 0;
    if (had <= spool->writer.durable.position)
        return STATUS_OK;
    log_error("records at the end of the spool are missing: a sink has had them",
              LOG_U64("last_position", spool->writer.durable.position),
              LOG_U64("sink_position", had));
    spool->shared.corrupt_segments++;
    return keep_floor(r);
}

static enum status recover_all(struct recovery *r, const uint64_t *firsts, size_t count)
{
    struct spool_cursor_table table;
    enum status status = spool_cursor_load(r->spool->dir_fd, &table);
    if (status == STATUS_VERSION)
        return recovery_refuse_version(r, SPOOL_CURSOR_FILE, table.version, SPOOL_CURSOR_VERSION);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        problem_say(r->problem, "%s: can't be read: check the disk, its owner and mode (%s)",
                    SPOOL_CURSOR_FILE, status_text(status));
        return status;
    }
    const struct spool_cursor_table *cursors = status == STATUS_OK ? &table : NULL;
    status = spool_indexes_read(&r->indexes, r->spool->dir_fd, firsts, count,
                                r->spool->options.keys_max);
    if (status != STATUS_OK) {
        problem_say(r->problem, "the indexes can't be read: check the disk and free memory (%s)",
                    status_text(status));
        return status;
    }
    status = recovery_elect_uid(r, firsts, count, cursors);
    if (status == STATUS_NOT_FOUND)
        uuid7_make(clock_wall_ns(), r->spool->uid);
    else if (status != STATUS_OK)
        return status;
    take_cursors(r, cursors);
    status = spool_cursor_create(r->spool->dir_fd, &r->spool->cursor_fd);
    if (status != STATUS_OK)
        problem_say(r->problem,
                    "%.150s/" SPOOL_CURSOR_FILE
                    ": can't be written: free some space and check its owner (%s)",
                    r->spool->dir, status_text(status));
    uint64_t newest = 0;
    if (status == STATUS_OK)
        status = spool_indexes_keys(&r->indexes, r->spool, count ? firsts[0] : UINT64_MAX,
                                    r->scan_fn, r->scan_arg, &newest);
    recovery_raise_floor(r, newest);
    for (r->segment = 0; r->segment < count && status == STATUS_OK; r->segment++) {
        uint64_t next = r->segment + 1 < count ? firsts[r->segment + 1] : 0;
        status = recovery_take_index(r, next);
        if (status == STATUS_NOT_FOUND)
            status = read_segment(r, firsts[r->segment], next);
    }
    return status == STATUS_OK ? note_missing_end(r, cursors) : status;
}

enum status spool_recover(struct spool *spool, spool_scan_fn scan, void *scan_arg,
                          struct problem *problem)
{
    ensure(spool->magic == SPOOL_MAGIC && !spool->thread.started &&
           spool->shared.segment_count == 0);
    struct recovery r = {.spool = spool, .scan_fn = scan, .scan_arg = scan_arg, .problem = problem};
    uint64_t *firsts = NULL;
    size_t count = 0;
    spool_scan_init(&r.scan);
    enum status status = spool_segment_clean(spool->dir_fd);
    fault_point(spool_recover_cleaned);
    if (status == STATUS_OK)
        status = spool_segment_list(spool->dir_fd, &firsts, &count);
    if (status != STATUS_OK)
        problem_say(problem, "%.150s: can't be read: check its owner and mode (%s)", spool->dir,
                    status_text(status));
    else
        status = recover_all(&r, firsts, count);
    if (status == STATUS_OK && spool->writer.durable.position < r.floor)
        spool->writer.durable.position = r.floor;
    if (status == STATUS_OK && r.read)
        log_info("segments without an index were read", LOG_U64("segments", r.read));
    spool_indexes_fini(&r.indexes);
    spool_scan_fini(&r.scan);
    free(firsts);
    fault_point(spool_recover_done);
    return status;
}
