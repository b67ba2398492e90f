/* spool_index_read.c: names, head and reading of index files. The caller's thread. Does not make
 * them (spool_index_write.c) and does not decide when (spool_keeper.c). */
#define LOG_COMPONENT "spool"
#include "storage/spool/index/spool_index_format.h"

#include "core/disk/fault.h" /* VSOCD_FAULTS */
#include "core/log/log.h"
#include "core/reader.h"
#include "core/writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void spool_index_name(uint64_t first, enum spool_index_kind kind, char name[SPOOL_NAME_BYTES])
{
    snprintf(name, SPOOL_NAME_BYTES, "%020" PRIu64 "%s", first,
             kind == SPOOL_INDEX_KEYS ? ".keys" : ".idx");
}

void spool_index_new_name(uint64_t first, char name[SPOOL_NAME_BYTES])
{
    snprintf(name, SPOOL_NAME_BYTES, "%020" PRIu64 ".idx.new", first);
}

/* --- the head ------------------------------------------------------------------------------- */

void spool_index_encode(struct writer *w, const struct spool_index *index)
{
    static const uint8_t zeros[INDEX_HEAD_BYTES];
    const struct spool_segment_header *h = &index->header;
    const struct spool_segment *s = &index->segment;
    writer_text(w, INDEX_MAGIC);
    writer_uint_le(w, SPOOL_INDEX_VERSION, 4);
    writer_uint_le(w, index->plain_keys, 4);
    writer_bytes(w, h->spool_uid, UUID_BYTES);
    writer_uint_le(w, h->first_position, 8);
    writer_uint_le(w, h->events_before, 8);
    writer_bytes(w, h->chain_before, SHA256_BYTES);
    writer_uint_le(w, (uint64_t)h->created_ns, 8);
    writer_uint_le(w, h->tag, 8);
    writer_uint_le(w, h->file_bytes, 8);
    writer_uint_le(w, h->flags, 8);
    writer_uint_le(w, s->file_bytes, 8);
    writer_uint_le(w, (uint64_t)index->modified_ns, 8);
    writer_uint_le(w, s->end, 8);
    writer_uint_le(w, s->oldest, 8);
    writer_uint_le(w, s->newest, 8);
    writer_uint_le(w, s->records, 8);
    writer_uint_le(w, (uint64_t)s->oldest_ns, 8);
    writer_uint_le(w, (uint64_t)s->newest_ns, 8);
    writer_uint_le(w, index->tail.events, 8);
    writer_bytes(w, index->tail.chain, SHA256_BYTES);
    writer_uint_le(w, index->places_crc, 8);
    writer_uint_le(w, index->text_bytes, 8);
    writer_bytes(w, zeros, INDEX_HEAD_BYTES - 4 - w->size);
    writer_uint_le(w, crc32c(0, writer_slice(w)), 4);
}

static bool follows(const struct spool_index *index)
{
    const struct spool_segment *s = &index->segment;
    uint64_t least = (uint64_t)SPOOL_SEGMENT_HEADER_BYTES + s->records * 240;
    return s->end <= s->file_bytes && s->records <= s->end / 240 && s->end >= least &&
           (s->records ? s->oldest >= s->first_position && s->newest >= s->oldest &&
                             s->newest - s->oldest >= s->records - 1
                       : !s->oldest && !s->newest);
}

