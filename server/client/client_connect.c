/* client_connect.c: finds and connects to a host. A thread that may wait. Sends nothing. */
#include "server/client/client_connect.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Connected blocking socket with timeouts, or -1 and errno. */
static int connect_one(const struct addrinfo *a, int timeout_ms)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, error = 0;
    socklen_t size = sizeof error;
    struct timeval wait = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    if (fd < 0)
        return -1;
    if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        error = errno;
        if (error == EINPROGRESS)
            error = poll(&ready, 1, timeout_ms) == 1 ? 0 : ETIMEDOUT;
        if (!error && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
            error = errno;
    }
    if (!error && (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) != 0 ||
                   setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) != 0 ||
                   setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0 ||
                   setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0))
        error = errno;
    if (!error)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

enum status client_connect(const char *host, const char *port, int timeout_ms, int *fd,
                           struct problem *problem)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
    int code = getaddrinfo(host, port, &hints, &list), error = 0;
    if (code != 0) {
        problem_say(problem, "can't find %.128s: %s", host, gai_strerror(code));
        return STATUS_UNAVAILABLE;
    }
    int found = -1;
    for (const struct addrinfo *a = list; a && found < 0; a = a->ai_next) {
        found = connect_one(a, timeout_ms);
        error = errno;
    }
    freeaddrinfo(list);
    if (found >= 0) {
        *fd = found;
        return STATUS_OK;
    }
    problem_say(problem, "can't connect to %.128s port %s: %s", host, port, strerror(error));
    return STATUS_UNAVAILABLE;
}
