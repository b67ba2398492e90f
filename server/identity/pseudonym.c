/* pseudonym.c: keyed pseudonyms of vehicles. One per worker. Does not store or log a VIN, and does
 * not read keys: pseudonym_keys.c. */
#include "server/identity/pseudonym.h"

#include <stdlib.h>
#include <string.h>

#include "core/object.h"
#include "core/hash.h"
#include "core/thread.h"
#include "server/identity/tenant_name.h"

/* Number of tenants whose keys a worker caches. */
#define TENANTS_KEPT   8
#define TENANT_PURPOSE "vsocd vehicle pseudonym"

struct tenant_key {
    struct hmac_key key;
    size_t size; /* of name */
    uint8_t name[TENANT_NAME_MAX];
    bool used;
};

#define PSEUDONYM_MAGIC 0x5053444dU

struct pseudonym {
    unsigned magic; /* PSEUDONYM_MAGIC */
    struct hmac_key master;
    int64_t key_id;
    struct tenant_key tenants[TENANTS_KEPT];
    size_t next; /* the entry to be replaced next */
};

OBJECT_CAST(pseudonym, PSEUDONYM_MAGIC)

void repeat_keys_derive(const struct pseudonym_key *key, struct repeat_keys *keys)
{
    struct hmac_key first;
    uint8_t bytes[SHA256_BYTES];
    hmac_key_init(&first, slice_make(key->first, sizeof key->first));
    hmac_key_derive(&first, "vsocd batch key", SLICE_EMPTY, bytes);
    hmac_key_init(&keys->batch, slice_make(bytes, sizeof bytes));
    keyed_digest_key_derive(&first, &keys->inflated);
    hmac_key_derive(&first, "vsocd dedup key", SLICE_EMPTY, bytes);
    siphash_start(&keys->event, bytes);
    explicit_bzero(bytes, sizeof bytes);
    explicit_bzero(&first, sizeof first);
}

struct pseudonym *pseudonym_create(const struct pseudonym_key *key)
{
    struct pseudonym *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->key_id = key->id;
    p->magic = PSEUDONYM_MAGIC;
    hmac_key_init(&p->master, slice_make(key->bytes, sizeof key->bytes));
    return p;
}

void pseudonym_destroy(struct pseudonym *p)
{
    if (!p)
        return;
    explicit_bzero(p, sizeof *p);
    free(p);
}

static void derive(const struct pseudonym *p, struct slice tenant, struct hmac_key *key)
{
    uint8_t bytes[SHA256_BYTES];
    hmac_key_derive(&p->master, TENANT_PURPOSE, tenant, bytes);
    hmac_key_init(key, slice_make(bytes, sizeof bytes));
    explicit_bzero(bytes, sizeof bytes);
}

static const struct hmac_key *key_of(struct pseudonym *p, struct slice tenant)
{
    for (size_t i = 0; i < TENANTS_KEPT; i++) {
        struct tenant_key *kept = &p->tenants[i];
        if (kept->used && slice_equal(tenant, slice_make(kept->name, kept->size)))
            return &kept->key;
    }
    ensure(tenant.size <= TENANT_NAME_MAX);
    struct tenant_key *made = &p->tenants[p->next];
    p->next = (p->next + 1) % TENANTS_KEPT;
    derive(p, tenant, &made->key);
    if (tenant.size)
        memcpy(made->name, tenant.data, tenant.size);
    made->size = tenant.size;
    made->used = true;
    return &made->key;
}

int64_t pseudonym_make(void *arg, struct slice tenant, struct slice vin, uint8_t pid[32])
{
    struct pseudonym *p = pseudonym_cast(arg);
    hmac_key_compute(key_of(p, tenant), vin, pid);
    return p->key_id;
}
