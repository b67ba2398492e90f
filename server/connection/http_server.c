/* http_server.c: one HTTP server on one loop: its listener, connections, spare parsers. Runs on
 * that loop's thread. What a connection does is in conn.c. */
#include "server/connection/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include "server/net/file_budget.h"
#include "server/connection/handshake_gate.h"

#define REPLY_BYTES_MAX ((size_t)64 * 1024 * 1024)
/* libevent frees a TLS session a turn after we do, and until then it holds the 16 KiB buffer that
 * its goodbye was written through: thousands closed at once must not add up. */
#define REAPED_PER_TURN 64

static uint64_t waiting(uint64_t limit, uint64_t most)
{
    return limit && limit < most ? limit : most;
}

struct http_settings http_settings_from_config(const struct config *config)
{
    struct file_budget files = file_budget_now(config);
    return (struct http_settings){
        .connections = files.connections,
        .refused = files.refused,
        .connections_per_address = config->limit_connections_per_address,
        .handshakes = config->limit_handshakes,
        /* The other half of the connections is for those that are through. */
        .handshakes_waiting = waiting(config->limit_handshakes_waiting, files.connections / 2),
        .handshakes_per_second = config->limit_handshakes_per_second,
        .request_heads = config->limit_request_heads,
        .header_bytes = config->limit_header_bytes,
        .header_count = config->limit_header_count,
        .target_bytes = config->limit_target_bytes,
        .body_bytes = config->limit_body_bytes,
        .handshake_ns = config->timeout_handshake,
        .headers_ns = config->timeout_headers,
        .body_ns = config->timeout_body,
        .idle_ns = config->timeout_idle,
        .write_ns = config->timeout_write,
        .stall_ns = config->timeout_stall,
        .drain_idle_ns = config->timeout_drain_idle,
        .body_bytes_per_second = config->timeout_body_rate,
    };
}

struct http_settings http_settings_for_admin(const struct config *config)
{
    struct http_settings settings = http_settings_from_config(config);
    settings.connections = file_budget_now(config).admin;
    settings.refused = 0;
    return settings;
}

struct http_parser *http_server_take_parser(struct http_server *server)
{
    if (server->parser_count > 0)
        return server->parsers[--server->parser_count];
    return http_parser_create();
}

void http_server_give_parser(struct http_server *server, struct http_parser *parser)
{
    size_t most = sizeof(server->parsers) / sizeof(server->parsers[0]);
    if (server->parser_count < most)
        server->parsers[server->parser_count++] = parser;
    else
        http_parser_destroy(parser);
}

void http_server_count_refusal(const char *reason)
{
    char labels[96];
    snprintf(labels, sizeof(labels), "reason=\"%s\"", reason);
    metric_add(metric_series(METRIC_vsocd_refusals_total, labels), 1);
}

void http_server_reap_later(struct http_server *server)
{
    if (!server->destroying)
        event_active(server->reap_event, 0, 0);
}

static void on_reap(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *server = (struct http_server *)arg;
    struct conn *next;
    unsigned freed = 0;
    (void)fd, (void)what;
    for (struct conn *conn = server->dead; conn && freed < REAPED_PER_TURN; conn = next) {
        next = conn->next;
        if (conn->will_run)
            continue; /* the run list still knows it */
        conn_free(conn);
        freed++;
    }
    if (freed == REAPED_PER_TURN)
        http_server_reap_later(server);
}

static void on_run(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *server = (struct http_server *)arg;
    struct conn *conn = server->run, *next;
    (void)fd, (void)what;
    server->run = NULL;
    server->run_tail = &server->run;
    for (; conn; conn = next) {
        next = conn->next_run;
        conn->will_run = false;
        if (conn->state == CONN_DEAD)
            http_server_reap_later(server);
        else
            conn_process(conn);
    }
}

static void on_accept(void *arg, int fd, const struct sockaddr *address, socklen_t size)
{
    conn_accept((struct http_server *)arg, fd, address, size);
}

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
    server->label = options->label;
    server->settings = options->settings;
    server->handler = options->handler;
    server->counts = options->counts;
    server->tls = options->tls ? tls_context_hold(options->tls) : NULL;
    server->run_tail = &server->run;
    writer_init(&server->out, REPLY_BYTES_MAX);
    writer_init(&server->problem, REPLY_BYTES_MAX);
    register_metrics(server);
    server->run_event = event_new(server->base, -1, 0, on_run, server);
    server->reap_event = event_new(server->base, -1, 0, on_reap, server);
    if (options->tls)
        server->handshakes = handshake_gate_create(server);
    if (server->run_event && server->reap_event && (server->handshakes || !options->tls))
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
    server->settings = *settings;
    if (!tls || !server->tls)
        return;
    tls_context_release(server->tls);
    server->tls = tls_context_hold(tls);
}

void http_server_stop_accepting(struct http_server *server)
{
    listener_stop(server->listener);
}

void http_server_drain(struct http_server *server)
{
    http_server_stop_accepting(server);
    server->draining = true;
    for (struct conn *conn = server->living; conn; conn = conn->next)
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
    server->destroying = true;
    listener_destroy(server->listener);
    while (server->living)
        conn_close(server->living);
    for (struct conn *conn = server->run; conn; conn = conn->next_run)
        conn->will_run = false;
    while (server->dead)
        conn_free(server->dead);
    handshake_gate_destroy(server->handshakes);
    while (server->parser_count > 0)
        http_parser_destroy(server->parsers[--server->parser_count]);
    if (server->run_event)
        event_free(server->run_event);
    if (server->reap_event)
        event_free(server->reap_event);
    tls_context_release(server->tls);
    writer_fini(&server->out);
    writer_fini(&server->problem);
    free(server);
}
