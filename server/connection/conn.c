/* conn.c: the life of one connection: accept, handshake, requests one after the other, close. Runs
 * on its server's loop. Deadlines are in conn_timeout.c, the calls of handlers in http_exchange.c,
 * answers in http_reply.c. No object is freed in a callback of its own: closed connections wait in
 * the server's list of dead ones for the loop's next turn. */
#define LOG_COMPONENT "http"
#include "server/connection/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>
#include <event2/event.h>
#include "core/clock.h"
#include "core/log/log.h"
#include "server/connection/conn_counts.h"
#include "server/connection/conn_gate.h"
#include "server/connection/conn_peer.h"
#include "server/connection/handshake_gate.h"
#include "server/connection/refusal_count.h"
#include "server/http/http_parser.h"
#include "server/net/soon.h"
#include "server/tls/tls.h"

void conn_exchange_gone(struct conn *conn)
{
    conn_assert(conn);
    if (!conn->exchange.open)
        return;
    conn->exchange.open = false;
    conn->server->handler.on_gone(conn->server->handler.arg, &conn->exchange);
}

static void end_exchange(struct conn *conn)
{
    ensure(!conn->exchange.open);
    if (conn->exchange.parser)
        parser_pool_give(&conn->server->parsers, conn->exchange.parser);
    conn->exchange = (struct http_exchange){.conn = conn};
}

void conn_reap_later(struct http_server *server)
{
    thread_bond_assert(&server->loop);
    if (!server->destroying)
        event_active(server->reap_event, 0, 0);
}

void conn_close(struct conn *conn)
{
    conn_assert(conn);
    struct http_server *server = conn->server;
    if (conn->state == CONN_DEAD)
        return;
    conn_gate_leave(conn);
    conn_exchange_gone(conn);
    conn->state = CONN_DEAD;
    event_del(&conn->timer);
    stream_close(&conn->stream);
    if (conn->drain_read)
        event_del(conn->drain_read);
    LIST_REMOVE(conn, in_list);
    LIST_INSERT_HEAD(&server->dead, conn, in_list);
    server->living_count--;
    metric_move(server->m_connections, -1);
    metric_move(server->m_loop_connections, -1);
    conn_reap_later(server);
}

static void leave_seat(struct http_server *server)
{
    if (server->seat)
        balance_left(server->seat);
}

static void leave_counts(struct conn *conn)
{
    leave_seat(conn->server);
    struct conn_counts *counts = conn->server->counts;
    if (conn->counted)
        conn_counts_leave(counts, slice_make(conn->address, conn->address_size));
    else if (conn->lingers)
        conn_counts_leave_refused(counts);
}

void conn_free(struct conn *conn)
{
    conn_assert(conn);
    ensure(conn->state == CONN_DEAD && !conn->will_run);
    LIST_REMOVE(conn, in_list);
    leave_counts(conn); /* not earlier: the descriptor is open until now */
    end_exchange(conn);
    if (conn->drain_read)
        event_free(conn->drain_read);
    if (conn->session)
        tls_session_destroy(conn->session);
    close(conn->fd);
    conn_input_drop(conn);
    tls_context_release(conn->tls);
    arena_fini(&conn->peer_arena);
    object_end(&conn->magic);
    free(conn);
}

void conn_run_later(struct conn *conn)
{
    conn_assert(conn);
    struct http_server *server = conn->server;
    if (conn->will_run || conn->state == CONN_DEAD)
        return;
    conn->will_run = true;
    STAILQ_INSERT_TAIL(&server->run, conn, in_run);
    event_soon(server->run_event);
}

void conn_refuse(struct conn *conn, const struct refusal *refusal)
{
    conn_assert(conn);
    if (conn->state == CONN_DEAD || conn->state == CONN_REPLY || conn->state == CONN_LINGER)
        return;
    conn_gate_leave(conn);
    conn_exchange_gone(conn);
    conn->exchange.open = true; /* for the answer: no handler has it any more */
    conn->exchange.last = true;
    http_problem(&conn->exchange, refusal, "none");
}

