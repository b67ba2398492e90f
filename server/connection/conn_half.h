/* conn_half.h: partial connections: between accept and the complete head of a request. */
#ifndef VSOC_SERVER_CONN_HALF_H
#define VSOC_SERVER_CONN_HALF_H

#include <stdatomic.h>

enum conn_half {
    CONN_HALF_NONE,
    CONN_HALF_SILENT,    /* TLS, no byte has arrived */
    CONN_HALF_READY,     /* TLS, waits for its handshake to begin */
    CONN_HALF_HANDSHAKE, /* TLS handshake in progress */
    CONN_HALF_HEAD,      /* a part of a request's head has arrived */
    CONN_HALF_COUNT,
};

/* Shared by all servers of a listener. */
struct conn_gate {
    atomic_uint_least64_t half[CONN_HALF_COUNT];
    /* When the next one is due at the full rate. */
    atomic_int_least64_t next_handshake_ns, next_accept_ns;
};

#endif
