/* cert_file.c: reads a certificate, PEM or DER, and its chain, for subcommands. Main thread. */
#include "server/identity/cert_file.h"

#include <openssl/err.h>
#include <openssl/pem.h>

static int no_passphrase(char *buffer, int size, int writing, void *arg)
{
    (void)buffer, (void)size, (void)writing, (void)arg;
    return -1;
}

X509 *cert_file_read(const char *path)
{
    BIO *file = BIO_new_file(path, "re");
    X509 *certificate = file ? PEM_read_bio_X509_AUX(file, NULL, no_passphrase, NULL) : NULL;
    if (file && !certificate && BIO_reset(file) == 0)
        certificate = d2i_X509_bio(file, NULL);
    BIO_free(file);
    ERR_clear_error();
    return certificate;
}

void cert_file_free(X509 *certificate)
{
    X509_free(certificate);
}

bool cert_file_read_chain(const char *path, STACK_OF(X509) * *out)
{
    BIO *file = BIO_new_file(path, "re");
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509 *first = file ? PEM_read_bio_X509_AUX(file, NULL, no_passphrase, NULL) : NULL;
    X509 *more = NULL;
    bool good = chain != NULL;
    ERR_clear_error();
    while (good && first && (more = PEM_read_bio_X509(file, NULL, no_passphrase, NULL)))
        good = sk_X509_push(chain, more) > 0;
    if (!good)
        X509_free(more);
    if (good && first && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        good = false;
    X509_free(first);
    BIO_free(file);
    ERR_clear_error();
    if (good)
        *out = chain;
    else
        cert_file_free_chain(chain);
    return good;
}

void cert_file_free_chain(STACK_OF(X509) * chain)
{
    sk_X509_pop_free(chain, X509_free);
}
