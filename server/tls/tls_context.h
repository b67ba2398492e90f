/* tls_context.h: the inside of a TLS context, for tls*.c only. */
#ifndef VSOC_SERVER_TLS_CONTEXT_H
#define VSOC_SERVER_TLS_CONTEXT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <openssl/ssl.h>
#include "core/log/problem.h"
#include "core/hash.h"
#include "core/writer.h"
#include "server/files/trusted_file.h"
#include "server/tls/tls_refused.h"
#include "server/tls/tls_result.h"
#include "server/tls/tls_settings.h"
#include "server/tls/tls_ticket_data.h"

/* Sorted digests: of certificates, and of issuer and serial together. */
struct tls_denied {
    uint8_t *digests;
    size_t count;
    bool has_serials;
};

struct tls_tickets;

struct tls_context {
    atomic_uint references;
    SSL_CTX *ssl;
    struct tls_denied denied;
    struct tls_tickets *tickets; /* NULL: sessions are not resumed */
    bool need_client_eku;
    int64_t expiry_s, ca_expiry_s, crl_expiry_s; /* INT64_MAX: none */
};

/* Writes "SETTING: PATH: WHAT"; returns CONFIG. */
enum status tls_complain(struct problem *problem, const char *setting, const char *path,
                         const char *what);
/* The same with OpenSSL's error. */
enum status tls_complain_cause(struct problem *problem, const char *setting, const char *path,
                               const char *what);
/* The file that a setting names, in *out: writer_fini it in any case. */
enum status tls_file_read(struct problem *problem, const char *setting, const char *path,
                          enum trusted_kind kind, struct writer *out) must_check;
/* OpenSSL never asks on a terminal. */
int tls_no_passphrase(char *buffer, int size, int writing, void *arg);

/* Seconds since 1970; INT64_MAX if time can't be read. */
int64_t tls_asn1_seconds(const ASN1_TIME *time);

/* tls_files.c: certificate, chain and key of the server; CAs of senders. */
enum status tls_load_certificate(struct tls_context *context, const struct tls_settings *settings,
                                 struct problem *problem) must_check;
enum status tls_load_client_ca(struct tls_context *context, const struct tls_settings *settings,
                               struct problem *problem) must_check;

/* tls_crl.c: revocation lists, each checked before it is used: one for every CA of tls.client_ca,
 * signed by it and currently valid. Call after tls_load_client_ca. */
enum status tls_load_crl(struct tls_context *context, const struct tls_settings *settings,
                         struct problem *problem) must_check;

/* tls_deny.c */
enum status tls_load_deny_list(struct tls_context *context, const struct tls_settings *settings,
                               struct problem *problem) must_check;
/* Whether the certificate is on the deny list, by its fingerprint or its issuer and serial; true
 * also if that can't be determined. */
bool tls_denies(const struct tls_denied *denied, X509 *certificate);

/* tls_ticket.c: resumption by tickets that only this context can read. A resumed handshake verifies
 * no certificate: so a ticket holds what was verified and until when that holds, and a reload,
 * which makes a new context with keys of its own, ends every ticket. */
/* Lets sessions of the context be resumed for lifetime_ns after their full handshake; less than a
 * second: never. Thread: any, before the context is used. */
enum status tls_tickets_create(struct tls_context *context, int64_t lifetime_ns) must_check;
/* Erases the keys. NULL is allowed. */
void tls_tickets_destroy(struct tls_tickets *tickets);

/* tls_verify.c: OpenSSL's verify callback. It also refuses a chain that OpenSSL accepts, for the
 * deny list, for extended key usage, or for an anchor without a revocation list of its issuer. */
int tls_verify_one(int good, X509_STORE_CTX *store);

/* Why tls_verify_one refused, for the caller that reports it. */
enum tls_verdict { TLS_VERDICT_OPENSSL, TLS_VERDICT_DENIED, TLS_VERDICT_NO_EKU };
struct tls_verification {
    const struct tls_context *context;
    enum tls_verdict verdict;
    struct tls_refused *refused;   /* on the heap; NULL: nothing was refused */
    uint64_t records_read;         /* TLS records of every content type */
    struct tls_ticket_data ticket; /* of a resumed session */
};
/* NULL is allowed. */
void tls_refused_destroy(struct tls_refused *refused);
/* tls_session.c: the verification state of a session. */
struct tls_verification *tls_session_verification(SSL *session);
/* Makes the callback use *v for a check without a session. */
bool tls_verify_with(X509_STORE_CTX *store, struct tls_verification *v);
bool tls_has_client_eku(X509 *certificate);
/* The result, and a sentence. */
enum tls_result tls_verify_reason(const struct tls_verification *v, long error,
                                  struct problem *problem);

/* tls_check.c: ok: the certificate is taken, *verified (may be NULL) gets its chain, the caller's;
 * else as tls_session_failure, with *problem. sent: what came beside the certificate, may be NULL.
 */
enum tls_result tls_check_chain(struct tls_verification *v, X509 *certificate,
                                STACK_OF(X509) * sent, STACK_OF(X509) * *verified,
                                struct problem *problem) must_check;
/* Hex SHA-256 of the SubjectPublicKeyInfo of the CA that issued the first certificate of a verified
 * chain. False: the chain has no issuer; hex is empty. */
bool tls_issuer_key(const STACK_OF(X509) * chain, char hex[2 * SHA256_BYTES + 1]);

#endif
