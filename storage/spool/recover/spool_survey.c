/* spool_survey.c: finds the intact records of one segment file. Runs at open on the opener's
 * thread. Changes nothing on disk. */
#define LOG_COMPONENT "spool"
#include "storage/spool/recover/spool_survey.h"

#include "core/log/log.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void spool_survey_log(const char *message, uint64_t first, uint64_t offset, uint64_t bytes)
{
    char name[SPOOL_NAME_BYTES];
    spool_segment_name(first, name);
    log_error(message, LOG_TEXT("file", name), LOG_U64("offset", offset), LOG_U64("bytes", bytes));
}

void spool_survey_fini(struct spool_survey *survey)
{
    free(survey->good);
    survey->good = NULL;
    survey->good_count = survey->good_room = 0;
}

/* State of a walk. */
struct walk {
    struct spool_survey *survey;
    struct spool_scan *scan;
    struct spool_tail *tail;
    spool_scan_fn fn;
    void *arg;
};

static enum status keep_range(struct spool_survey *s, uint64_t offset, uint64_t size)
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

static enum status take_record(struct walk *w, const struct spool_frame *frame,
                               const struct batch_meta *meta)
{
    struct spool_survey *s = w->survey;
    struct spool_tail *tail = w->tail;
    enum status status = keep_range(s, w->scan->offset, frame->record_bytes);
    if (status != STATUS_OK)
        return status;
    if (w->fn && batch_is_events(meta))
        w->fn(w->arg, meta);
    tail->position = meta->position;
    tail->events = meta->events_before + meta->accepted + meta->quarantined;
    if (meta->version > 1)
        tail->leaves = meta->leaf_index + 1;
    memcpy(tail->chain, meta->chain_hash, SHA256_BYTES);
    if (!s->segment.oldest) {
        s->segment.oldest = meta->position;
        s->segment.oldest_ns = meta->ingested_ns;
    }
    s->segment.records++;
    s->segment.newest = meta->position;
    s->segment.newest_ns = meta->ingested_ns;
    spool_scan_pass(w->scan, frame);
    s->segment.end = w->scan->offset;
    return STATUS_OK;
}

/* Draw no conclusion from bytes that could not be read: they may be intact at the next attempt. */
static bool tells_nothing(enum status status)
{
    return status == STATUS_NO_MEMORY || status == STATUS_IO;
}

/* Takes the next record of the segment, or moves to the next intact one. END: no more. */
static enum status step(struct walk *w)
{
    struct spool_survey *s = w->survey;
    struct spool_frame frame;
    struct batch_record record;
    enum status status = spool_scan_header(w->scan, &frame);
    if (status == STATUS_OK)
        status = spool_scan_record(w->scan, &frame, &record);
    if (status == STATUS_OK && (frame.meta.position <= w->tail->position ||
                                frame.meta.position < s->segment.first_position))
        status = STATUS_CORRUPT; /* out of order */
    if (status == STATUS_OK)
        return take_record(w, &frame, &record.meta);
    if (tells_nothing(status))
        return status;
    uint64_t bad = w->scan->offset;
    status = spool_scan_resync(w->scan);
    if (status == STATUS_OK) {
        s->damaged = true;
        status = spool_scan_header(w->scan, &frame); /* it was found intact */
        if (status == STATUS_OK)
            spool_survey_lose(s, "segment is damaged: records are lost", bad, w->scan->offset - bad,
                              w->tail, frame.meta.position, frame.meta.events_before,
                              frame.meta.ingested_ns);
        else
            spool_survey_log("segment is damaged: records are lost", s->segment.first_position, bad,
                             w->scan->offset - bad);
        return tells_nothing(status) ? status : STATUS_OK;
    }
    return status;
}

enum status spool_survey_records(struct spool_survey *s, struct spool_scan *scan, int fd,
                                 struct spool_tail *tail, spool_scan_fn fn, void *arg)
{
    struct walk w = {s, scan, tail, fn, arg};
    spool_scan_start(scan, fd, s->header.tag, s->segment.file_bytes);
    s->segment.end = scan->offset;
    enum status status;
    do
        status = step(&w);
    while (status == STATUS_OK);
    if (status != STATUS_END)
        return status;
    scan->offset = s->segment.end;
    return spool_scan_used_end(scan, &s->used_end);
}

/* Both copies of the header are lost. The first record's place is fixed, so no sender can have
 * written there: its tag is the segment's. */
