/* file_read.c: reads a small file whole. Any thread but a worker. */
#include "server/files/file_read.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum status file_read_rest(int fd, struct writer *out)
{
    for (;;) {
        if (!writer_reserve(out, 65536))
            return out->status;
        ssize_t n = read(fd, out->data + out->size, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return status_from_errno(errno);
        if (n == 0)
            return STATUS_OK;
        out->size += (size_t)n;
    }
}

enum status file_read_all(const char *path, struct writer *out)
{
    writer_init(out, FILE_READ_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return status_from_errno(errno);
    enum status status = file_read_rest(fd, out);
    close(fd);
    return status;
}
