/* tls.h: everything that OpenSSL does for connections: contexts from files, and results of
 * handshakes. A context is immutable; a reload creates a new one, and connections keep theirs. */
#ifndef VSOC_SERVER_TLS_H
#define VSOC_SERVER_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/log/problem.h"
#include "core/arena.h"
#include "core/status.h"
#include "server/net/peer.h"
#include "server/tls/tls_refused.h"
#include "server/tls/tls_result.h"
#include "server/tls/tls_settings.h"

struct tls_context; /* reference-counted, immutable; shared by threads */
struct ssl_st;

/* Reads all files into a new context with one reference, the caller's. CONFIG with a sentence in
 * reason (names the file and what is wrong with it), NO_MEMORY. Thread: any. */
enum status tls_context_create(const struct tls_settings *settings, struct tls_context **out,
                               struct problem *problem) must_check;
/* The same without certificate and key of the server: for tls_context_check only. */
enum status tls_context_create_verifier(const struct tls_settings *settings,
                                        struct tls_context **out,
                                        struct problem *problem) must_check;
/* One more reference. Thread: any. */
struct tls_context *tls_context_hold(struct tls_context *context);
/* Releases a reference; the last one frees. NULL is allowed. Thread: any. */
void tls_context_release(struct tls_context *context);
/* Sets vsocd_tls_certificate_expiry_timestamp_seconds for role server, client_ca (the first to
 * expire) and crl from this context. Thread: main, when the context comes into use. */
void tls_context_publish_expiry(const struct tls_context *context);
/* Seconds since 1970 at which the server certificate ends. */
int64_t tls_context_expiry_s(const struct tls_context *context);

/* New server side of a connection; the caller destroys it. It
 * holds a reference to the context until then. NULL when memory is out. */
struct ssl_st *tls_session_create(struct tls_context *context);
/* Sends close_notify, as tls_session_shutdown, and frees. */
void tls_session_destroy(struct ssl_st *session);
/* Whether the handshake, which is complete, resumed an earlier session. */
bool tls_session_is_resumed(struct ssl_st *session);
/* TLS records read since the session began, its handshake included. */
uint64_t tls_session_records(struct ssl_st *session);
/* Fills the certificate facts of *peer (all but address) after a good handshake. Texts are in
 * arena; x509 is the session's. */
enum status tls_session_peer(struct ssl_st *session, struct arena *arena,
                             struct http_peer *peer) must_check;
/* Whether the peer of an open session would still be accepted under context, which may be newer
 * than the session's own: CA, validity, CRL, deny list, certificate required at all. REFUSED with a
 * reason like that of tls_session_failure. */
enum status tls_session_recheck(struct ssl_st *session, const struct tls_context *context,
                                struct problem *problem) must_check;
/* Seconds since 1970 at which the peer's certificate, its chain or the revocation list that it was
 * checked with ends; INT64_MAX without a certificate. */
int64_t tls_session_peer_expiry_s(struct ssl_st *session);
/* NULL: none was refused. Lives as long as the session. */
const struct tls_refused *tls_session_refused(struct ssl_st *session);
/* Why a handshake failed, and a sentence for the log in *problem. error comes from
 * tls_io_handshake; 0: the peer closed. */
enum tls_result tls_session_failure(struct ssl_st *session, unsigned long error,
                                    struct problem *problem);
/* Sends close_notify, as far as it can be sent without waiting. */
void tls_session_shutdown(struct ssl_st *session);

#endif
