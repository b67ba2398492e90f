/* Maps the prepared bytes. Runs once, before anything is sent. */
#include "send_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_BYTES = 8 };

static uint32_t read_u32(const char *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value); /* little-endian machines only, as the writer */
    return value;
}

/* Counts the batches, and stores them where bodies is given. 0: the bytes are no such file. */
static size_t walk(const char *bytes, size_t size, struct send_body *bodies)
{
    size_t at = 0, count = 0;
    while (at < size) {
        if (size - at < HEAD_BYTES)
            return 0;
        uint32_t length = read_u32(bytes + at), events = read_u32(bytes + at + 4);
        at += HEAD_BYTES;
        if (length == 0 || events == 0 || length > size - at)
            return 0;
        if (bodies != NULL)
            bodies[count] =
                (struct send_body){.bytes = bytes + at, .size = length, .events = events};
        at += length;
        count++;
    }
    return count;
}

bool send_file_open(const char *path, struct send_file *file)
{
    struct stat state;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &state) != 0 || state.st_size == 0) {
        fprintf(stderr, "peer_send: %s: %s\n", path, fd < 0 ? strerror(errno) : "empty");
        return false;
    }
    size_t size = (size_t)state.st_size;
    const char *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    close(fd);
    size_t count = bytes != MAP_FAILED ? walk(bytes, size, NULL) : 0;
    file->bodies = count > 0 ? calloc(count, sizeof *file->bodies) : NULL;
    if (file->bodies == NULL) {
        fprintf(stderr, "peer_send: %s holds no batches\n", path);
        return false;
    }
    file->count = walk(bytes, size, file->bodies);
    return true;
}
