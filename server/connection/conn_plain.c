/* conn_plain.c: the wrong protocol on a port. Plain HTTP on the TLS port gets a readable 400
 * instead of a closed connection; TLS on the plain port gets a log line in addition to its 400.
 * Runs on the connection's loop. */
#define LOG_COMPONENT "http"
#include "server/connection/conn.h"

#include <stdio.h>
#include <sys/socket.h>

#include "core/clock.h"
#include "core/log/log.h"

#define PEEK_BYTES 4096
#define SAY_EACH   (60 * NS_PER_S)

/* OpenSSL recognises the usual methods by their first bytes, which it has consumed; for other
 * methods, the rest of the request line is still in the socket. */
static bool is_http(const struct conn *conn, enum tls_result result)
{
    char rest[PEEK_BYTES + 1];
    if (result == TLS_RESULT_plain_http)
        return true;
    if (result != TLS_RESULT_protocol)
        return false;
    ssize_t n = recv(conn->fd, rest, PEEK_BYTES, MSG_PEEK | MSG_DONTWAIT);
    if (n <= 0)
        return false;
    const char *end = memchr(rest, '\n', (size_t)n);
    return end && memmem(rest, (size_t)(end - rest), " HTTP/1.", 8);
}

bool conn_answer_plain(struct conn *conn, enum tls_result result)
{
    conn_assert(conn);
    ensure(conn->state == CONN_HANDSHAKE);
    struct refusal refusal;
    if (!is_http(conn, result))
        return false;
    stream_drop_tls(&conn->stream);
    refusal_set(&refusal, REFUSAL_plain_http_on_tls_port);
    conn_refuse(conn, &refusal);
    return true;
}

void conn_note_refusal(struct conn *conn, const struct refusal *refusal)
{
    struct http_server *server = conn->server;
    int64_t now = clock_monotonic_ns();
    if (refusal->reason != REFUSAL_tls_on_plain_port ||
        (server->said_ns && now - server->said_ns < SAY_EACH))
        return;
    server->said_ns = now;
    log_warn("a client speaks TLS on a port that speaks plain HTTP: set listen.ingest.tls to true, "
             "or give the client an http:// address; logged at most once a minute",
             LOG_TEXT("listener", server->label), LOG_TEXT("peer", conn->peer.address));
}
