/* handshake_gate.h: decides which TLS handshake starts when. A connection waits for its first byte,
 * then for its turn: addresses (IPv6: each /64) take turns, so that one that opens many does not
 * delay others. Limits: limits.handshakes, limits.handshakes_waiting, limits.handshakes_per_second;
 * 0: no limit. Thread: the server's loop. */
#ifndef VSOC_SERVER_HANDSHAKE_GATE_H
#define VSOC_SERVER_HANDSHAKE_GATE_H

struct conn;
struct handshake_gate;
struct http_server;

/* Actions of the gate on a connection; both may leave it dead. */
struct handshake_gate_calls {
    void (*begin)(struct conn *conn); /* begins its TLS handshake */
    void (*close)(struct conn *conn);
};

/* Of a server with TLS. calls outlive the gate. NULL when memory is out. */
struct handshake_gate *handshake_gate_create(struct http_server *server,
                                             const struct handshake_gate_calls *calls);
/* All connections must have left. NULL is allowed. */
void handshake_gate_destroy(struct handshake_gate *gate);
/* A connection was accepted and is CONN_QUEUED. Its handshake starts when its turn comes. Over
 * limits.handshakes_waiting, the oldest connection of the address that has the most is closed; if
 * no address has more than one, the listener pauses. The connection may be dead afterwards. */
void handshake_gate_arrive(struct conn *conn);
/* A connection was accepted, for whichever loop: the listener pauses as far as
 * limits.handshakes_per_second requires. */
void handshake_gate_pace(struct handshake_gate *gate);

#endif
