/* spool_scan.c: walks the records of one segment file through a buffer. The caller's thread. Does
 * not judge positions or the chain and does not know other segments. */
#include "storage/spool/spool_scan.h"

#include <stdlib.h>

#include "storage/spool/spool_segment.h"

#define READ_AHEAD_BYTES (UINT64_C(1) << 20)

void spool_scan_init(struct spool_scan *scan)
{
    *scan = (struct spool_scan){.fd = -1};
}

void spool_scan_fini(struct spool_scan *scan)
{
    free(scan->buffer);
    spool_scan_init(scan);
}

void spool_scan_start(struct spool_scan *scan, int fd, uint64_t tag, uint64_t end)
{
    scan->fd = fd;
    scan->tag = tag;
    scan->offset = SPOOL_SEGMENT_HEADER_BYTES;
    scan->end = end;
    scan->ahead = 0;
    spool_scan_forget(scan);
}

void spool_scan_forget(struct spool_scan *scan)
{
    scan->size = 0;
    scan->base = 0;
}

static enum status grow(struct spool_scan *scan, size_t bytes)
{
    if (bytes <= scan->capacity)
        return STATUS_OK;
    uint8_t *grown = realloc(scan->buffer, bytes);
    if (!grown)
        return STATUS_NO_MEMORY;
    scan->buffer = grown;
    scan->capacity = bytes;
    return STATUS_OK;
}

/* Reads [offset, offset + bytes) into the buffer; shorter when the file ends. */
static enum status fill(struct spool_scan *scan, uint64_t offset, size_t bytes)
{
    enum status status = grow(scan, bytes);
    if (status != STATUS_OK)
        return status;
    scan->base = offset;
    scan->size = 0;
    return spool_read_all(scan->fd, scan->buffer, bytes, offset, &scan->size);
}

/* *view: the bytes [offset, offset + want), fewer at the end; if they are not buffered, reads
 * `ahead` bytes at once. */
static enum status view(struct spool_scan *scan, uint64_t offset, uint64_t want, uint64_t ahead,
                        struct slice *out)
{
    uint64_t left = offset < scan->end ? scan->end - offset : 0;
    if (want > left)
        want = left;
    if (ahead > left)
        ahead = left;
    bool have = offset >= scan->base && offset - scan->base <= scan->size &&
                scan->size - (offset - scan->base) >= want;
    if (!have) {
        enum status status = fill(scan, offset, (size_t)(want > ahead ? want : ahead));
        if (status != STATUS_OK)
            return status;
    }
    *out = slice_sub(slice_make(scan->buffer, scan->size), (size_t)(offset - scan->base),
                     (size_t)want);
    return STATUS_OK;
}

static size_t leading_zeros(struct slice s)
{
    size_t n = 0;
    while (n < s.size && s.data[n] == 0)
        n++;
    return n;
}

enum status spool_scan_header_bytes(struct spool_scan *scan, struct slice *bytes)
{
    return view(scan, scan->offset, SPOOL_RECORD_HEADER_BYTES, scan->ahead, bytes);
}

enum status spool_scan_header(struct spool_scan *scan, struct spool_frame *frame)
{
    struct slice bytes;
    enum status status = spool_scan_header_bytes(scan, &bytes);
    if (status != STATUS_OK)
        return status;
    size_t least = bytes.size < SPOOL_RECORD_HEADER_MIN ? bytes.size : SPOOL_RECORD_HEADER_MIN;
    if (leading_zeros(bytes) >= least)
        return STATUS_END;
    status = spool_frame_decode_header(bytes, scan->tag, frame);
    if (status != STATUS_OK)
        return STATUS_CORRUPT;
    return frame->record_bytes <= scan->end - scan->offset ? STATUS_OK : STATUS_CORRUPT;
}

enum status spool_scan_record(struct spool_scan *scan, const struct spool_frame *frame,
                              struct batch_record *record)
{
    struct slice bytes;
    enum status status = view(scan, scan->offset, frame->record_bytes, READ_AHEAD_BYTES, &bytes);
    if (status != STATUS_OK)
        return status;
    status = spool_frame_decode(frame, bytes, record);
    if (status == STATUS_OK)
        record->meta.offset = scan->offset;
    return status;
}

