/* sign_channel.c: unix sockets between server and signer. Any thread that may wait. */
#include "storage/evidence/signer/sign_channel.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/clock.h"
#include "storage/evidence/signer/sign_wire.h"

#define EXCHANGE_NS (5 * NS_PER_S)
#define BACKLOG     16

int64_t sign_channel_end_ns(void)
{
    return clock_kernel_ns() + EXCHANGE_NS;
}

static enum status open_socket(const char *path, struct sockaddr_un *address, int *fd,
                               struct problem *problem)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path) {
        problem_say(problem, "%s: the path of a unix socket has at most %zu bytes", path,
                    sizeof address->sun_path - 1);
        return STATUS_OUT_OF_RANGE;
    }
    memcpy(address->sun_path, path, strlen(path));
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd >= 0)
        return STATUS_OK;
    problem_say(problem, "no socket: %s", strerror(errno));
    return STATUS_BUSY;
}

enum status sign_channel_connect(const char *path, int *fd, struct problem *problem)
{
    struct sockaddr_un address;
    int made;
    enum status status = open_socket(path, &address, &made, problem);
    if (status != STATUS_OK)
        return status;
    if (connect(made, (const struct sockaddr *)&address, sizeof address) == 0) {
        *fd = made;
        return STATUS_OK;
    }
    problem_say(problem, "no signer listens at %s: %s", path, strerror(errno));
    close(made);
    return STATUS_UNAVAILABLE;
}

/* A socket file without a listener is what a killed process leaves. */
static bool remove_stale(const char *path)
{
    struct problem ignored;
    struct stat there;
    int fd;
    if (lstat(path, &there) != 0)
        return errno == ENOENT;
    if (!S_ISSOCK(there.st_mode))
        return false;
    if (sign_channel_connect(path, &fd, &ignored) == STATUS_OK) {
        close(fd);
        return false;
    }
    return unlink(path) == 0;
}

enum status sign_channel_listen(const char *path, int *fd, struct problem *problem)
{
    struct sockaddr_un address;
    int made;
    enum status status = open_socket(path, &address, &made, problem);
    if (status != STATUS_OK)
        return status;
    if (!remove_stale(path)) {
        problem_say(problem, "%s is in use, or is a file that is no socket", path);
        close(made);
        return STATUS_EXISTS;
    }
    mode_t before = umask(0117); /* 0660 from its first moment */
    bool good = bind(made, (const struct sockaddr *)&address, sizeof address) == 0;
    int err = errno;
    umask(before);
    good = good && listen(made, BACKLOG) == 0;
    if (good) {
        *fd = made;
        return STATUS_OK;
    }
    problem_say(problem, "can't listen at %s: %s", path, strerror(err));
    close(made);
    return status_from_errno(err);
}

static enum status wait_for(int fd, short events, int64_t end_ns)
{
    for (;;) {
        int64_t left_ns = end_ns - clock_kernel_ns();
        struct pollfd poller = {.fd = fd, .events = events};
        if (left_ns <= 0)
            return STATUS_TIMEOUT;
        int ready = poll(&poller, 1, (int)(left_ns / NS_PER_MS) + 1);
        if (ready > 0)
            return STATUS_OK;
        if (ready < 0 && errno != EINTR)
            return STATUS_IO;
    }
}

/* After a call that moved no byte: whether to go on. */
static enum status after(int fd, short events, int64_t end_ns)
{
    if (errno == EINTR)
        return STATUS_OK;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return wait_for(fd, events, end_ns);
    return errno == EPIPE || errno == ECONNRESET ? STATUS_CLOSED : STATUS_IO;
}

static enum status send_bytes(int fd, struct slice bytes, int64_t end_ns)
{
    enum status status = STATUS_OK;
    while (bytes.size && status == STATUS_OK) {
        ssize_t n = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (n > 0)
            bytes = slice_sub(bytes, (size_t)n, bytes.size);
        else
            status = after(fd, POLLOUT, end_ns);
    }
    return status;
}

static enum status receive_bytes(int fd, uint8_t *out, size_t size, int64_t end_ns)
{
    enum status status = STATUS_OK;
    while (size && status == STATUS_OK) {
        ssize_t n = recv(fd, out, size, 0);
        if (n == 0)
            return STATUS_CLOSED;
        if (n > 0) {
            out += n;
            size -= (size_t)n;
        } else {
            status = after(fd, POLLIN, end_ns);
        }
    }
    return status;
}

enum status sign_channel_send(int fd, struct slice text, int64_t end_ns)
{
    uint8_t size[SIGN_WIRE_SIZE_BYTES];
    for (size_t i = 0; i < sizeof size; i++)
        size[i] = (uint8_t)(text.size >> (8 * (sizeof size - 1 - i)));
    enum status status = send_bytes(fd, slice_make(size, sizeof size), end_ns);
    return status == STATUS_OK ? send_bytes(fd, text, end_ns) : status;
}

enum status sign_channel_receive(int fd, struct writer *text, int64_t end_ns)
{
    uint8_t head[SIGN_WIRE_SIZE_BYTES];
    size_t size = 0;
    enum status status = receive_bytes(fd, head, sizeof head, end_ns);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < sizeof head; i++)
        size = size << 8 | head[i];
    if (!size || size > SIGN_WIRE_TEXT_MAX || !writer_reserve(text, size))
        return STATUS_TOO_LARGE;
    status = receive_bytes(fd, text->data + text->size, size, end_ns);
    if (status == STATUS_OK)
        text->size += size;
    return status;
}
