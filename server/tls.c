/* tls.c: TLS contexts from files: certificate, client CAs, CRLs, deny list. Runs on main at start
 * and at reload; verifying runs on the workers. Contexts are never changed after creation: OpenSSL
 * can't replace a certificate, a CA or a CRL in a live one. What a handshake told is in
 * tls_session.c. */
#define LOG_COMPONENT "tls"
#include "server/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include "core/clock.h"
#include "core/hex.h"
#include "core/log.h"
#include "core/metrics.h"
#include "server/tls_context.h"

/* Forward-secret AEAD suites only (RFC 9325 §4.2); TLS 1.3 has no others. */
#define CIPHERS_TLS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AESCCM"

struct tls_settings tls_settings_from_config(const struct config *config)
{
    return (struct tls_settings){
        .certificate = config->tls_certificate,
        .key = config->tls_key,
        .client_ca = config->tls_client_ca,
        .crl = config->tls_crl,
        .deny_list = config->tls_deny_list,
        .client_auth = (enum config_client_auth)config->tls_client_auth,
        .min_version = config->tls_min_version,
    };
}

/* Where the reason of a failure goes. */
struct complaint {
    char *text;
    size_t size;
};

static enum status complain(struct complaint *c, const char *setting, const char *path,
                            const char *what)
{
    snprintf(c->text, c->size, "%s: %s: %s", setting, path ? path : "(not set)", what);
    ERR_clear_error();
    return STATUS_CONFIG;
}

/* The cause that OpenSSL or the system gave. */
static enum status complain_cause(struct complaint *c, const char *setting, const char *path,
                                  const char *otherwise)
{
    FILE *file = path ? fopen(path, "re") : NULL;
    if (!file)
        return complain(c, setting, path, path ? strerror(errno) : "a file is needed");
    fclose(file);
    unsigned long error = ERR_peek_error();
    const char *cause = error ? ERR_reason_error_string(error) : NULL;
    char what[160];
    snprintf(what, sizeof(what), "%s%s%s%s", otherwise, cause ? " (" : "", cause ? cause : "",
             cause ? ")" : "");
    return complain(c, setting, path, what);
}

int64_t tls_asn1_seconds(const ASN1_TIME *time)
{
    struct tm tm;
    return time && ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : INT64_MAX;
}

static int no_passphrase(char *buffer, int size, int writing, void *arg)
{
    (void)buffer, (void)size, (void)writing, (void)arg;
    return -1; /* never ask on a terminal */
}

static enum status load_certificate(struct tls_context *context, const struct tls_settings *s,
                                    struct complaint *c)
{
    if (!s->certificate || SSL_CTX_use_certificate_chain_file(context->ssl, s->certificate) != 1)
        return complain_cause(c, "tls.certificate", s->certificate,
                              "not a PEM file with a certificate and its chain");
    SSL_CTX_set_default_passwd_cb(context->ssl, no_passphrase);
    if (!s->key || SSL_CTX_use_PrivateKey_file(context->ssl, s->key, SSL_FILETYPE_PEM) != 1)
        return complain_cause(c, "tls.key", s->key,
                              "not a PEM private key without passphrase that fits the certificate");
    if (SSL_CTX_check_private_key(context->ssl) != 1)
        return complain(c, "tls.key", s->key, "not the key of tls.certificate");
    context->expiry_s =
        tls_asn1_seconds(X509_get0_notAfter(SSL_CTX_get0_certificate(context->ssl)));
    if (context->expiry_s < clock_wall_ns() / NS_PER_S)
        log_warn("the server certificate has expired; senders will refuse it",
                 LOG_TEXT("file", s->certificate));
    return STATUS_OK;
}

static enum status load_client_ca(struct tls_context *context, const struct tls_settings *s,
                                  struct complaint *c)
{
    STACK_OF(X509_NAME) *names = s->client_ca ? SSL_load_client_CA_file(s->client_ca) : NULL;
    if (!names || SSL_CTX_load_verify_file(context->ssl, s->client_ca) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return complain_cause(c, "tls.client_ca", s->client_ca,
                              "not a PEM file with CA certificates");
    }
    SSL_CTX_set_client_CA_list(context->ssl, names);
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context->ssl));
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *ca = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        int64_t end = ca ? tls_asn1_seconds(X509_get0_notAfter(ca)) : INT64_MAX;
        context->ca_expiry_s = end < context->ca_expiry_s ? end : context->ca_expiry_s;
    }
    return STATUS_OK;
}

static enum status load_crl(struct tls_context *context, const struct tls_settings *s,
                            struct complaint *c)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context->ssl);
    size_t count = 0;
    if (!s->crl)
        return STATUS_OK;
    BIO *file = BIO_new_file(s->crl, "re");
    X509_CRL *crl;
    while (file && (crl = PEM_read_bio_X509_CRL(file, NULL, no_passphrase, NULL))) {
        int64_t end = tls_asn1_seconds(X509_CRL_get0_nextUpdate(crl));
        context->crl_expiry_s = end < context->crl_expiry_s ? end : context->crl_expiry_s;
        count += X509_STORE_add_crl(store, crl) == 1;
        X509_CRL_free(crl);
    }
    BIO_free(file);
    if (count == 0)
        return complain_cause(c, "tls.crl", s->crl, "not a PEM file with revocation lists");
    ERR_clear_error(); /* the end of the file counts as an error */
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return STATUS_OK;
}

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, SHA256_BYTES);
}

