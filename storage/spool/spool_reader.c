/* spool_reader.c: reads records in order, from a live spool up to the last durable one, or from a
 * directory. Runs on the reader's thread. Does not move cursors. */
#define LOG_COMPONENT "spool"
#include "storage/spool/spool_internal.h"

#include "core/clock.h"
#include "core/log/log.h"
#include "core/wait/condition.h"
#include "storage/spool/record_open.h"
#include "storage/spool/spool_scan.h"
#include "storage/spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct spool_reader {
    struct spool *spool; /* NULL: reads a directory */
    int dir_fd;          /* the spool's, or its own */
    int fd;              /* of the segment being read; -1: none yet */
    uint64_t segment;    /* its first position */
    uint64_t end;        /* offset up to which it may be read */
    bool sealed;         /* a later segment exists: end is final */
    uint64_t position;   /* of the last record returned or skipped */
    uint64_t events;     /* events_before of the next one, */
    bool events_known;   /* once one was returned or skipped */
    uint64_t looked;     /* newest position at the last check of the table */
    uint64_t reached;    /* and at the last check before END was returned */
    uint64_t woken;
    bool peeked;
    struct spool_frame frame; /* of the next record, when peeked */
    bool given; /* the record at scan.offset was returned; the next call moves past it */
    struct spool_scan scan;
    uint64_t ahead; /* for the scan */
    struct record_opener opener;
};

/* --- which segment -------------------------------------------------------------------------- */

/* The result of a search for a segment. */
struct place {
    bool found;
    uint64_t first; /* its first position */
};

/* First position of the segment that may hold `position`, else of the next one. */
static void place_of_position(const struct spool *spool, uint64_t position, struct place *out)
{
    size_t n = spool->shared.segment_count, i = 0;
    while (i + 1 < n && spool->shared.segments[i + 1].first_position <= position)
        i++;
    out->found = n > 0;
    if (out->found)
        out->first = spool->shared.segments[i].first_position;
}

static void place_after(const struct spool *spool, uint64_t first, struct place *out)
{
    for (size_t i = 0; i < spool->shared.segment_count && !out->found; i++)
        if (spool->shared.segments[i].first_position > first) {
            out->found = true;
            out->first = spool->shared.segments[i].first_position;
        }
}

/* Refreshes end and sealed of the segment being read. */
static void refresh_live(struct spool_reader *r)
{
    struct spool *spool = r->spool;
    pthread_mutex_lock(&spool->shared.lock);
    size_t n = spool->shared.segment_count, i = 0;
    while (i < n && spool->shared.segments[i].first_position < r->segment)
        i++;
    if (i < n && spool->shared.segments[i].first_position == r->segment) {
        r->end = spool->shared.segments[i].end;
        r->sealed = i + 1 < n;
    } else {
        r->sealed = true; /* removed meanwhile: the open file stays readable */
    }
    r->looked = spool->now.position;
    pthread_mutex_unlock(&spool->shared.lock);
}

static enum status refresh_dir(struct spool_reader *r)
{
    struct stat st;
    uint64_t *firsts;
    size_t count;
    if (fstat(r->fd, &st) != 0)
        return STATUS_IO;
    enum status status = spool_segment_list(r->dir_fd, &firsts, &count);
    if (status != STATUS_OK)
        return status;
    r->end = (uint64_t)st.st_size;
    r->sealed = count && firsts[count - 1] > r->segment;
    free(firsts);
    return STATUS_OK;
}

static enum status refresh(struct spool_reader *r)
{
    enum status status = STATUS_OK;
    if (r->spool)
        refresh_live(r);
    else
        status = refresh_dir(r);
    if (r->scan.end != r->end)
        r->scan.end = r->end;
    return status;
}

/* *found false: none (yet). */
static enum status find_segment(struct spool_reader *r, bool after, struct place *place)
{
    uint64_t *firsts = NULL;
    size_t count = 0;
    if (r->spool) {
        pthread_mutex_lock(&r->spool->shared.lock);
        if (after)
            place_after(r->spool, r->segment, place);
        else
            place_of_position(r->spool, r->position + 1, place);
        r->looked = r->spool->now.position;
        pthread_mutex_unlock(&r->spool->shared.lock);
        return STATUS_OK;
    }
    enum status status = spool_segment_list(r->dir_fd, &firsts, &count);
    if (status != STATUS_OK)
        return status;
    size_t i = 0;
    if (after)
        while (i < count && firsts[i] <= r->segment)
            i++;
    else
        while (i + 1 < count && firsts[i + 1] <= r->position + 1)
            i++;
    place->found = i < count;
    if (place->found)
        place->first = firsts[i];
    free(firsts);
    return STATUS_OK;
}

