/* spool_segment.c: segment files: names, headers, creation, listing. Runs on the writer thread, and
 * at open on the opener's. Does not know records and does not decide when a segment is created or
 * removed. */
#include "storage/spool/spool_segment.h"

#include "core/clock.h"
#include "core/disk/fault.h"
#include "storage/spool/spool_block.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_COPY_BYTES 128
#define HEADER_COPY_APART (SPOOL_SEGMENT_HEADER_BYTES / 2)
#define NAME_DIGITS       20
#define NAME_SUFFIX       ".seg"
#define NEW_SUFFIX        ".seg.new"

void spool_segment_name(uint64_t first_position, char name[SPOOL_NAME_BYTES])
{
    snprintf(name, SPOOL_NAME_BYTES, "%020" PRIu64 NAME_SUFFIX, first_position);
}

static void new_name(uint64_t first_position, char name[SPOOL_NAME_BYTES])
{
    snprintf(name, SPOOL_NAME_BYTES, "%020" PRIu64 NEW_SUFFIX, first_position);
}

static bool parse_name(const char *name, const char *suffix, uint64_t *first_position)
{
    uint64_t v = 0;
    for (size_t i = 0; i < NAME_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(name[i] - '0');
        if (v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *first_position = v;
    return strcmp(name + NAME_DIGITS, suffix) == 0;
}

bool spool_segment_parse_name(const char *name, uint64_t *first_position)
{
    return parse_name(name, NAME_SUFFIX, first_position);
}

/* A stream over the directory from its start, apart from dir_fd's own offset. */
static DIR *open_stream(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    DIR *stream = fdopendir(fd);
    if (!stream)
        close(fd);
    return stream;
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static enum status append_u64(uint64_t **items, size_t *count, size_t *room, uint64_t v)
{
    if (*count == *room) {
        size_t more = *room ? *room * 2 : 64;
        uint64_t *grown = realloc(*items, more * sizeof **items);
        if (!grown)
            return STATUS_NO_MEMORY;
        *items = grown;
        *room = more;
    }
    (*items)[(*count)++] = v;
    return STATUS_OK;
}

/* Next entry; NULL at the end, and on a read error: then *status has it. */
static struct dirent *next_entry(DIR *stream, enum status *status)
{
    errno = 0;
    struct dirent *entry = readdir(stream);
    if (!entry && errno)
        *status = status_from_errno(errno);
    return entry;
}

enum status spool_segment_list(int dir_fd, uint64_t **firsts, size_t *count)
{
    DIR *stream = open_stream(dir_fd);
    if (!stream)
        return status_from_errno(errno);
    uint64_t *found = NULL, first;
    size_t n = 0, room = 0;
    enum status status = STATUS_OK;
    for (struct dirent *e; status == STATUS_OK && (e = next_entry(stream, &status));)
        if (spool_segment_parse_name(e->d_name, &first))
            status = append_u64(&found, &n, &room, first);
    closedir(stream);
    if (status != STATUS_OK) {
        free(found);
        return status;
    }
    if (n)
        qsort(found, n, sizeof *found, compare_u64);
    *firsts = found;
    *count = n;
    return STATUS_OK;
}

enum status spool_segment_clean(int dir_fd)
{
    DIR *stream = open_stream(dir_fd);
    if (!stream)
        return status_from_errno(errno);
    enum status status = STATUS_OK;
    uint64_t first;
    for (struct dirent *e; (e = next_entry(stream, &status));)
        if (parse_name(e->d_name, NEW_SUFFIX, &first) && unlinkat(dir_fd, e->d_name, 0) != 0)
            status = status_from_errno(errno);
    closedir(stream);
    spool_segment_drop_spare(dir_fd, -1); /* what can't be removed is written over */
    return status;
}

/* Links are not followed, but for those that archive_dir.c makes: to a file without a name that
 * this process alone has. */
static bool is_own_descriptor(int dir_fd, const char *name)
{
    static const char prefix[] = "/proc/self/fd/";
    char target[sizeof prefix];
    return readlinkat(dir_fd, name, target, sizeof target) == sizeof target &&
           memcmp(target, prefix, sizeof prefix - 1) == 0;
}

enum status spool_segment_open(int dir_fd, uint64_t first_position, bool writable, int *fd)
{
    char name[SPOOL_NAME_BYTES];
    spool_segment_name(first_position, name);
    int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW;
    int opened = openat(dir_fd, name, flags);
    if (opened < 0 && errno == ELOOP && !writable && is_own_descriptor(dir_fd, name))
        opened = openat(dir_fd, name, flags & ~O_NOFOLLOW);
    if (opened < 0)
        return status_from_errno(errno);
    struct stat st;
    if (fstat(opened, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(opened);
        return STATUS_IO;
    }
    *fd = opened;
    return STATUS_OK;
}

void spool_segment_read_fields(struct reader *r, struct spool_segment_header *h)
{
    memcpy(h->spool_uid, reader_bytes(r, UUID_BYTES).data, UUID_BYTES);
    h->first_position = reader_uint_le(r, 8);
    h->events_before = reader_uint_le(r, 8);
    memcpy(h->chain_before, reader_bytes(r, SHA256_BYTES).data, SHA256_BYTES);
    h->created_ns = (int64_t)reader_uint_le(r, 8);
    h->tag = reader_uint_le(r, 8);
    h->file_bytes = reader_uint_le(r, 8);
}

void spool_segment_write_fields(struct writer *w, const struct spool_segment_header *h)
{
    writer_bytes(w, h->spool_uid, UUID_BYTES);
    writer_uint_le(w, h->first_position, 8);
    writer_uint_le(w, h->events_before, 8);
    writer_bytes(w, h->chain_before, SHA256_BYTES);
    writer_uint_le(w, (uint64_t)h->created_ns, 8);
    writer_uint_le(w, h->tag, 8);
    writer_uint_le(w, h->file_bytes, 8);
}

static enum status decode_copy(struct slice bytes, struct spool_segment_header *header)
{
    struct reader r;
    if (!spool_block_open(bytes, SPOOL_SEGMENT_MAGIC, &r))
        return STATUS_CORRUPT;
    struct spool_segment_header h = {.version = (uint32_t)reader_uint_le(&r, 4)};
    if (h.version > SPOOL_FORMAT_VERSION) {
        header->version = h.version;
        return STATUS_VERSION;
    }
    h.flags = (uint32_t)reader_uint_le(&r, 4);
    spool_segment_read_fields(&r, &h);
    h.leaves_before = h.version > 1 ? reader_uint_le(&r, 8) : 0;
    *header = h;
    return STATUS_OK;
}

enum status spool_segment_read_header(int fd, struct spool_segment_header *header)
{
    for (uint64_t copy = 0; copy < SPOOL_SEGMENT_HEADER_BYTES; copy += HEADER_COPY_APART) {
        uint8_t bytes[HEADER_COPY_BYTES];
        size_t got;
        enum status status = spool_read_all(fd, bytes, sizeof bytes, copy, &got);
        if (status != STATUS_OK)
            return status;
        if (got < sizeof bytes)
            break;
        status = decode_copy(slice_make(bytes, sizeof bytes), header);
        if (status != STATUS_CORRUPT)
            return status;
    }
    return STATUS_CORRUPT;
}

static void encode_copy(struct writer *w, const struct spool_segment_header *h)
{
    writer_init(w, 2 * HEADER_COPY_BYTES);
    writer_text(w, SPOOL_SEGMENT_MAGIC);
    writer_uint_le(w, h->version, 4);
    writer_uint_le(w, h->flags, 4);
    spool_segment_write_fields(w, h);
    if (h->version > 1)
        writer_uint_le(w, h->leaves_before, 8);
    spool_block_seal(w, HEADER_COPY_BYTES);
}

enum status spool_segment_check_header(int fd, const struct spool_segment_header *header,
                                       uint64_t *damage)
{
    uint8_t bytes[SPOOL_SEGMENT_HEADER_BYTES] = {0};
    struct writer w;
    size_t got;
    enum status status = spool_read_all(fd, bytes, sizeof bytes, 0, &got);
    if (status != STATUS_OK)
        return status;
    encode_copy(&w, header);
    status = w.status;
    for (uint64_t half = 0; half < sizeof bytes && status == STATUS_OK; half += HEADER_COPY_APART) {
        const uint8_t *at = bytes + half;
        size_t rest = HEADER_COPY_BYTES;
        while (rest < HEADER_COPY_APART && !at[rest])
            rest++;
        bool differs = memcmp(at, w.data, HEADER_COPY_BYTES) != 0;
        if (!differs && rest == HEADER_COPY_APART)
            continue;
        *damage = differs ? half : half + rest;
        status = STATUS_CORRUPT;
    }
    writer_fini(&w);
    return status;
}

static enum status write_header(int fd, const struct spool_segment_header *h)
{
    struct writer w;
    encode_copy(&w, h);
    enum status status = w.status;
    if (status == STATUS_OK)
        status = spool_write_all(fd, writer_slice(&w), 0);
    if (status == STATUS_OK)
        status = spool_write_all(fd, writer_slice(&w), HEADER_COPY_APART);
    writer_fini(&w);
    return status;
}

enum status spool_write_all(int fd, struct slice bytes, uint64_t offset)
{
    while (bytes.size) {
        ssize_t n = pwrite(fd, bytes.data, bytes.size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? status_from_errno(errno) : STATUS_IO;
        bytes = slice_sub(bytes, (size_t)n, SIZE_MAX);
        offset += (uint64_t)n;
    }
    return STATUS_OK;
}

enum status spool_read_all(int fd, void *bytes, size_t size, uint64_t offset, size_t *got)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(fd, (uint8_t *)bytes + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return STATUS_IO;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    *got = done;
    return STATUS_OK;
}

/* File systems without preallocation get a sparse file: a write returns ENOSPC there. */
enum status spool_segment_allocate(int fd, uint64_t bytes)
{
    int rc;
    do
        rc = fallocate(fd, 0, 0, (off_t)bytes);
    while (rc != 0 && errno == EINTR);
    if (rc != 0 && errno == EOPNOTSUPP)
        rc = ftruncate(fd, (off_t)bytes);
    return rc == 0 ? STATUS_OK : status_from_errno(errno);
}

enum status spool_segment_begin(int dir_fd, const struct spool_segment_header *header, int *fd)
{
    char name[SPOOL_NAME_BYTES];
    new_name(header->first_position, name);
    int opened = openat(dir_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (opened < 0)
        return status_from_errno(errno);
    enum status status = spool_segment_allocate(opened, header->file_bytes);
    fault_point(spool_segment_allocated);
    if (status == STATUS_OK)
        status = write_header(opened, header);
    fault_point(spool_segment_headed);
    if (status != STATUS_OK) {
        spool_segment_abandon(dir_fd, header, opened);
        return status;
    }
    *fd = opened;
    return STATUS_OK;
}

static enum status publish(int dir_fd, const char *from, const struct spool_segment_header *header,
                           int fd)
{
    char to[SPOOL_NAME_BYTES];
    spool_segment_name(header->first_position, to);
    if (fsync(fd) != 0)
        return status_from_errno(errno);
    fault_point(spool_segment_synced);
    if (renameat(dir_fd, from, dir_fd, to) != 0)
        return status_from_errno(errno);
    fault_point(spool_segment_renamed);
    if (fsync(dir_fd) != 0)
        return STATUS_IO; /* whatever errno is: the name exists, so this is not a lack of space */
    fault_point(spool_segment_created);
    return STATUS_OK;
}

enum status spool_segment_publish(int dir_fd, const struct spool_segment_header *header, int fd)
{
    char from[SPOOL_NAME_BYTES];
    new_name(header->first_position, from);
    return publish(dir_fd, from, header, fd);
}

enum status spool_segment_make_spare(int dir_fd, uint64_t bytes, int *fd)
{
    int opened =
        openat(dir_fd, SPOOL_SPARE_FILE, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (opened < 0)
        return status_from_errno(errno);
    enum status status = spool_segment_allocate(opened, bytes);
    if (status == STATUS_OK && fsync(opened) != 0)
        status = status_from_errno(errno);
    fault_point(spool_spare_made);
    if (status == STATUS_OK)
        *fd = opened;
    else
        spool_segment_drop_spare(dir_fd, opened);
    return status;
}

enum status spool_segment_use_spare(int dir_fd, const struct spool_segment_header *header, int fd)
{
    enum status status = write_header(fd, header);
    fault_point(spool_segment_headed);
    return status == STATUS_OK ? publish(dir_fd, SPOOL_SPARE_FILE, header, fd) : status;
}

void spool_segment_drop_spare(int dir_fd, int fd)
{
    unlinkat(dir_fd, SPOOL_SPARE_FILE, 0);
    if (fd >= 0)
        close(fd);
}

void spool_segment_abandon(int dir_fd, const struct spool_segment_header *header, int fd)
{
    char name[SPOOL_NAME_BYTES];
    new_name(header->first_position, name);
    unlinkat(dir_fd, name, 0);
    close(fd);
}
