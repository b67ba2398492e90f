/* tls_crl.c: tls.crl: every list is checked before it is used, because one that is forged, expired
 * or from the wrong CA would lock out a fleet. Main thread. OpenSSL looks up certificates in the
 * lists. */
#include "server/tls/tls_context.h"

#include <stdio.h>
#include <stdlib.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include "core/clock.h"

#define NAME_BYTES 96

/* The CAs of tls.client_ca, and which of them have a list. */
struct authorities {
    STACK_OF(X509_OBJECT) * objects;
    bool *listed;
    int count;
};

static X509 *authority_at(const struct authorities *a, int i)
{
    return X509_OBJECT_get0_X509(sk_X509_OBJECT_value(a->objects, i));
}

static void print_name(const X509_NAME *name, char text[NAME_BYTES])
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    long size = 0;
    if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
        size = BIO_get_mem_data(bio, &data);
    snprintf(text, NAME_BYTES, "%.*s", (int)(size > 0 ? size : 0), data ? data : "");
    BIO_free(bio);
}

static enum status complain(struct problem *problem, const char *path, const X509_NAME *issuer,
                            const char *what)
{
    char name[NAME_BYTES], text[256];
    print_name(issuer, name);
    snprintf(text, sizeof text, "the list of %s %s", name, what);
    return tls_complain(problem, "tls.crl", path, text);
}

/* CA certificates of one name may have different keys: the one that verifies the signature counts.
 */
static const char *find_authority(const struct authorities *a, X509_CRL *crl, int *at)
{
    const char *flaw = "was issued by no CA of tls.client_ca: add that CA's certificate there";
    for (int i = 0; i < a->count; i++) {
        X509 *ca = authority_at(a, i);
        if (!ca || X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(ca)) != 0)
            continue;
        flaw = "is not signed by that CA";
        if (X509_CRL_verify(crl, X509_get0_pubkey(ca)) != 1)
            continue;
        *at = i;
        return NULL;
    }
    return flaw;
}

static const char *check_times(const X509_CRL *crl, int64_t now_s)
{
    const ASN1_TIME *from = X509_CRL_get0_lastUpdate(crl), *to = X509_CRL_get0_nextUpdate(crl);
    if (!to)
        return "has no nextUpdate: its end of validity is unknown";
    if (tls_asn1_seconds(from) > now_s)
        return "is not valid yet (thisUpdate is in the future; check the clock)";
    if (tls_asn1_seconds(to) <= now_s)
        return "has expired (nextUpdate has passed): fetch the CA's current one";
    return NULL;
}

static enum status take(struct tls_context *context, struct authorities *a, X509_CRL *crl,
                        const char *path, struct problem *problem)
{
    const X509_NAME *issuer = X509_CRL_get_issuer(crl);
    int at = 0;
    const char *flaw = find_authority(a, crl, &at);
    if (!flaw)
        flaw = check_times(crl, clock_wall_ns() / NS_PER_S);
    if (!flaw && a->listed[at])
        flaw = "is in the file twice: keep one list for each CA";
    if (flaw)
        return complain(problem, path, issuer, flaw);
    a->listed[at] = true;
    int64_t end = tls_asn1_seconds(X509_CRL_get0_nextUpdate(crl));
    context->crl_expiry_s = end < context->crl_expiry_s ? end : context->crl_expiry_s;
    return X509_STORE_add_crl(SSL_CTX_get_cert_store(context->ssl), crl) == 1 ? STATUS_OK
                                                                              : STATUS_NO_MEMORY;
}

/* Another CA certificate with the same name and key needs no list of its own. */
static bool has_twin(const struct authorities *a, int at)
{
    X509 *ca = authority_at(a, at);
    for (int i = 0; i < a->count; i++) {
        X509 *other = authority_at(a, i);
        if (i != at && other && a->listed[i] &&
            !X509_NAME_cmp(X509_get_subject_name(ca), X509_get_subject_name(other)) &&
            EVP_PKEY_eq(X509_get0_pubkey(ca), X509_get0_pubkey(other)) == 1)
            return true;
    }
    return false;
}

static enum status check_all_listed(const struct authorities *a, const char *path,
                                    struct problem *problem)
{
    for (int i = 0; i < a->count; i++)
        if (authority_at(a, i) && !a->listed[i] && !has_twin(a, i))
            return complain(problem, path, X509_get_subject_name(authority_at(a, i)),
                            "is missing: without it every certificate of this CA is refused");
    return STATUS_OK;
}

static enum status take_all(struct tls_context *context, struct authorities *a, struct slice text,
                            const char *path, struct problem *problem)
{
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.size);
    enum status s = bio ? STATUS_OK : STATUS_NO_MEMORY;
    X509_CRL *crl = NULL;
    size_t count = 0;
    while (s == STATUS_OK && (crl = PEM_read_bio_X509_CRL(bio, NULL, tls_no_passphrase, NULL))) {
        s = take(context, a, crl, path, problem);
        X509_CRL_free(crl);
        count++;
    }
    BIO_free(bio);
    if (s != STATUS_OK)
        return s;
    /* OpenSSL reports the end of the file as an error; every other error is damage. */
    if (count == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return tls_complain_cause(problem, "tls.crl", path, "not a PEM file with revocation lists");
    ERR_clear_error();
    return check_all_listed(a, path, problem);
}

enum status tls_load_crl(struct tls_context *context, const struct tls_settings *settings,
                         struct problem *problem)
{
    struct writer file;
    X509_STORE *store = SSL_CTX_get_cert_store(context->ssl);
    if (!settings->crl)
        return STATUS_OK;
    enum status s = tls_file_read(problem, "tls.crl", settings->crl, TRUSTED_PUBLIC, &file);
    /* Lists are added to the store as well, so the CAs are the entries before that. */
    struct authorities a = {.objects = sk_X509_OBJECT_dup(X509_STORE_get0_objects(store))};
    a.count = a.objects ? sk_X509_OBJECT_num(a.objects) : 0;
    a.listed = (bool *)calloc((size_t)a.count + 1, sizeof *a.listed);
    if (s == STATUS_OK && (!a.objects || !a.listed))
        s = STATUS_NO_MEMORY;
    ERR_clear_error();
    if (s == STATUS_OK)
        s = take_all(context, &a, writer_slice(&file), settings->crl, problem);
    if (s == STATUS_OK)
        X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    sk_X509_OBJECT_free(a.objects);
    free(a.listed);
    writer_fini(&file);
    return s;
}
