/* http_server.h: HTTP/1.1 on one event loop: accepts, keeps the connections, their limits and
 * deadlines, and calls the handler of server/http/http.h. Everything of one server runs on its
 * loop's thread; servers on several threads share the listening socket, the TLS context and the
 * connection counts. */
#ifndef VSOC_SERVER_HTTP_SERVER_H
#define VSOC_SERVER_HTTP_SERVER_H

#include <stddef.h>
#include "core/metrics/metrics.h"
#include "core/status.h"
#include "server/connection/conn_counts.h"
#include "server/connection/http_settings.h"
#include "server/http/http.h"
#include "server/net/balance.h"
#include "server/net/listener.h"
#include "server/tls/tls.h"

struct event_base;
struct http_server;

struct http_server_options {
    struct event_base *base;       /* outlives the server */
    int listen_fd;                 /* from listener_bind; duplicated, stays the caller's */
    const char *label;             /* static: listener="…" in metrics, e.g. "ingest", "admin" */
    struct http_settings settings; /* copied */
    struct http_handler handler;   /* copied; arg outlives the server */
    struct tls_context *tls;       /* NULL: plain HTTP; a reference of its own is taken */
    struct conn_counts *counts;    /* shared by all servers of one listener; outlives the server */
    struct balance_seat *seat;     /* of the loop; NULL: the server keeps all that it accepts */
    metric_t m_requests, m_loop_connections; /* of the loop; 0: not counted */
};

/* Starts to accept. On failure it keeps no resources: BUSY (no descriptor), NO_MEMORY. Thread: the
 * loop's, or before the loop runs. */
enum status http_server_create(const struct http_server_options *options,
                               struct http_server **out) must_check;
/* New limits and deadlines, for open connections from their next step on; a new TLS context for
 * connections accepted from now on (NULL keeps the old one; plain stays plain). Copies settings,
 * takes a reference of its own to tls. */
void http_server_reconfigure(struct http_server *server, const struct http_settings *settings,
                             struct tls_context *tls);
/* Takes the connections that other loops have accepted for this one (balance.h). Thread: the
 * loop's.
 */
void http_server_take_passed(struct http_server *server);
/* Accepts the queued connections, then no more. The caller closes its own listen_fd as well. */
void http_server_stop_accepting(struct http_server *server);
/* Answers from now on say Connection: close; idle connections are closed after drain_idle_ns, so
 * that the next request of a client that keeps its connection is not lost, others after the
 * exchange they are in. Implies http_server_stop_accepting. Draining is complete when
 * http_server_connections reaches 0. */
void http_server_drain(struct http_server *server);
/* Open connections, those that linger after an error answer included. */
size_t http_server_connections(const struct http_server *server);
/* Closes all remaining connections (on_gone for each exchange without a reply) and frees. NULL is
 * allowed. */
void http_server_destroy(struct http_server *server);

#endif
