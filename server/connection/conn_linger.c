/* conn_linger.c: the end of a connection whose client may still be sending. Runs on the
 * connection's loop. Closing a socket with unread bytes makes the kernel send a reset, which can
 * destroy the answer before the client has read it; so the server closes the sending half, and
 * reads and drops further input for a bounded time and number of bytes. */
#include "server/connection/conn.h"

#include <errno.h>
#include <unistd.h>
#include <event2/event.h>
#include "server/tls/tls.h"

static uint64_t most_bytes(const struct conn *conn)
{
    uint64_t body = conn->server->settings.body_bytes;
    return body > CONN_LINGER_BYTES ? body : CONN_LINGER_BYTES;
}

static void on_drain_read(evutil_socket_t fd, short what, void *arg)
{
    static _Thread_local uint8_t dropped[65536];
    struct conn *conn = conn_cast(arg);
    (void)what;
    ssize_t n = recv(fd, dropped, sizeof(dropped), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        conn->lingered_bytes += (uint64_t)n;
    if (n <= 0 || conn->lingered_bytes > most_bytes(conn))
        conn_close(conn);
}

void conn_linger(struct conn *conn)
{
    conn_assert(conn);
    ensure(conn->state == CONN_REPLY && !conn->exchange.open && !conn->drain_read);
    conn->state = CONN_LINGER;
    if (conn->session)
        tls_session_shutdown(conn->session);
    stream_close(&conn->stream);
    conn_input_drop(conn);
    if (conn->input_ended || shutdown(conn->fd, SHUT_WR) != 0) {
        conn_close(conn);
        return;
    }
    conn->drain_read =
        event_new(conn->server->base, conn->fd, EV_READ | EV_PERSIST, on_drain_read, conn);
    if (!conn->drain_read || event_add(conn->drain_read, NULL) != 0) {
        conn_close(conn);
        return;
    }
    conn_deadline(conn, DEADLINE_LINGER);
}
