/* conn.h: what the parts of a connection call of each other, for conn*.c, http_exchange.c,
 * http_reply.c and http_server.c only. */
#ifndef VSOC_SERVER_CONN_H
#define VSOC_SERVER_CONN_H

#include "core/reasons/refusal.h"
#include "server/connection/conn_state.h"
#include "server/tls/tls_result.h"

/* conn.c */
/* Takes fd. The connection lives in the server's list until it is closed. */
void conn_accept(struct http_server *server, int fd, const struct sockaddr *address,
                 socklen_t size);
/* Reads on what is there, as far as the state allows. */
void conn_process(struct conn *conn);
/* conn_process soon, from the loop. */
void conn_run_later(struct conn *conn);
/* The answer is with the kernel: the next request, or the end. */
void conn_reply_done(struct conn *conn);
/* Answers for the connection itself and ends it; the exchange, if open, is gone first. */
void conn_refuse(struct conn *conn, const struct refusal *refusal);
/* Tells the handler, if it has the exchange, that it is dead. */
void conn_exchange_gone(struct conn *conn);
/* Closes now. The memory goes at the loop's next turn. */
void conn_close(struct conn *conn);
void conn_free(struct conn *conn);
/* Frees dead connections soon, from the loop. */
void conn_reap_later(struct http_server *server);

/* Sets the deadline and the place among those half-way that belong to the state. */
void conn_watch(struct conn *conn);
/* The stream is there: hears of it from now on. Closes the connection when that fails. */
void conn_listen(struct conn *conn);

/* conn_handshake.c */
/* Begins the TLS handshake of a queued connection; it may be dead afterwards. */
void conn_handshake_begin(struct conn *conn);
/* The handshake is over, with the events of a bufferevent. */
void conn_handshake_event(struct conn *conn, short what);

/* conn_records.c */
/* Refuses a connection whose TLS records are so small that reading them costs several times what
 * their bytes would cost otherwise. */
void conn_check_records(struct conn *conn);

/* conn_timeout.c */
void conn_timeout_init(struct conn *conn);
/* Has the kernel find out that the peer is gone: unacknowledged bytes end the connection after
 * timeouts.write, a silent peer is asked. */
void conn_timeout_watch_peer(struct conn *conn);
/* The kernel has ended the connection for it: counts an answer that was not taken. */
void conn_timeout_count_untaken(struct conn *conn);
/* The deadline that watches from now on. The same one again does not start anew. */
void conn_deadline(struct conn *conn, enum conn_deadline deadline);
/* The next conn_deadline starts anew, even the same one. */
void conn_deadline_forget(struct conn *conn);

/* conn_linger.c */
/* No more answers: says so to the client, reads and drops until it has left. */
void conn_linger(struct conn *conn);

/* conn_plain.c */
/* Behind a handshake that failed with `result` (see tls_session_failure): answers a peer that spoke
 * plain HTTP, in plain HTTP. False: it did not. */
bool conn_answer_plain(struct conn *conn, enum tls_result result);
/* Logs what an operator should know of a request that the parser refused. */
void conn_note_refusal(struct conn *conn, const struct refusal *refusal);

/* http_reply.c */
/* Sends an answer; the connection's state is CONN_REPLY or, when all was sent, what follows. */
void http_reply_send(struct conn *conn, int code, const char *content_type, struct slice body,
                     const struct http_reply_header *extra, size_t extra_count, const char *route);

#endif
