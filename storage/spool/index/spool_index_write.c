/* spool_index_write.c: makes the index of a segment from the headers of its records. Runs on the
 * keeper's thread, and at close on the closer's. Reads no events and no bodies. */
#include "storage/spool/index/spool_index_format.h"

#include "core/disk/fault.h"
#include "core/writer.h"
#include "storage/spool/spool_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define COLUMN_BYTES ((size_t)64 << 10)

/* One of the three parts of the file, written in pieces. */
struct column {
    struct writer buffer;
    uint64_t at; /* where the buffer goes */
};

struct making {
    int fd; /* of the index */
    struct column places, reports, texts;
    struct spool_index index;
    uint64_t records;
    struct spool_scan scan;
};

static enum status flush(struct making *m, struct column *c)
{
    enum status status = c->buffer.status;
    if (status == STATUS_OK)
        status = spool_write_all(m->fd, writer_slice(&c->buffer), c->at);
    c->at += c->buffer.size;
    writer_reset(&c->buffer);
    return status;
}

static enum status flush_full(struct making *m, struct column *c)
{
    return c->buffer.size >= COLUMN_BYTES ? flush(m, c) : STATUS_OK;
}

static void add_place(struct making *m, const struct batch_meta *meta)
{
    struct writer *w = &m->places.buffer;
    size_t from = w->size;
    writer_bytes(w, meta->key, INDEX_PRINT_BYTES);
    writer_uint_le(w, meta->position, 8);
    writer_uint_le(w, (uint64_t)meta->ingested_ns, 8);
    writer_uint_le(w, m->scan.offset + (meta->version > 1 ? meta->kind : 0), 8);
    m->index.places_crc =
        crc32c(m->index.places_crc, slice_sub(writer_slice(w), from, w->size - from));
}

static void add_report(struct making *m, const struct batch_meta *meta)
{
    static const uint8_t none[RECALL_DIGEST_BYTES];
    struct writer *w = &m->reports.buffer;
    size_t from = w->size;
    struct slice text = meta->report_errors;
    if (text.size > INDEX_TEXT_BYTES_MAX - m->index.text_bytes)
        text = SLICE_EMPTY;
    bool content = meta->inflated_digest.size == SHA256_BYTES;
    writer_bytes(w, meta->key + INDEX_PRINT_BYTES, SHA256_BYTES - INDEX_PRINT_BYTES);
    writer_bytes(w, meta->body_digest, RECALL_DIGEST_BYTES);
    writer_bytes(w, content ? meta->inflated_digest.data : none, RECALL_DIGEST_BYTES);
    writer_bytes(w, meta->batch_uid, UUID_BYTES);
    writer_uint_le(w, meta->accepted, 4);
    writer_uint_le(w, meta->duplicates, 4);
    writer_uint_le(w, meta->quarantined, 4);
    writer_uint_le(
        w, (content ? INDEX_HAS_CONTENT : 0) | (meta->key_is_plain ? INDEX_PLAIN_KEY : 0), 4);
    writer_uint_le(w, m->index.text_bytes, 4);
    writer_uint_le(w, text.size, 4);
    uint32_t crc = crc32c(0, slice_sub(writer_slice(w), from, w->size - from));
    writer_uint_le(w, crc32c(crc, text), 4);
    writer_add_slice(&m->texts.buffer, text);
    m->index.text_bytes += text.size;
    m->index.plain_keys |= meta->key_is_plain;
}

static enum status add_record(struct making *m, const struct spool_frame *frame)
{
    struct spool_segment *s = &m->index.segment;
    struct batch_meta meta;
    enum status status = spool_scan_texts(&m->scan, frame, &meta);
    if (status != STATUS_OK)
        return status;
    if (meta.position <= s->newest || meta.position < s->first_position ||
        meta.version != m->index.header.version)
        return STATUS_CORRUPT;
    add_place(m, &meta);
    add_report(m, &meta);
    if (!s->oldest) {
        s->oldest = meta.position;
        s->oldest_ns = meta.ingested_ns;
    }
    s->newest = meta.position;
    s->newest_ns = meta.ingested_ns;
    s->records++;
    m->index.tail.events = meta.events_before + meta.accepted + meta.quarantined;
    m->index.tail.leaves = meta.leaf_index + 1;
    memcpy(m->index.tail.chain, meta.chain_hash, SHA256_BYTES);
    status = flush_full(m, &m->places);
    if (status == STATUS_OK)
        status = flush_full(m, &m->reports);
    return status == STATUS_OK ? flush_full(m, &m->texts) : status;
}

