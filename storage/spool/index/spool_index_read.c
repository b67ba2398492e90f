/* spool_index_read.c: names, head and reading of index files. The caller's thread. Does not make
 * them (spool_index_write.c) and does not decide when (spool_keeper.c). */
#define LOG_COMPONENT "spool"
#include "storage/spool/index/spool_index_format.h"

#include "core/disk/fault.h" /* VSOCD_FAULTS */
#include "core/log/log.h"
#include "storage/spool/spool_block.h"
#include "storage/spool/spool_frame.h"

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
    const struct spool_segment_header *h = &index->header;
    const struct spool_segment *s = &index->segment;
    writer_text(w, INDEX_MAGIC);
    writer_uint_le(w, h->version, 4);
    writer_uint_le(w, index->plain_keys, 4);
    spool_segment_write_fields(w, h);
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
    if (h->version > 1) {
        writer_uint_le(w, h->leaves_before, 8);
        writer_uint_le(w, index->tail.leaves, 8);
    }
    spool_block_seal(w, INDEX_HEAD_BYTES);
}

static bool follows(const struct spool_index *index)
{
    const struct spool_segment *s = &index->segment;
    bool first = index->header.version == 1;
    uint64_t header = first ? SPOOL_RECORD_HEADER_MIN : SPOOL_RECORD_HEADER_BYTES;
    uint64_t least = (uint64_t)SPOOL_SEGMENT_HEADER_BYTES + s->records * header;
    return s->end <= s->file_bytes && s->records <= s->end / header && s->end >= least &&
           (first || index->tail.leaves >= index->header.leaves_before) &&
           (s->records ? s->oldest >= s->first_position && s->newest >= s->oldest &&
                             s->newest - s->oldest >= s->records - 1
                       : !s->oldest && !s->newest);
}

static enum status decode(struct slice bytes, struct spool_index *index, const char **why)
{
    struct reader r;
    struct spool_index i = {.kind = index->kind};
    struct spool_segment_header *h = &i.header;
    struct spool_segment *s = &i.segment;
    *why = "it is damaged";
    if (!spool_block_open(bytes, INDEX_MAGIC, &r))
        return STATUS_CORRUPT;
    h->version = (uint32_t)reader_uint_le(&r, 4);
    if (!h->version || h->version > SPOOL_INDEX_VERSION) {
        *why = "it is of another version";
        return STATUS_CORRUPT;
    }
    i.plain_keys = reader_uint_le(&r, 4) & 1;
    spool_segment_read_fields(&r, h);
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
    if (h->version > 1) {
        h->leaves_before = reader_uint_le(&r, 8);
        i.tail.leaves = reader_uint_le(&r, 8);
    }
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

static enum status read_exact(int fd, void *bytes, size_t size, uint64_t at)
{
    size_t got;
    enum status status = spool_read_all(fd, bytes, size, at, &got);
    return status == STATUS_OK && got < size ? STATUS_CORRUPT : status;
}

static void decode_place(const struct spool_index *index, struct reader *r, struct batch_meta *meta)
{
    uint64_t kind = BATCH_KIND_EVENTS;
    meta->version = (uint8_t)index->header.version;
    memcpy(meta->key, reader_bytes(r, INDEX_PRINT_BYTES).data, INDEX_PRINT_BYTES);
    meta->position = reader_uint_le(r, 8);
    meta->ingested_ns = (int64_t)reader_uint_le(r, 8);
    meta->offset = reader_uint_le(r, 8);
    if (meta->version > 1) { /* records begin at multiples of 8 */
        kind = meta->offset % SPOOL_RECORD_ALIGN;
        meta->offset -= kind;
    }
    meta->kind = (uint8_t)kind;
}

/* Where the text of a report is, and the CRC of both. */
struct report_text {
    uint64_t at, size;
    uint32_t crc;        /* as stored */
    uint32_t report_crc; /* of the report's own bytes */
};

/* Report number n; of the key only what its place does not have. Not checked: see read_text. */
static enum status read_report(int fd, const struct spool_index *index, uint64_t n,
                               struct batch_recall *recall, struct report_text *text)
{
    uint8_t bytes[INDEX_REPORT_BYTES];
    uint64_t at = index_reports_at(index->segment.records) + n * INDEX_REPORT_BYTES;
    enum status status = read_exact(fd, bytes, sizeof bytes, at);
    if (status != STATUS_OK)
        return status;
    struct reader r = reader_make(slice_make(bytes, sizeof bytes));
    memcpy(recall->record.key + INDEX_PRINT_BYTES,
           reader_bytes(&r, SHA256_BYTES - INDEX_PRINT_BYTES).data,
           SHA256_BYTES - INDEX_PRINT_BYTES);
    memcpy(recall->record.body, reader_bytes(&r, RECALL_DIGEST_BYTES).data, RECALL_DIGEST_BYTES);
    memcpy(recall->record.content, reader_bytes(&r, RECALL_DIGEST_BYTES).data, RECALL_DIGEST_BYTES);
    memcpy(recall->report.batch_uid, reader_bytes(&r, UUID_BYTES).data, UUID_BYTES);
    recall->report.accepted = (uint32_t)reader_uint_le(&r, 4);
    recall->report.duplicates = (uint32_t)reader_uint_le(&r, 4);
    recall->report.quarantined = (uint32_t)reader_uint_le(&r, 4);
    uint64_t flags = reader_uint_le(&r, 4);
    recall->record.has_content = flags & INDEX_HAS_CONTENT;
    recall->record.key_is_plain = flags & INDEX_PLAIN_KEY;
    recall->record.body_is_plain = index->header.version == 1;
    text->at = reader_uint_le(&r, 4);
    text->size = reader_uint_le(&r, 4);
    text->report_crc = crc32c(0, slice_make(bytes, r.offset));
    text->crc = (uint32_t)reader_uint_le(&r, 4);
    return STATUS_OK;
}

/* Keys of an earlier build are needed in full: the part after the first bytes is in the reports. */
static enum status whole_key(int fd, const struct spool_index *index, uint64_t n,
                             struct batch_meta *meta)
{
    struct batch_recall recall;
    struct report_text text;
    enum status status = read_report(fd, index, n, &recall, &text);
    if (status != STATUS_OK)
        return status;
    memcpy(meta->key + INDEX_PRINT_BYTES, recall.record.key + INDEX_PRINT_BYTES,
           SHA256_BYTES - INDEX_PRINT_BYTES);
    meta->key_is_plain = recall.record.key_is_plain;
    return STATUS_OK;
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
        decode_place(index, &r, &meta);
        if (index->plain_keys)
            status = whole_key(fd, index, n, &meta);
        if (status == STATUS_OK && batch_is_events(&meta))
            fn(arg, &meta);
    }
    return status;
}

