/* tls_check.h: verifies a client certificate as a handshake would, without a handshake. */
#ifndef VSOC_SERVER_TLS_CHECK_H
#define VSOC_SERVER_TLS_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include "core/log/problem.h"
#include "server/tls/tls_result.h"

struct stack_st_X509;
struct tls_context;
struct x509_st;

/* The result of such a verification. */
struct tls_check {
    enum tls_result result;      /* ok: it is taken; else as tls_session_failure */
    struct problem problem;      /* of a refusal */
    char issuer_key[65];         /* hex SHA-256 of its CA's SubjectPublicKeyInfo; empty: none */
    unsigned chain_size;         /* certificates of the verified chain */
    bool has_client_eku, denied; /* on tls.deny_list itself */
    int64_t begin_s, end_s;      /* validity */
    int64_t crl_end_s;           /* first end of the lists; INT64_MAX: no lists */
};
/* Verifies a certificate as a handshake does. sent: intermediates that would be sent with it; NULL:
 * none. Thread: any. */
void tls_context_check(const struct tls_context *context, struct x509_st *certificate,
                       struct stack_st_X509 *sent, struct tls_check *out);
#endif