static enum status add_records(struct making *m, const struct spool_segment *known)
{
    struct spool_segment *s = &m->index.segment;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && m->scan.offset < known->end) {
        struct spool_frame frame;
        status = spool_scan_header(&m->scan, &frame);
        if (status == STATUS_OK)
            status = add_record(m, &frame);
        if (status == STATUS_OK)
            spool_scan_pass(&m->scan, &frame);
        if (s->records > known->records)
            status = STATUS_CORRUPT;
    }
    if (status == STATUS_END)
        status = STATUS_CORRUPT;
    s->end = m->scan.offset;
    bool agrees = s->end == known->end && s->records == known->records &&
                  s->newest == known->newest && s->oldest == known->oldest;
    return status == STATUS_OK && !agrees ? STATUS_CORRUPT : status;
}

/* Header, size and time of change of the segment. */
static enum status describe(struct making *m, int fd, const struct spool_segment *known)
{
    struct stat st;
    struct spool_index *index = &m->index;
    if (fsync(fd) != 0 || fstat(fd, &st) != 0)
        return STATUS_IO;
    enum status status = spool_segment_read_header(fd, &index->header);
    if (status != STATUS_OK)
        return status;
    if (index->header.first_position != known->first_position || index->header.tag != known->tag)
        return STATUS_CORRUPT;
    index->segment = (struct spool_segment){
        .first_position = known->first_position,
        .tag = known->tag,
        .file_bytes = (uint64_t)st.st_size,
        .events_before = index->header.events_before,
        .newest_ns = index->header.created_ns,
    };
    index->tail.events = index->header.events_before;
    index->tail.leaves = index->header.leaves_before;
    memcpy(index->tail.chain, index->header.chain_before, SHA256_BYTES);
    index->modified_ns = index_time_ns(&st.st_mtim);
    return STATUS_OK;
}

static enum status write_head(struct making *m)
{
    struct writer w;
    writer_init(&w, INDEX_HEAD_BYTES);
    if (!writer_reserve(&w, INDEX_HEAD_BYTES)) {
        writer_fini(&w);
        return STATUS_NO_MEMORY;
    }
    spool_index_encode(&w, &m->index);
    enum status status =
        w.status == STATUS_OK ? spool_write_all(m->fd, writer_slice(&w), 0) : w.status;
    writer_fini(&w);
    return status;
}

static enum status make(struct making *m, int fd, const struct spool_segment *known)
{
    enum status status = describe(m, fd, known);
    if (status != STATUS_OK)
        return status;
    m->places.at = INDEX_HEAD_BYTES;
    m->reports.at = index_reports_at(known->records);
    m->texts.at = index_texts_at(known->records);
    spool_scan_start(&m->scan, fd, known->tag, known->end);
    m->scan.ahead = SPOOL_SCAN_HEADS;
    status = add_records(m, known);
    if (status == STATUS_OK)
        status = flush(m, &m->places);
    if (status == STATUS_OK)
        status = flush(m, &m->reports);
    if (status == STATUS_OK)
        status = flush(m, &m->texts);
    fault_point(spool_index_filled);
    if (status == STATUS_OK)
        status = write_head(m);
    fault_point(spool_index_written);
    return status;
}

enum status spool_index_write(int dir_fd, int fd, const struct spool_segment *segment)
{
    char name[SPOOL_NAME_BYTES], to[SPOOL_NAME_BYTES];
    spool_index_new_name(segment->first_position, name);
    spool_index_name(segment->first_position, SPOOL_INDEX_SEGMENT, to);
    struct making m = {
        .fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640)};
    if (m.fd < 0)
        return status_from_errno(errno);
    struct column *columns[] = {&m.places, &m.reports, &m.texts};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        writer_init(&columns[i]->buffer, COLUMN_BYTES + SPOOL_META_BYTES_MAX);
    spool_scan_init(&m.scan);
    enum status status = make(&m, fd, segment);
    if (status == STATUS_OK && fsync(m.fd) != 0)
        status = status_from_errno(errno);
    fault_point(spool_index_synced);
    if (status == STATUS_OK && renameat(dir_fd, name, dir_fd, to) != 0)
        status = status_from_errno(errno);
    if (status != STATUS_OK)
        unlinkat(dir_fd, name, 0);
    fault_point(spool_index_made);
    spool_scan_fini(&m.scan);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        writer_fini(&columns[i]->buffer);
    close(m.fd);
    return status;
}
