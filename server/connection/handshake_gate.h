/* handshake_gate.h: which TLS handshake begins when. A connection waits until its first byte is
 * there, then for its turn: addresses (IPv6: each /64) come in turn, so that one that opens many
 * does not make another wait. Limits: limits.handshakes, limits.handshakes_waiting,
 * limits.handshakes_per_second; 0: no limit. Thread: the server's loop. */
#ifndef VSOC_SERVER_HANDSHAKE_GATE_H
#define VSOC_SERVER_HANDSHAKE_GATE_H

struct conn;
struct handshake_gate;
struct http_server;

/* What the gate does with a connection; both may leave it dead. */
struct handshake_gate_calls {
    void (*begin)(struct conn *conn); /* begins its TLS handshake */
    void (*close)(struct conn *conn);
};

/* Of a server with TLS. calls outlive the gate. NULL when memory is out. */
struct handshake_gate *handshake_gate_create(struct http_server *server,
                                             const struct handshake_gate_calls *calls);
/* All connections must have left. NULL is allowed. */
void handshake_gate_destroy(struct handshake_gate *gate);
/* A connection was accepted and is CONN_QUEUED. Its handshake begins when its turn has come. Over
 * limits.handshakes_waiting the oldest of the address that has most is closed; when no address has
 * more than one, the listener rests. The connection may be dead afterwards. */
void handshake_gate_arrive(struct conn *conn);

#endif
