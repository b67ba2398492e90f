/* tls_check.c: verifies a certificate outside a handshake, with the same settings and callbacks:
 * rechecks of open connections (workers) and `vsocd identity explain` (main thread). */
#include "server/tls/tls_check.h"
#include "core/log/problem.h"

#include <stdio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include "server/identity/cert_names.h"
#include "server/tls/tls_context.h"

enum tls_result tls_check_chain(struct tls_verification *v, X509 *certificate,
                                STACK_OF(X509) * sent, STACK_OF(X509) * *verified,
                                struct problem *problem)
{
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    SSL_CTX *ssl = v->context->ssl;
    enum tls_result result = TLS_RESULT_ok;
    bool good =
        check && X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(ssl), certificate, sent) == 1 &&
        X509_STORE_CTX_set_default(check, "ssl_client") == 1 &&
        X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(check), SSL_CTX_get0_param(ssl)) == 1 &&
        tls_verify_with(check, v) && X509_verify_cert(check) == 1;
    if (!good && check) {
        result = tls_verify_reason(v, X509_STORE_CTX_get_error(check), problem);
    } else if (!good) {
        problem_say(problem, "client certificate: no memory to check it");
        result = TLS_RESULT_bad_certificate;
    } else if (verified) {
        *verified = X509_STORE_CTX_get1_chain(check);
    }
    X509_STORE_CTX_free(check);
    ERR_clear_error();
    return result;
}

bool tls_issuer_key(const STACK_OF(X509) * chain, char hex[2 * SHA256_BYTES + 1])
{
    uint8_t digest[SHA256_BYTES], *der = NULL;
    hex[0] = '\0';
    if (!chain || sk_X509_num(chain) < 2)
        return false; /* the certificate is an anchor itself */
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(sk_X509_value(chain, 1)), &der);
    if (n > 0) {
        sha256_bytes(slice_make(der, (size_t)n), digest);
        cert_hex(digest, sizeof digest, hex);
    }
    OPENSSL_free(der);
    return n > 0;
}

void tls_context_check(const struct tls_context *context, X509 *certificate, STACK_OF(X509) * sent,
                       struct tls_check *out)
{
    struct tls_verification v = {.context = context};
    STACK_OF(X509) *chain = NULL;
    *out = (struct tls_check){
        .has_client_eku = tls_has_client_eku(certificate),
        .denied = tls_denies(&context->denied, certificate),
        .begin_s = tls_asn1_seconds(X509_get0_notBefore(certificate)),
        .end_s = tls_asn1_seconds(X509_get0_notAfter(certificate)),
        .crl_end_s = context->crl_expiry_s,
    };
    out->result = tls_check_chain(&v, certificate, sent, &chain, &out->problem);
    tls_issuer_key(chain, out->issuer_key);
    if (chain)
        out->chain_size = (unsigned)sk_X509_num(chain);
    sk_X509_pop_free(chain, X509_free);
    tls_refused_destroy(v.refused);
}
