/* archive_directory.c: a directory as an archive: a mounted disk, a file server, a tape gateway. An
 * object is a file that gets its name when it is whole and synced. The caller's thread; blocks.
 * Can't keep anybody from deleting: that is the file system's part. */
#define LOG_COMPONENT "archive"
#include "storage/evidence/archive/archive_target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/disk/fault.h"
#include "core/thread.h"
#include "core/writer.h"
#include "storage/evidence/archive/archive_entry.h"
#include "storage/spool/spool_segment.h"

#define CHUNK ((size_t)256 << 10)

struct directory {
    struct archive_target base; /* first */
    char path[PATH_MAX];
    uint8_t *chunk;
};

static struct directory *directory_of(struct archive_target *target)
{
    return (struct directory *)(void *)target;
}

static enum status failed(struct problem *problem, const char *what, const char *path)
{
    int error = errno;
    problem_say(problem, "%s %.300s: %s", what, path, strerror(error));
    enum status status = status_from_errno(error);
    return status == STATUS_NOT_FOUND || status == STATUS_EXISTS ? STATUS_UNAVAILABLE : status;
}

/* Opens the folder. It is never made: a missing mount must not become a folder on another disk. */
static enum status open_root(const struct directory *d, int *fd, struct problem *problem)
{
    *fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd >= 0 ? STATUS_OK : failed(problem, "the archive's folder", d->path);
}

/* The folder of the object's spool: what is before the slash. */
static enum status open_folder(const struct directory *d, const char *name, bool make, int *fd,
                               struct problem *problem)
{
    char folder[ARCHIVE_NAME_BYTES];
    int root;
    const char *slash = strchr(name, '/');
    ensure(slash && (size_t)(slash - name) < sizeof folder);
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - name), name);
    enum status status = open_root(d, &root, problem);
    if (status != STATUS_OK)
        return status;
    bool made = make && mkdirat(root, folder, 0750) == 0;
    if (made && fsync(root) != 0)
        status = failed(problem, "syncing", d->path);
    *fd = status == STATUS_OK ? openat(root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (status == STATUS_OK && *fd < 0)
        status = errno == ENOENT && !make ? STATUS_NOT_FOUND
                                          : failed(problem, "the archive's folder", folder);
    close(root);
    return status;
}

/* Waits as long as the bytes sent so far need at the bandwidth. */
static void pace(const struct directory *d, uint64_t sent, int64_t start_ns)
{
    uint64_t rate = d->base.settings.bandwidth;
    if (!rate)
        return;
    int64_t due_ns = start_ns + (int64_t)((double)sent / (double)rate * 1e9);
    for (int64_t left;
         !archive_target_is_stopped(&d->base) && (left = due_ns - clock_monotonic_ns()) > 0;) {
        int64_t step = left < 100 * NS_PER_MS ? left : 100 * NS_PER_MS;
        const struct timespec wait = {0, (long)step};
        nanosleep(&wait, NULL);
    }
}

static enum status copy_body(struct directory *d, const struct archive_body *body, int fd,
                             const char *name, struct problem *problem)
{
    int64_t start_ns = clock_monotonic_ns();
    for (uint64_t at = 0; at < body->size; at += CHUNK) {
        size_t size = body->size - at < CHUNK ? (size_t)(body->size - at) : CHUNK;
        if (archive_target_is_stopped(&d->base))
            return STATUS_CLOSED;
        enum status status = body->read(body->arg, at, d->chunk, size);
        if (status != STATUS_OK) {
            problem_say(problem, "the segment can't be read: %s", status_text(status));
            return status;
        }
        status = spool_write_all(fd, slice_make(d->chunk, size), at);
        if (status != STATUS_OK)
            return failed(problem, "writing", name);
        if (at == 0)
            fault_point(archive_object_begun);
        pace(d, at + size, start_ns);
    }
    return fsync(fd) == 0 ? STATUS_OK : failed(problem, "syncing", name);
}

/* Gives the finished file its name. EXISTS. */
static enum status publish(int folder, const char *part, const char *file, struct problem *problem)
{
    /* link, unlike rename, replaces nothing, on any file system. */
    if (linkat(folder, part, folder, file, 0) != 0)
        return errno == EEXIST ? STATUS_EXISTS : failed(problem, "naming", file);
    fault_point(archive_object_named);
    if (unlinkat(folder, part, 0) != 0 || fsync(folder) != 0)
        return failed(problem, "naming", file);
    return STATUS_OK;
}

