/* tls_files.c: the PEM files of a TLS context: certificate, chain and key of the server, CAs of
 * senders. Main thread. Revocation lists are in tls_crl.c. */
#define LOG_COMPONENT "tls"
#include "server/tls/tls_context.h"
#include "core/log/problem.h"

#include <stdio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include "core/clock.h"
#include "core/log/log.h"

int64_t tls_asn1_seconds(const ASN1_TIME *time)
{
    struct tm tm;
    return time && ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : INT64_MAX;
}

int tls_no_passphrase(char *buffer, int size, int writing, void *arg)
{
    (void)buffer, (void)size, (void)writing, (void)arg;
    return -1;
}

enum status tls_complain(struct problem *problem, const char *setting, const char *path,
                         const char *what)
{
    problem_say(problem, "%s: %s: %s", setting, path ? path : "(not set)", what);
    ERR_clear_error();
    return STATUS_CONFIG;
}

enum status tls_complain_cause(struct problem *problem, const char *setting, const char *path,
                               const char *otherwise)
{
    unsigned long error = ERR_peek_error();
    const char *cause = error ? ERR_reason_error_string(error) : NULL;
    char what[200];
    snprintf(what, sizeof(what), "%s%s%s%s", otherwise, cause ? " (" : "", cause ? cause : "",
             cause ? ")" : "");
    return tls_complain(problem, setting, path, what);
}

enum status tls_file_read(struct problem *problem, const char *setting, const char *path,
                          enum trusted_kind kind, struct writer *out)
{
    struct problem unread;
    writer_init(out, 0);
    if (!path)
        return tls_complain(problem, setting, path, "a file is needed");
    enum status s = trusted_file_read(path, kind, out, &unread);
    if (s == STATUS_OK)
        return s;
    tls_complain(problem, setting, path, unread.text);
    return status_is_passing(s) ? s : STATUS_CONFIG;
}

static BIO *bio_of(const struct writer *file)
{
    return BIO_new_mem_buf(file->data, (int)file->size);
}

/* All certificates after the first one. False: damage. */
static bool use_chain(SSL_CTX *ssl, BIO *bio)
{
    X509 *more;
    SSL_CTX_clear_chain_certs(ssl);
    while ((more = PEM_read_bio_X509(bio, NULL, tls_no_passphrase, NULL)))
        if (SSL_CTX_add0_chain_cert(ssl, more) != 1) {
            X509_free(more);
            return false;
        }
    bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (end)
        ERR_clear_error();
    return end;
}

static enum status use_certificate(struct tls_context *context, const struct tls_settings *s,
                                   struct problem *problem)
{
    struct writer file;
    enum status status =
        tls_file_read(problem, "tls.certificate", s->certificate, TRUSTED_PUBLIC, &file);
    if (status == STATUS_OK) {
        BIO *bio = bio_of(&file);
        X509 *first = bio ? PEM_read_bio_X509_AUX(bio, NULL, tls_no_passphrase, NULL) : NULL;
        if (!first || SSL_CTX_use_certificate(context->ssl, first) != 1 ||
            !use_chain(context->ssl, bio))
            status = tls_complain_cause(problem, "tls.certificate", s->certificate,
                                        "not a PEM file with a certificate and its chain");
        X509_free(first);
        BIO_free(bio);
    }
    writer_fini(&file);
    return status;
}

static enum status use_key(struct tls_context *context, const struct tls_settings *s,
                           struct problem *problem)
{
    struct writer file;
    enum status status = tls_file_read(problem, "tls.key", s->key, TRUSTED_SECRET, &file);
    if (status == STATUS_OK) {
        BIO *bio = bio_of(&file);
        EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, tls_no_passphrase, NULL) : NULL;
        if (!key || SSL_CTX_use_PrivateKey(context->ssl, key) != 1)
            status = tls_complain_cause(
                problem, "tls.key", s->key,
                "not a PEM private key without passphrase that matches the certificate");
        EVP_PKEY_free(key);
        BIO_free(bio);
    }
    if (file.data)
        OPENSSL_cleanse(file.data, file.size);
    writer_fini(&file);
    return status;
}

enum status tls_load_certificate(struct tls_context *context, const struct tls_settings *s,
                                 struct problem *problem)
{
    enum status status = use_certificate(context, s, problem);
    if (status == STATUS_OK)
        status = use_key(context, s, problem);
    if (status != STATUS_OK)
        return status;
    if (SSL_CTX_check_private_key(context->ssl) != 1)
        return tls_complain(problem, "tls.key", s->key, "not the key of tls.certificate");
    context->expiry_s =
        tls_asn1_seconds(X509_get0_notAfter(SSL_CTX_get0_certificate(context->ssl)));
    if (context->expiry_s < clock_wall_ns() / NS_PER_S)
        log_warn("the server certificate has expired; senders will refuse it",
                 LOG_TEXT("file", s->certificate));
    return STATUS_OK;
}

static bool has_name(STACK_OF(X509_NAME) * names, const X509_NAME *name)
{
    for (int i = 0; i < sk_X509_NAME_num(names); i++)
        if (!X509_NAME_cmp(sk_X509_NAME_value(names, i), name))
            return true;
    return false;
}

static bool take_ca(struct tls_context *context, STACK_OF(X509_NAME) * names, X509 *ca)
{
    const X509_NAME *subject = X509_get_subject_name(ca);
    int64_t end = tls_asn1_seconds(X509_get0_notAfter(ca));
    context->ca_expiry_s = end < context->ca_expiry_s ? end : context->ca_expiry_s;
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context->ssl), ca) != 1)
        return false;
    if (has_name(names, subject))
        return true;
    X509_NAME *copy = X509_NAME_dup(subject);
    bool good = copy && sk_X509_NAME_push(names, copy) > 0;
    if (!good)
        X509_NAME_free(copy);
    return good;
}

enum status tls_load_client_ca(struct tls_context *context, const struct tls_settings *s,
                               struct problem *problem)
{
    struct writer file;
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    enum status status =
        tls_file_read(problem, "tls.client_ca", s->client_ca, TRUSTED_PUBLIC, &file);
    if (status == STATUS_OK && !names)
        status = STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        BIO *bio = bio_of(&file);
        X509 *ca;
        bool good = bio != NULL;
        while (good && (ca = PEM_read_bio_X509(bio, NULL, tls_no_passphrase, NULL))) {
            good = take_ca(context, names, ca);
            X509_free(ca);
        }
        if (!good || !sk_X509_NAME_num(names) ||
            ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
            status = tls_complain_cause(problem, "tls.client_ca", s->client_ca,
                                        "not a PEM file with CA certificates");
        BIO_free(bio);
        ERR_clear_error();
    }
    writer_fini(&file);
    if (status == STATUS_OK)
        SSL_CTX_set_client_CA_list(context->ssl, names);
    else
        sk_X509_NAME_pop_free(names, X509_NAME_free);
    return status;
}
