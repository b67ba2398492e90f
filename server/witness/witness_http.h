/* witness_http.h: a witness on HTTP: `POST /add-checkpoint`, and `GET /`, a page for people.
 * Thread: main, whose loop it runs on. */
#ifndef VSOC_SERVER_WITNESS_HTTP_H
#define VSOC_SERVER_WITNESS_HTTP_H

#include "server/witness/witness.h"

struct event_base;
struct tls_context;
struct witness_http;

struct witness_http_options {
    struct event_base *base; /* outlives the server */
    int listen_fd;           /* from listener_bind; stays the caller's */
    struct tls_context *tls; /* NULL: plain HTTP; a reference of its own is taken */
    struct witness *witness; /* outlives the server */
};

/* BUSY, NO_MEMORY. */
enum status witness_http_create(const struct witness_http_options *options,
                                struct witness_http **out) must_check;
void witness_http_destroy(struct witness_http *http); /* NULL is allowed */

#endif
