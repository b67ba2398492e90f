/* audit_file.c: appends, syncs and rotates the audit log. Runs on the audit thread (main at start).
 * Does not know what a line means. */
#include "server/audit/audit_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/disk/folder.h"

/* A file is full at this part of max_bytes: the others keep the history. */
#define FILES  16
#define PREFIX "refusals-"

static enum status failed(struct audit_file *file, const char *problem)
{
    file->problem = problem;
    return status_from_errno(errno);
}

static void path_of(const struct audit_file *file, const char *name, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/%s", file->dir, name);
}

static enum status write_all(struct audit_file *file, struct slice bytes)
{
    while (bytes.size) {
        ssize_t n = write(file->fd, bytes.data, bytes.size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return failed(file, "write");
        file->size += (uint64_t)n;
        bytes = slice_sub(bytes, (size_t)n, bytes.size);
    }
    return STATUS_OK;
}

/* A crash during a write leaves an incomplete line. */
static enum status end_cut_line(struct audit_file *file)
{
    char last = '\n';
    if (file->size > 0 && pread(file->fd, &last, 1, (off_t)file->size - 1) != 1)
        return failed(file, "read");
    return last == '\n' ? STATUS_OK : write_all(file, SLICE_LITERAL("\n"));
}

static enum status open_newest(struct audit_file *file)
{
    char path[PATH_MAX];
    struct stat st;
    path_of(file, AUDIT_FILE_NAME, path);
    file->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (file->fd < 0 || fstat(file->fd, &st) != 0)
        return failed(file, "open");
    file->size = (uint64_t)st.st_size;
    if (folder_sync(path) != STATUS_OK)
        return failed(file, "sync of the folder");
    return end_cut_line(file);
}

enum status audit_file_open(struct audit_file *file, const char *data_dir, uint64_t max_bytes)
{
    *file = (struct audit_file){.fd = -1, .max_bytes = max_bytes};
    int n = snprintf(file->dir, sizeof file->dir, "%s/audit", data_dir);
    errno = ENAMETOOLONG;
    if (n < 0 || (size_t)n >= sizeof file->dir)
        return failed(file, "open");
    if (folder_make(file->dir) != STATUS_OK)
        return failed(file, "make the folder");
    enum status s = open_newest(file);
    if (s != STATUS_OK)
        audit_file_close(file);
    return s;
}

void audit_file_close(struct audit_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

static int is_full_file(const struct dirent *entry)
{
    return strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0;
}

/* Removes the oldest full files until the rest fits beside a new one. Names sort by time. */
static void make_room(struct audit_file *file)
{
    struct dirent **names;
    int count = scandir(file->dir, &names, is_full_file, alphasort);
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        path_of(file, names[i]->d_name, path);
        if (count - i >= FILES && unlink(path) == 0)
            snprintf(file->removed, sizeof file->removed, "%.63s", names[i]->d_name);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
}

static enum status rotate(struct audit_file *file)
{
    char from[PATH_MAX], to[PATH_MAX], name[64];
    int64_t now = clock_wall_ns();
    time_t seconds = (time_t)(now / NS_PER_S);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t size = strftime(name, sizeof name, PREFIX "%Y%m%dT%H%M%S", &utc);
    snprintf(name + size, sizeof name - size, ".%09lldZ.ndjson", (long long)(now % NS_PER_S));
    path_of(file, AUDIT_FILE_NAME, from);
    path_of(file, name, to);
    if (fdatasync(file->fd) != 0)
        return failed(file, "sync");
    if (rename(from, to) != 0)
        return failed(file, "rename");
    audit_file_close(file);
    make_room(file);
    return open_newest(file);
}

enum status audit_file_append(struct audit_file *file, struct slice lines)
{
    enum status s = file->fd < 0 ? open_newest(file) : STATUS_OK;
    if (s == STATUS_OK && file->size > 0 && file->size + lines.size > file->max_bytes / FILES)
        s = rotate(file);
    if (s != STATUS_OK)
        return s;
    uint64_t before = file->size;
    s = write_all(file, lines);
    int error = errno;
    if (s != STATUS_OK && file->size != before && ftruncate(file->fd, (off_t)before) == 0)
        file->size = before;
    errno = error;
    return s;
}

enum status audit_file_sync(struct audit_file *file)
{
    return file->fd < 0 || fdatasync(file->fd) == 0 ? STATUS_OK : failed(file, "sync");
}
