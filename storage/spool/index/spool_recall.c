/* spool_recall.c: reads the record of an earlier batch for a sender that perhaps repeats it. Runs
 * on a thread of its own, because it waits for the disk. Does not judge what it read: dedup_judge
 * does. */
#include "storage/spool/spool_internal.h"

#include "core/clock.h"
#include "core/disk/fault.h"
#include "storage/spool/spool.h"
#include "storage/spool/index/spool_index.h"
#include "storage/spool/spool_scan.h"

#include <unistd.h>

/* A larger record is not read whole: a request of some bytes with the key of a large batch would
 * keep everybody's repeats waiting. */
#define WHOLE_RECORD_BYTES (UINT32_C(256) * 1024)

/* The segment that may have the position. False: there is none. */
static bool find_segment(struct spool *spool, uint64_t position, struct spool_segment *segment)
{
    bool found = false;
    pthread_mutex_lock(&spool->shared.lock);
    size_t low = 0, high = spool->shared.segment_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (spool->shared.segments[middle].first_position <= position)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0) {
        *segment = spool->shared.segments[low - 1];
        found = segment->newest >= position;
    }
    pthread_mutex_unlock(&spool->shared.lock);
    return found;
}

static void take(struct batch *batch, const struct batch_meta *meta)
{
    struct batch_recall *recall = &batch->recall;
    memcpy(recall->record.key, meta->key, SHA256_BYTES);
    recall->record.key_is_plain = meta->key_is_plain;
    recall->record.body_is_plain = meta->version == 1;
    memcpy(recall->record.body, meta->body_digest, RECALL_DIGEST_BYTES);
    recall->record.has_content = meta->inflated_digest.size == SHA256_BYTES;
    if (recall->record.has_content)
        memcpy(recall->record.content, meta->inflated_digest.data, RECALL_DIGEST_BYTES);
    recall->report = (struct dedup_report){
        .position = meta->position,
        .accepted = meta->accepted,
        .duplicates = meta->duplicates,
        .quarantined = meta->quarantined,
    };
    memcpy(recall->report.batch_uid, meta->batch_uid, UUID_BYTES);
    if (arena_copy(&batch->arena, meta->report_errors, &recall->report.errors) != STATUS_OK)
        recall->report.errors = SLICE_EMPTY; /* the report has the counts, but not the list */
}

/* From the index, which has what an answer needs. NOT_FOUND: there is none. */
static enum status read_index(struct spool *spool, struct batch *batch)
{
    struct spool_segment segment;
    uint64_t position = batch->recall.place.position;
    uint64_t first = spool_keeper_keys_of(spool, position);
    if (!first && find_segment(spool, position, &segment))
        first = segment.first_position;
    return first ? spool_index_recall(spool->dir_fd, first, &batch->recall, &batch->arena)
                 : STATUS_NOT_FOUND;
}

/* Header and texts are enough for an answer. The index's copy of them has a CRC of its own. */
static enum status take_large(struct spool *spool, struct spool_scan *scan,
                              const struct spool_frame *frame, struct batch *batch)
{
    struct batch_meta meta;
    enum status status = read_index(spool, batch);
    if (status == STATUS_OK)
        return STATUS_OK;
    status = spool_scan_texts(scan, frame, &meta);
    if (status == STATUS_OK)
        take(batch, &meta);
    return status;
}

/* The record at the scan's offset, checked. NOT_FOUND: it is not that position's. */
static enum status take_here(struct spool *spool, struct spool_scan *scan, struct batch *batch)
{
    struct spool_frame frame;
    struct batch_record record;
    enum status status = spool_scan_header(scan, &frame);
    if (status == STATUS_OK && frame.meta.position != batch->recall.place.position)
        return STATUS_NOT_FOUND;
    if (status == STATUS_OK && frame.record_bytes > WHOLE_RECORD_BYTES)
        return take_large(spool, scan, &frame, batch);
    if (status == STATUS_OK)
        status = spool_scan_record(scan, &frame, &record);
    if (status == STATUS_OK)
        take(batch, &record.meta);
    return status == STATUS_END ? STATUS_NOT_FOUND : status;
}

/* Salvage moved the records of the segment: looks at all headers. */
static enum status search(struct spool *spool, struct spool_scan *scan, struct batch *batch)
{
    for (;;) {
        struct spool_frame frame;
        enum status status = spool_scan_header(scan, &frame);
        if (status == STATUS_CORRUPT)
            status = spool_scan_resync(scan);
        else if (status == STATUS_OK && frame.meta.position >= batch->recall.place.position)
            return take_here(spool, scan, batch);
        else if (status == STATUS_OK)
            spool_scan_pass(scan, &frame);
        if (status != STATUS_OK)
            return status == STATUS_END ? STATUS_NOT_FOUND : status;
    }
}

static enum status read_segment(struct spool *spool, struct spool_scan *scan, struct batch *batch)
{
    struct spool_segment segment;
    int fd;
    if (!find_segment(spool, batch->recall.place.position, &segment))
        return STATUS_NOT_FOUND;
    enum status status = spool_segment_open(spool->dir_fd, segment.first_position, false, &fd);
    if (status != STATUS_OK)
        return status; /* NOT_FOUND: removed meanwhile */
    status = STATUS_NOT_FOUND;
    spool_scan_start(scan, fd, segment.tag, segment.end);
    if (batch->recall.place.offset >= SPOOL_SEGMENT_HEADER_BYTES) {
        scan->offset = batch->recall.place.offset;
        status = take_here(spool, scan, batch);
    }
    if (status == STATUS_NOT_FOUND || status == STATUS_CORRUPT) {
        spool_scan_start(scan, fd, segment.tag, segment.end);
        status = search(spool, scan, batch);
    }
    close(fd);
    return status;
}

static void recall(struct spool *spool, struct spool_scan *scan, struct batch *batch)
{
    enum status status = read_segment(spool, scan, batch);
    if (status == STATUS_NOT_FOUND || status == STATUS_CORRUPT)
        status = read_index(spool, batch);
    batch->recall.status = status;
    fault_point(spool_recalled);
    if (mailbox_put(batch->reply_to, &batch->mail) != STATUS_OK)
        batch_destroy(batch);
}

void spool_recall_run(void *arg)
{
    thread_assert(THREAD_RECALL);
    struct spool *spool = spool_cast(arg);
    struct spool_scan scan;
    spool_scan_init(&scan);
    for (;;) {
        bool closed = mailbox_is_closed(&spool->recalls);
        struct mail *mail = mailbox_wait(&spool->recalls, -1);
        if (!mail && closed)
            break;
        while (mail) {
            struct mail *next = mail->next;
            recall(spool, &scan, batch_from_mail(mail));
            mail = next;
        }
        spool_scan_fini(&scan); /* a large record is rare: its memory is not kept */
    }
    spool_scan_fini(&scan);
}

enum status spool_recall(struct spool *spool, struct batch **batch)
{
    ensure(spool->magic == SPOOL_MAGIC && *batch && (*batch)->reply_to);
    (*batch)->recall.asked = true;
    (*batch)->recall.taken = false;
    enum status status = mailbox_put(&spool->recalls, &(*batch)->mail);
    if (status == STATUS_OK)
        *batch = NULL;
    else
        (*batch)->recall.asked = false;
    return status;
}
