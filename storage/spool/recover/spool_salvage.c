/* spool_salvage.c: keeps damaged segments under corrupt/ and replaces them by their intact records.
 * Runs at open on the opener's thread. Does not find damage. */
#define LOG_COMPONENT "spool"
#include "storage/spool/recover/spool_salvage.h"

#include "core/log/log.h"
#include "core/disk/fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES (1u << 20)
#define KEPT_MAX   1000 /* originals of one name */

static enum status open_corrupt_dir(int dir_fd, int *fd)
{
    if (mkdirat(dir_fd, SPOOL_CORRUPT_DIR, 0750) != 0 && errno != EEXIST)
        return status_from_errno(errno);
    int opened = openat(dir_fd, SPOOL_CORRUPT_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (opened < 0)
        return status_from_errno(errno);
    *fd = opened;
    return STATUS_OK;
}

static bool same_file(int dir_a, const char *a, int dir_b, const char *b)
{
    struct stat x, y;
    return fstatat(dir_a, a, &x, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstatat(dir_b, b, &y, AT_SYMLINK_NOFOLLOW) == 0 && x.st_ino == y.st_ino &&
           x.st_dev == y.st_dev;
}

/* Gives the file a second name; without hard links it is moved. */
static int link_or_move(int dir_fd, const char *name, int corrupt_fd, const char *kept)
{
    if (linkat(dir_fd, name, corrupt_fd, kept, 0) == 0)
        return 0;
    if (errno != EPERM && errno != EOPNOTSUPP && errno != EMLINK)
        return -1;
    return renameat2(dir_fd, name, corrupt_fd, kept, RENAME_NOREPLACE);
}

static void log_kept(const char *name, const char *kept)
{
    log_warn("kept under corrupt/", LOG_TEXT("file", name), LOG_TEXT("kept", kept));
}

/* Gives the file a unique name under corrupt/. */
static enum status keep_original(int dir_fd, const char *name)
{
    int corrupt_fd;
    enum status status = open_corrupt_dir(dir_fd, &corrupt_fd);
    if (status != STATUS_OK)
        return status;
    status = STATUS_EXISTS;
    for (unsigned n = 0; n < KEPT_MAX && status == STATUS_EXISTS; n++) {
        char kept[SPOOL_NAME_BYTES + 16];
        snprintf(kept, sizeof kept, n ? "%s.%u" : "%s", name, n);
        if (link_or_move(dir_fd, name, corrupt_fd, kept) == 0 ||
            (errno == EEXIST && same_file(dir_fd, name, corrupt_fd, kept))) {
            log_kept(name, kept);
            status = STATUS_OK;
        } else if (errno != EEXIST)
            status = status_from_errno(errno);
    }
    if (status == STATUS_OK && (fsync(corrupt_fd) != 0 || fsync(dir_fd) != 0))
        status = status_from_errno(errno);
    fault_point(spool_salvage_linked);
    close(corrupt_fd);
    return status;
}

bool spool_salvage_has(int dir_fd, uint64_t from, uint64_t before)
{
    int fd = openat(dir_fd, SPOOL_CORRUPT_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    bool has = false;
    if (!stream && fd >= 0)
        close(fd);
    for (struct dirent *e; stream && !has && (e = readdir(stream));) {
        char name[SPOOL_NAME_BYTES];
        uint64_t first;
        snprintf(name, sizeof name, "%.24s", e->d_name); /* without .1, .tail.… */
        has = spool_segment_parse_name(name, &first) && first >= from && first < before;
    }
    if (stream)
        closedir(stream);
    return has;
}

enum status spool_salvage_set_aside(int dir_fd, uint64_t first_position)
{
    char name[SPOOL_NAME_BYTES];
    spool_segment_name(first_position, name);
    enum status status = keep_original(dir_fd, name);
    if (status != STATUS_OK)
        return status;
    if (unlinkat(dir_fd, name, 0) != 0 && errno != ENOENT)
        return status_from_errno(errno);
    fault_point(spool_aside_unlinked);
    return fsync(dir_fd) == 0 ? STATUS_OK : status_from_errno(errno);
}

static enum status copy_range(int from, struct spool_range range, int to, uint64_t to_offset)
{
    uint8_t *buffer = malloc(COPY_BYTES);
    if (!buffer)
        return STATUS_NO_MEMORY;
    enum status status = STATUS_OK;
    while (range.size && status == STATUS_OK) {
        size_t want = range.size < COPY_BYTES ? (size_t)range.size : COPY_BYTES;
        ssize_t n = pread(from, buffer, want, (off_t)range.offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            status = STATUS_IO;
            break;
        }
        status = spool_write_all(to, slice_make(buffer, (size_t)n), to_offset);
        range.offset += (uint64_t)n;
        range.size -= (uint64_t)n;
        to_offset += (uint64_t)n;
    }
    free(buffer);
    return status;
}

enum status spool_salvage_replace(int dir_fd, int fd, struct spool_segment_header *header,
                                  const struct spool_range *ranges, size_t count)
{
    uint64_t at = SPOOL_SEGMENT_HEADER_BYTES;
    header->flags |= SPOOL_SEGMENT_SALVAGED;
    header->file_bytes = at;
    for (size_t i = 0; i < count; i++)
        header->file_bytes += ranges[i].size;
    int fresh;
    enum status status = spool_segment_begin(dir_fd, header, &fresh);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = copy_range(fd, ranges[i], fresh, at);
        at += ranges[i].size;
    }
    char name[SPOOL_NAME_BYTES];
    spool_segment_name(header->first_position, name);
    fault_point(spool_salvage_copied);
    if (status == STATUS_OK)
        status = keep_original(dir_fd, name);
    if (status != STATUS_OK) {
        spool_segment_abandon(dir_fd, header, fresh);
        return status;
    }
    status = spool_segment_publish(dir_fd, header, fresh);
    close(fresh);
    return status;
}

enum status spool_salvage_tail(int dir_fd, int fd, uint64_t first_position,
                               struct spool_range range)
{
    int corrupt_fd;
    enum status status = open_corrupt_dir(dir_fd, &corrupt_fd);
    if (status != STATUS_OK)
        return status;
    char name[SPOOL_NAME_BYTES], kept[SPOOL_NAME_BYTES + 64];
    spool_segment_name(first_position, name);
    int to = -1;
    for (unsigned n = 0; n < KEPT_MAX && to < 0; n++) {
        snprintf(kept, sizeof kept, "%s.tail.%" PRIu64 ".%u", name, range.offset, n);
        to = openat(corrupt_fd, kept, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        if (to < 0 && errno != EEXIST)
            break;
    }
    if (to < 0)
        status = status_from_errno(errno);
    else
        status = copy_range(fd, range, to, 0);
    if (status == STATUS_OK)
        log_kept(name, kept);
    if (status == STATUS_OK && (fsync(to) != 0 || fsync(corrupt_fd) != 0 || fsync(dir_fd) != 0))
        status = status_from_errno(errno);
    fault_point(spool_salvage_tail_kept);
    if (to >= 0)
        close(to);
    close(corrupt_fd);
    return status;
}
