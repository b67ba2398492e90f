/* ed25519.c: Ed25519, and verification of ML-DSA-44, through OpenSSL's EVP. Any thread. Keeps no
 * key: objects are made for each call, which costs little beside the signature. */
#include "storage/evidence/formats/ed25519.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#define ML_DSA_44 "ML-DSA-44"

enum status ed25519_public(const uint8_t seed[ED25519_KEY_BYTES], uint8_t key[ED25519_KEY_BYTES])
{
    EVP_PKEY *pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, ED25519_KEY_BYTES);
    size_t size = ED25519_KEY_BYTES;
    bool made = pair && EVP_PKEY_get_raw_public_key(pair, key, &size) == 1;
    EVP_PKEY_free(pair);
    if (!made)
        ERR_clear_error();
    return made ? STATUS_OK : STATUS_IO;
}

enum status ed25519_sign(const uint8_t seed[ED25519_KEY_BYTES], struct slice message,
                         uint8_t signature[ED25519_SIGNATURE_BYTES])
{
    EVP_PKEY *pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, ED25519_KEY_BYTES);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t size = ED25519_SIGNATURE_BYTES;
    bool made = pair && context && EVP_DigestSignInit(context, NULL, NULL, NULL, pair) == 1 &&
                EVP_DigestSign(context, signature, &size, message.data, message.size) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pair);
    if (!made)
        ERR_clear_error();
    return made ? STATUS_OK : STATUS_IO;
}

/* Takes the key over. */
static enum status verify(EVP_PKEY *key, struct slice message, struct slice signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    enum status status = !context ? STATUS_NO_MEMORY : STATUS_REFUSED;
    if (key && context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
        EVP_DigestVerify(context, signature.data, signature.size, message.data, message.size) == 1)
        status = STATUS_OK;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    if (status != STATUS_OK)
        ERR_clear_error();
    return status;
}

enum status ed25519_verify(const uint8_t key[ED25519_KEY_BYTES], struct slice message,
                           const uint8_t signature[ED25519_SIGNATURE_BYTES])
{
    return verify(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, ED25519_KEY_BYTES),
                  message, slice_make(signature, ED25519_SIGNATURE_BYTES));
}

enum status ml_dsa_44_verify(struct slice key, struct slice message, struct slice signature)
{
    EVP_PKEY_CTX *known = EVP_PKEY_CTX_new_from_name(NULL, ML_DSA_44, NULL);
    if (!known) {
        ERR_clear_error();
        return STATUS_UNSUPPORTED;
    }
    EVP_PKEY_CTX_free(known);
    return verify(EVP_PKEY_new_raw_public_key_ex(NULL, ML_DSA_44, NULL, key.data, key.size),
                  message, signature);
}