static enum status directory_put(struct archive_target *target, const char *name,
                                 const struct archive_body *body, int64_t retain_until_ns,
                                 struct problem *problem)
{
    struct directory *d = directory_of(target);
    const char *file = strchr(name, '/') + 1;
    char part[ARCHIVE_NAME_BYTES + 8];
    int folder, fd = -1;
    struct stat st;
    (void)retain_until_ns;
    enum status status = open_folder(d, name, true, &folder, problem);
    if (status != STATUS_OK)
        return status;
    /* Without the hash: a later attempt may have another, and finds what a killed one left. */
    snprintf(part, sizeof part, ".%.*s%s.part", (int)strcspn(file, "-"), file,
             strrchr(file, '.') ? strrchr(file, '.') : "");
    (void)unlinkat(folder, part, 0); /* of an attempt that was killed */
    if (fstatat(folder, file, &st, 0) == 0)
        status = fsync(folder) == 0 ? STATUS_EXISTS : failed(problem, "syncing", file);
    if (status == STATUS_OK) {
        fd = openat(folder, part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0440);
        status =
            fd >= 0 ? copy_body(d, body, fd, name, problem) : failed(problem, "creating", part);
    }
    if (fd >= 0 && close(fd) != 0 && status == STATUS_OK)
        status = failed(problem, "writing", name);
    if (status == STATUS_OK)
        status = publish(folder, part, file, problem);
    if (status != STATUS_OK && fd >= 0)
        (void)unlinkat(folder, part, 0);
    close(folder);
    return status;
}

static enum status directory_get(struct archive_target *target, const char *name,
                                 archive_take_fn take, void *arg, struct problem *problem)
{
    struct directory *d = directory_of(target);
    int folder;
    enum status status = open_folder(d, name, false, &folder, problem);
    if (status != STATUS_OK)
        return status;
    int fd = openat(folder, strchr(name, '/') + 1, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        status = errno == ENOENT ? STATUS_NOT_FOUND : failed(problem, "reading", name);
    close(folder);
    if (status == STATUS_OK) /* read back what the disk has, not what the page cache has */
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    size_t got = CHUNK;
    for (uint64_t at = 0; status == STATUS_OK && got == CHUNK; at += got) {
        status = archive_target_is_stopped(target) ? STATUS_CLOSED
                                                   : spool_read_all(fd, d->chunk, CHUNK, at, &got);
        if (status == STATUS_IO)
            problem_say(problem, "reading %.200s: %s", name, strerror(errno));
        if (status == STATUS_OK && got)
            status = take(arg, slice_make(d->chunk, got));
    }
    if (fd >= 0)
        close(fd);
    return status;
}

static int is_object(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static enum status list_folder(const struct directory *d, const char *folder, archive_name_fn fn,
                               void *arg, struct problem *problem)
{
    char path[PATH_MAX + 300], name[2 * 256 + 2];
    struct dirent **entries;
    snprintf(path, sizeof path, "%s/%s", d->path, folder);
    int count = scandir(path, &entries, is_object, alphasort);
    if (count < 0)
        return errno == ENOTDIR ? STATUS_OK : failed(problem, "reading", path);
    enum status status = STATUS_OK;
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s/%s", folder, entries[i]->d_name);
        if (status == STATUS_OK)
            status = fn(arg, slice_from_text(name));
        free(entries[i]);
    }
    free(entries);
    return status;
}

static enum status directory_list(struct archive_target *target, archive_name_fn fn, void *arg,
                                  struct problem *problem)
{
    struct directory *d = directory_of(target);
    struct dirent **folders;
    int count = scandir(d->path, &folders, is_object, alphasort);
    if (count < 0)
        return failed(problem, "the archive's folder", d->path);
    enum status status = STATUS_OK;
    for (int i = 0; i < count; i++) {
        if (status == STATUS_OK)
            status = list_folder(d, folders[i]->d_name, fn, arg, problem);
        free(folders[i]);
    }
    free(folders);
    return status;
}

static void directory_close(struct archive_target *target)
{
    struct directory *d = directory_of(target);
    free(d->chunk);
    free(d);
}

enum status archive_directory_open(const struct archive_settings *settings,
                                   struct archive_target **out, struct problem *problem)
{
    static const struct archive_target_ops ops = {directory_put, directory_get, directory_list,
                                                  directory_close};
    const char *path = settings->url + sizeof "file://" - 1;
    if (strlen(path) >= PATH_MAX - 1 || strchr(path, '%')) {
        problem_say(problem,
                    "the archive's folder '%.200s' has a name that is too long, or has a %%", path);
        return STATUS_CONFIG;
    }
    struct directory *d = calloc(1, sizeof *d);
    if (d)
        d->chunk = malloc(CHUNK);
    if (!d || !d->chunk) {
        free(d);
        return STATUS_NO_MEMORY;
    }
    d->base.ops = &ops;
    d->base.settings = *settings;
    snprintf(d->path, sizeof d->path, "%s", path);
    *out = &d->base;
    return STATUS_OK;
}
