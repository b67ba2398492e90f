/* seal_keys.c: see seal_keys.h. Does not read the file of keys. */
#include "storage/spool/seal/seal_keys.h"

#include <string.h>

enum status seal_keys_add(struct seal_keys *keys, uint32_t id, const uint8_t master[SHA256_BYTES])
{
    struct hmac_key key;
    uint8_t bytes[SHA256_BYTES];
    if (keys->count == SEAL_KEYS_MAX)
        return STATUS_TOO_MANY;
    struct seal_key *item = &keys->items[keys->count];
    hmac_key_init(&key, slice_make(master, SHA256_BYTES));
    hmac_key_derive(&key, "vsocd spool data keys", SLICE_EMPTY, bytes);
    hmac_key_init(&item->key, slice_make(bytes, sizeof bytes));
    item->id = id;
    if (id >= keys->items[keys->newest].id)
        keys->newest = keys->count;
    keys->count++;
    explicit_bzero(bytes, sizeof bytes);
    explicit_bzero(&key, sizeof key);
    return STATUS_OK;
}

const struct seal_key *seal_keys_newest(const struct seal_keys *keys)
{
    return keys && keys->count ? &keys->items[keys->newest] : NULL;
}

const struct seal_key *seal_keys_find(const struct seal_keys *keys, uint32_t id)
{
    for (size_t i = 0; keys && i < keys->count; i++)
        if (keys->items[i].id == id)
            return &keys->items[i];
    return NULL;
}

void seal_keys_wipe(struct seal_keys *keys)
{
    explicit_bzero(keys, sizeof *keys);
}