static enum status decode(struct slice bytes, struct spool_index *index, const char **why)
{
    struct reader r = reader_make(bytes);
    struct reader tail = reader_make(slice_sub(bytes, INDEX_HEAD_BYTES - 4, 4));
    struct spool_index i = {.kind = index->kind};
    struct spool_segment_header *h = &i.header;
    struct spool_segment *s = &i.segment;
    *why = "it is damaged";
    if (!slice_equal_text(reader_bytes(&r, 8), INDEX_MAGIC) ||
        crc32c(0, slice_sub(bytes, 0, INDEX_HEAD_BYTES - 4)) != reader_uint_le(&tail, 4))
        return STATUS_CORRUPT;
    if (reader_uint_le(&r, 4) != SPOOL_INDEX_VERSION) {
        *why = "it is of another version";
        return STATUS_CORRUPT;
    }
    h->version = SPOOL_FORMAT_VERSION;
    i.plain_keys = reader_uint_le(&r, 4) & 1;
    memcpy(h->spool_uid, reader_bytes(&r, UUID_BYTES).data, UUID_BYTES);
    h->first_position = reader_uint_le(&r, 8);
    h->events_before = reader_uint_le(&r, 8);
    memcpy(h->chain_before, reader_bytes(&r, SHA256_BYTES).data, SHA256_BYTES);
    h->created_ns = (int64_t)reader_uint_le(&r, 8);
    h->tag = reader_uint_le(&r, 8);
    h->file_bytes = reader_uint_le(&r, 8);
    h->flags = (uint32_t)reader_uint_le(&r, 8);
    s->file_bytes = reader_uint_le(&r, 8);
    i.modified_ns = (int64_t)reader_uint_le(&r, 8);
    s->end = reader_uint_le(&r, 8);
    s->oldest = reader_uint_le(&r, 8);
    s->newest = reader_uint_le(&r, 8);
    s->records = reader_uint_le(&r, 8);
    s->oldest_ns = (int64_t)reader_uint_le(&r, 8);
    s->newest_ns = (int64_t)reader_uint_le(&r, 8);
    i.tail.events = reader_uint_le(&r, 8);
    memcpy(i.tail.chain, reader_bytes(&r, SHA256_BYTES).data, SHA256_BYTES);
    i.places_crc = (uint32_t)reader_uint_le(&r, 8);
    i.text_bytes = reader_uint_le(&r, 8);
    i.tail.position = s->newest;
    i.tail.offset = s->end;
    s->first_position = h->first_position;
    s->tag = h->tag;
    s->events_before = h->events_before;
    s->indexed = true;
    if (!follows(&i))
        return STATUS_CORRUPT;
    *index = i;
    return STATUS_OK;
}

static enum status open_index(int dir_fd, uint64_t first, enum spool_index_kind kind, int *fd)
{
    char name[SPOOL_NAME_BYTES];
    struct stat st;
    spool_index_name(first, kind, name);
    int opened = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (opened < 0)
        return errno == ELOOP ? STATUS_CORRUPT : status_from_errno(errno);
    if (fstat(opened, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(opened);
        return STATUS_CORRUPT;
    }
    *fd = opened;
    return STATUS_OK;
}

static enum status read_head(int dir_fd, uint64_t first, enum spool_index_kind kind,
                             struct spool_index *index, const char **why)
{
    uint8_t bytes[INDEX_HEAD_BYTES];
    size_t got;
    int fd;
    *why = "it can't be opened";
    enum status status = open_index(dir_fd, first, kind, &fd);
    if (status != STATUS_OK)
        return status;
    *why = "it can't be read";
    status = spool_read_all(fd, bytes, sizeof bytes, 0, &got);
    close(fd);
    if (status != STATUS_OK)
        return status;
    index->kind = kind;
    *why = "it is truncated";
    if (got < sizeof bytes)
        return STATUS_CORRUPT;
    status = decode(slice_make(bytes, sizeof bytes), index, why);
    if (status == STATUS_OK && index->header.first_position != first) {
        *why = "it is of another segment";
        status = STATUS_CORRUPT;
    }
    return status;
}

#ifdef VSOCD_FAULTS
/* Tests that write a spool anew, as a power cut leaves it, can't keep the times of its files. */
static bool any_time(void)
{
    return getenv("VSOCD_INDEX_ANY_TIME") != NULL;
}
#else
#define any_time() false
#endif

/* Nothing was written to the segment since its index was made. */
static enum status compare(int dir_fd, const struct spool_index *index, const char **why)
{
    char name[SPOOL_NAME_BYTES];
    struct stat st;
    spool_segment_name(index->header.first_position, name);
    *why = "its segment can't be looked at";
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return status_from_errno(errno);
    *why = "its segment has another size";
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != index->segment.file_bytes)
        return STATUS_CORRUPT;
    *why = "its segment was changed after it was made";
    bool same = index_time_ns(&st.st_mtim) == index->modified_ns;
    return same || any_time() ? STATUS_OK : STATUS_CORRUPT;
}

