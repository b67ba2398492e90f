/* tls.c: TLS contexts, made from the files that tls_files.c, tls_crl.c and tls_deny.c read: at
 * start and at reload; verifying runs on the workers. Contexts are never changed after creation:
 * OpenSSL can't replace a certificate, a CA or a CRL in a live one. Results of a handshake are
 * in tls_session.c. */
#include "server/tls/tls.h"
#include "core/log/problem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include "core/metrics/metrics.h"
#include "server/tls/tls_context.h"

/* Forward-secret AEAD suites only (RFC 9325 §4.2), none with a tag of 8 bytes; TLS 1.3 has no
 * others by default. */
#define CIPHERS_TLS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AESCCM:!AESCCM8"

/* The server speaks HTTP/1.1 only; a client that offers only other protocols gets an alert (RFC
 * 7301). */
static int choose_protocol(SSL *session, const unsigned char **chosen, unsigned char *chosen_size,
                           const unsigned char *offered, unsigned offered_size, void *arg)
{
    static const char wanted[] = "http/1.1";
    (void)session, (void)arg;
    for (unsigned at = 0; at < offered_size; at += 1u + offered[at]) {
        if (offered[at] != sizeof(wanted) - 1 || at + offered[at] >= offered_size ||
            memcmp(offered + at + 1, wanted, sizeof(wanted) - 1) != 0)
            continue;
        *chosen = offered + at + 1;
        *chosen_size = offered[at];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool configure(struct tls_context *context, const struct tls_settings *s)
{
    SSL_CTX *ssl = context->ssl;
    SSL_CTX_set_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, NULL);
    if (s->client_auth != CLIENT_AUTH_OFF) {
        SSL_CTX_set_verify(
            ssl,
            SSL_VERIFY_PEER |
                (s->client_auth == CLIENT_AUTH_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
            tls_verify_one);
        /* A fleet's sub-CA may be the anchor: its root may have signed other CAs too. */
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN);
        X509_VERIFY_PARAM_set_depth(SSL_CTX_get0_param(ssl), (int)s->chain_depth);
    }
    return SSL_CTX_set_min_proto_version(ssl, s->min_version ? TLS1_3_VERSION : TLS1_2_VERSION) ==
               1 &&
           SSL_CTX_set_cipher_list(ssl, CIPHERS_TLS_1_2) == 1 &&
           tls_tickets_create(context, s->resumption_ns) == STATUS_OK;
}

static enum status create(const struct tls_settings *settings, bool own_certificate,
                          struct tls_context **out, struct problem *problem)
{
    struct tls_context *context = (struct tls_context *)calloc(1, sizeof(*context));
    problem_say(problem, "no memory for a TLS context");
    if (!context)
        return STATUS_NO_MEMORY;
    ERR_clear_error();
    atomic_init(&context->references, 1);
    context->need_client_eku = settings->need_client_eku;
    context->expiry_s = context->ca_expiry_s = context->crl_expiry_s = INT64_MAX;
    context->ssl = SSL_CTX_new(TLS_server_method());
    enum status status =
        context->ssl && configure(context, settings) ? STATUS_OK : STATUS_NO_MEMORY;
    if (status == STATUS_OK && own_certificate)
        status = tls_load_certificate(context, settings, problem);
    if (status == STATUS_OK && settings->client_auth != CLIENT_AUTH_OFF)
        status = tls_load_client_ca(context, settings, problem);
    if (status == STATUS_OK && settings->client_auth != CLIENT_AUTH_OFF)
        status = tls_load_crl(context, settings, problem);
    if (status == STATUS_OK && settings->client_auth != CLIENT_AUTH_OFF)
        status = tls_load_deny_list(context, settings, problem);
    if (status != STATUS_OK) {
        if (status == STATUS_NO_MEMORY)
            problem_say(problem, "no memory for a TLS context");
        tls_context_release(context);
        return status;
    }
    *out = context;
    return STATUS_OK;
}

enum status tls_context_create(const struct tls_settings *settings, struct tls_context **out,
                               struct problem *problem)
{
    return create(settings, true, out, problem);
}

enum status tls_context_create_verifier(const struct tls_settings *settings,
                                        struct tls_context **out, struct problem *problem)
{
    return create(settings, false, out, problem);
}

struct tls_context *tls_context_hold(struct tls_context *context)
{
    atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

void tls_context_release(struct tls_context *context)
{
    if (!context || atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) != 1)
        return;
    SSL_CTX_free(context->ssl);
    tls_tickets_destroy(context->tickets);
    free(context->denied.digests);
    free(context);
}

static void publish(const char *role, int64_t expiry_s)
{
    char labels[64];
    if (expiry_s == INT64_MAX)
        return;
    snprintf(labels, sizeof(labels), "role=\"%s\"", role);
    metric_set(metric_series(METRIC_vsocd_tls_certificate_expiry_timestamp_seconds, labels),
               (double)expiry_s);
}

void tls_context_publish_expiry(const struct tls_context *context)
{
    publish("server", context->expiry_s);
    publish("client_ca", context->ca_expiry_s);
    publish("crl", context->crl_expiry_s);
}

int64_t tls_context_expiry_s(const struct tls_context *context)
{
    return context->expiry_s;
}
