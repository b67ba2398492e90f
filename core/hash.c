/* hash.c: SHA-256 and HMAC-SHA-256 through OpenSSL's EVP, random bytes from the kernel. Any thread;
 * a context has one owner. CRC32C is in crc32c.c. */
#include "core/hash.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "core/thread.h"

struct sha256 {
    EVP_MD_CTX *context;
};

struct hmac {
    EVP_MAC_CTX *context;
};

/* Fetched once: a fetch by name costs more than hashing an event. */
static EVP_MD *sha256_method;
static EVP_MAC *hmac_method;
static pthread_key_t thread_sha256_key; /* struct sha256 of each thread, for sha256_bytes */
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;
static _Thread_local struct sha256 *thread_sha256;

static void thread_sha256_destroy(void *value)
{
    thread_sha256 = NULL;
    sha256_destroy(value);
}

static void methods_fetch(void)
{
    sha256_method = EVP_MD_fetch(NULL, "SHA256", NULL);
    hmac_method = EVP_MAC_fetch(NULL, "HMAC", NULL);
    ensure(sha256_method && hmac_method);
    int err = pthread_key_create(&thread_sha256_key, thread_sha256_destroy);
    ensure(err == 0);
}

struct sha256 *sha256_create(void)
{
    pthread_once(&fetch_once, methods_fetch);
    struct sha256 *h = malloc(sizeof *h);
    if (!h)
        return NULL;
    h->context = EVP_MD_CTX_new();
    if (!h->context || EVP_DigestInit_ex2(h->context, sha256_method, NULL) != 1) {
        sha256_destroy(h);
        return NULL;
    }
    return h;
}

void sha256_destroy(struct sha256 *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->context);
    free(h);
}

void sha256_start(struct sha256 *h)
{
    int ok = EVP_DigestInit_ex2(h->context, NULL, NULL);
    ensure(ok == 1);
}

void sha256_update(struct sha256 *h, struct slice data)
{
    int ok = EVP_DigestUpdate(h->context, data.data, data.size);
    ensure(ok == 1);
}

void sha256_finish(struct sha256 *h, uint8_t digest[SHA256_BYTES])
{
    int ok = EVP_DigestFinal_ex(h->context, digest, NULL);
    ensure(ok == 1);
}

void sha256_bytes(struct slice data, uint8_t digest[SHA256_BYTES])
{
    if (!thread_sha256) {
        thread_sha256 = sha256_create();
        ensure(thread_sha256);
        pthread_setspecific(thread_sha256_key, thread_sha256);
    }
    sha256_start(thread_sha256);
    sha256_update(thread_sha256, data);
    sha256_finish(thread_sha256, digest);
}

struct hmac *hmac_create(struct slice key)
{
    pthread_once(&fetch_once, methods_fetch);
    struct hmac *h = malloc(sizeof *h);
    if (!h)
        return NULL;
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    const uint8_t *bytes = key.size ? key.data : (const uint8_t *)""; /* NULL would mean: no key */
    h->context = EVP_MAC_CTX_new(hmac_method);
    if (!h->context || EVP_MAC_init(h->context, bytes, key.size, params) != 1) {
        hmac_destroy(h);
        return NULL;
    }
    return h;
}

void hmac_destroy(struct hmac *h)
{
    if (!h)
        return;
    EVP_MAC_CTX_free(h->context);
    free(h);
}

void hmac_compute(struct hmac *h, struct slice data, uint8_t mac[SHA256_BYTES])
{
    size_t size = 0;
    /* Without a key: starts over with the one that is set. */
    bool ok = EVP_MAC_init(h->context, NULL, 0, NULL) == 1 &&
              EVP_MAC_update(h->context, data.data, data.size) == 1 &&
              EVP_MAC_final(h->context, mac, &size, SHA256_BYTES) == 1;
    ensure(ok && size == SHA256_BYTES);
}

void random_bytes(void *out, size_t size)
{
    uint8_t *at = out;
    while (size) {
        ssize_t n = getrandom(at, size, 0);
        if (n < 0 && errno == EINTR)
            continue;
        ensure(n > 0);
        at += n;
        size -= (size_t)n;
    }
}
