/* hash.h: SHA-256, HMAC-SHA-256 and CRC32C. Thread: any; a context has one owner */
#ifndef VSOC_CORE_HASH_H
#define VSOC_CORE_HASH_H

#include "core/slice.h"
#include "core/status.h"

#define SHA256_BYTES 32

/* Incremental SHA-256 (FIPS 180-4). Reusable after final. */
struct sha256;
struct sha256 *sha256_create(void); /* NULL: out of memory */
void sha256_destroy(struct sha256 *h);
void sha256_start(struct sha256 *h);
void sha256_update(struct sha256 *h, struct slice data);
void sha256_finish(struct sha256 *h, uint8_t digest[SHA256_BYTES]);
/* One shot. */
void sha256_bytes(struct slice data, uint8_t digest[SHA256_BYTES]);

/* SHA-256 of all messages that begin alike: whole blocks of the beginning are hashed once. */
struct sha256_prefix {
    _Alignas(8) uint8_t state[112];
};
#define SHA256_BLOCK_BYTES 64
void sha256_prefix_init(struct sha256_prefix *prefix, struct slice beginning);
/* Extends the beginning; from and prefix may be the same. */
void sha256_prefix_more(const struct sha256_prefix *from, struct slice data,
                        struct sha256_prefix *prefix);
void sha256_prefix_finish(const struct sha256_prefix *prefix, struct slice rest,
                          uint8_t digest[SHA256_BYTES]);

/* The same HMAC-SHA-256 as a value that may be copied, without allocation, two blocks cheaper per
 * message. Keys of at most SHA256_BLOCK_BYTES bytes. Holds key material: wipe it like the key. */
struct hmac_key {
    struct sha256_prefix inner, outer;
};
void hmac_key_init(struct hmac_key *key, struct slice bytes);
void hmac_key_compute(const struct hmac_key *key, struct slice data, uint8_t mac[SHA256_BYTES]);
/* The same over data in pieces, through the caller's context: start, sha256_update for each piece,
 * finish. */
void hmac_key_start(const struct hmac_key *key, struct sha256 *hash);
void hmac_key_finish(const struct hmac_key *key, struct sha256 *hash, uint8_t mac[SHA256_BYTES]);
/* Derives the key of one purpose: HMAC over label, a byte 0 and context, which may be empty. */
void hmac_key_derive(const struct hmac_key *master, const char *label, struct slice context,
                     uint8_t derived[SHA256_BYTES]);

/* HMAC-SHA-256 (RFC 2104) with a key that is set once. */
struct hmac;
struct hmac *hmac_create(struct slice key); /* NULL: out of memory */
void hmac_destroy(struct hmac *h);
void hmac_compute(struct hmac *h, struct slice data, uint8_t mac[SHA256_BYTES]);

/* CRC32C (Castagnoli) of data, continuing from crc (0 at the start). */
uint32_t crc32c(uint32_t crc, struct slice data);

/* 64 bits that spread evenly over any table, whatever the bytes are, as long as their author does
 * not know the seed. Not for storage: no format depends on it. */
uint64_t hash_keyed(const uint64_t seed[2], struct slice bytes);

/* Fills with bytes of the system's generator; ends the process when it has none. */
void random_bytes(void *out, size_t size);

#endif
