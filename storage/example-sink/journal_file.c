/* journal_file.c: the two files of the journal. The order makes it exactly once: lines, fdatasync,
 * the new position under another name, fdatasync, rename, fsync of the folder. Ended anywhere in
 * between, the old position is in force, with the old size. */
#include "journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define POSITION_FORMAT "journal 1 size %" PRIu64 " position %" PRIu64 " batch %s spool %s\n"
#define POSITION_SCAN   "journal 1 size %" SCNu64 " position %" SCNu64 " batch %32s spool %32s"

/* The content of PATH.position. */
struct mark {
    uint64_t size, position;
    char batch[33], spool[33]; /* hexadecimal */
};

static void to_hex(const uint8_t *bytes, char text[33])
{
    for (int i = 0; i < 16; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static bool from_hex(const char *text, uint8_t *bytes)
{
    unsigned value;
    for (int i = 0; i < 16; i++, bytes++) {
        if (sscanf(text + 2 * i, "%2x", &value) != 1)
            return false;
        *bytes = (uint8_t)value;
    }
    return true;
}

static bool failed(struct journal_file *file, const char *what)
{
    file->last_errno = errno;
    snprintf(file->problem, sizeof file->problem, "can't %s %.256s: %s", what, file->path,
             strerror(errno));
    journal_file_close(file);
    return false;
}

/* For people: the files say something that no crash explains. */
static bool broken(struct journal_file *file, const char *what)
{
    file->last_errno = EIO;
    snprintf(file->problem, sizeof file->problem, "%.256s %s", file->path, what);
    journal_file_close(file);
    return false;
}

static bool write_all(int fd, const char *bytes, size_t size)
{
    while (size) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

/* The entry in the folder is on disk as well. */
static bool sync_folder(const char *path)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    snprintf(slash ? slash + 1 : folder, 2, "%s", slash ? "" : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool good = fsync(fd) == 0;
    close(fd);
    return good;
}

static bool write_mark(struct journal_file *file, const struct mark *mark)
{
    char text[256], name[PATH_MAX], new_name[PATH_MAX];
    int n = snprintf(text, sizeof text, POSITION_FORMAT, mark->size, mark->position, mark->batch,
                     mark->spool);
    snprintf(name, sizeof name, "%s.position", file->path);
    snprintf(new_name, sizeof new_name, "%s.position.new", file->path);
    int fd = open(new_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return false;
    bool good = write_all(fd, text, (size_t)n) && fdatasync(fd) == 0;
    good = close(fd) == 0 && good;
    return good && rename(new_name, name) == 0 && sync_folder(file->path);
}

/* 1: read; 0: there is none; -1: errno, or EBADMSG when it holds something else. */
static int read_mark(const struct journal_file *file, struct mark *mark)
{
    char text[256] = "", name[PATH_MAX];
    snprintf(name, sizeof name, "%s.position", file->path);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n < 0)
        return -1;
    errno = EBADMSG;
    return sscanf(text, POSITION_SCAN, &mark->size, &mark->position, mark->batch, mark->spool) == 4
               ? 1
               : -1;
}

void journal_file_init(struct journal_file *file, const char *path, const uint8_t *spool_uid)
{
    *file = (struct journal_file){.path = path, .fd = -1};
    memcpy(file->spool_uid, spool_uid, sizeof file->spool_uid);
}

bool journal_file_open(struct journal_file *file, struct sink_position *there)
{
    struct mark mark = {.batch = "00000000000000000000000000000000"};
    struct stat now;
    char spool[33];
    to_hex(file->spool_uid, spool);
    journal_file_close(file);
    file->fd = open(file->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (file->fd < 0)
        return failed(file, "open");
    if (flock(file->fd, LOCK_EX | LOCK_NB) != 0 || fstat(file->fd, &now) != 0)
        return failed(file, "lock");
    int found = read_mark(file, &mark);
    if (found < 0)
        return failed(file, "read the position of");
    if (!found && now.st_size)
        return broken(file, "has lines but no .position file: move it away, or restore that file");
    if (!found) {
        memcpy(mark.spool, spool, sizeof spool);
        if (!write_mark(file, &mark))
            return failed(file, "write the position of");
    }
    if ((uint64_t)now.st_size < mark.size)
        return broken(file, "is shorter than its .position file says: restore it");
    if (ftruncate(file->fd, (off_t)mark.size) != 0 || fdatasync(file->fd) != 0)
        return failed(file, "cut off what was not committed of");
    file->size = mark.size;
    there->known = !strcmp(mark.spool, spool) && from_hex(mark.batch, there->batch_uid);
    there->position = there->known ? mark.position : 0;
    return true;
}

bool journal_file_append(struct journal_file *file, const char *bytes, size_t size)
{
    if (!write_all(file->fd, bytes, size))
        return failed(file, "write");
    file->size += size;
    return true;
}

bool journal_file_commit(struct journal_file *file, const struct sink_position *end)
{
    struct mark mark = {.size = file->size, .position = end->position};
    to_hex(end->batch_uid, mark.batch);
    to_hex(file->spool_uid, mark.spool);
    if (fdatasync(file->fd) != 0)
        return failed(file, "sync");
    return write_mark(file, &mark) || failed(file, "write the position of");
}

void journal_file_close(struct journal_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}