static void leave_segment(struct spool_reader *r)
{
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
}

/* Opens the segment: NOT_FOUND if it was removed meanwhile; CORRUPT if its header is lost. */
static enum status enter_segment(struct spool_reader *r, uint64_t first)
{
    struct spool_segment_header header;
    int fd;
    enum status status = spool_segment_open(r->dir_fd, first, false, &fd);
    if (status != STATUS_OK)
        return status;
    r->segment = first;
    status = spool_segment_read_header(fd, &header);
    if (status != STATUS_OK) {
        close(fd);
        return status;
    }
    r->fd = fd;
    spool_scan_start(&r->scan, fd, header.tag, 0);
    r->scan.ahead = r->ahead;
    return refresh(r);
}

/* Opens the next segment. END: there is none. CORRUPT: it can't be read and is skipped. */
static enum status next_segment(struct spool_reader *r)
{
    bool after = r->fd >= 0 || r->segment;
    leave_segment(r);
    for (;;) {
        struct place place = {0};
        enum status status = find_segment(r, after, &place);
        if (status != STATUS_OK)
            return status;
        if (!place.found)
            return STATUS_END;
        status = enter_segment(r, place.first);
        if (status != STATUS_NOT_FOUND)
            return status;
        /* Removed between the search and the open; the next search no longer finds it. In a
         * directory that another process empties, the next listing does not have it either. */
    }
}

/* --- records -------------------------------------------------------------------------------- */

/* In a live spool a failed read is not treated as damage: it may succeed next time, and if not, the
 * next start sets the segment aside and keeps the intact records. */
static bool may_pass(const struct spool_reader *r, enum status status)
{
    return status == STATUS_CORRUPT || status == STATUS_END || (status == STATUS_IO && !r->spool);
}

/* The bytes at the offset are not a record: moves to the next intact one, or to the end of the
 * readable part. END: nothing more in a file that may still grow. OK: the record is intact after
 * all, because another process has written it meanwhile. */
static enum status pass_damage(struct spool_reader *r, bool zeros)
{
    uint64_t at = r->scan.offset;
    bool whole = false;
    enum status status = spool_scan_resync(&r->scan);
    if (status == STATUS_OK && !r->spool)
        status = spool_scan_back(&r->scan, at, &whole);
    if (whole || (status != STATUS_OK && !may_pass(r, status)))
        return status;
    if (status != STATUS_OK) {
        /* Another process may be writing; in a live spool all bytes before end are records. */
        if (!r->spool && (zeros || !r->sealed)) {
            spool_scan_forget(&r->scan);
            return STATUS_END;
        }
        r->scan.offset = r->end;
    }
    log_error("damaged bytes in a segment skipped", LOG_U64("first_position", r->segment),
              LOG_U64("offset", at), LOG_U64("bytes", r->scan.offset - at));
    return STATUS_CORRUPT;
}

static uint32_t events_of(const struct spool_frame *frame)
{
    return frame->meta.accepted + frame->meta.quarantined;
}

static void note_events(struct spool_reader *r)
{
    r->events = r->frame.meta.events_before + events_of(&r->frame);
    r->events_known = true;
}

/* The next header in this segment; END at its end. */
static enum status header_here(struct spool_reader *r)
{
    for (;;) {
        if (r->scan.offset >= r->scan.end)
            return STATUS_END;
        enum status status = spool_scan_header(&r->scan, &r->frame);
        if (may_pass(r, status)) {
            status = pass_damage(r, status == STATUS_END);
            if (status == STATUS_OK)
                continue;
        }
        if (status != STATUS_OK)
            return status;
        if (r->frame.meta.position > r->position)
            return STATUS_OK;
        note_events(r);
        spool_scan_pass(&r->scan, &r->frame);
    }
}

/* The header here or in a later segment. */
static enum status find_header(struct spool_reader *r)
{
    for (;;) {
        bool sealed = r->sealed;
        enum status status = r->fd >= 0 ? header_here(r) : STATUS_END;
        if (status == STATUS_END && r->fd >= 0 && !sealed) {
            status = refresh(r);
            if (status == STATUS_OK)
                status = header_here(r);
            if (status == STATUS_END && !r->sealed)
                return STATUS_END;
        }
        if (status != STATUS_END)
            return status;
        status = next_segment(r);
        if (status != STATUS_OK)
            return status;
    }
}

static enum status next_header(struct spool_reader *r)
{
    if (r->given)
        spool_scan_pass(&r->scan, &r->frame);
    r->given = false;
    if (r->peeked)
        return STATUS_OK;
    enum status status = find_header(r);
    if (status == STATUS_END)
        r->reached = r->looked;
    r->peeked = status == STATUS_OK;
    return status;
}

