/* seal.c: commitments by HMAC-SHA-256, encryption by OpenSSL's AES-256-GCM. Any thread; a cipher
 * has one owner. Does not make or keep keys: seal_area.c and seal_keys.c. */
#include "storage/spool/seal/seal.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "core/thread.h"

struct seal_cipher {
    EVP_CIPHER_CTX *context;
};

/* Fetched once: a fetch by name is slow. */
static EVP_CIPHER *method;
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static void method_fetch(void)
{
    method = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    ensure(method);
}

void seal_salt(const uint8_t seed[SEAL_SEED_BYTES], enum seal_part part, struct hmac_key *salt)
{
    static const char *const labels[] = {
        [SEAL_META] = "vsocd commitment meta",
        [SEAL_EVENTS] = "vsocd commitment events",
        [SEAL_BODY] = "vsocd commitment body",
    };
    struct hmac_key key;
    uint8_t bytes[SHA256_BYTES];
    hmac_key_init(&key, slice_make(seed, SEAL_SEED_BYTES));
    hmac_key_compute(&key, slice_from_text(labels[part]), bytes);
    hmac_key_init(salt, slice_make(bytes, sizeof bytes));
    explicit_bzero(bytes, sizeof bytes);
    explicit_bzero(&key, sizeof key);
}

void seal_commit(const uint8_t seed[SEAL_SEED_BYTES], enum seal_part part, struct slice bytes,
                 uint8_t commitment[SHA256_BYTES])
{
    struct hmac_key salt;
    seal_salt(seed, part, &salt);
    hmac_key_compute(&salt, bytes, commitment);
    explicit_bzero(&salt, sizeof salt);
}

struct seal_cipher *seal_cipher_create(void)
{
    pthread_once(&fetch_once, method_fetch);
    struct seal_cipher *cipher = calloc(1, sizeof *cipher);
    if (!cipher)
        return NULL;
    cipher->context = EVP_CIPHER_CTX_new();
    if (cipher->context && EVP_CipherInit_ex2(cipher->context, method, NULL, NULL, 1, NULL) == 1)
        return cipher;
    seal_cipher_destroy(cipher);
    return NULL;
}

void seal_cipher_destroy(struct seal_cipher *cipher)
{
    if (!cipher)
        return;
    EVP_CIPHER_CTX_free(cipher->context);
    free(cipher);
}

static void start(struct seal_cipher *cipher, const uint8_t *key, const uint8_t *nonce,
                  bool encrypts)
{
    int ok = EVP_CipherInit_ex2(cipher->context, NULL, key, nonce, encrypts, NULL);
    ensure(ok == 1);
}

static void part_nonce(enum seal_part part, uint8_t nonce[SEAL_NONCE_BYTES])
{
    ensure(part == SEAL_EVENTS || part == SEAL_BODY);
    memset(nonce, 0, SEAL_NONCE_BYTES);
    nonce[0] = part == SEAL_BODY;
}

static void update(struct seal_cipher *cipher, uint8_t *out, struct slice in)
{
    int done;
    ensure(in.size <= INT_MAX);
    if (!in.size)
        return;
    int ok = EVP_CipherUpdate(cipher->context, out, &done, in.data, (int)in.size);
    ensure(ok == 1);
}

void seal_cipher_begin(struct seal_cipher *cipher, const uint8_t key[SEAL_KEY_BYTES],
                       enum seal_part part)
{
    uint8_t nonce[SEAL_NONCE_BYTES];
    part_nonce(part, nonce);
    start(cipher, key, nonce, true);
}

void seal_cipher_add(struct seal_cipher *cipher, uint8_t *bytes, size_t size)
{
    update(cipher, bytes, slice_make(bytes, size));
}

void seal_cipher_end(struct seal_cipher *cipher, uint8_t tag[SEAL_TAG_BYTES])
{
    uint8_t none[SEAL_TAG_BYTES];
    int done;
    bool ok = EVP_CipherFinal_ex(cipher->context, none, &done) == 1 &&
              EVP_CIPHER_CTX_ctrl(cipher->context, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_BYTES, tag) == 1;
    ensure(ok);
}

void seal_cipher_begin_open(struct seal_cipher *cipher, const uint8_t key[SEAL_KEY_BYTES],
                            enum seal_part part)
{
    uint8_t nonce[SEAL_NONCE_BYTES];
    part_nonce(part, nonce);
    start(cipher, key, nonce, false);
}

void seal_cipher_read(struct seal_cipher *cipher, struct slice sealed, uint8_t *clear)
{
    update(cipher, clear, sealed);
}

bool seal_cipher_end_open(struct seal_cipher *cipher, const uint8_t tag[SEAL_TAG_BYTES])
{
    uint8_t copy[SEAL_TAG_BYTES], none[SEAL_TAG_BYTES];
    int done;
    memcpy(copy, tag, sizeof copy);
    return EVP_CIPHER_CTX_ctrl(cipher->context, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_BYTES, copy) == 1 &&
           EVP_CipherFinal_ex(cipher->context, none, &done) == 1;
}

/* Deciphers what follows start(). */
static bool open_rest(struct seal_cipher *cipher, struct slice sealed, uint8_t *clear)
{
    if (sealed.size < SEAL_TAG_BYTES)
        return false;
    size_t size = sealed.size - SEAL_TAG_BYTES;
    seal_cipher_read(cipher, slice_sub(sealed, 0, size), clear);
    return seal_cipher_end_open(cipher, sealed.data + size);
}

bool seal_cipher_open(struct seal_cipher *cipher, const uint8_t key[SEAL_KEY_BYTES],
                      enum seal_part part, struct slice sealed, uint8_t *clear)
{
    seal_cipher_begin_open(cipher, key, part);
    return open_rest(cipher, sealed, clear);
}

void seal_wrap(struct seal_cipher *cipher, const uint8_t key[SEAL_KEY_BYTES],
               const uint8_t nonce[SEAL_NONCE_BYTES], struct slice with, struct slice clear,
               uint8_t *out)
{
    start(cipher, key, nonce, true);
    update(cipher, NULL, with);
    update(cipher, out, clear);
    seal_cipher_end(cipher, out + clear.size);
}

bool seal_unwrap(struct seal_cipher *cipher, const uint8_t key[SEAL_KEY_BYTES],
                 const uint8_t nonce[SEAL_NONCE_BYTES], struct slice with, struct slice sealed,
                 uint8_t *clear)
{
    start(cipher, key, nonce, false);
    update(cipher, NULL, with);
    return open_rest(cipher, sealed, clear);
}