enum status spool_scan_texts(struct spool_scan *scan, const struct spool_frame *frame,
                             struct batch_meta *meta)
{
    struct slice bytes;
    uint64_t want = UINT64_C(0) + frame->header_bytes + frame->key_bytes + frame->meta_bytes;
    enum status status = view(scan, scan->offset, want, scan->ahead, &bytes);
    return status == STATUS_OK ? spool_frame_texts(frame, bytes, meta) : status;
}

void spool_scan_pass(struct spool_scan *scan, const struct spool_frame *frame)
{
    scan->offset += frame->record_bytes;
}

/* True if there is an intact record at scan->offset. */
static enum status whole_record_here(struct spool_scan *scan, bool *whole)
{
    struct spool_frame frame;
    struct batch_record record;
    *whole = false;
    enum status status = spool_scan_header(scan, &frame);
    if (status == STATUS_OK)
        status = spool_scan_record(scan, &frame, &record);
    if (status == STATUS_CORRUPT || status == STATUS_END)
        return STATUS_OK;
    *whole = status == STATUS_OK;
    return status;
}

static bool may_begin(struct slice s, size_t at, uint64_t tag)
{
    uint64_t magic_only = 0, stands = 0;
    for (size_t i = 4; i > 0; i--)
        magic_only = magic_only << 8 | s.data[at + i - 1];
    for (size_t i = 8; i > 0; i--)
        stands = stands << 8 | s.data[at + 16 + i - 1];
    return magic_only == SPOOL_RECORD_MAGIC && stands == tag;
}

/* Next offset from `from` with magic and tag; *found false at the end. */
static enum status find_candidate(struct spool_scan *scan, uint64_t from, uint64_t *at, bool *found)
{
    *found = false;
    while (from < scan->end && scan->end - from >= SPOOL_RECORD_HEADER_MIN) {
        struct slice bytes;
        enum status status = view(scan, from, SPOOL_RECORD_HEADER_BYTES, READ_AHEAD_BYTES, &bytes);
        if (status != STATUS_OK)
            return status;
        bytes =
            slice_sub(slice_make(scan->buffer, scan->size), (size_t)(from - scan->base), SIZE_MAX);
        if (bytes.size < SPOOL_RECORD_HEADER_MIN)
            return STATUS_OK;
        size_t i = 0;
        for (; i + SPOOL_RECORD_HEADER_MIN <= bytes.size; i += SPOOL_RECORD_ALIGN) {
            if (bytes.data[i] != (uint8_t)SPOOL_RECORD_MAGIC || !may_begin(bytes, i, scan->tag))
                continue;
            *at = from + i;
            *found = true;
            return STATUS_OK;
        }
        from += i;
    }
    return STATUS_OK;
}

enum status spool_scan_resync(struct spool_scan *scan)
{
    uint64_t start = scan->offset, at = start;
    for (;;) {
        bool found, whole;
        enum status status = find_candidate(scan, at + SPOOL_RECORD_ALIGN, &at, &found);
        if (status == STATUS_OK && found) {
            scan->offset = at;
            status = whole_record_here(scan, &whole);
            if (status == STATUS_OK && whole)
                return STATUS_OK;
        }
        if (status != STATUS_OK || !found) {
            scan->offset = start;
            return status == STATUS_OK ? STATUS_END : status;
        }
    }
}

enum status spool_scan_back(struct spool_scan *scan, uint64_t offset, bool *whole)
{
    uint64_t next = scan->offset;
    spool_scan_forget(scan);
    scan->offset = offset;
    enum status status = whole_record_here(scan, whole);
    if (status != STATUS_OK || !*whole)
        scan->offset = next;
    return status;
}

enum status spool_scan_used_end(struct spool_scan *scan, uint64_t *end)
{
    uint64_t used = scan->offset;
    for (uint64_t at = scan->offset; at < scan->end;) {
        struct slice bytes;
        enum status status = view(scan, at, READ_AHEAD_BYTES, READ_AHEAD_BYTES, &bytes);
        if (status != STATUS_OK)
            return status;
        if (!bytes.size)
            break;
        for (size_t i = bytes.size; i > 0 && used < at + i; i--)
            if (bytes.data[i - 1]) {
                used = at + i;
                break;
            }
        at += bytes.size;
    }
    *end = used;
    return STATUS_OK;
}
