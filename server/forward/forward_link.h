/* forward_link.h: a connection to a syslog receiver over TCP or TLS. One owner thread, which may
 * wait: each wait ends after LINK_TIMEOUT_MS. */
#ifndef VSOC_SERVER_FORWARD_LINK_H
#define VSOC_SERVER_FORWARD_LINK_H

#include "core/log/problem.h"
#include "core/slice.h"
#include "core/status.h"

#define LINK_TIMEOUT_MS 5000

struct forward_target {
    const char *url;               /* tls://host:port or tcp://host:port */
    const char *ca;                /* PEM; NULL: the system's */
    const char *certificate, *key; /* PEM; NULL: none */
};

struct forward_link;

/* False: the URL is no such URL; *problem. */
bool forward_target_check(const char *url, struct problem *problem);
/* Connects. UNAVAILABLE, REFUSED (TLS), TIMEOUT, CONFIG (a file), NO_MEMORY: *problem. */
enum status forward_link_open(const struct forward_target *target, struct forward_link **out,
                              struct problem *problem) must_check;
/* CLOSED, TIMEOUT, REFUSED: *problem; the link can only be closed. */
enum status forward_link_send(struct forward_link *link, struct slice bytes,
                              struct problem *problem) must_check;
/* True when the peer's kernel has acknowledged everything; false: not yet. */
bool forward_link_is_acked(const struct forward_link *link);
/* False: the peer has closed, or the connection has failed. */
bool forward_link_is_open(const struct forward_link *link);
/* Ends in order: says that nothing follows and waits until the peer closes, so that a reset does
 * not take away what it has not read. NULL is allowed. */
void forward_link_close(struct forward_link *link);

#endif