void conn_reply_done(struct conn *conn)
{
    conn_assert(conn);
    ensure(conn->state == CONN_REPLY && !conn->exchange.open);
    struct http_exchange *x = &conn->exchange;
    bool more_comes = !x->complete || conn->input.size > 0 || conn->stream.more;
    if (x->started_ns)
        metric_observe(conn->server->m_duration,
                       (double)(clock_monotonic_ns() - x->started_ns) / 1e9);
    bool last = x->last;
    end_exchange(conn);
    conn_deadline_forget(conn);
    if (last && more_comes) {
        conn_linger(conn);
    } else if (last || (conn->input_ended && !more_comes)) {
        conn_close(conn);
    } else {
        conn->state = CONN_IDLE;
        if (more_comes && !conn->processing)
            conn_run_later(conn);
        else if (!conn->processing)
            conn_deadline(conn, DEADLINE_IDLE);
    }
}

/* False: no parser available. */
static bool begin_request(struct conn *conn)
{
    ensure(conn->state == CONN_IDLE && !conn->exchange.parser && !conn->exchange.open);
    const struct http_settings *s = &conn->server->settings;
    struct http_limits limits = {.header_bytes = s->header_bytes,
                                 .header_count = s->header_count,
                                 .target_bytes = s->target_bytes};
    conn->exchange = (struct http_exchange){.conn = conn, .started_ns = clock_monotonic_ns()};
    conn->exchange.parser = parser_pool_take(&conn->server->parsers);
    if (!conn->exchange.parser)
        return false;
    http_parser_start(conn->exchange.parser, &limits);
    conn->turn_requests++;
    conn->requests++;
    conn->empty_lines = 0;
    conn->state = CONN_HEAD;
    return true;
}

static void give_head(struct conn *conn)
{
    struct http_exchange *x = &conn->exchange;
    const struct http_request *request = http_parser_request(x->parser);
    struct refusal refusal;
    x->known = true;
    x->complete = request->content_length == 0;
    x->last = !request->keep_alive;
    if (!conn_peer_welcome(conn, &refusal)) {
        conn_refuse(conn, &refusal);
        return;
    }
    x->open = true;
    conn->state = CONN_DECIDE;
    conn->server->handler.on_headers(conn->server->handler.arg, x);
    if (conn->state != CONN_BODY || request->content_length <= 0 ||
        (uint64_t)request->content_length <= x->body_limit)
        return;
    refusal_say(&refusal, REFUSAL_body_too_large, "the body is larger than %llu bytes",
                (unsigned long long)x->body_limit);
    conn_refuse(conn, &refusal);
}

static void give_body(struct conn *conn, struct slice span)
{
    struct http_exchange *x = &conn->exchange;
    struct refusal refusal;
    x->body_bytes += span.size;
    metric_add(conn->server->m_body_bytes, span.size);
    if (x->body_bytes <= x->body_limit) {
        conn->server->handler.on_body(conn->server->handler.arg, x, span);
        return;
    }
    refusal_say(&refusal, REFUSAL_body_too_large, "the body is larger than %llu bytes",
                (unsigned long long)x->body_limit);
    conn_refuse(conn, &refusal);
}

static void give_end(struct conn *conn)
{
    conn->exchange.complete = true;
    conn->state = CONN_WAIT;
    conn->server->handler.on_end(conn->server->handler.arg, &conn->exchange);
}

/* Some clients send one after a body: it does not start a request (RFC 9112 §2.2), so the
 * connection stays idle. */
static bool skip_empty_line(struct conn *conn, struct slice in)
{
    if (!slice_starts_with(in, "\r\n") || conn->empty_lines == CONN_EMPTY_LINES_MAX)
        return false;
    conn->empty_lines++;
    conn_input_used(conn, 2);
    return true;
}

