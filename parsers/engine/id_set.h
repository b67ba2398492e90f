/* id_set.h: the dedup keys of one batch: open addressing in the batch's arena. One owner thread. */
#ifndef VSOC_PARSERS_ID_SET_H
#define VSOC_PARSERS_ID_SET_H

#include "core/arena.h"
#include "core/status.h"

#define ID_SET_KEY_BYTES 16

struct id_set {
    struct arena *arena;
    uint64_t seed;
    uint8_t (*slots)[ID_SET_KEY_BYTES]; /* all zero: free */
    size_t capacity;                    /* slots, a power of two; 0 before the first key */
    unsigned shift;                     /* of a hash, whose upper bits are a slot's number */
    size_t count;
};

/* seed: unknown to senders, so that nobody can search for ids whose keys collide. */
void id_set_init(struct id_set *set, struct arena *arena, uint64_t seed);
/* OK: key is now in the set; EXISTS: it was; NO_MEMORY. */
enum status id_set_add(struct id_set *set, const uint8_t key[ID_SET_KEY_BYTES]) must_check;

#endif
