/* folder.c: makes names durable. Any thread that may wait for the disk. Does not touch files. */
#include "core/disk/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum status folder_sync(const char *path)
{
    char copy[PATH_MAX];
    int n = snprintf(copy, sizeof copy, "%s", path);
    if (n < 0 || (size_t)n >= sizeof copy) {
        errno = ENAMETOOLONG;
        return STATUS_TOO_LARGE;
    }
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return status_from_errno(errno);
    int err = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    errno = err;
    return err ? status_from_errno(err) : STATUS_OK;
}

enum status folder_make(const char *path)
{
    if (mkdir(path, 0750) == 0)
        return folder_sync(path);
    if (errno != EEXIST)
        return status_from_errno(errno);
    /* The folder may have been made by a process that died. Otherwise somebody else made it, and we
     * may have no right to read its parent. */
    enum status status = folder_sync(path);
    return status == STATUS_REFUSED ? STATUS_OK : status;
}
