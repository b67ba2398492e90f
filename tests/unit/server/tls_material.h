/* tls_material.h: keys, certificates and revocation lists for tests, made on the spot. */
#ifndef VSOC_TESTS_TLS_MATERIAL_H
#define VSOC_TESTS_TLS_MATERIAL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

struct identity {
    X509 *certificate;
    EVP_PKEY *key;
};

static inline void tm_add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/* Valid between so many seconds from now. issuer NULL: self-signed. san, eku NULL: none. */
static inline struct identity tm_issue_between(const struct identity *issuer, bool ca,
                                               const char *name, const char *san, const char *eku,
                                               long from, long seconds)
{
    static long serial;
    struct identity me = {X509_new(), EVP_EC_gen("P-256")};
    const struct identity *by = issuer ? issuer : &me;
    X509_set_version(me.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(me.certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(me.certificate), from);
    X509_gmtime_adj(X509_getm_notAfter(me.certificate), seconds);
    X509_NAME *subject = X509_get_subject_name(me.certificate);
    X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const unsigned char *)"tenant-a", -1,
                               -1, 0);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
                               0);
    X509_set_issuer_name(me.certificate, X509_get_subject_name(by->certificate));
    X509_set_pubkey(me.certificate, me.key);
    tm_add_extension(me.certificate, by->certificate, NID_basic_constraints,
                     ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (ca)
        tm_add_extension(me.certificate, by->certificate, NID_key_usage,
                         "critical,keyCertSign,cRLSign");
    if (san)
        tm_add_extension(me.certificate, by->certificate, NID_subject_alt_name, san);
    if (eku)
        tm_add_extension(me.certificate, by->certificate, NID_ext_key_usage, eku);
    assert_true(X509_sign(me.certificate, by->key, EVP_sha256()) > 0);
    return me;
}

/* The same from an hour ago, without extended key usage. */
static inline struct identity tm_issue(const struct identity *issuer, bool ca, const char *name,
                                       const char *san, long seconds)
{
    return tm_issue_between(issuer, ca, name, san, NULL, -3600, seconds);
}

static inline void tm_free(struct identity *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}

static inline const char *tm_path(const char *directory, const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
    return path;
}

static inline void tm_write_certificate(const char *path, X509 *certificate)
{
    FILE *file = fopen(path, "w");
    PEM_write_X509(file, certificate);
    fclose(file);
}

static inline void tm_write_key(const char *path, EVP_PKEY *key, const char *passphrase)
{
    FILE *file = fopen(path, "w");
    PEM_write_PrivateKey(file, key, passphrase ? EVP_aes_128_cbc() : NULL,
                         (const unsigned char *)passphrase,
                         passphrase ? (int)strlen(passphrase) : 0, NULL, NULL);
    fclose(file);
    assert_int_equal(chmod(path, 0600), 0);
}

static inline void tm_write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}

/* Appends a list of issuer's that signer signs, of between so many seconds from now; seconds 0: no
 * nextUpdate. */
static inline void tm_add_crl(const char *path, const struct identity *issuer,
                              const struct identity *signer, X509 *revoked, long from, long seconds)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *time = X509_gmtime_adj(NULL, from);
    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->certificate));
    X509_CRL_set1_lastUpdate(crl, time);
    X509_gmtime_adj(time, seconds);
    if (seconds)
        X509_CRL_set1_nextUpdate(crl, time);
    if (revoked) {
        X509_REVOKED *row = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(row, X509_get_serialNumber(revoked));
        X509_gmtime_adj(time, -60);
        X509_REVOKED_set_revocationDate(row, time);
        X509_CRL_add0_revoked(crl, row);
    }
    ASN1_TIME_free(time);
    X509_CRL_sort(crl);
    assert_true(X509_CRL_sign(crl, signer->key, EVP_sha256()) > 0);
    FILE *file = fopen(path, "a");
    PEM_write_X509_CRL(file, crl);
    fclose(file);
    X509_CRL_free(crl);
}

static inline void tm_write_crl(const char *path, const struct identity *issuer, X509 *revoked,
                                long seconds)
{
    remove(path);
    tm_add_crl(path, issuer, issuer, revoked, -3600, seconds);
}

static inline void tm_fingerprint(X509 *certificate, char text[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    X509_digest(certificate, EVP_sha256(), digest, &size);
    for (unsigned i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

#endif