enum status spool_index_read(int dir_fd, uint64_t first, struct spool_index *index,
                             const char **why)
{
    enum status status = read_head(dir_fd, first, SPOOL_INDEX_SEGMENT, index, why);
    if (status == STATUS_NOT_FOUND) /* a crash on the way to the segment's removal */
        status = read_head(dir_fd, first, SPOOL_INDEX_KEYS, index, why);
    return status == STATUS_OK ? compare(dir_fd, index, why) : status;
}

enum status spool_index_read_keys(int dir_fd, uint64_t first, struct spool_index *index,
                                  const char **why)
{
    return read_head(dir_fd, first, SPOOL_INDEX_KEYS, index, why);
}

/* --- places --------------------------------------------------------------------------------- */

/* Keys of an earlier build are needed in full: the part after the first bytes is in the reports. */
static enum status whole_key(int fd, const struct spool_index *index, uint64_t n,
                             struct batch_meta *meta)
{
    uint8_t bytes[INDEX_REPORT_BYTES];
    size_t got;
    enum status status =
        spool_read_all(fd, bytes, sizeof bytes,
                       index_reports_at(index->segment.records) + n * INDEX_REPORT_BYTES, &got);
    if (status != STATUS_OK || got < sizeof bytes)
        return status != STATUS_OK ? status : STATUS_CORRUPT;
    memcpy(meta->key + INDEX_PRINT_BYTES, bytes, SHA256_BYTES - INDEX_PRINT_BYTES);
    struct reader r = reader_make(slice_make(bytes, sizeof bytes));
    r.offset = 84;
    meta->key_is_plain = reader_uint_le(&r, 4) & INDEX_PLAIN_KEY;
    return STATUS_OK;
}

static void decode_place(struct reader *r, struct batch_meta *meta)
{
    memcpy(meta->key, reader_bytes(r, INDEX_PRINT_BYTES).data, INDEX_PRINT_BYTES);
    meta->position = reader_uint_le(r, 8);
    meta->ingested_ns = (int64_t)reader_uint_le(r, 8);
    meta->offset = reader_uint_le(r, 8);
}

static enum status give_places(int fd, const struct spool_index *index, struct slice bytes,
                               spool_scan_fn fn, void *arg)
{
    enum status status = STATUS_OK;
    if (crc32c(0, bytes) != index->places_crc)
        return STATUS_CORRUPT;
    struct reader r = reader_make(bytes);
    for (uint64_t n = 0; n < index->segment.records && status == STATUS_OK; n++) {
        struct batch_meta meta = {0};
        decode_place(&r, &meta);
        if (index->plain_keys)
            status = whole_key(fd, index, n, &meta);
        if (status == STATUS_OK)
            fn(arg, &meta);
    }
    return status;
}

enum status spool_index_places(int dir_fd, const struct spool_index *index, spool_scan_fn fn,
                               void *arg)
{
    uint64_t size = index->segment.records * INDEX_PLACE_BYTES;
    size_t got = 0;
    int fd;
    enum status status = open_index(dir_fd, index->header.first_position, index->kind, &fd);
    if (status != STATUS_OK)
        return status;
    uint8_t *bytes = malloc((size_t)size + 1);
    status =
        bytes ? spool_read_all(fd, bytes, (size_t)size, INDEX_HEAD_BYTES, &got) : STATUS_NO_MEMORY;
    if (status == STATUS_OK && got < size)
        status = STATUS_CORRUPT;
    if (status == STATUS_OK)
        status = give_places(fd, index, slice_make(bytes, got), fn, arg);
    free(bytes);
    close(fd);
    return status;
}

/* --- one report ----------------------------------------------------------------------------- */

static enum status read_exact(int fd, void *bytes, size_t size, uint64_t at)
{
    size_t got;
    enum status status = spool_read_all(fd, bytes, size, at, &got);
    return status == STATUS_OK && got < size ? STATUS_CORRUPT : status;
}

/* Number of the place with this position, by halving. */
static enum status find_place(int fd, const struct spool_index *index, uint64_t position,
                              uint64_t *number, struct batch_meta *meta)
{
    uint64_t low = 0, high = index->segment.records;
    while (low < high) {
        uint8_t bytes[INDEX_PLACE_BYTES];
        uint64_t middle = low + (high - low) / 2;
        enum status status =
            read_exact(fd, bytes, sizeof bytes, INDEX_HEAD_BYTES + middle * INDEX_PLACE_BYTES);
        if (status != STATUS_OK)
            return status;
        struct reader r = reader_make(slice_make(bytes, sizeof bytes));
        decode_place(&r, meta);
        if (meta->position == position) {
            *number = middle;
            return STATUS_OK;
        }
        if (meta->position < position)
            low = middle + 1;
        else
            high = middle;
    }
    return STATUS_NOT_FOUND;
}

