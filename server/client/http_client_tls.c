/* http_client_tls.c: OpenSSL for the client: verifies the server's chain and name. Main thread.
 * Does not touch the listener's TLS (tls.c). */
#include "server/client/http_client_tls.h"
#include "core/log/problem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "server/files/trusted_file.h"

static void explain(struct problem *problem, const char *what, const char *name)
{
    char text[160] = "";
    unsigned long code = ERR_peek_last_error();
    if (code)
        ERR_error_string_n(code, text, sizeof text);
    problem_say(problem, "%s%s%s%.160s", what, name, *text ? ": " : "", text);
    ERR_clear_error();
}

/* Passes one PEM file to OpenSSL. file: a path of the checked descriptor. */
typedef bool use_file_fn(SSL_CTX *context, const char *file);

static bool use_cas(SSL_CTX *context, const char *file)
{
    return SSL_CTX_load_verify_locations(context, file, NULL) == 1;
}

static bool use_chain(SSL_CTX *context, const char *file)
{
    return SSL_CTX_use_certificate_chain_file(context, file) == 1;
}

static bool use_key(SSL_CTX *context, const char *file)
{
    return SSL_CTX_use_PrivateKey_file(context, file, SSL_FILETYPE_PEM) == 1 &&
           SSL_CTX_check_private_key(context) == 1;
}

/* what: names the file in the message if its content is wrong. */
static bool use_file(SSL_CTX *context, const char *path, enum trusted_kind kind, use_file_fn *use,
                     const char *what, struct problem *reason)
{
    struct problem problem;
    char opened[32];
    int fd;
    if (trusted_file_open(path, kind, &fd, &problem) != STATUS_OK) {
        problem_say(reason, "'%s' %s", path, problem.text);
        return false;
    }
    snprintf(opened, sizeof opened, "/proc/self/fd/%d", fd);
    bool good = use(context, opened);
    if (!good)
        explain(reason, what, path);
    close(fd);
    return good;
}

static bool use_files(SSL_CTX *context, const struct http_client_options *o,
                      struct problem *problem)
{
    if (!o->ca && SSL_CTX_set_default_verify_paths(context) != 1) {
        explain(problem, "can't read CA certificates of ", "the system");
        return false;
    }
    if (o->ca && !use_file(context, o->ca, TRUSTED_PUBLIC, use_cas,
                           "can't read CA certificates of ", problem))
        return false;
    if (o->certificate && !use_file(context, o->certificate, TRUSTED_PUBLIC, use_chain,
                                    "can't read the certificate in ", problem))
        return false;
    const char *key = o->key ? o->key : o->certificate;
    return !key || use_file(context, key, TRUSTED_SECRET, use_key,
                            "no key that matches the certificate in ", problem);
}

enum status client_tls_create(const struct http_client_options *options, struct ssl_ctx_st **out,
                              struct problem *problem)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context)
        return STATUS_NO_MEMORY;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        !use_files(context, options, problem)) {
        SSL_CTX_free(context);
        return STATUS_CONFIG;
    }
    *out = context;
    return STATUS_OK;
}

void client_tls_destroy(struct ssl_ctx_st *context)
{
    SSL_CTX_free(context);
}

static bool name_server(SSL *session, const char *host)
{
    unsigned char address[16];
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host) == 1;
    return SSL_set_tlsext_host_name(session, (char *)(uintptr_t)host) == 1 &&
           SSL_set1_host(session, host) == 1;
}

/* What the caller can do about a chain that does not end at a trusted CA; "" if it does. */
static const char *advice_on_trust(long verdict)
{
    switch (verdict) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return "; `vsocd send` needs the file of its CA: --ca";
    default:
        return "";
    }
}

/* The server ended the handshake; OpenSSL's reason names its alert. */
static void explain_alert(struct problem *problem, int reason)
{
    bool none = reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED;
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    problem_say(problem, "the server ended the TLS handshake: %s%s",
                text ? text : "no reason given",
                none ? "; `vsocd send` presents one with --cert and --key" : "");
    ERR_clear_error();
}

/* Explains a failed call. With a blocking socket, "want read" is its receive timeout. */
static enum status failure(SSL *session, int result, struct problem *problem)
{
    int error = SSL_get_error(session, result);
    long verdict = SSL_get_verify_result(session);
    if (verdict != X509_V_OK) {
        problem_say(problem, "the server's certificate is not trusted: %s%s",
                    X509_verify_cert_error_string(verdict), advice_on_trust(verdict));
        ERR_clear_error();
        return STATUS_REFUSED;
    }
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        problem_say(problem, "no answer in time");
        return STATUS_TIMEOUT;
    }
    int reason = error == SSL_ERROR_SSL ? ERR_GET_REASON(ERR_peek_last_error()) : 0;
    bool alert = reason >= SSL_AD_REASON_OFFSET;
    if (alert)
        explain_alert(problem, reason);
    else if (error == SSL_ERROR_SSL)
        explain(problem, "TLS failed", "");
    else
        problem_say(problem, "the server closed the connection");
    return alert ? STATUS_REFUSED : STATUS_CLOSED;
}

enum status client_tls_connect(struct ssl_ctx_st *context, int fd, const char *host,
                               struct ssl_st **out, struct problem *problem)
{
    SSL *session = SSL_new(context);
    if (!session || SSL_set_fd(session, fd) != 1 || !name_server(session, host)) {
        SSL_free(session);
        problem_say(problem, "no memory for TLS");
        return STATUS_NO_MEMORY;
    }
    ERR_clear_error();
    int n = SSL_connect(session);
    if (n == 1) {
        *out = session;
        return STATUS_OK;
    }
    enum status status = failure(session, n, problem);
    SSL_free(session);
    return status;
}

void client_tls_close(struct ssl_st *session)
{
    if (session)
        SSL_shutdown(session);
    SSL_free(session);
}

long client_tls_write(struct ssl_st *session, struct slice data, enum status *status,
                      struct problem *problem)
{
    size_t written = 0;
    ERR_clear_error();
    int n = SSL_write_ex(session, data.data, data.size, &written);
    if (n == 1)
        return (long)written;
    *status = failure(session, n, problem);
    return -1;
}

long client_tls_read(struct ssl_st *session, void *data, size_t size, enum status *status,
                     struct problem *problem)
{
    size_t got = 0;
    ERR_clear_error();
    int n = SSL_read_ex(session, data, size, &got);
    if (n == 1)
        return (long)got;
    if (SSL_get_error(session, n) == SSL_ERROR_ZERO_RETURN)
        return 0;
    *status = failure(session, n, problem);
    return -1;
}
