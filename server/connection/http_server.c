/* http_server.c: one HTTP server on one loop: its listener, connections, spare parsers. Runs on
 * that loop's thread. What a connection does is in conn.c. */
#include "server/connection/http_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "server/connection/conn.h"
#include "server/connection/handshake_gate.h"
#include "server/net/listener.h"
#include "server/net/soon.h"

#define REPLY_BYTES_MAX ((size_t)64 * 1024 * 1024)
/* To close a TLS session is to write to its socket: thousands closed at once are not freed in one
 * turn. */
#define REAPED_PER_TURN 64

static void on_reap(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *server = http_server_cast(arg);
    struct conn *next;
    unsigned freed = 0;
    (void)fd, (void)what;
    for (struct conn *conn = LIST_FIRST(&server->dead); conn && freed < REAPED_PER_TURN;
         conn = next) {
        next = LIST_NEXT(conn, in_list);
        if (conn->will_run)
            continue; /* still in the run list */
        conn_free(conn);
        freed++;
    }
    if (freed == REAPED_PER_TURN)
        event_soon(server->reap_event);
}

static void on_run(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *server = http_server_cast(arg);
    struct conn_run run = STAILQ_HEAD_INITIALIZER(run);
    struct conn *conn;
    (void)fd, (void)what;
    STAILQ_CONCAT(&run, &server->run); /* those that come meanwhile are for the next turn */
    while ((conn = STAILQ_FIRST(&run))) {
        STAILQ_REMOVE_HEAD(&run, in_run);
        conn->will_run = false;
        if (conn->state == CONN_DEAD)
            conn_reap_later(server);
        else if (conn->stream.more) /* what is there may be too little for a step */
            conn_input_arrived(conn);
        else
            conn_process(conn);
    }
}

static void on_accept(void *arg, const struct accepted *connection)
{
    struct http_server *server = http_server_cast(arg);
    if (server->handshakes)
        handshake_gate_pace(server->handshakes);
    if (!server->seat || balance_place(server->seat, connection))
        conn_accept(server, connection);
}

void http_server_take_passed(struct http_server *server)
{
    thread_bond_assert(&server->loop);
    struct accepted connection;
    while (server->seat && balance_take(server->seat, &connection))
        conn_accept(server, &connection);
}

/* What was passed on is served or, while the server is being destroyed, closed. */
static void leave_balance(struct http_server *server)
{
    struct accepted connection;
    if (!server->seat)
        return;
    balance_leave(server->seat);
    if (!server->destroying)
        http_server_take_passed(server);
    while (balance_take(server->seat, &connection)) {
        close(connection.fd);
        balance_left(server->seat);
    }
}

/* The gate's actions on connections. */
static const struct handshake_gate_calls handshake_calls = {.begin = conn_handshake_begin,
                                                            .close = conn_close};

static void register_metrics(struct http_server *server)
{
    char labels[64];
    snprintf(labels, sizeof(labels), "listener=\"%s\"", server->label);
    server->m_connections = metric_series(METRIC_vsocd_http_connections, labels);
    server->m_accepted = metric_series(METRIC_vsocd_http_connections_accepted_total, labels);
    server->m_half[CONN_HALF_HANDSHAKE] =
        metric_series(METRIC_vsocd_tls_handshakes_in_progress, "");
    server->m_half[CONN_HALF_HEAD] = metric_series(METRIC_vsocd_http_heads_in_progress, labels);
    server->m_half[CONN_HALF_SILENT] = server->m_half[CONN_HALF_READY] =
        metric_series(METRIC_vsocd_tls_handshakes_waiting, "");
    server->m_paced = metric_series(METRIC_vsocd_tls_handshakes_paced_total, "");
    server->m_resumed = metric_series(METRIC_vsocd_tls_handshakes_resumed_total, "");
    server->m_body_bytes = metric_series(METRIC_vsocd_http_body_bytes_total, "");
    server->m_duration = metric_series(METRIC_vsocd_http_request_duration_seconds, labels);
}

enum status http_server_create(const struct http_server_options *options, struct http_server **out)
{
    struct http_server *server = (struct http_server *)calloc(1, sizeof(*server));
    enum status status = STATUS_NO_MEMORY;
    if (!server)
        return STATUS_NO_MEMORY;
    server->base = options->base;
    server->magic = HTTP_SERVER_MAGIC;
    server->label = options->label;
    server->settings = options->settings;
    server->handler = options->handler;
    server->counts = options->counts;
    server->seat = options->seat;
    server->m_requests = options->m_requests;
    server->m_loop_connections = options->m_loop_connections;
    server->tls = options->tls ? tls_context_hold(options->tls) : NULL;
    STAILQ_INIT(&server->run);
    TAILQ_INIT(&server->heads);
    writer_init(&server->out, REPLY_BYTES_MAX);
    writer_init(&server->problem, REPLY_BYTES_MAX);
    register_metrics(server);
    server->run_event = event_new(server->base, -1, 0, on_run, server);
    server->reap_event = event_new(server->base, -1, 0, on_reap, server);
    if (options->tls)
        server->handshakes = handshake_gate_create(server, &handshake_calls);
    server->scratch = (uint8_t *)malloc(CONN_SCRATCH_BYTES);
    if (server->scratch && server->run_event && server->reap_event &&
        (server->handshakes || !options->tls))
        status =
            listener_create(server->base, options->listen_fd, on_accept, server, &server->listener);
    if (status != STATUS_OK) {
        http_server_destroy(server);
        return status;
    }
    *out = server;
    return STATUS_OK;
}

void http_server_reconfigure(struct http_server *server, const struct http_settings *settings,
                             struct tls_context *tls)
{
    thread_bond_assert(&server->loop);
    server->settings = *settings;
    if (!tls || !server->tls)
        return;
    tls_context_release(server->tls);
    server->tls = tls_context_hold(tls);
}

void http_server_stop_accepting(struct http_server *server)
{
    thread_bond_assert(&server->loop);
    listener_stop(server->listener);
    leave_balance(server);
}

void http_server_drain(struct http_server *server)
{
    thread_bond_assert(&server->loop);
    http_server_stop_accepting(server);
    server->draining = true;
    struct conn *conn;
    LIST_FOREACH (conn, &server->living, in_list)
        if (conn->deadline == DEADLINE_IDLE) {
            conn_deadline_forget(conn);
            conn_deadline(conn, DEADLINE_IDLE);
        }
}

size_t http_server_connections(const struct http_server *server)
{
    return server->living_count;
}

void http_server_destroy(struct http_server *server)
{
    if (!server)
        return;
    struct conn *conn;
    server->destroying = true;
    listener_destroy(server->listener);
    leave_balance(server);
    while (!LIST_EMPTY(&server->living))
        conn_close(LIST_FIRST(&server->living));
    STAILQ_FOREACH (conn, &server->run, in_run)
        conn->will_run = false;
    while (!LIST_EMPTY(&server->dead))
        conn_free(LIST_FIRST(&server->dead));
    handshake_gate_destroy(server->handshakes);
    parser_pool_fini(&server->parsers);
    if (server->run_event)
        event_free(server->run_event);
    if (server->reap_event)
        event_free(server->reap_event);
    tls_context_release(server->tls);
    free(server->scratch);
    writer_fini(&server->out);
    writer_fini(&server->problem);
    object_end(&server->magic);
    free(server);
}
