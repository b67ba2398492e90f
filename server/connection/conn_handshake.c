/* conn_handshake.c: the TLS handshake of one connection, from its beginning to its result. Runs on
 * the connection's loop. When it begins is decided by handshake_gate.c. */
#define LOG_COMPONENT "http"
#include "server/connection/conn.h"
#include "core/arena.h"
#include "core/log/problem.h"

#include "server/connection/conn_gate.h"
#include "server/connection/conn_peer.h"
#include "server/tls/tls.h"
#include "server/tls/tls_io.h"

/* Names of one certificate. */
#define PEER_ARENA_BYTES 65536

void conn_handshake_begin(struct conn *conn)
{
    conn_assert(conn);
    ensure(conn->state == CONN_QUEUED && !conn->session && conn->server->tls);
    struct http_server *server = conn->server;
    conn->state = CONN_HANDSHAKE;
    conn->session = tls_session_create(server->tls);
    if (!conn->session || !tls_io_attach(conn->session, conn->fd)) {
        conn_close(conn);
        return;
    }
    conn->tls = tls_context_hold(server->tls);
    conn_listen(conn);
    if (conn->state == CONN_DEAD)
        return;
    conn_deadline_forget(conn); /* the time spent waiting does not count */
    conn_watch(conn);
    conn_handshake_step(conn); /* its first bytes have arrived */
}

/* False: no memory. */
static bool read_peer(struct conn *conn)
{
    struct arena scratch;
    arena_init(&scratch, PEER_ARENA_BYTES);
    bool good = tls_session_peer(conn->session, &scratch, &conn->peer) == STATUS_OK &&
                http_peer_pack(&conn->peer, &conn->peer_arena) == STATUS_OK;
    arena_fini(&scratch);
    return good;
}

static void on_done(struct conn *conn)
{
    conn_gate_leave(conn);
    tls_count_handshake(TLS_RESULT_ok);
    metric_add(conn->server->m_resumed, tls_session_is_resumed(conn->session));
    if (!read_peer(conn)) {
        conn_close(conn);
        return;
    }
    conn->peer_expiry_s = tls_session_peer_expiry_s(conn->session);
    conn->state = CONN_IDLE;
    conn_input_arrived(conn); /* it may have come with the end of the handshake */
}

static void on_failed(struct conn *conn, unsigned long error)
{
    struct problem problem;
    conn_gate_leave(conn);
    enum tls_result result = tls_session_failure(conn->session, error, &problem);
    tls_count_handshake(result);
    conn_peer_handshake_failed(conn, result, problem.text);
    if (!conn_answer_plain(conn, result))
        conn_close(conn);
}

void conn_handshake_step(struct conn *conn)
{
    conn_assert(conn);
    ensure(conn->state == CONN_HANDSHAKE && conn->session);
    unsigned long error = 0;
    enum status status = stream_handshake(&conn->stream, &error);
    if (status == STATUS_OK)
        on_done(conn);
    else if (status != STATUS_BUSY)
        on_failed(conn, error);
}