/* One step of the parser. False: it wants more input. */
static bool step(struct conn *conn)
{
    struct slice in = conn->input, body;
    size_t consumed;
    if (conn->state == CONN_IDLE) {
        if (in.size == 0 || slice_equal_text(in, "\r"))
            return false;
        if (skip_empty_line(conn, in))
            return true;
        if (!begin_request(conn)) {
            conn_close(conn);
            return false;
        }
    }
    enum http_parser_event event = http_parser_feed(conn->exchange.parser, in, &consumed, &body);
    conn_input_used(conn, consumed); /* body stays readable until conn_input_keep */
    conn->input_bytes += consumed;
    if (event == HTTP_PARSER_BODY)
        give_body(conn, body);
    else if (event == HTTP_PARSER_HEAD)
        give_head(conn);
    else if (event == HTTP_PARSER_END)
        give_end(conn);
    else if (event == HTTP_PARSER_REFUSED) {
        conn_note_refusal(conn, http_parser_refusal(conn->exchange.parser));
        conn_refuse(conn, http_parser_refusal(conn->exchange.parser));
    }
    return event != HTTP_PARSER_MORE || consumed > 0;
}

/* The client closed its sending half. It may still read, so complete requests are answered first.
 */
static void on_input_end(struct conn *conn)
{
    struct refusal refusal;
    if (conn->state == CONN_IDLE ||
        (conn->state == CONN_HEAD && !http_parser_has_begun(conn->exchange.parser))) {
        conn_close(conn);
    } else if (conn->state == CONN_HEAD || conn->state == CONN_BODY) {
        refusal_set(&refusal, REFUSAL_incomplete_request);
        conn_refuse(conn, &refusal);
    }
}

static void enter_head(struct conn *conn)
{
    struct refusal refusal;
    struct conn *slowest = conn_gate_enter_head(conn);
    if (!slowest)
        return;
    refusal_say(&refusal, REFUSAL_too_many_heads,
                "limits.request_heads (%llu) requests have sent only a part of their head; this "
                "one has taken longest",
                (unsigned long long)conn->server->settings.request_heads);
    conn_refuse(slowest, &refusal);
}

void conn_watch(struct conn *conn)
{
    conn_assert(conn);
    static const enum conn_deadline table[] = {
        [CONN_QUEUED] = DEADLINE_HANDSHAKE, [CONN_HANDSHAKE] = DEADLINE_HANDSHAKE,
        [CONN_IDLE] = DEADLINE_IDLE,        [CONN_HEAD] = DEADLINE_HEAD,
        [CONN_DECIDE] = DEADLINE_NONE,      [CONN_BODY] = DEADLINE_BODY,
        [CONN_WAIT] = DEADLINE_NONE,        [CONN_REPLY] = DEADLINE_WRITE,
        [CONN_LINGER] = DEADLINE_LINGER,
    };
    if (conn->state != CONN_DEAD)
        conn_deadline(conn, table[conn->state]);
    /* A head that arrived in one piece was never partial. */
    if (conn->state == CONN_HEAD && http_parser_has_begun(conn->exchange.parser))
        enter_head(conn);
    else if (conn->half == CONN_HALF_HEAD)
        conn_gate_leave(conn);
}

void conn_process(struct conn *conn)
{
    conn_assert(conn);
    if (conn->processing || conn->state == CONN_DEAD)
        return;
    conn->processing = true;
    bool more = true;
    conn->turn_requests = 0;
    while (more && conn_reads(conn) && conn->turn_requests < CONN_REQUESTS_PER_TURN)
        more = step(conn);
    conn->processing = false;
    conn_input_keep(conn);
    conn_check_records(conn);
    if (conn->state == CONN_BODY)
        progress_note(&conn->progress, clock_monotonic_ns(), conn->exchange.body_bytes);
    if (conn_reads(conn) && !more && conn->input_ended)
        on_input_end(conn);
    else if (conn_reads(conn) && (more || conn->stream.more))
        conn_run_later(conn);
    conn_watch(conn);
}

