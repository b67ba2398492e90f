/* spool_removal.c: what is said of a segment before it goes: its entry in the file of evictions,
 * and a record of the spool's own that says which records go, why, and what commits to them. Runs
 * on the writer thread. Removes nothing and does not decide what is removed (spool_retain.c).
 *
 * Each removal is on record once: where its record is to be, is noted with the cursors before.
 * After a crash the record is there, or it is not and is made again. */
#define LOG_COMPONENT "spool"
#include "storage/spool/spool_internal.h"

#include "core/clock.h"
#include "core/disk/fault.h"
#include "core/log/log.h"
#include "storage/spool/retire/retirement.h"
#include "storage/spool/spool.h"

#include <unistd.h>

#define RECORD_BYTES 4096

static enum status read_header(const struct spool *spool, size_t segment,
                               struct spool_segment_header *header)
{
    int fd;
    enum status status = spool_segment_open(
        spool->dir_fd, spool->shared.segments[segment].first_position, false, &fd);
    if (status != STATUS_OK)
        return status;
    status = spool_segment_read_header(fd, header);
    close(fd);
    return status;
}

/* The header of the segment after it continues what its last record ends. */
bool spool_removal_describe(struct spool *spool, struct retirement *out)
{
    thread_assert(THREAD_WRITER);
    const struct spool_segment *s = &spool->shared.segments[0];
    struct spool_segment_header own, next;
    if (read_header(spool, 0, &own) != STATUS_OK || read_header(spool, 1, &next) != STATUS_OK)
        return false;
    *out = (struct retirement){
        .first = s->oldest,
        .last = s->newest,
        .first_leaf = own.leaves_before,
        .leaves =
            next.leaves_before > own.leaves_before ? next.leaves_before - own.leaves_before : 0,
        .records = s->records,
        .events = next.events_before > s->events_before ? next.events_before - s->events_before : 0,
        .file_bytes = s->file_bytes,
        .oldest_ns = s->oldest_ns,
        .newest_ns = s->newest_ns,
    };
    memcpy(out->chain_hash, next.chain_before, SHA256_BYTES);
    return true;
}

/* --- evictions ------------------------------------------------------------------------------ */

static bool note_eviction(struct spool *spool, const struct retirement *r)
{
    struct spool_eviction e = {
        .evicted_ns = clock_wall_ns(),
        .first = r->first,
        .last = r->last,
        .batches = r->records,
        .events = r->events,
        .oldest_ns = r->oldest_ns,
        .newest_ns = r->newest_ns,
        .file_bytes = r->file_bytes,
        .cause = r->cause == RETIREMENT_ROOM ? SPOOL_EVICTED_ROOM : SPOOL_EVICTED_BYTES,
    };
    if (e.last <= spool->writer.evicted_to) /* a crash happened between entry and removal */
        return true;
    memcpy(e.spool_uid, spool->uid, UUID_BYTES);
    memcpy(e.chain_hash, r->chain_hash, SHA256_BYTES);
    enum status status = spool_eviction_append(spool->eviction_fd, &e);
    if (status != STATUS_OK) {
        log_error("evidence can't be removed: the record of it can't be written",
                  LOG_TEXT("file", SPOOL_EVICTION_FILE), LOG_STATUS(status));
        return false;
    }
    spool->writer.evicted_to = e.last;
    fault_point(spool_eviction_recorded);
    return true;
}

/* --- records -------------------------------------------------------------------------------- */

/* A crash, or a failed unlink, came between its record and its removal. */
static enum status find_record(struct spool *spool, const struct retirement *r, bool *found)
{
    const struct spool_cursor_table *stored = &spool->writer.stored;
    struct spool_reader *reader;
    struct batch_record record;
    struct retirement said;
    *found = false;
    if (stored->retiring != spool->shared.segments[0].first_position ||
        stored->retirement > spool->writer.durable.position || !stored->retirement)
        return STATUS_OK;
    enum status status = spool_reader_open(spool, stored->retirement - 1, &reader);
    if (status != STATUS_OK)
        return status;
    status = spool_reader_next(reader, &record);
    if (status == STATUS_OK && record.meta.kind == BATCH_KIND_RETIREMENT &&
        record.meta.position == stored->retirement)
        *found = retirement_read(record.body, &said) == STATUS_OK && said.last == r->last &&
                 said.first_leaf == r->first_leaf;
    spool_reader_close(reader);
    return status == STATUS_CORRUPT || status == STATUS_END ? STATUS_OK : status;
}

static struct batch *make_record(const struct spool *spool, const struct retirement *r)
{
    struct retirement_head head = {.time_ns = clock_wall_ns(), .instance = spool->tree.instance};
    struct batch *batch = NULL;
    struct writer w;
    uuid7_make(head.time_ns, head.uid);
    writer_init(&w, RECORD_BYTES);
    retirement_write(&w, &head, r);
    if (w.status == STATUS_OK)
        batch = batch_of_record(BATCH_KIND_RETIREMENT, writer_slice(&w), head.time_ns);
    if (batch)
        memcpy(batch->meta.batch_uid, head.uid, UUID_BYTES);
    writer_fini(&w);
    return batch;
}

/* Where the record will be, durably before it is there. */
static enum status note_removal(struct spool *spool)
{
    struct spool_cursor_table *table = &spool->writer.stored;
    uint64_t retiring = table->retiring, retirement = table->retirement;
    table->retiring = spool->shared.segments[0].first_position;
    table->retirement = spool_next_position(spool);
    enum status status = spool_cursor_store(spool->cursor_fd, table);
    if (status == STATUS_OK) {
        fault_point(spool_retire_noted);
        return status;
    }
    table->retiring = retiring;
    table->retirement = retirement;
    return status;
}

static enum status add_record(struct spool *spool, const struct retirement *r)
{
    struct batch *batch = make_record(spool, r);
    if (!batch)
        return STATUS_NO_MEMORY;
    enum status status = note_removal(spool);
    if (status == STATUS_OK)
        status = spool_append_own(spool, &batch);
    batch_destroy(batch); /* NULL when it was added */
    return status;
}

bool spool_removal_record(struct spool *spool, struct retirement *r)
{
    thread_assert(THREAD_WRITER);
    bool found = false;
    if (r->cause != RETIREMENT_AGE && !note_eviction(spool, r))
        return false;
    if (!spool->tree.newest_head)
        return true;
    r->tree_size = spool->tree.newest_head(spool->tree.arg, r->root);
    if (r->tree_size < r->first_leaf + r->leaves)
        return false; /* the tree was begun anew: its first head comes */
    enum status status = find_record(spool, r, &found);
    if (status == STATUS_OK && !found)
        status = add_record(spool, r);
    if (status == STATUS_OK) {
        fault_point(spool_retire_recorded);
        spool->writer.removal_refused = false;
        return true;
    }
    if (!spool->writer.removal_refused)
        log_error("a segment can't be removed: the record of it can't be written; it is tried "
                  "again",
                  LOG_U64("first_position", r->first), LOG_U64("last_position", r->last),
                  LOG_STATUS(status));
    spool->writer.removal_refused = true;
    return false;
}
