/* tls_session.c: one TLS connection: its creation, what its handshake told about the peer, why it
 * failed, its end. Runs on the connection's worker. Moving bytes is libevent's work. */
#include "server/tls.h"

#include <pthread.h>
#include <stdio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include "core/metrics.h"
#include "core/thread.h"
#include "server/cert_names.h"
#include "server/tls_context.h"

static int context_index = -1, denied_index = -1;
static pthread_once_t indexes_once = PTHREAD_ONCE_INIT;

static void release_context(void *parent, void *context, CRYPTO_EX_DATA *data, int index, long l,
                            void *p)
{
    (void)parent, (void)data, (void)index, (void)l, (void)p;
    tls_context_release((struct tls_context *)context);
}

static void make_indexes(void)
{
    context_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, release_context);
    denied_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    ensure(context_index >= 0 && denied_index >= 0);
}

SSL *tls_session_create(struct tls_context *context)
{
    pthread_once(&indexes_once, make_indexes);
    SSL *session = SSL_new(context->ssl);
    if (!session)
        return NULL;
    if (SSL_set_ex_data(session, context_index, context) != 1) {
        SSL_free(session);
        return NULL;
    }
    tls_context_hold(context);
    return session;
}

static bool is_denied(const struct tls_context *context, X509 *certificate)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    return X509_digest(certificate, EVP_sha256(), digest, &size) != 1 || size != SHA256_BYTES ||
           tls_context_denies(context, digest);
}

int tls_session_verify(int good, X509_STORE_CTX *store)
{
    SSL *session = (SSL *)X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_context *context = (struct tls_context *)SSL_get_ex_data(session, context_index);
    if (!good || X509_STORE_CTX_get_error_depth(store) > 0 || context->denied_count == 0)
        return good;
    if (!is_denied(context, X509_STORE_CTX_get_current_cert(store)))
        return 1;
    SSL_set_ex_data(session, denied_index, session); /* any pointer: denied */
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REVOKED);
    return 0;
}

enum status tls_session_peer(SSL *session, struct arena *arena, struct http_peer *peer)
{
    X509 *certificate = SSL_get0_peer_certificate(session);
    peer->tls = true;
    if (!certificate || SSL_get_verify_result(session) != X509_V_OK)
        return STATUS_OK;
    peer->certificate = true;
    return cert_names_read(certificate, arena, peer);
}

static bool chain_is_good(SSL *session, X509 *certificate, const struct tls_context *context,
                          char *reason, size_t reason_size)
{
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    bool good = check &&
                X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(context->ssl), certificate,
                                    SSL_get_peer_cert_chain(session)) == 1 &&
                X509_STORE_CTX_set_default(check, "ssl_client") == 1 &&
                X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(check),
                                       SSL_CTX_get0_param(context->ssl)) == 1 &&
                X509_verify_cert(check) == 1;
    if (!good)
        snprintf(reason, reason_size, "client certificate: %s",
                 check ? X509_verify_cert_error_string(X509_STORE_CTX_get_error(check))
                       : "no memory to check it");
    X509_STORE_CTX_free(check);
    ERR_clear_error();
    return good;
}

enum status tls_session_recheck(SSL *session, const struct tls_context *context, char *reason,
                                size_t reason_size)
{
    X509 *certificate = SSL_get0_peer_certificate(session);
    int mode = SSL_CTX_get_verify_mode(context->ssl);
    if (!certificate && (mode & SSL_VERIFY_FAIL_IF_NO_PEER_CERT)) {
        snprintf(reason, reason_size, "a client certificate is needed now");
        return STATUS_REFUSED;
    }
    if (!certificate || !(mode & SSL_VERIFY_PEER))
        return STATUS_OK;
    if (!chain_is_good(session, certificate, context, reason, reason_size))
        return STATUS_REFUSED;
    if (!is_denied(context, certificate))
        return STATUS_OK;
    snprintf(reason, reason_size, "client certificate is on tls.deny_list");
    return STATUS_REFUSED;
}

int64_t tls_session_peer_expiry_s(SSL *session)
{
    X509 *certificate = SSL_get0_peer_certificate(session);
    return certificate ? tls_asn1_seconds(X509_get0_notAfter(certificate)) : INT64_MAX;
}

void tls_count_handshake(const char *result)
{
    char labels[64];
    snprintf(labels, sizeof(labels), "result=\"%s\"", result);
    metric_add(metric_series(METRIC_vsocd_tls_handshakes_total, labels), 1);
}

static const char *verify_failure(SSL *session, char *reason, size_t reason_size)
{
    long result = SSL_get_verify_result(session);
    snprintf(reason, reason_size, "client certificate: %s", X509_verify_cert_error_string(result));
    if (SSL_get_ex_data(session, denied_index)) {
        snprintf(reason, reason_size, "client certificate is on tls.deny_list");
        return "denied";
    }
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "expired";
    case X509_V_ERR_CERT_REVOKED:
        return "revoked";
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
        return "no_valid_crl";
    default:
        return "bad_certificate";
    }
}

const char *tls_session_failure(SSL *session, unsigned long error, char *reason, size_t reason_size)
{
    int why = ERR_GET_REASON(error);
    const char *text = ERR_reason_error_string(error);
    if (error == 0) {
        snprintf(reason, reason_size, "the peer closed the connection");
        return "closed";
    }
    snprintf(reason, reason_size, "%s", text ? text : "unknown error");
    if (ERR_GET_LIB(error) != ERR_LIB_SSL)
        return "protocol";
    if (why == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return verify_failure(session, reason, reason_size);
    if (why == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
        return "no_certificate";
    if (why == SSL_R_HTTP_REQUEST) {
        snprintf(reason, reason_size, "the peer speaks plain HTTP on a TLS port");
        return "plain_http";
    }
    return why >= SSL_AD_REASON_OFFSET ? "client_alert" : "protocol";
}

void tls_session_shutdown(SSL *session)
{
    if (SSL_in_init(session) || (SSL_get_shutdown(session) & SSL_SENT_SHUTDOWN))
        return;
    ERR_clear_error();
    (void)SSL_shutdown(session);
    ERR_clear_error();
}
