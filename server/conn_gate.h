/* conn_gate.h: how many connections may be half-way, in a TLS handshake or in the head of a
 * request, and how fast new handshakes begin. Counts are shared by the servers of a listener; which
 * one gives way is each server's own. Limits: limits.handshakes, limits.handshakes_per_second,
 * limits.request_heads; 0: none. */
#ifndef VSOC_SERVER_CONN_GATE_H
#define VSOC_SERVER_CONN_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct conn;
struct http_server;

enum conn_half { CONN_HALF_NONE, CONN_HALF_HANDSHAKE, CONN_HALF_HEAD, CONN_HALF_COUNT };

/* Shared by all servers of a listener. */
struct conn_gate {
    atomic_uint_least64_t half[CONN_HALF_COUNT];
    atomic_int_least64_t next_ns; /* when the next handshake is due at the full rate */
};

/* Of one server: the connections that are half-way, oldest first. */
struct conn_queue {
    struct conn *first, *last;
};

/* The connection has begun what half says. Over the limit the oldest of this server that has taken
 * long enough gives way, or this one: it is closed, or answered 503 when it has sent a part of a
 * head. The connection may be dead afterwards. Thread: the server's loop. */
void conn_gate_enter(struct conn *conn, enum conn_half half);
/* It is through, or gone. Does nothing when it has not entered. */
void conn_gate_leave(struct conn *conn);
/* A handshake begins: the listener rests while they come faster than allowed; what comes meanwhile
 * waits in the kernel's queue. */
void conn_gate_pace(struct http_server *server);
/* Nanoseconds until the next handshake may begin when one begins now; per_second of them are
 * allowed, a tenth of a second's worth at once. */
int64_t conn_gate_take(struct conn_gate *gate, uint64_t per_second, int64_t now_ns);

#endif
