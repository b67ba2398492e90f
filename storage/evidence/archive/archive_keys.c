/* archive_keys.c: separates key areas from a segment and joins them again. The caller's thread.
 * Does not know what is in an area. */
#include "storage/evidence/archive/archive_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/object.h"

#define MAGIC       "VSOCKEYS"
#define VERSION     1
#define HEAD_BYTES  48
#define ENTRY_BYTES 40
#define AREAS_MAX   (UINT32_C(1) << 24)

void archive_keys_name(uint64_t first_position, char name[SPOOL_NAME_BYTES])
{
    snprintf(name, SPOOL_NAME_BYTES, "%020" PRIu64 ".keys", first_position);
}

enum status archive_keys_lock(const char *evidence_dir, bool make, int *fd)
{
    int above = open(evidence_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (above < 0)
        return status_from_errno(errno);
    bool made = make && mkdirat(above, ARCHIVE_KEYS_FOLDER, 0700) == 0;
    *fd = openat(above, ARCHIVE_KEYS_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum status status = *fd >= 0 ? STATUS_OK : status_from_errno(errno);
    if (status == STATUS_OK && ((made && fsync(above) != 0) || flock(*fd, LOCK_EX) != 0))
        status = status_from_errno(errno);
    if (status != STATUS_OK && *fd >= 0)
        close(*fd);
    close(above);
    return status;
}

static void write_head(struct writer *w, const struct archive_image *image, uint32_t count)
{
    writer_text(w, MAGIC);
    writer_uint_le(w, VERSION, 4);
    writer_uint_le(w, count, 4);
    writer_bytes(w, image->header.spool_uid, UUID_BYTES);
    writer_uint_le(w, image->header.first_position, 8);
    writer_uint_le(w, 0, 8);
    for (size_t i = 0; i < image->blank_count; i++) {
        const struct archive_blank *b = &image->blanks[i];
        if (b->is_damage)
            continue;
        writer_uint_le(w, b->offset, 8);
        writer_uint_le(w, b->bytes, 4);
        writer_uint_le(w, 0, 4);
        writer_bytes(w, b->batch_uid, UUID_BYTES);
        writer_uint_le(w, (uint64_t)b->received_ns, 8);
    }
    writer_uint_le(w, crc32c(0, writer_slice(w)), 4);
    writer_uint_le(w, 0, 4);
}

static enum status copy_areas(struct writer *w, const struct archive_image *image)
{
    for (size_t i = 0; w->status == STATUS_OK && i < image->blank_count; i++) {
        const struct archive_blank *b = &image->blanks[i];
        size_t got;
        if (b->is_damage || !writer_reserve(w, b->bytes))
            continue;
        enum status status =
            spool_read_all(image->fd, w->data + w->size, b->bytes, b->offset, &got);
        if (status != STATUS_OK || got < b->bytes)
            return status == STATUS_OK ? STATUS_IO : status;
        w->size += b->bytes;
    }
    return w->status;
}

static enum status store(int folder, const char *name, struct slice bytes)
{
    char fresh[SPOOL_NAME_BYTES + 4];
    snprintf(fresh, sizeof fresh, "%s.new", name);
    int fd = openat(folder, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return status_from_errno(errno);
    enum status status = spool_write_all(fd, bytes, 0);
    if (status == STATUS_OK && fsync(fd) != 0)
        status = status_from_errno(errno);
    close(fd);
    if (status == STATUS_OK && (renameat(folder, fresh, folder, name) != 0 || fsync(folder) != 0))
        status = status_from_errno(errno);
    if (status != STATUS_OK)
        (void)unlinkat(folder, fresh, 0);
    return status;
}

enum status archive_keys_save(int folder, const struct archive_image *image)
{
    char name[SPOOL_NAME_BYTES];
    struct writer w;
    uint32_t count = 0;
    for (size_t i = 0; i < image->blank_count; i++)
        count += !image->blanks[i].is_damage;
    if (!count)
        return STATUS_OK;
    writer_init(&w, SIZE_MAX / 2);
    write_head(&w, image, count);
    enum status status = copy_areas(&w, image);
    archive_keys_name(image->header.first_position, name);
    if (status == STATUS_OK)
        status = store(folder, name, writer_slice(&w));
    writer_fini(&w);
    return status;
}

/* Reads head and directory of the file; *directory is malloc'ed. */
static enum status read_directory(int fd, uint8_t **directory, uint32_t *count)
{
    uint8_t head[HEAD_BYTES];
    size_t got;
    enum status status = spool_read_all(fd, head, sizeof head, 0, &got);
    if (status != STATUS_OK)
        return status;
    struct reader r = reader_make(slice_make(head, got));
    bool mine = slice_equal_text(reader_bytes(&r, 8), MAGIC);
    uint64_t version = reader_uint_le(&r, 4);
    *count = (uint32_t)reader_uint_le(&r, 4);
    if (!mine || got < sizeof head || *count > AREAS_MAX)
        return STATUS_CORRUPT;
    if (version != VERSION)
        return STATUS_VERSION;
    size_t size = HEAD_BYTES + (size_t)*count * ENTRY_BYTES + 4;
    uint8_t *bytes = malloc(size);
    if (!bytes)
        return STATUS_NO_MEMORY;
    status = spool_read_all(fd, bytes, size, 0, &got);
    if (status == STATUS_OK) {
        struct reader crc = reader_make(slice_sub(slice_make(bytes, got), size - 4, 4));
        if (got < size || reader_uint_le(&crc, 4) != crc32c(0, slice_make(bytes, size - 4)))
            status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK)
        *directory = bytes;
    else
        free(bytes);
    return status;
}

enum status archive_keys_each(int fd,
                              enum status (*fn)(void *arg, const struct archive_key_area *area),
                              void *arg)
{
    uint8_t *directory;
    uint32_t count;
    enum status status = read_directory(fd, &directory, &count);
    if (status != STATUS_OK)
        return status;
    size_t entries = (size_t)count * ENTRY_BYTES;
    struct reader r = reader_make(slice_make(directory + HEAD_BYTES, entries));
    uint64_t at = HEAD_BYTES + entries + 8;
    for (uint32_t i = 0; status == STATUS_OK && i < count; i++) {
        struct archive_key_area area = {.at = at};
        area.offset = reader_uint_le(&r, 8);
        area.bytes = (uint32_t)reader_uint_le(&r, 4);
        (void)reader_uint_le(&r, 4);
        struct slice uid = reader_bytes(&r, UUID_BYTES);
        memcpy(area.batch_uid, uid.data, uid.size);
        area.received_ns = (int64_t)reader_uint_le(&r, 8);
        at += area.bytes;
        status = fn(arg, &area);
    }
    free(directory);
    return status;
}

#define JOINING_MAGIC 0x41434a4fU

struct joining {
    unsigned magic; /* JOINING_MAGIC */
    int keys, segment;
    struct stat segment_stat;
    uint64_t joined;
};

OBJECT_CAST(joining, JOINING_MAGIC)

static enum status join_area(void *arg, const struct archive_key_area *area)
{
    struct joining *j = joining_cast(arg);
    size_t got;
    uint64_t size = (uint64_t)j->segment_stat.st_size;
    if (area->offset > size || area->bytes > size - area->offset)
        return STATUS_CORRUPT;
    uint8_t *bytes = malloc(area->bytes ? area->bytes : 1);
    if (!bytes)
        return STATUS_NO_MEMORY;
    enum status status = spool_read_all(j->keys, bytes, area->bytes, area->at, &got);
    if (status == STATUS_OK && got < area->bytes)
        status = STATUS_CORRUPT;
    if (status == STATUS_OK)
        status = spool_write_all(j->segment, slice_make(bytes, area->bytes), area->offset);
    free(bytes);
    j->joined += status == STATUS_OK;
    return status;
}

enum status archive_keys_join(int folder, uint64_t first_position, int segment, uint64_t *joined)
{
    char name[SPOOL_NAME_BYTES];
    struct joining j = {.magic = JOINING_MAGIC, .segment = segment};
    archive_keys_name(first_position, name);
    if (fstat(segment, &j.segment_stat) != 0)
        return status_from_errno(errno);
    j.keys = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (j.keys < 0)
        return status_from_errno(errno);
    enum status status = archive_keys_each(j.keys, join_area, &j);
    close(j.keys);
    if (status == STATUS_OK)
        *joined = j.joined;
    return status;
}