enum status spool_reader_peek(struct spool_reader *reader, uint64_t *position, uint32_t *events)
{
    enum status status = next_header(reader);
    if (status != STATUS_OK)
        return status;
    *position = reader->frame.meta.position;
    *events = events_of(&reader->frame);
    return STATUS_OK;
}

const struct batch_meta *spool_reader_peeked(const struct spool_reader *reader)
{
    ensure(reader->peeked);
    return &reader->frame.meta;
}

enum status spool_reader_next_head(struct spool_reader *reader, struct batch_meta *meta)
{
    enum status status = next_header(reader);
    if (status == STATUS_OK)
        status = spool_scan_texts(&reader->scan, &reader->frame, meta);
    if (status == STATUS_OK)
        spool_reader_skip(reader);
    if (status != STATUS_CORRUPT || !reader->peeked)
        return status;
    reader->peeked = false;
    status = pass_damage(reader, false);
    return status == STATUS_OK ? STATUS_CORRUPT : status;
}

bool spool_reader_misses(const struct spool_reader *reader)
{
    const struct batch_meta *next = &reader->frame.meta;
    if (!reader->peeked)
        return false;
    return reader->events_known ? next->events_before != reader->events
                                : next->position > reader->position + 1;
}

void spool_reader_skip(struct spool_reader *reader)
{
    if (!reader->peeked)
        return;
    reader->peeked = false;
    reader->given = true;
    reader->position = reader->frame.meta.position;
    note_events(reader);
}

enum status spool_reader_next(struct spool_reader *reader, struct batch_record *record)
{
    enum status status;
    do {
        status = next_header(reader);
        if (status != STATUS_OK)
            return status;
        status = spool_scan_record(&reader->scan, &reader->frame, record);
        if (status == STATUS_OK) {
            status = record_open(&reader->opener, record);
            if (status == STATUS_OK)
                spool_reader_skip(reader);
            return status;
        }
        if (!may_pass(reader, status))
            return status;
        reader->peeked = false;
        status = pass_damage(reader, false);
    } while (status == STATUS_OK);
    return status;
}

/* --- life ----------------------------------------------------------------------------------- */

static struct spool_reader *reader_create(struct spool *spool, int dir_fd, uint64_t position)
{
    struct spool_reader *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->spool = spool;
    r->dir_fd = dir_fd;
    r->fd = -1;
    r->position = r->reached = position;
    spool_scan_init(&r->scan);
    record_opener_init(&r->opener);
    r->opener.keys = spool ? spool->options.keys : NULL;
    return r;
}

enum status spool_reader_open(struct spool *spool, uint64_t position, struct spool_reader **out)
{
    struct spool_reader *r = reader_create(spool, spool->dir_fd, position);
    if (!r)
        return STATUS_NO_MEMORY;
    pthread_mutex_lock(&spool->shared.lock);
    r->woken = spool->shared.woken;
    pthread_mutex_unlock(&spool->shared.lock);
    *out = r;
    return STATUS_OK;
}

enum status spool_reader_open_dir(const char *dir, uint64_t position, struct spool_reader **out)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return status_from_errno(errno);
    struct spool_reader *r = reader_create(NULL, fd, position);
    if (!r) {
        close(fd);
        return STATUS_NO_MEMORY;
    }
    *out = r;
    return STATUS_OK;
}

void spool_reader_use_keys(struct spool_reader *reader, const struct seal_keys *keys)
{
    reader->opener.keys = keys;
}

void spool_reader_without_bodies(struct spool_reader *reader)
{
    reader->opener.without_body = true;
}

void spool_reader_heads_only(struct spool_reader *reader)
{
    reader->ahead = reader->scan.ahead = SPOOL_SCAN_HEADS;
}

void spool_reader_close(struct spool_reader *reader)
{
    if (!reader)
        return;
    leave_segment(reader);
    if (!reader->spool)
        close(reader->dir_fd);
    spool_scan_fini(&reader->scan);
    record_opener_fini(&reader->opener);
    free(reader);
}

bool spool_reader_wait(struct spool_reader *reader, int64_t timeout_ns)
{
    struct spool *spool = reader->spool;
    if (!spool)
        return false;
    int64_t end_ns = condition_end_ns(timeout_ns);
    bool in_time = true;
    uint64_t seen = reader->reached > reader->position ? reader->reached : reader->position;
    pthread_mutex_lock(&spool->shared.lock);
    while (spool->now.position <= seen && spool->shared.woken == reader->woken && in_time)
        in_time = condition_wait(&spool->shared.grown, &spool->shared.lock, end_ns);
    reader->woken = spool->shared.woken;
    bool there = spool->now.position > seen;
    pthread_mutex_unlock(&spool->shared.lock);
    return there;
}
