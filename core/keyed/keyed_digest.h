/* keyed_digest.h: keyed digest of long data: GMAC, then HMAC-SHA-256. Thread: any; a context has
 * one owner. */
#ifndef VSOC_CORE_KEYED_DIGEST_H
#define VSOC_CORE_KEYED_DIGEST_H

#include "core/hash.h"

/* Keyed digest that identifies long data, several times faster than SHA-256: HMAC-SHA-256 over the
 * tag of GMAC (NIST SP 800-38D) with one key and one nonce. The tag itself is never disclosed, so
 * reusing the nonce reveals nothing. Without the key nobody can construct two contents with one
 * digest, or find content by trial. */
struct keyed_digest_key {
    uint8_t gmac[16];
    struct hmac_key outer;
};
void keyed_digest_key_derive(const struct hmac_key *master, struct keyed_digest_key *key);
/* Incremental; one owner. key must outlive it. Reusable after finish. */
struct keyed_digest;
struct keyed_digest *keyed_digest_create(const struct keyed_digest_key *key); /* NULL: no memory */
void keyed_digest_destroy(struct keyed_digest *d);
void keyed_digest_start(struct keyed_digest *d);
/* At most INT_MAX bytes a call. */
void keyed_digest_update(struct keyed_digest *d, struct slice data);
void keyed_digest_finish(struct keyed_digest *d, uint8_t digest[SHA256_BYTES]);

#endif
