/* tls_context.h: the inside of a TLS context, for tls.c and tls_session.c only. */
#ifndef VSOC_SERVER_TLS_CONTEXT_H
#define VSOC_SERVER_TLS_CONTEXT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <openssl/ssl.h>
#include "core/hash.h"
#include "server/tls.h"

struct tls_context {
    atomic_uint references;
    SSL_CTX *ssl;
    uint8_t *denied; /* SHA-256 fingerprints, sorted */
    size_t denied_count;
    int64_t expiry_s, ca_expiry_s, crl_expiry_s; /* INT64_MAX: none */
};

int64_t tls_asn1_seconds(const ASN1_TIME *time); /* since 1970; INT64_MAX when it can't be read */
/* The certificate of this fingerprint is on the deny list. */
bool tls_context_denies(const struct tls_context *context, const uint8_t digest[SHA256_BYTES]);
/* OpenSSL's verify callback: the chain is good so far; the deny list has the last word. */
int tls_session_verify(int good, X509_STORE_CTX *store);

#endif
