/* hash.c: SHA-256 and HMAC-SHA-256 through OpenSSL, random bytes from the kernel. Any thread; a
 * context has one owner. CRC32C is in crc32c.c. SHA-256 goes past OpenSSL's EVP layer, which costs
 * as much as hashing an event's id: the same assembler, half the time for short inputs. */
#define OPENSSL_SUPPRESS_DEPRECATED /* the SHA256_* calls; a digest needs no provider */
#include "core/hash.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/sha.h>

#include "core/thread.h"

struct sha256 {
    SHA256_CTX context;
};

struct hmac {
    EVP_MAC_CTX *context;
};

/* Fetched once: a fetch by name is slow. */
static EVP_MAC *hmac_method;
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static void method_fetch(void)
{
    hmac_method = EVP_MAC_fetch(NULL, "HMAC", NULL);
    ensure(hmac_method);
}

struct sha256 *sha256_create(void)
{
    struct sha256 *h = malloc(sizeof *h);
    if (h)
        sha256_start(h);
    return h;
}

void sha256_destroy(struct sha256 *h)
{
    free(h);
}

void sha256_start(struct sha256 *h)
{
    int ok = SHA256_Init(&h->context);
    ensure(ok == 1);
}

void sha256_update(struct sha256 *h, struct slice data)
{
    int ok = SHA256_Update(&h->context, data.data, data.size);
    ensure(ok == 1);
}

void sha256_finish(struct sha256 *h, uint8_t digest[SHA256_BYTES])
{
    int ok = SHA256_Final(digest, &h->context);
    ensure(ok == 1);
}

void sha256_bytes(struct slice data, uint8_t digest[SHA256_BYTES])
{
    struct sha256 h;
    sha256_start(&h);
    sha256_update(&h, data);
    sha256_finish(&h, digest);
}

_Static_assert(sizeof(struct sha256) == sizeof(struct sha256_prefix), "room for the state");

void sha256_prefix_init(struct sha256_prefix *prefix, struct slice beginning)
{
    struct sha256 h;
    sha256_start(&h);
    sha256_update(&h, beginning);
    memcpy(prefix->state, &h, sizeof h);
}

void sha256_prefix_more(const struct sha256_prefix *from, struct slice data,
                        struct sha256_prefix *prefix)
{
    struct sha256 h;
    memcpy(&h, from->state, sizeof h);
    sha256_update(&h, data);
    memcpy(prefix->state, &h, sizeof h);
}

void sha256_prefix_finish(const struct sha256_prefix *prefix, struct slice rest,
                          uint8_t digest[SHA256_BYTES])
{
    struct sha256 h;
    memcpy(&h, prefix->state, sizeof h);
    sha256_update(&h, rest);
    sha256_finish(&h, digest);
}

void hmac_key_init(struct hmac_key *key, struct slice bytes)
{
    uint8_t inner[SHA256_BLOCK_BYTES] = {0}, outer[SHA256_BLOCK_BYTES];
    ensure(bytes.size <= sizeof inner);
    if (bytes.size)
        memcpy(inner, bytes.data, bytes.size);
    for (size_t i = 0; i < sizeof inner; i++) {
        outer[i] = inner[i] ^ 0x5c;
        inner[i] ^= 0x36;
    }
    sha256_prefix_init(&key->inner, slice_make(inner, sizeof inner));
    sha256_prefix_init(&key->outer, slice_make(outer, sizeof outer));
    OPENSSL_cleanse(inner, sizeof inner);
    OPENSSL_cleanse(outer, sizeof outer);
}

void hmac_key_compute(const struct hmac_key *key, struct slice data, uint8_t mac[SHA256_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    sha256_prefix_finish(&key->inner, data, digest);
    sha256_prefix_finish(&key->outer, slice_make(digest, sizeof digest), mac);
}

void hmac_key_start(const struct hmac_key *key, struct sha256 *hash)
{
    memcpy(hash, key->inner.state, sizeof *hash);
}

void hmac_key_finish(const struct hmac_key *key, struct sha256 *hash, uint8_t mac[SHA256_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    sha256_finish(hash, digest);
    sha256_prefix_finish(&key->outer, slice_make(digest, sizeof digest), mac);
}

void hmac_key_derive(const struct hmac_key *master, const char *label, struct slice context,
                     uint8_t derived[SHA256_BYTES])
{
    struct hmac_key started = *master;
    sha256_prefix_more(&master->inner, slice_make(label, strlen(label) + 1), &started.inner);
    hmac_key_compute(&started, context, derived);
    OPENSSL_cleanse(&started, sizeof started);
}

struct hmac *hmac_create(struct slice key)
{
    pthread_once(&fetch_once, method_fetch);
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

static uint64_t mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_keyed(const uint64_t seed[2], struct slice bytes)
{
    uint64_t odd = seed[1] | 1, hash = seed[0] ^ bytes.size;
    const uint8_t *p = bytes.data;
    size_t left = bytes.size;
    for (; left >= 8; p += 8, left -= 8)
        hash = mix(hash ^ slice_load8(p), odd) + seed[0];
    if (left)
        hash = mix(hash ^ slice_load_some(p, left), odd) + seed[0];
    return mix(hash, odd ^ UINT64_C(0x9e3779b97f4a7c15));
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
