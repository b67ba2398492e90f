/* conn_gate.h: what is counted of connections that are half-way, and how many may be in the head of
 * a request (limits.request_heads; 0: no limit). Counts are shared by the servers of a listener;
 * which one gives way is each server's own. TLS handshakes are in handshake_gate.h. */
#ifndef VSOC_SERVER_CONN_GATE_H
#define VSOC_SERVER_CONN_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct conn;
struct http_server;

enum conn_half {
    CONN_HALF_NONE,
    CONN_HALF_SILENT,    /* TLS, no byte has come */
    CONN_HALF_READY,     /* TLS, waits for its handshake to begin */
    CONN_HALF_HANDSHAKE, /* TLS handshake under way */
    CONN_HALF_HEAD,      /* a part of a request's head has come */
    CONN_HALF_COUNT,
};

/* Shared by all servers of a listener. */
struct conn_gate {
    atomic_uint_least64_t half[CONN_HALF_COUNT];
    /* When the next is due at the full rate. */
    atomic_int_least64_t next_handshake_ns, next_accept_ns;
};

/* Of one server: the connections that are half-way, oldest first. */
struct conn_queue {
    struct conn *first, *last;
};

/* The connection has sent a part of a head. Over the limit the one of this server that has taken
 * longest is answered 503. The connection may be dead afterwards. Thread: the server's loop. */
void conn_gate_enter_head(struct conn *conn);
/* It is through, or gone, whatever it was in the middle of. Does nothing when it was in nothing. */
void conn_gate_leave(struct conn *conn);
/* Nanoseconds until the next one may begin when one begins now; *next_ns is the gate's time of its
 * kind; per_second of them are allowed (0: no limit), a tenth of a second's worth at once. */
int64_t conn_gate_take(atomic_int_least64_t *next_ns, uint64_t per_second, int64_t now_ns);

#endif
