/* TLS of client connections. Runs on the generator's only thread. It does no resumption on
 * purpose: every connection costs the server a full handshake, as a fleet's do. */
#include "fleet_tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct fleet_tls {
    SSL_CTX *context;
    const char *host;
};

static bool complain(const char *what, const char *path)
{
    unsigned long code = ERR_get_error();
    fprintf(stderr, "fleet: cannot use %s %s: %s\n", what, path,
            code != 0 ? ERR_reason_error_string(code) : "unknown error");
    return false;
}

static bool load_trust(SSL_CTX *context, const char *ca)
{
    if (ca == NULL)
        return SSL_CTX_set_default_verify_paths(context) == 1 ||
               complain("trusted certificates", "of the system");
    return SSL_CTX_load_verify_locations(context, ca, NULL) == 1 || complain("CA certificates", ca);
}

static bool load_identity(SSL_CTX *context, const char *certificate, const char *key)
{
    if (certificate == NULL)
        return true;
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
        return complain("certificate", certificate);
    const char *key_path = key != NULL ? key : certificate;
    return SSL_CTX_use_PrivateKey_file(context, key_path, SSL_FILETYPE_PEM) == 1 ||
           complain("key", key_path);
}

struct fleet_tls *fleet_tls_create(const struct fleet_tls_settings *settings)
{
    struct fleet_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL)
        return NULL;
    tls->host = settings->host;
    tls->context = SSL_CTX_new(TLS_client_method());
    if (tls->context == NULL || !load_trust(tls->context, settings->ca) ||
        !load_identity(tls->context, settings->certificate, settings->key)) {
        fleet_tls_destroy(tls);
        return NULL;
    }
    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(tls->context, SSL_SESS_CACHE_OFF);
    /* Replies carry their length, so a missing close_notify cannot hide a cut one. */
    SSL_CTX_set_options(tls->context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
    return tls;
}

void fleet_tls_destroy(struct fleet_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

static bool expect_host(SSL *ssl, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    /* The macro takes the name without const and does not change it. */
    return SSL_set_tlsext_host_name(ssl, (char *)(uintptr_t)host) == 1 &&
           SSL_set1_host(ssl, host) == 1;
}

SSL *fleet_tls_begin(struct fleet_tls *tls, int fd)
{
    SSL *ssl = SSL_new(tls->context);
    if (ssl == NULL)
        return NULL;
    SSL_set_connect_state(ssl);
    if (SSL_set_fd(ssl, fd) == 1 && expect_host(ssl, tls->host))
        return ssl;
    SSL_free(ssl);
    return NULL;
}

void fleet_tls_end(SSL *ssl, bool say_goodbye)
{
    if (ssl == NULL)
        return;
    if (say_goodbye) {
        (void)SSL_shutdown(ssl);
        ERR_clear_error();
    }
    SSL_free(ssl);
}
