/* conn_handshake.c: the TLS handshake of one connection, from its beginning to its result. Runs on
 * the connection's loop. When it begins is decided by handshake_gate.c. */
#define LOG_COMPONENT "http"
#include "server/connection/conn.h"
#include "core/log/problem.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>

#include "server/connection/conn_gate.h"
#include "server/connection/conn_peer.h"
#include "server/tls/tls.h"

void conn_handshake_begin(struct conn *conn)
{
    conn_assert(conn);
    ensure(conn->state == CONN_QUEUED && !conn->stream && conn->server->tls);
    struct http_server *server = conn->server;
    conn->state = CONN_HANDSHAKE;
    conn->session = tls_session_create(server->tls);
    if (conn->session)
        conn->stream =
            bufferevent_openssl_socket_new(server->base, conn->fd, conn->session,
                                           BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (!conn->stream) {
        conn->session = NULL; /* libevent has freed it */
        conn_close(conn);
        return;
    }
    conn->tls = tls_context_hold(server->tls);
    conn_listen(conn);
    conn_deadline_forget(conn); /* the time spent waiting does not count */
    conn_watch(conn);
}

static void on_done(struct conn *conn)
{
    conn_gate_leave(conn);
    tls_count_handshake(TLS_RESULT_ok);
    if (tls_session_peer(conn->session, &conn->peer_arena, &conn->peer) != STATUS_OK) {
        conn_close(conn);
        return;
    }
    conn->peer_expiry_s = tls_session_peer_expiry_s(conn->session);
    conn->state = CONN_IDLE;
    conn_process(conn);
}

static void on_failed(struct conn *conn)
{
    struct problem problem;
    conn_gate_leave(conn);
    enum tls_result result =
        tls_session_failure(conn->session, bufferevent_get_openssl_error(conn->stream), &problem);
    tls_count_handshake(result);
    conn_peer_handshake_failed(conn, result, problem.text);
    if (!conn_answer_plain(conn, result))
        conn_close(conn);
}

void conn_handshake_event(struct conn *conn, short what)
{
    conn_assert(conn);
    ensure(conn->state == CONN_HANDSHAKE && conn->session);
    if (what & BEV_EVENT_CONNECTED)
        on_done(conn);
    else
        on_failed(conn);
}