bool tls_context_denies(const struct tls_context *context, const uint8_t digest[SHA256_BYTES])
{
    return context->denied_count > 0 &&
           bsearch(digest, context->denied, context->denied_count, SHA256_BYTES, compare_digests);
}

/* 64 hex digits, colons between them allowed, then white space or a comment. */
static bool read_digest(const char *text, uint8_t digest[SHA256_BYTES])
{
    size_t digits = 0;
    for (; digits < (size_t)2 * SHA256_BYTES; text++) {
        int v = hex_digit_value(*text);
        if (*text == ':' && digits > 0)
            continue;
        if (v < 0)
            return false;
        digest[digits / 2] = (uint8_t)(digits % 2 ? digest[digits / 2] << 4 | v : v);
        digits++;
    }
    text += strspn(text, " \t\r\n");
    return *text == '\0' || *text == '#';
}

static bool add_denied(struct tls_context *context, const uint8_t digest[SHA256_BYTES])
{
    size_t n = context->denied_count;
    if ((n & (n - 1)) == 0) { /* grows at powers of two */
        void *more = realloc(context->denied, (n ? 2 * n : 1) * SHA256_BYTES);
        if (!more)
            return false;
        context->denied = (uint8_t *)more;
    }
    memcpy(context->denied + n * SHA256_BYTES, digest, SHA256_BYTES);
    context->denied_count++;
    return true;
}

static enum status load_deny_list(struct tls_context *context, const struct tls_settings *s,
                                  struct complaint *c)
{
    char line[512], what[128];
    uint8_t digest[SHA256_BYTES];
    unsigned number = 0;
    enum status status = STATUS_OK;
    if (!s->deny_list)
        return STATUS_OK;
    FILE *file = fopen(s->deny_list, "re");
    if (!file)
        return complain(c, "tls.deny_list", s->deny_list, strerror(errno));
    while (status == STATUS_OK && fgets(line, sizeof(line), file)) {
        const char *text = line + strspn(line, " \t\r\n");
        number++;
        if (*text == '\0' || *text == '#')
            continue;
        if (!read_digest(text, digest)) {
            snprintf(what, sizeof(what), "line %u is not a SHA-256 fingerprint of 64 hex digits",
                     number);
            status = complain(c, "tls.deny_list", s->deny_list, what);
        } else if (!add_denied(context, digest)) {
            status = STATUS_NO_MEMORY;
        }
    }
    fclose(file);
    if (context->denied_count > 0)
        qsort(context->denied, context->denied_count, SHA256_BYTES, compare_digests);
    return status;
}

/* The only protocol spoken is HTTP/1.1; a client that offers others only is told so (RFC 7301). */
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
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, NULL);
    if (s->client_auth != CLIENT_AUTH_OFF) {
        /* A resumed session skips verification: a revoked certificate would go on working. */
        SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(ssl, 0);
        SSL_CTX_set_verify(
            ssl,
            SSL_VERIFY_PEER |
                (s->client_auth == CLIENT_AUTH_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
            tls_session_verify);
        /* A fleet's sub-CA may be the anchor: its root vouches for others too. */
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN);
    }
    return SSL_CTX_set_min_proto_version(ssl, s->min_version ? TLS1_3_VERSION : TLS1_2_VERSION) ==
               1 &&
           SSL_CTX_set_cipher_list(ssl, CIPHERS_TLS_1_2) == 1 &&
           SSL_CTX_set_session_id_context(ssl, (const unsigned char *)"vsocd", 5) == 1;
}

enum status tls_context_create(const struct tls_settings *settings, struct tls_context **out,
                               char *reason, size_t reason_size)
{
    struct complaint c = {reason, reason_size};
    struct tls_context *context = (struct tls_context *)calloc(1, sizeof(*context));
    if (!context)
        return STATUS_NO_MEMORY;
    ERR_clear_error();
    atomic_init(&context->references, 1);
    context->expiry_s = context->ca_expiry_s = context->crl_expiry_s = INT64_MAX;
    context->ssl = SSL_CTX_new(TLS_server_method());
    enum status status =
        context->ssl && configure(context, settings) ? STATUS_OK : STATUS_NO_MEMORY;
    if (status == STATUS_OK)
        status = load_certificate(context, settings, &c);
    if (status == STATUS_OK && settings->client_auth != CLIENT_AUTH_OFF)
        status = load_client_ca(context, settings, &c);
    if (status == STATUS_OK && settings->client_auth != CLIENT_AUTH_OFF)
        status = load_crl(context, settings, &c);
    if (status == STATUS_OK && settings->client_auth != CLIENT_AUTH_OFF)
        status = load_deny_list(context, settings, &c);
    if (status != STATUS_OK) {
        if (status == STATUS_NO_MEMORY)
            snprintf(reason, reason_size, "no memory for a TLS context");
        tls_context_release(context);
        return status;
    }
    *out = context;
    return STATUS_OK;
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
    free(context->denied);
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
