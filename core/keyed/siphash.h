/* siphash.h: SipHash-2-4 with 128 bits of output: a keyed hash that costs less than half of SHA-256
 * for short data. Pure, any thread. */
#ifndef VSOC_CORE_SIPHASH_H
#define VSOC_CORE_SIPHASH_H

#include "core/slice.h"

#define SIPHASH_KEY_BYTES 16
#define SIPHASH_BYTES     16
#define SIPHASH_WORD      8 /* bytes taken together */

/* A key and the beginning of a message. May be copied, so that messages that begin alike share the
 * work. Holds key material: wipe it like the key. */
struct siphash {
    uint64_t v[4];
    size_t size; /* bytes of the message so far: whole words */
};

void siphash_start(struct siphash *h, const uint8_t key[SIPHASH_KEY_BYTES]);
/* Appends data whose size is a multiple of SIPHASH_WORD. */
void siphash_add_words(struct siphash *h, struct slice data);
/* The hash of the message that ends with rest. *h stays as it is. */
void siphash_finish(const struct siphash *h, struct slice rest, uint8_t hash[SIPHASH_BYTES]);

#endif
