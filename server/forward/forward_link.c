/* forward_link.c: a blocking connection with timeouts. The owner's thread. Does not know the
 * messages.
 */
#include "server/forward/forward_link.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/client/client_connect.h"
#include "server/client/http_client_tls.h"
#include "server/client/http_url.h"

struct forward_link {
    int fd; /* -1: none */
    struct http_url url;
    struct ssl_ctx_st *tls;
    struct ssl_st *session;
    bool broken;
};

/* tls:// and tcp:// are https:// and http:// to the reader of URLs. */
static enum status parse(const char *url, struct http_url *out, struct problem *problem)
{
    char text[600];
    bool tls = !strncmp(url, "tls://", 6);
    if (!tls && strncmp(url, "tcp://", 6) != 0) {
        problem_say(problem, "must be tls://host:port or tcp://host:port");
        return STATUS_MALFORMED;
    }
    snprintf(text, sizeof text, "%s://%.500s", tls ? "https" : "http", url + 6);
    enum status status = http_url_parse(text, out, problem);
    if (status == STATUS_OK && strcmp(out->path, "/") != 0) {
        problem_say(problem, "has a path: tls://host:port has none");
        status = STATUS_MALFORMED;
    }
    return status;
}

bool forward_target_check(const char *url, struct problem *problem)
{
    struct http_url parsed;
    return parse(url, &parsed, problem) == STATUS_OK;
}

static enum status start_tls(struct forward_link *link, const struct forward_target *target,
                             struct problem *problem)
{
    const struct http_client_options options = {.url = &link->url,
                                                .certificate = target->certificate,
                                                .key = target->key,
                                                .ca = target->ca,
                                                .timeout_ms = LINK_TIMEOUT_MS};
    enum status status = client_tls_create(&options, &link->tls, problem);
    return status == STATUS_OK
               ? client_tls_connect(link->tls, link->fd, link->url.host, &link->session, problem)
               : status;
}

enum status forward_link_open(const struct forward_target *target, struct forward_link **out,
                              struct problem *problem)
{
    struct forward_link *link = calloc(1, sizeof *link);
    if (!link)
        return STATUS_NO_MEMORY;
    link->fd = -1;
    enum status status = parse(target->url, &link->url, problem);
    if (status == STATUS_OK)
        status =
            client_connect(link->url.host, link->url.port, LINK_TIMEOUT_MS, &link->fd, problem);
    if (status == STATUS_OK && link->url.tls)
        status = start_tls(link, target, problem);
    if (status == STATUS_OK) {
        *out = link;
        return STATUS_OK;
    }
    link->broken = true;
    forward_link_close(link);
    return status;
}

enum status forward_link_send(struct forward_link *link, struct slice bytes,
                              struct problem *problem)
{
    enum status status = STATUS_CLOSED;
    while (bytes.size) {
        long n = link->session ? client_tls_write(link->session, bytes, &status, problem)
                               : send(link->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (n < 0) {
            if (!link->session)
                problem_say(problem, "%s", strerror(errno));
            link->broken = true;
            return status;
        }
        bytes = slice_sub(bytes, (size_t)n, SIZE_MAX);
    }
    return STATUS_OK;
}

bool forward_link_is_acked(const struct forward_link *link)
{
    int unsent = 0;
    return ioctl(link->fd, SIOCOUTQ, &unsent) == 0 && unsent == 0;
}

bool forward_link_is_open(const struct forward_link *link)
{
    struct pollfd socket = {.fd = link->fd, .events = POLLRDHUP};
    return !link->broken && poll(&socket, 1, 0) == 0;
}

void forward_link_close(struct forward_link *link)
{
    char rest[4096];
    if (!link)
        return;
    if (link->broken) {
        /* The alert of the end would say that all of it was sent. */
        if (link->fd >= 0)
            (void)shutdown(link->fd, SHUT_RDWR);
        client_tls_close(link->session);
    } else {
        client_tls_close(link->session);
        (void)shutdown(link->fd, SHUT_WR);
        while (recv(link->fd, rest, sizeof rest, 0) > 0)
            ;
    }
    client_tls_destroy(link->tls);
    if (link->fd >= 0)
        close(link->fd);
    free(link);
}
