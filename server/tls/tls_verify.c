/* tls_verify.c: checks of a sender's chain beyond those of OpenSSL, and the messages of failures.
 * Workers, at handshakes and at rechecks of open connections. */
#include "server/tls/tls_context.h"
#include "core/log/problem.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include "core/thread.h"
#include "server/identity/cert_names.h"

static int verification_index = -1;
static pthread_once_t index_once = PTHREAD_ONCE_INIT;

static void make_index(void)
{
    verification_index = X509_STORE_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    ensure(verification_index >= 0);
}

bool tls_verify_with(X509_STORE_CTX *store, struct tls_verification *v)
{
    pthread_once(&index_once, make_index);
    if (X509_STORE_CTX_set_ex_data(store, verification_index, v) != 1)
        return false;
    X509_STORE_CTX_set_verify_cb(store, tls_verify_one);
    return true;
}

static struct tls_verification *verification_of(X509_STORE_CTX *store)
{
    pthread_once(&index_once, make_index);
    struct tls_verification *v =
        (struct tls_verification *)X509_STORE_CTX_get_ex_data(store, verification_index);
    SSL *session = (SSL *)X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    return v ? v : tls_session_verification(session);
}

/* A name without anything that could be a VIN: runs of 11 letters and digits and more, with a digit
 * among them, are "…". */
static void mask_name(const X509_NAME *name, char *out, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    long n = 0;
    size_t at = 0;
    if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0)
        n = BIO_get_mem_data(bio, &data);
    for (long i = 0; i < n && at + 4 < size;) {
        long run = 0;
        bool digit = false;
        while (i + run < n && ((data[i + run] >= '0' && data[i + run] <= '9') ||
                               ((data[i + run] | 32) >= 'a' && (data[i + run] | 32) <= 'z'))) {
            digit |= data[i + run] <= '9';
            run++;
        }
        if (run >= 11 && digit) {
            memcpy(out + at, "…", sizeof "…" - 1);
            at += sizeof "…" - 1;
        } else {
            long copied = run ? run : 1;
            for (long k = 0; k < copied && at + 4 < size; k++)
                out[at++] = (unsigned char)data[i + k] < 0x20 ? '?' : data[i + k];
        }
        i += run ? run : 1;
    }
    out[at] = '\0';
    BIO_free(bio);
}

void tls_refused_destroy(struct tls_refused *refused)
{
    if (!refused)
        return;
    X509_free(refused->certificate);
    free(refused);
}

/* Whether every signature up to a CA of tls.client_ca is valid. OpenSSL checks revocation lists
 * before it checks signatures. */
static bool is_signed_by_ca(X509_STORE_CTX *store)
{
    const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
    int n = chain ? sk_X509_num(chain) : 0, untrusted = X509_STORE_CTX_get_num_untrusted(store);
    if (n == 0 || untrusted >= n)
        return false;
    for (int i = 0; i < untrusted; i++)
        if (X509_verify(sk_X509_value(chain, i), X509_get0_pubkey(sk_X509_value(chain, i + 1))) !=
            1)
            return false;
    return true;
}

/* The refused certificate is the sender's own, whichever one of its chain was the reason. */
static void note_refused(struct tls_verification *v, X509_STORE_CTX *store)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    if (!leaf || v->refused || X509_digest(leaf, EVP_sha256(), digest, &size) != 1 ||
        size != SHA256_BYTES)
        return;
    struct tls_refused *r = (struct tls_refused *)calloc(1, sizeof *r);
    if (!r)
        return;
    v->refused = r;
    cert_hex(digest, SHA256_BYTES, r->fingerprint);
    const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
    size_t n = (size_t)ASN1_STRING_length((const ASN1_STRING *)serial);
    cert_hex(ASN1_STRING_get0_data((const ASN1_STRING *)serial),
             n < TLS_SERIAL_BYTES ? n : TLS_SERIAL_BYTES, r->serial);
    mask_name(X509_get_subject_name(leaf), r->subject, sizeof r->subject);
    mask_name(X509_get_issuer_name(leaf), r->issuer, sizeof r->issuer);
    if (is_signed_by_ca(store) && X509_up_ref(leaf) == 1)
        r->certificate = leaf;
    ERR_clear_error();
}

/* Whether only the list of an anchor's issuer is missing: a sub-CA may be trusted without its root,
 * and tls.client_ca decides about anchors. */
static bool is_anchor_without_list(X509_STORE_CTX *store)
{
    int last = sk_X509_num(X509_STORE_CTX_get0_chain(store)) - 1;
    return X509_STORE_CTX_get_error(store) == X509_V_ERR_UNABLE_TO_GET_CRL &&
           X509_STORE_CTX_get_error_depth(store) == last && last > 0;
}

bool tls_has_client_eku(X509 *certificate)
{
    return (X509_get_extension_flags(certificate) & EXFLAG_XKUSAGE) &&
           (X509_get_extended_key_usage(certificate) & XKU_SSL_CLIENT);
}

int tls_verify_one(int good, X509_STORE_CTX *store)
{
    struct tls_verification *v = verification_of(store);
    X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    if (!good && is_anchor_without_list(store)) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    if (good && certificate && tls_denies(&v->context->denied, certificate)) {
        v->verdict = TLS_VERDICT_DENIED;
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REVOKED);
        good = 0;
    } else if (good && certificate && v->context->need_client_eku &&
               X509_STORE_CTX_get_error_depth(store) == 0 && !tls_has_client_eku(certificate)) {
        v->verdict = TLS_VERDICT_NO_EKU;
        X509_STORE_CTX_set_error(store, X509_V_ERR_INVALID_PURPOSE);
        good = 0;
    }
    if (!good)
        note_refused(v, store);
    return good;
}

static enum tls_result result_of(long error)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return TLS_RESULT_expired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return TLS_RESULT_not_yet_valid;
    case X509_V_ERR_CERT_REVOKED:
        return TLS_RESULT_revoked;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
        return TLS_RESULT_no_valid_crl;
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
        return TLS_RESULT_chain_too_long;
    default:
        return TLS_RESULT_bad_certificate;
    }
}

enum tls_result tls_verify_reason(const struct tls_verification *v, long error,
                                  struct problem *problem)
{
    if (v->verdict == TLS_VERDICT_DENIED) {
        problem_say(problem, "client certificate is on tls.deny_list");
        return TLS_RESULT_denied;
    }
    if (v->verdict == TLS_VERDICT_NO_EKU) {
        problem_say(problem,
                    "client certificate: its extended key usage does not include clientAuth "
                    "(tls.client_eku)");
        return TLS_RESULT_no_client_eku;
    }
    problem_say(problem, "client certificate: %s%s", X509_verify_cert_error_string(error),
                error == X509_V_ERR_CERT_CHAIN_TOO_LONG ? " (tls.chain_depth)" : "");
    return result_of(error);
}
