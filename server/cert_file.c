/* cert_file.c: reads one certificate, PEM or DER, for subcommands. Main thread. */
#include "server/cert_file.h"

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
