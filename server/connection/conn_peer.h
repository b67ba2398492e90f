/* conn_peer.h: who the peer of a connection is, and whether it is still accepted. Thread: the
 * server's loop.
 */
#ifndef VSOC_SERVER_CONN_PEER_H
#define VSOC_SERVER_CONN_PEER_H

#include <stdbool.h>
#include <sys/socket.h>
#include "core/reasons/refusal.h"
#include "server/tls/tls_result.h"

struct conn;

/* Whether the peer of a TLS connection is still accepted. Checks again if the TLS context was
 * replaced or the peer's certificate has expired. False: *refusal has the reason. */
bool conn_peer_welcome(struct conn *conn, struct refusal *refusal);
/* Logs a failed handshake with the certificate's identifiers; if a certificate was the reason,
 * records it in the audit log too. */
void conn_peer_handshake_failed(struct conn *conn, enum tls_result result, const char *reason);
/* Text and counting key of the remote address. */
void conn_peer_address(struct conn *conn, const struct sockaddr *address, socklen_t size);

#endif
