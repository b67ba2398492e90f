/* listener.c: accepts connections on one loop from a socket that all loops share. Runs on that
 * loop's thread. Does not know what a connection is for. */
#define LOG_COMPONENT "listener"
#include "server/net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <event2/event.h>
#include "core/object.h"
#include "core/clock.h"
#include "core/log/log.h"

#define LISTENER_MAGIC 0x4c53544eU

struct listener {
    unsigned magic; /* LISTENER_MAGIC */
    int fd;         /* -1: stopped */
    struct event *readable;
    struct event *rested;
    bool held;
    listener_on_accept on_accept;
    void *arg;
};

OBJECT_CAST(listener, LISTENER_MAGIC)

static const struct timeval rest_time = {.tv_usec = 100000};

/* Out of descriptors or memory: accepting again immediately would spin (the socket stays readable).
 */
static void rest(struct listener *listener, int err)
{
    log_error("can't accept connections, retrying in 100 ms; raise the limit of open files "
              "(LimitNOFILE, ulimit -n) or lower limits.connections",
              LOG_TEXT("error", strerror(err)));
    event_del(listener->readable);
    event_add(listener->rested, &rest_time);
}

void listener_rest(struct listener *listener, int64_t ns)
{
    struct timeval time = {.tv_sec = (time_t)(ns / NS_PER_S),
                           .tv_usec = (suseconds_t)(ns % NS_PER_S / NS_PER_US)};
    if (listener->fd < 0)
        return;
    event_del(listener->readable);
    event_add(listener->rested, &time);
}

void listener_hold(struct listener *listener, bool held)
{
    if (listener->fd < 0 || listener->held == held)
        return;
    listener->held = held;
    if (held)
        event_del(listener->readable);
    else if (!event_pending(listener->rested, EV_TIMEOUT, NULL))
        event_add(listener->readable, NULL);
}

static void on_rested(evutil_socket_t fd, short what, void *arg)
{
    struct listener *listener = listener_cast(arg);
    (void)fd, (void)what;
    if (listener->fd >= 0 && !listener->held)
        event_add(listener->readable, NULL);
}

/* False: no more connections to accept now. */
static bool accept_one(struct listener *listener)
{
    struct accepted new = {.address_size = sizeof new.address};
    new.fd = accept4(listener->fd, (struct sockaddr *)&new.address, &new.address_size,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (new.fd >= 0) {
        listener->on_accept(listener->arg, &new);
        return true;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        rest(listener, errno);
    /* Errors of a connection that died in the queue are expected (accept(2)). */
    return errno == ECONNABORTED || errno == EINTR;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    accept_one(listener_cast(arg));
}

enum status listener_create(struct event_base *base, int fd, listener_on_accept on_accept,
                            void *arg, struct listener **out)
{
    struct listener *listener = (struct listener *)calloc(1, sizeof(*listener));
    if (!listener)
        return STATUS_NO_MEMORY;
    *listener = (struct listener){.fd = -1, .on_accept = on_accept, .arg = arg};
    listener->magic = LISTENER_MAGIC;
    listener->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (listener->fd < 0) {
        listener_destroy(listener);
        return STATUS_BUSY;
    }
    listener->readable = event_new(base, listener->fd, EV_READ | EV_PERSIST, on_readable, listener);
    listener->rested = evtimer_new(base, on_rested, listener);
    if (!listener->readable || !listener->rested || event_add(listener->readable, NULL) != 0) {
        listener_destroy(listener);
        return STATUS_NO_MEMORY;
    }
    *out = listener;
    return STATUS_OK;
}

static void stop(struct listener *listener)
{
    if (listener->readable)
        event_del(listener->readable);
    if (listener->rested)
        event_del(listener->rested);
    if (listener->fd >= 0)
        close(listener->fd);
    listener->fd = -1;
}

void listener_stop(struct listener *listener)
{
    if (listener->fd < 0)
        return;
    while (accept_one(listener))
        continue;
    stop(listener);
}

void listener_destroy(struct listener *listener)
{
    if (!listener)
        return;
    stop(listener);
    if (listener->readable)
        event_free(listener->readable);
    if (listener->rested)
        event_free(listener->rested);
    object_end(&listener->magic);
    free(listener);
}
