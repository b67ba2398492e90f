/* siphash.c: SipHash-2-4-128 as its authors define it (Aumasson, Bernstein: SipHash: a fast
 * short-input PRF, 2012; the 128-bit variant: their reference implementation). Pure, any thread.
 * OpenSSL has it only behind EVP_MAC, whose calls cost more than hashing an event's id. */
#include "core/keyed/siphash.h"

#include <endian.h>

#include "core/thread.h"

struct state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void mix(struct state *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static inline void take_word(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    mix(s);
    mix(s);
    s->v0 ^= word;
}

static inline uint64_t load(const uint8_t *p)
{
    return le64toh(slice_load8(p));
}

static inline void store(uint8_t *p, uint64_t word)
{
    word = htole64(word);
    memcpy(p, &word, sizeof word);
}

/* Takes all whole words; returns where they end. */
static inline const uint8_t *take_words(struct state *s, struct slice data)
{
    const uint8_t *p = data.data, *end = p + (data.size & ~(size_t)(SIPHASH_WORD - 1));
    for (; p != end; p += SIPHASH_WORD)
        take_word(s, load(p));
    return p;
}

static inline uint64_t output(struct state *s)
{
    for (unsigned i = 0; i < 4; i++)
        mix(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

void siphash_start(struct siphash *h, const uint8_t key[SIPHASH_KEY_BYTES])
{
    uint64_t k0 = load(key), k1 = load(key + 8);
    *h = (struct siphash){{k0 ^ UINT64_C(0x736f6d6570736575),
                           k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
                           k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)},
                          0};
}

void siphash_add_words(struct siphash *h, struct slice data)
{
    struct state s = {h->v[0], h->v[1], h->v[2], h->v[3]};
    ensure(data.size % SIPHASH_WORD == 0);
    if (data.size)
        (void)take_words(&s, data);
    *h = (struct siphash){{s.v0, s.v1, s.v2, s.v3}, h->size + data.size};
}

void siphash_finish(const struct siphash *h, struct slice rest, uint8_t hash[SIPHASH_BYTES])
{
    struct state s = {h->v[0], h->v[1], h->v[2], h->v[3]};
    uint64_t last = (uint64_t)(h->size + rest.size) << 56;
    if (rest.size) {
        const uint8_t *p = take_words(&s, rest);
        size_t left = rest.size % SIPHASH_WORD;
        for (size_t i = 0; i < left; i++)
            last |= (uint64_t)p[i] << 8 * i;
    }
    take_word(&s, last);
    s.v2 ^= 0xee;
    store(hash, output(&s));
    s.v1 ^= 0xdd;
    store(hash + 8, output(&s));
}
