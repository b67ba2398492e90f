/* keyed_digest.c: a keyed digest of long data: GMAC through OpenSSL's AES-128-GCM, whose tag goes
 * through HMAC-SHA-256. Any thread; a context has one owner. */
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "core/keyed/keyed_digest.h"
#include "core/thread.h"

#define TAG_BYTES 16

struct keyed_digest {
    EVP_CIPHER_CTX *context;
    const struct keyed_digest_key *key;
};

/* Always the same: see keyed_digest.h. */
static const uint8_t nonce[12];
/* Fetched once: a fetch by name is slow. */
static EVP_CIPHER *method;
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static void method_fetch(void)
{
    method = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    ensure(method);
}

void keyed_digest_key_derive(const struct hmac_key *master, struct keyed_digest_key *key)
{
    uint8_t bytes[SHA256_BYTES];
    hmac_key_derive(master, "vsocd digest tag", SLICE_EMPTY, bytes);
    memcpy(key->gmac, bytes, sizeof key->gmac);
    hmac_key_derive(master, "vsocd digest", SLICE_EMPTY, bytes);
    hmac_key_init(&key->outer, slice_make(bytes, sizeof bytes));
    OPENSSL_cleanse(bytes, sizeof bytes);
}

struct keyed_digest *keyed_digest_create(const struct keyed_digest_key *key)
{
    pthread_once(&fetch_once, method_fetch);
    struct keyed_digest *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->key = key;
    d->context = EVP_CIPHER_CTX_new();
    if (d->context && EVP_EncryptInit_ex2(d->context, method, key->gmac, nonce, NULL) == 1)
        return d;
    keyed_digest_destroy(d);
    return NULL;
}

void keyed_digest_destroy(struct keyed_digest *d)
{
    if (!d)
        return;
    EVP_CIPHER_CTX_free(d->context);
    free(d);
}

void keyed_digest_start(struct keyed_digest *d)
{
    int ok = EVP_EncryptInit_ex2(d->context, NULL, NULL, nonce, NULL);
    ensure(ok == 1);
}

void keyed_digest_update(struct keyed_digest *d, struct slice data)
{
    int size;
    ensure(data.size <= INT_MAX);
    if (data.size == 0)
        return;
    int ok = EVP_EncryptUpdate(d->context, NULL, &size, data.data, (int)data.size);
    ensure(ok == 1);
}

void keyed_digest_finish(struct keyed_digest *d, uint8_t digest[SHA256_BYTES])
{
    uint8_t tag[TAG_BYTES];
    int size;
    int ok = EVP_EncryptFinal_ex(d->context, tag, &size);
    ensure(ok == 1);
    ok = EVP_CIPHER_CTX_ctrl(d->context, EVP_CTRL_AEAD_GET_TAG, sizeof tag, tag);
    ensure(ok == 1);
    hmac_key_compute(&d->key->outer, slice_make(tag, sizeof tag), digest);
}