enum status spool_index_places(int dir_fd, const struct spool_index *index, spool_scan_fn fn,
                               void *arg)
{
    uint64_t size = index->segment.records * INDEX_PLACE_BYTES;
    int fd;
    enum status status = open_index(dir_fd, index->header.first_position, index->kind, &fd);
    if (status != STATUS_OK)
        return status;
    uint8_t *bytes = malloc((size_t)size + 1);
    status = bytes ? read_exact(fd, bytes, (size_t)size, INDEX_HEAD_BYTES) : STATUS_NO_MEMORY;
    if (status == STATUS_OK)
        status = give_places(fd, index, slice_make(bytes, (size_t)size), fn, arg);
    free(bytes);
    close(fd);
    return status;
}

/* --- one report ----------------------------------------------------------------------------- */

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
        decode_place(index, &r, meta);
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

/* Checks the report with its text; without memory in the arena the text is left out. */
static enum status read_text(int fd, const struct spool_index *index,
                             const struct report_text *text, struct arena *arena,
                             struct slice *errors)
{
    *errors = SLICE_EMPTY;
    if (text->at > index->text_bytes || text->size > index->text_bytes - text->at)
        return STATUS_CORRUPT;
    uint8_t *bytes = malloc(text->size + 1);
    if (!bytes)
        return STATUS_NO_MEMORY;
    struct slice found = slice_make(bytes, text->size);
    enum status status =
        read_exact(fd, bytes, text->size, index_texts_at(index->segment.records) + text->at);
    if (status == STATUS_OK && crc32c(text->report_crc, found) != text->crc)
        status = STATUS_CORRUPT;
    if (status == STATUS_OK && arena_copy(arena, found, errors) != STATUS_OK)
        *errors = SLICE_EMPTY;
    free(bytes);
    return status;
}

enum status spool_index_recall(int dir_fd, uint64_t first, struct batch_recall *recall,
                               struct arena *arena)
{
    struct spool_index index;
    struct batch_meta place = {0};
    struct batch_recall found = *recall;
    struct report_text text;
    const char *why;
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
        status = read_report(fd, &index, number, &found, &text);
    if (status == STATUS_OK)
        status = read_text(fd, &index, &text, arena, &found.report.errors);
    close(fd);
    if (status != STATUS_OK)
        return status;
    memcpy(found.record.key, place.key, INDEX_PRINT_BYTES);
    found.report.position = place.position;
    *recall = found;
    return STATUS_OK;
}
