/* Moves the bytes of one connection: connect, TLS handshake, send, receive. Runs on the generator's
 * only thread. One send and one receive a request where the kernel takes all at once; the loop is
 * asked about writing only when it does not. */
#include "fleet_link.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IN_ROOM = 1024, IN_MAX = (4 << 20) + 32768 };

/* What a step came to. */
enum step { STEP_DONE, STEP_READ, STEP_WRITE, STEP_EOF, STEP_FAILED };

void fleet_link_init(struct fleet_link *link, struct event_base *base,
                     const struct fleet_link_calls *calls, void *owner)
{
    *link = (struct fleet_link){.base = base, .calls = calls, .owner = owner, .fd = -1};
}

void fleet_link_fini(struct fleet_link *link)
{
    fleet_link_close(link);
    free(link->in);
    link->in = NULL;
    link->in_room = 0;
}

void fleet_link_close(struct fleet_link *link)
{
    if (link->fd < 0)
        return;
    event_del(&link->read_event);
    event_del(&link->write_event);
    fleet_tls_end(link->ssl, link->open);
    close(link->fd);
    link->ssl = NULL;
    link->fd = -1;
    link->open = false;
    link->out_bytes = link->in_bytes = 0;
}

static void closed(struct fleet_link *link, bool eof)
{
    link->eof = eof;
    link->calls->on_closed(link->owner);
}

static enum step ssl_step(struct fleet_link *link, int result)
{
    switch (SSL_get_error(link->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return STEP_READ;
    case SSL_ERROR_WANT_WRITE:
        return STEP_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return STEP_EOF;
    default:
        ERR_clear_error();
        return STEP_FAILED;
    }
}

static enum step send_step(struct fleet_link *link, size_t *sent)
{
    if (link->ssl != NULL) {
        int result = SSL_write_ex(link->ssl, link->out, link->out_bytes, sent);
        return result > 0 ? STEP_DONE : ssl_step(link, result);
    }
    ssize_t done = send(link->fd, link->out, link->out_bytes, MSG_NOSIGNAL);
    if (done < 0)
        return errno == EAGAIN || errno == EINTR ? STEP_WRITE : STEP_FAILED;
    *sent = (size_t)done;
    return STEP_DONE;
}

/* A failure is not acted on: the link turns readable then, and reading meets it. */
static void flush(struct fleet_link *link)
{
    while (link->out_bytes > 0) {
        size_t sent = 0;
        enum step step = send_step(link, &sent);
        if (step == STEP_WRITE)
            event_add(&link->write_event, NULL);
        if (step != STEP_DONE)
            return;
        link->out += sent;
        link->out_bytes -= sent;
    }
}

void fleet_link_send(struct fleet_link *link, const char *data, size_t bytes)
{
    assert(link->open && link->out_bytes == 0);
    link->out = data;
    link->out_bytes = bytes;
    flush(link);
}

void fleet_link_consume(struct fleet_link *link, size_t bytes)
{
    assert(bytes <= link->in_bytes);
    link->in_bytes -= bytes;
    memmove(link->in, link->in + bytes, link->in_bytes);
}

static bool make_room(struct fleet_link *link)
{
    if (link->in_bytes < link->in_room)
        return true;
    size_t room = link->in_room == 0 ? IN_ROOM : 2 * link->in_room;
    char *wider = room <= IN_MAX ? realloc(link->in, room) : NULL;
    if (wider == NULL)
        return false;
    link->in = wider;
    link->in_room = room;
    return true;
}

static enum step receive_step(struct fleet_link *link, size_t *got)
{
    char *to = link->in + link->in_bytes;
    size_t room = link->in_room - link->in_bytes;
    if (link->ssl != NULL) {
        int result = SSL_read_ex(link->ssl, to, room, got);
        return result > 0 ? STEP_DONE : ssl_step(link, result);
    }
    ssize_t done = recv(link->fd, to, room, 0);
    if (done == 0)
        return STEP_EOF;
    if (done < 0)
        return errno == EAGAIN || errno == EINTR ? STEP_READ : STEP_FAILED;
    *got = (size_t)done;
    return STEP_DONE;
}

/* Takes what is there. A plain socket that filled less than the room has no more. */
static enum step receive(struct fleet_link *link, size_t *all)
{
    for (;;) {
        size_t got = 0;
        if (!make_room(link))
            return STEP_FAILED;
        enum step step = receive_step(link, &got);
        if (step != STEP_DONE)
            return step;
        *all += got;
        link->in_bytes += got;
        if (link->ssl == NULL && link->in_bytes < link->in_room)
            return STEP_READ;
    }
}

static void receive_all(struct fleet_link *link)
{
    size_t got = 0;
    enum step step = receive(link, &got);
    if (link->out_bytes > 0 && step == STEP_READ)
        flush(link); /* TLS may have waited for the peer */
    if (got > 0)
        link->calls->on_data(link->owner); /* an end behind the data shows in the next round */
    else if (step == STEP_EOF || step == STEP_FAILED)
        closed(link, step == STEP_EOF);
}

static void opened(struct fleet_link *link)
{
    link->open = true;
    link->calls->on_open(link->owner);
}

static void handshake(struct fleet_link *link)
{
    int result = link->ssl == NULL ? 1 : SSL_connect(link->ssl);
    if (result == 1) {
        opened(link);
        return;
    }
    enum step step = ssl_step(link, result);
    if (step == STEP_WRITE)
        event_add(&link->write_event, NULL);
    else if (step != STEP_READ)
        closed(link, false);
}

/* The socket turns writable when connect() has ended, well or not. */
static void end_connect(struct fleet_link *link)
{
    int error = 0;
    socklen_t bytes = sizeof error;
    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0 || error != 0) {
        closed(link, false);
        return;
    }
    event_add(&link->read_event, NULL);
    handshake(link);
}

static void on_writable(evutil_socket_t fd, short what, void *argument)
{
    struct fleet_link *link = argument;
    (void)fd, (void)what;
    if (link->open)
        flush(link);
    else if (!event_pending(&link->read_event, EV_READ, NULL))
        end_connect(link);
    else
        handshake(link);
}

static void on_readable(evutil_socket_t fd, short what, void *argument)
{
    struct fleet_link *link = argument;
    (void)fd, (void)what;
    (link->open ? receive_all : handshake)(link);
}

/* A descriptor that connects, or -1. */
static int begin_connect(const struct sockaddr *address, socklen_t bytes)
{
    int one = 1;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, address, bytes) == 0 || errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

bool fleet_link_connect(struct fleet_link *link, const struct sockaddr *address,
                        socklen_t address_bytes, struct fleet_tls *tls)
{
    assert(link->fd < 0);
    int fd = begin_connect(address, address_bytes);
    if (fd < 0)
        return false;
    SSL *ssl = tls != NULL ? fleet_tls_begin(tls, fd) : NULL;
    if (tls != NULL && ssl == NULL) {
        close(fd);
        return false;
    }
    link->fd = fd;
    link->ssl = ssl;
    link->eof = false;
    event_assign(&link->read_event, link->base, fd, EV_READ | EV_PERSIST, on_readable, link);
    event_assign(&link->write_event, link->base, fd, EV_WRITE, on_writable, link);
    event_add(&link->write_event, NULL);
    return true;
}