/* Report and text behind it; text NULL: without memory or room it is left out. */
static enum status check_report(int fd, const struct spool_index *index, struct slice report,
                                struct arena *arena, struct slice *errors)
{
    struct reader r = reader_make(report);
    r.offset = 88;
    uint64_t at = reader_uint_le(&r, 4), size = reader_uint_le(&r, 4);
    uint32_t expected = (uint32_t)reader_uint_le(&r, 4);
    uint32_t crc = crc32c(0, slice_sub(report, 0, INDEX_REPORT_BYTES - 4));
    *errors = SLICE_EMPTY;
    if (at > index->text_bytes || size > index->text_bytes - at)
        return STATUS_CORRUPT;
    uint8_t *text = malloc(size + 1);
    if (!text)
        return STATUS_NO_MEMORY;
    enum status status = read_exact(fd, text, size, index_texts_at(index->segment.records) + at);
    if (status == STATUS_OK && crc32c(crc, slice_make(text, size)) != expected)
        status = STATUS_CORRUPT;
    if (status == STATUS_OK && arena_copy(arena, slice_make(text, size), errors) != STATUS_OK)
        *errors = SLICE_EMPTY;
    free(text);
    return status;
}

static void decode_report(struct slice report, const struct batch_meta *place,
                          struct batch_recall *recall)
{
    struct reader r = reader_make(report);
    memcpy(recall->record.key, place->key, INDEX_PRINT_BYTES);
    memcpy(recall->record.key + INDEX_PRINT_BYTES,
           reader_bytes(&r, SHA256_BYTES - INDEX_PRINT_BYTES).data,
           SHA256_BYTES - INDEX_PRINT_BYTES);
    memcpy(recall->record.body, reader_bytes(&r, RECALL_DIGEST_BYTES).data, RECALL_DIGEST_BYTES);
    memcpy(recall->record.content, reader_bytes(&r, RECALL_DIGEST_BYTES).data, RECALL_DIGEST_BYTES);
    memcpy(recall->report.batch_uid, reader_bytes(&r, UUID_BYTES).data, UUID_BYTES);
    recall->report.position = place->position;
    recall->report.accepted = (uint32_t)reader_uint_le(&r, 4);
    recall->report.duplicates = (uint32_t)reader_uint_le(&r, 4);
    recall->report.quarantined = (uint32_t)reader_uint_le(&r, 4);
    uint64_t flags = reader_uint_le(&r, 4);
    recall->record.has_content = flags & INDEX_HAS_CONTENT;
    recall->record.key_is_plain = flags & INDEX_PLAIN_KEY;
}

enum status spool_index_recall(int dir_fd, uint64_t first, struct batch_recall *recall,
                               struct arena *arena)
{
    struct spool_index index;
    struct batch_meta place = {0};
    const char *why;
    uint8_t report[INDEX_REPORT_BYTES];
    struct slice errors = SLICE_EMPTY;
    uint64_t number = 0;
    int fd = -1;
    enum status status = read_head(dir_fd, first, SPOOL_INDEX_KEYS, &index, &why);
    if (status == STATUS_NOT_FOUND)
        status = read_head(dir_fd, first, SPOOL_INDEX_SEGMENT, &index, &why);
    if (status == STATUS_OK)
        status = open_index(dir_fd, first, index.kind, &fd);
    if (status != STATUS_OK)
        return status;
    status = find_place(fd, &index, recall->place.position, &number, &place);
    if (status == STATUS_OK)
        status = read_exact(fd, report, sizeof report,
                            index_reports_at(index.segment.records) + number * INDEX_REPORT_BYTES);
    if (status == STATUS_OK)
        status = check_report(fd, &index, slice_make(report, sizeof report), arena, &errors);
    close(fd);
    if (status != STATUS_OK)
        return status;
    decode_report(slice_make(report, sizeof report), &place, recall);
    recall->report.errors = errors;
    return STATUS_OK;
}
