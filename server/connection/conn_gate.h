/* conn_gate.h: counts partial connections, and limits how many may be in the head of a request
 * (limits.request_heads; 0: no limit). The servers of a listener share the counts; each server
 * chooses which of its own connections is refused. TLS handshakes are in handshake_gate.h. */
#ifndef VSOC_SERVER_CONN_GATE_H
#define VSOC_SERVER_CONN_GATE_H

#include <stdatomic.h>
#include <stdint.h>

struct conn;

/* The connection has sent a part of a head. Returns NULL, or, over the limit, the connection of
 * this server that has taken longest, which may be the same one: the caller refuses it. Thread: the
 * server's loop. */
struct conn *conn_gate_enter_head(struct conn *conn);
/* Removes the connection from its queue, if any: its handshake or head is complete, or it is
 * closed. Thread: the server's loop. */
void conn_gate_leave(struct conn *conn);
/* Nanoseconds until the next one may begin when one begins now; *next_ns is the gate's time of its
 * kind; per_second of them are allowed (0: no limit), a tenth of a second's worth at once. */
int64_t conn_gate_take(atomic_int_least64_t *next_ns, uint64_t per_second, int64_t now_ns);

#endif