static enum status rebuild_header(struct spool_survey *s, int fd, const uint8_t uid[UUID_BYTES],
                                  const struct spool_tail *tail)
{
    uint8_t bytes[SPOOL_RECORD_HEADER_BYTES];
    struct spool_frame frame;
    size_t got;
    enum status status = spool_read_all(fd, bytes, sizeof bytes, SPOOL_SEGMENT_HEADER_BYTES, &got);
    if (status != STATUS_OK || got < SPOOL_RECORD_HEADER_MIN)
        return status != STATUS_OK ? status : STATUS_CORRUPT;
    uint64_t tag = 0;
    for (size_t i = 8; i > 0; i--)
        tag = tag << 8 | bytes[16 + i - 1];
    if (spool_frame_decode_header(slice_make(bytes, got), tag, &frame) != STATUS_OK ||
        frame.meta.position < s->segment.first_position)
        return STATUS_CORRUPT;
    s->header = (struct spool_segment_header){
        .version = frame.meta.version,
        .leaves_before = frame.meta.version > 1 ? frame.meta.leaf_index : 0,
        .first_position = s->segment.first_position,
        .events_before = frame.meta.events_before,
        .created_ns = frame.meta.ingested_ns,
        .tag = tag,
    };
    memcpy(s->header.spool_uid, uid, UUID_BYTES);
    memcpy(s->header.chain_before, tail->chain, SHA256_BYTES);
    s->damaged = true;
    return STATUS_OK;
}

static enum status judge_header(struct spool_survey *s, int fd, const uint8_t uid[UUID_BYTES])
{
    uint64_t at;
    if (memcmp(s->header.spool_uid, uid, UUID_BYTES) != 0)
        s->reason = "it belongs to another spool";
    else if (s->header.first_position != s->segment.first_position)
        s->reason = "its name differs from the one in its header";
    else if (s->segment.file_bytes < SPOOL_SEGMENT_HEADER_BYTES)
        s->reason = "it is shorter than a header";
    if (s->reason)
        return STATUS_CORRUPT;
    enum status status = spool_segment_check_header(fd, &s->header, &at);
    if (status != STATUS_CORRUPT)
        return status;
    spool_survey_log("one copy of a segment's header is damaged", s->segment.first_position, at, 0);
    s->damaged = true;
    return STATUS_OK;
}

enum status spool_survey_header(struct spool_survey *s, int fd, const uint8_t uid[UUID_BYTES],
                                const struct spool_tail *tail)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return STATUS_IO;
    s->segment.file_bytes = (uint64_t)st.st_size;
    enum status status = spool_segment_read_header(fd, &s->header);
    if (status == STATUS_CORRUPT) {
        status = rebuild_header(s, fd, uid, tail);
        s->reason = "no header and no first record can be read";
    } else if (status == STATUS_OK) {
        status = judge_header(s, fd, uid);
    }
    s->segment.tag = s->header.tag;
    s->segment.newest_ns = s->header.created_ns;
    return status;
}

enum status spool_survey_torn(struct spool_survey *s, struct spool_scan *scan, uint64_t *records)
{
    struct spool_frame frame;
    uint64_t n = 0;
    enum status status = STATUS_OK;
    spool_scan_start(scan, scan->fd, s->header.tag, s->segment.file_bytes);
    scan->offset = s->segment.end;
    while (scan->offset < s->used_end && n < s->segment.file_bytes) {
        struct slice bytes;
        status = spool_scan_header_bytes(scan, &bytes);
        if (status != STATUS_OK ||
            spool_frame_decode_header(bytes, s->header.tag, &frame) != STATUS_OK)
            break;
        n++;
        spool_scan_pass(scan, &frame);
    }
    if (scan->offset < s->used_end)
        n += (s->used_end - scan->offset) / SPOOL_RECORD_HEADER_MIN + 1;
    *records = n;
    return tells_nothing(status) ? status : STATUS_OK;
}

void spool_survey_lose(struct spool_survey *s, const char *message, uint64_t offset, uint64_t bytes,
                       const struct spool_tail *tail, uint64_t next, uint64_t events_before,
                       int64_t next_ns)
{
    char name[SPOOL_NAME_BYTES], from[SPOOL_TIME_BYTES], to[SPOOL_TIME_BYTES];
    struct spool_loss *loss = &s->loss;
    uint64_t first = tail->position + 1 > s->segment.first_position ? tail->position + 1
                                                                    : s->segment.first_position;
    uint64_t events = events_before > tail->events ? events_before - tail->events : 0;
    int64_t from_ns = s->segment.newest ? s->segment.newest_ns : s->header.created_ns;
    uint64_t last = next > first ? next - 1 : first;
    if (!loss->places++) {
        loss->first = first;
        loss->from_ns = from_ns;
    }
    loss->last = last;
    loss->to_ns = next_ns;
    loss->events += events;
    spool_segment_name(s->segment.first_position, name);
    spool_time_text(from_ns, from);
    spool_time_text(next_ns, to);
    log_error(message, LOG_TEXT("file", name), LOG_U64("offset", offset), LOG_U64("bytes", bytes),
              LOG_U64("first_lost", first), LOG_U64("last_lost", last),
              LOG_U64("events_lost", events), LOG_TEXT("written_after", from),
              LOG_TEXT("written_before", to));
}