/* What was unsent goes out. False: the connection is closed. */
static bool flush(struct conn *conn)
{
    switch (stream_flush(&conn->stream)) {
    case STATUS_OK:
        if (conn->state == CONN_REPLY)
            conn_reply_done(conn);
        return conn->state != CONN_DEAD;
    case STATUS_BUSY:
        return true;
    default:
        if (errno == ETIMEDOUT)
            conn_timeout_count_untaken(conn);
        conn_close(conn);
        return false;
    }
}

static void on_ready(int fd, short what, void *arg)
{
    struct conn *conn = conn_cast(arg);
    struct stream *stream = &conn->stream;
    (void)fd;
    if (conn->state == CONN_HANDSHAKE) {
        conn_handshake_step(conn);
        return;
    }
    bool writes = what & EV_WRITE || stream->reads_to_write;
    bool reads = what & EV_READ || stream->writes_to_read;
    if (writes && stream_unsent(stream) && !flush(conn))
        return;
    if (reads)
        conn_input_arrived(conn);
}

void conn_listen(struct conn *conn)
{
    conn_assert(conn);
    int on = 1;
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    conn_timeout_watch_peer(conn);
    /* Without these events the connection would never be served or closed. */
    if (stream_open(&conn->stream, conn->server->base, conn->fd, conn->session, on_ready, conn) !=
        STATUS_OK)
        conn_close(conn);
}

/* Counts the connection; false: it is over a limit, *refusal says which. */
static bool enter(struct conn *conn, struct refusal *refusal)
{
    const struct http_settings *s = &conn->server->settings;
    enum status status =
        conn_counts_enter(conn->server->counts, slice_make(conn->address, conn->address_size),
                          s->connections, s->connections_per_address);
    conn->counted = status == STATUS_OK;
    if (status == STATUS_BUSY)
        refusal_say(refusal, REFUSAL_too_many_connections,
                    "limits.connections (%llu) are open; try again later",
                    (unsigned long long)s->connections);
    else if (status != STATUS_OK)
        refusal_say(refusal, REFUSAL_too_many_connections_of_address,
                    "limits.connections_per_address (%llu) are open from this address",
                    (unsigned long long)s->connections_per_address);
    return conn->counted;
}

static void leave_unopened(struct conn *conn)
{
    leave_counts(conn);
    close(conn->fd);
    free(conn);
}

void conn_accept(struct http_server *server, const struct accepted *accepted)
{
    thread_bond_assert(&server->loop);
    struct refusal refusal;
    struct conn *conn = (struct conn *)calloc(1, sizeof(*conn));
    if (!conn) {
        close(accepted->fd);
        leave_seat(server);
        return;
    }
    conn->magic = CONN_MAGIC;
    conn->server = server;
    conn->fd = accepted->fd;
    conn->exchange.conn = conn;
    arena_init(&conn->peer_arena, 0);
    conn_peer_address(conn, (const struct sockaddr *)&accepted->address, accepted->address_size);
    conn->peer.network = slice_make(conn->address, conn->address_size);
    metric_add(server->m_accepted, 1);
    bool entered = enter(conn, &refusal);
    /* Over the limit, a TLS connection is closed without an answer, which would need a handshake.
     */
    bool refuse = !entered && !server->tls &&
                  conn_counts_enter_refused(server->counts, server->settings.refused);
    conn->lingers = refuse;
    if (!entered && !refuse)
        refusal_count_add(refusal.reason);
    if (!entered && !refuse) {
        leave_unopened(conn);
        return;
    }
    conn->state = server->tls ? CONN_QUEUED : CONN_IDLE;
    conn_timeout_init(conn);
    LIST_INSERT_HEAD(&server->living, conn, in_list);
    server->living_count++;
    metric_move(server->m_connections, 1);
    metric_move(server->m_loop_connections, 1);
    if (conn->state == CONN_IDLE)
        conn_listen(conn);
    if (refuse && conn->state != CONN_DEAD)
        conn_refuse(conn, &refusal);
    conn_watch(conn);
    if (conn->state == CONN_QUEUED)
        handshake_gate_arrive(conn);
}
