/* seal.h: commitments of the parts of a record, and their encryption. Thread: any; a cipher has one
 * owner. Bytes: docs/spool-format.md §3. */
#ifndef VSOC_STORAGE_SPOOL_SEAL_H
#define VSOC_STORAGE_SPOOL_SEAL_H

#include "core/hash.h"

#define SEAL_KEY_BYTES   32
#define SEAL_SEED_BYTES  32
#define SEAL_TAG_BYTES   16
#define SEAL_NONCE_BYTES 12

enum seal_part {
    SEAL_META,
    SEAL_EVENTS,
    SEAL_BODY,
};

/* The key of the part's commitment: HMAC-SHA-256(seed, "vsocd commitment " and the part's name). */
void seal_salt(const uint8_t seed[SEAL_SEED_BYTES], enum seal_part part, struct hmac_key *salt);
/* Commitment of a part: HMAC-SHA-256 over its bytes in clear, under its salt. */
void seal_commit(const uint8_t seed[SEAL_SEED_BYTES], enum seal_part part, struct slice bytes,
                 uint8_t commitment[SHA256_BYTES]);

/* AES-256-GCM. */
struct seal_cipher;
struct seal_cipher *seal_cipher_create(void); /* NULL: no memory */
void seal_cipher_destroy(struct seal_cipher *cipher);
/* Starts a part of a record: nonce 0 for events, 1 for the body. */
void seal_cipher_begin(struct seal_cipher *cipher, const uint8_t key[SEAL_KEY_BYTES],
                       enum seal_part part);
/* Encrypts in place; at most INT_MAX bytes a call. */
void seal_cipher_add(struct seal_cipher *cipher, uint8_t *bytes, size_t size);
void seal_cipher_end(struct seal_cipher *cipher, uint8_t tag[SEAL_TAG_BYTES]);
/* sealed: ciphertext and tag; clear: room for sealed.size - SEAL_TAG_BYTES bytes. False: key, bytes
 * or tag are wrong; clear is undefined. */
bool seal_cipher_open(struct seal_cipher *cipher, const uint8_t key[SEAL_KEY_BYTES],
                      enum seal_part part, struct slice sealed, uint8_t *clear) must_check;

/* The same in pieces: begin, any number of pieces, then end with the tag, which alone says whether
 * they were right. At most INT_MAX bytes a call. */
void seal_cipher_begin_open(struct seal_cipher *cipher, const uint8_t key[SEAL_KEY_BYTES],
                            enum seal_part part);
void seal_cipher_read(struct seal_cipher *cipher, struct slice sealed, uint8_t *clear);
bool seal_cipher_end_open(struct seal_cipher *cipher, const uint8_t tag[SEAL_TAG_BYTES]) must_check;

/* One message with a nonce and bytes that are authenticated with it. out: room for size and the
 * tag. */
void seal_wrap(struct seal_cipher *cipher, const uint8_t key[SEAL_KEY_BYTES],
               const uint8_t nonce[SEAL_NONCE_BYTES], struct slice with, struct slice clear,
               uint8_t *out);
bool seal_unwrap(struct seal_cipher *cipher, const uint8_t key[SEAL_KEY_BYTES],
                 const uint8_t nonce[SEAL_NONCE_BYTES], struct slice with, struct slice sealed,
                 uint8_t *clear) must_check;

#endif
