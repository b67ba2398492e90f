/* seal_keys.h: the keys that wrap data keys, one for each key of privacy.keys_file. Constant after
 * they were made. Thread: any. */
#ifndef VSOC_STORAGE_SPOOL_SEAL_KEYS_H
#define VSOC_STORAGE_SPOOL_SEAL_KEYS_H

#include "core/hash.h"

#define SEAL_KEYS_MAX 256

struct seal_key {
    uint32_t id; /* of the key in the file; never 0 */
    struct hmac_key key;
};

struct seal_keys {
    struct seal_key items[SEAL_KEYS_MAX];
    size_t count;
    size_t newest; /* the one that wraps new data keys: it has the highest id */
    bool encrypts; /* events and bodies of new records */
};

/* Derives the wrapping key of a key of the file. TOO_MANY. */
enum status seal_keys_add(struct seal_keys *keys, uint32_t id,
                          const uint8_t master[SHA256_BYTES]) must_check;
/* The key that wraps new data keys. NULL: there is none; keys may be NULL too. */
const struct seal_key *seal_keys_newest(const struct seal_keys *keys);
/* NULL: no key has this id. */
const struct seal_key *seal_keys_find(const struct seal_keys *keys, uint32_t id);
void seal_keys_wipe(struct seal_keys *keys);

#endif
