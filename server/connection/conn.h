/* conn.h: functions that the parts of a connection call on each other, for conn*.c,
 * http_exchange.c, http_reply.c and http_server.c only. */
#ifndef VSOC_SERVER_CONN_H
#define VSOC_SERVER_CONN_H

#include "core/reasons/refusal.h"
#include "server/connection/conn_state.h"
#include "server/net/balance.h"
#include "server/tls/tls_result.h"

/* conn.c */
/* Takes ownership of the descriptor. The connection lives in the server's list until it is closed.
 */
void conn_accept(struct http_server *server, const struct accepted *accepted);
/* Processes the buffered input, as far as the state allows. */
void conn_process(struct conn *conn);
/* conn_process soon, from the loop. */
void conn_run_later(struct conn *conn);
/* The kernel has the whole answer: continues with the next request, or ends the connection. */
void conn_reply_done(struct conn *conn);
/* Answers on behalf of the connection and ends it; an open exchange gets on_gone first. */
void conn_refuse(struct conn *conn, const struct refusal *refusal);
/* Calls on_gone if the handler has the exchange. */
void conn_exchange_gone(struct conn *conn);
/* Closes now. The memory goes at the loop's next turn. */
void conn_close(struct conn *conn);
void conn_free(struct conn *conn);
/* Frees dead connections soon, from the loop. */
void conn_reap_later(struct http_server *server);

/* Sets the deadline and the place among partial connections that belong to the state. */
void conn_watch(struct conn *conn);
/* Opens the stream, through TLS if there is a session. Closes the connection if that fails. */
void conn_listen(struct conn *conn);

/* conn_handshake.c */
/* Begins the TLS handshake of a queued connection; it may be dead afterwards. */
void conn_handshake_begin(struct conn *conn);
/* The socket is ready: goes on with the handshake. The connection may be dead afterwards. */
void conn_handshake_step(struct conn *conn);

/* conn_input.c */
/* The socket is readable or the session may hold more: reads once and serves the connection. */
void conn_input_arrived(struct conn *conn);
/* The first `bytes` of conn->input are used up. */
void conn_input_used(struct conn *conn, size_t bytes);
/* Keeps what is left of conn->input until the connection is served again. Closes the connection if
 * there is no memory. */
void conn_input_keep(struct conn *conn);
/* Nobody will read it any more. */
void conn_input_drop(struct conn *conn);

/* conn_records.c */
/* Refuses a connection whose TLS records are so small that reading them costs several times what
 * their bytes would cost otherwise. */
void conn_check_records(struct conn *conn);

/* conn_timeout.c */
void conn_timeout_init(struct conn *conn);
/* Lets the kernel detect a dead peer: unacknowledged bytes end the connection after timeouts.write,
 * and a silent peer gets keepalive probes. */
void conn_timeout_watch_peer(struct conn *conn);
/* The kernel has ended the connection for that reason: counts an answer that the client did not
 * read. */
void conn_timeout_count_untaken(struct conn *conn);
/* Sets the current deadline. Setting the same one again does not restart it. */
void conn_deadline(struct conn *conn, enum conn_deadline deadline);
/* The next conn_deadline restarts the timer, even if it is the same one. */
void conn_deadline_forget(struct conn *conn);

/* conn_linger.c */
/* No more answers: shuts down sending, and reads and drops input until the client has left. */
void conn_linger(struct conn *conn);

/* conn_plain.c */
/* After a handshake that failed with `result` (see tls_session_failure): answers a peer that spoke
 * plain HTTP in plain HTTP. False: it did not. */
bool conn_answer_plain(struct conn *conn, enum tls_result result);
/* Logs what an operator should know of a request that the parser refused. */
void conn_note_refusal(struct conn *conn, const struct refusal *refusal);

/* http_reply.c */
/* Sends an answer; the connection's state is CONN_REPLY or, when all was sent, what follows. */
void http_reply_send(struct conn *conn, int code, const char *content_type, struct slice body,
                     const struct http_reply_header *extra, size_t extra_count, const char *route);

#endif
