/* listener_bind.c: text of an address → a bound, listening socket. Runs on main at start (it may
 * resolve a name). Does not accept; listener.c does. */
#include "server/net/listener.h"
#include "core/log/problem.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */

static enum status fail(enum status status, struct problem *problem, const char *address,
                        const char *what)
{
    problem_say(problem, "can't listen on '%s': %s", address, what);
    return status;
}

static enum status fail_errno(int err, struct problem *problem, const char *address)
{
    switch (err) {
    case EADDRINUSE:
        return fail(STATUS_EXISTS, problem, address,
                    "another process listens there; stop it or choose another port");
    case EACCES:
        return fail(STATUS_REFUSED, problem, address,
                    "not permitted; ports below 1024 need CAP_NET_BIND_SERVICE");
    case EADDRNOTAVAIL:
        return fail(STATUS_UNAVAILABLE, problem, address,
                    "this machine does not have that address (yet)");
    default:
        return fail(status_from_errno(err), problem, address, strerror(err));
    }
}

/* A temporary failure to resolve a name may pass; a name that does not exist is an error. */
static enum status status_from_lookup(int error)
{
    switch (error) {
    case EAI_AGAIN:
    case EAI_FAIL:
        return STATUS_UNAVAILABLE;
    case EAI_MEMORY:
        return STATUS_NO_MEMORY;
    case EAI_SYSTEM:
        return status_from_errno(errno);
    default:
        return STATUS_CONFIG;
    }
}

/* "host:port" or "[v6]:port" → its parts, in place. */
static bool split_address(char *text, char **host, char **port)
{
    char *colon = strrchr(text, ':');
    if (!colon || colon[1] == '\0')
        return false;
    *colon = '\0';
    *port = colon + 1;
    *host = text;
    size_t n = strlen(text);
    if (text[0] == '[') {
        if (text[n - 1] != ']')
            return false;
        text[n - 1] = '\0';
        *host = text + 1;
    } else if (strchr(text, ':')) {
        return false; /* an IPv6 address without brackets */
    }
    return strspn(*port, "0123456789") == strlen(*port) && strlen(*port) <= 5;
}

static void describe(int fd, char *bound)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    char host[LISTENER_ADDRESS_BYTES - 16] = "", port[8] = "";
    bound[0] = '\0';
    if (getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
        getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        snprintf(bound, LISTENER_ADDRESS_BYTES, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host,
                 port);
}

static int bind_socket(const struct sockaddr *address, socklen_t size, int *fd)
{
    int s = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (s < 0)
        return errno;
    if ((address->sa_family != AF_UNIX &&
         setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) ||
        bind(s, address, size) != 0 || listen(s, BACKLOG) != 0) {
        int err = errno;
        close(s);
        return err;
    }
    *fd = s;
    return 0;
}

static enum status bind_unix(const char *address, int *fd, char *bound, struct problem *problem)
{
    const char *path = address + strlen("unix:");
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct stat st;
    if (path[0] == '\0' || strlen(path) >= sizeof(un.sun_path))
        return fail(STATUS_CONFIG, problem, address,
                    "the socket's path is empty or longer than 107 bytes");
    memcpy(un.sun_path, path, strlen(path) + 1);
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
        int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool alive = probe >= 0 && connect(probe, (struct sockaddr *)&un, sizeof(un)) == 0;
        if (probe >= 0)
            close(probe);
        if (alive)
            return fail_errno(EADDRINUSE, problem, address);
        unlink(path); /* left over by a process that was killed */
    }
    int err = bind_socket((struct sockaddr *)&un, sizeof(un), fd);
    if (err)
        return fail_errno(err, problem, address);
    if (bound)
        snprintf(bound, LISTENER_ADDRESS_BYTES, "%s", address);
    return STATUS_OK;
}

enum status listener_bind(const char *address, int *fd, char *bound, struct problem *problem)
{
    char copy[256], *host, *port;
    if (!strncmp(address, "unix:", 5))
        return bind_unix(address, fd, bound, problem);
    if (strlen(address) >= sizeof(copy))
        return fail(STATUS_CONFIG, problem, address, "longer than 255 bytes");
    memcpy(copy, address, strlen(address) + 1);
    if (!split_address(copy, &host, &port))
        return fail(STATUS_CONFIG, problem, address,
                    "not of the form 127.0.0.1:8443, [::]:8443 or unix:/path");
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list = NULL;
    int error = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
    if (error)
        return fail(status_from_lookup(error), problem, address, gai_strerror(error));
    int err = EADDRNOTAVAIL;
    for (struct addrinfo *a = list; a && err; a = a->ai_next)
        err = bind_socket(a->ai_addr, a->ai_addrlen, fd);
    freeaddrinfo(list);
    if (err)
        return fail_errno(err, problem, address);
    if (bound)
        describe(*fd, bound);
    return STATUS_OK;
}
