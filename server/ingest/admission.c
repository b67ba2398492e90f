/* admission.c: the byte budget of requests in flight, and quotas of senders. Any thread; one lock
 * per bucket stripe, all leaves. Does not know connections (conn.c limits those) or disk (the spool
 * does). */
#include "server/ingest/admission.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/hash.h"

bool memory_budget_take(struct memory_budget *budget, uint64_t bytes)
{
    uint64_t limit = atomic_load_explicit(&budget->limit, memory_order_relaxed);
    uint64_t used = atomic_fetch_add_explicit(&budget->used, bytes, memory_order_relaxed);
    if (used + bytes <= limit)
        return true;
    atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
    return false;
}

bool memory_budget_extend(struct memory_budget *budget, uint64_t held, uint64_t bytes)
{
    uint64_t limit = atomic_load_explicit(&budget->limit, memory_order_relaxed);
    uint64_t used = atomic_fetch_add_explicit(&budget->used, bytes, memory_order_relaxed);
    if (used + bytes <= limit || used == held)
        return true;
    atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
    return false;
}

void memory_budget_give(struct memory_budget *budget, uint64_t bytes)
{
    atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
}

#define SHARE_CELLS 16384

struct memory_shares {
    uint64_t seed[2];
    atomic_uint_least64_t held[SHARE_CELLS];
};

struct memory_shares *memory_shares_create(void)
{
    struct memory_shares *shares = calloc(1, sizeof *shares);
    if (shares)
        random_bytes(shares->seed, sizeof shares->seed);
    return shares;
}

void memory_shares_destroy(struct memory_shares *shares)
{
    free(shares);
}

size_t memory_share_cell(const struct memory_shares *shares, struct slice sender,
                         struct slice address)
{
    return (size_t)(hash_keyed(shares->seed, sender) + hash_keyed(shares->seed, address)) %
           SHARE_CELLS;
}

bool memory_share_take(struct memory_shares *shares, size_t cell, uint64_t bytes, uint64_t most)
{
    uint64_t held =
        atomic_fetch_add_explicit(&shares->held[cell], bytes, memory_order_relaxed) + bytes;
    if (held <= most)
        return true;
    memory_share_give(shares, cell, bytes);
    return false;
}

void memory_share_give(struct memory_shares *shares, size_t cell, uint64_t bytes)
{
    atomic_fetch_sub_explicit(&shares->held[cell], bytes, memory_order_relaxed);
}

/* Buckets live in sets of WAYS; within a set the least recently used one is replaced. A sender
 * whose bucket was dropped starts with a full one: with more active senders than buckets, the quota
 * is too generous rather than too strict. */
#define SETS    8192
#define WAYS    4
#define STRIPES 64

struct bucket {
    uint8_t sender[16]; /* head of SHA-256 over tenant and sender */
    int64_t at_ns;      /* 0: unused */
    double tokens;
};

struct quota {
    atomic_uint_least64_t rate, burst;
    pthread_mutex_t locks[STRIPES];
    struct bucket buckets[SETS][WAYS];
};

struct quota *quota_create(void)
{
    struct quota *quota = calloc(1, sizeof *quota);
    if (quota)
        for (size_t i = 0; i < STRIPES; i++)
            pthread_mutex_init(&quota->locks[i], NULL);
    return quota;
}

void quota_destroy(struct quota *quota)
{
    if (!quota)
        return;
    for (size_t i = 0; i < STRIPES; i++)
        pthread_mutex_destroy(&quota->locks[i]);
    free(quota);
}

static uint64_t burst_of(uint64_t events_per_second, uint64_t burst)
{
    return burst ? burst : events_per_second * 10;
}

void quota_configure(struct quota *quota, uint64_t events_per_second, uint64_t burst)
{
    atomic_store_explicit(&quota->rate, events_per_second, memory_order_relaxed);
    atomic_store_explicit(&quota->burst, burst_of(events_per_second, burst), memory_order_relaxed);
}

/* Rate and burst of the sender; rate 0: no quota. */
static void limits_of(struct quota *quota, const struct quota_sender *sender, double *rate,
                      double *burst)
{
    uint64_t own = sender->events_per_second;
    *rate = (double)(own ? own : atomic_load_explicit(&quota->rate, memory_order_relaxed));
    *burst =
        (double)(own || sender->burst ? burst_of(own, sender->burst)
                                      : atomic_load_explicit(&quota->burst, memory_order_relaxed));
}

static void sender_hash(const struct quota_sender *sender, uint8_t digest[SHA256_BYTES])
{
    uint8_t text[512];
    struct slice tenant = slice_sub(sender->tenant, 0, 200), name = slice_sub(sender->name, 0, 300);
    memcpy(text, tenant.data, tenant.size);
    text[tenant.size] = 0;
    memcpy(text + tenant.size + 1, name.data, name.size);
    sha256_bytes(slice_make(text, tenant.size + 1 + name.size), digest);
}

/* The sender's bucket, filled up to now. The set's lock is held. */
static struct bucket *bucket_at(struct quota *quota, size_t set, const uint8_t digest[SHA256_BYTES],
                                double rate, double burst, int64_t now_ns)
{
    struct bucket *ways = quota->buckets[set], *oldest = &ways[0];
    for (size_t i = 0; i < WAYS; i++) {
        struct bucket *b = &ways[i];
        if (b->at_ns && !memcmp(b->sender, digest, sizeof b->sender)) {
            b->tokens += rate * (double)(now_ns - b->at_ns) / (double)NS_PER_S;
            b->tokens = b->tokens > burst ? burst : b->tokens;
            b->at_ns = now_ns;
            return b;
        }
        if (b->at_ns < oldest->at_ns)
            oldest = b;
    }
    memcpy(oldest->sender, digest, sizeof oldest->sender);
    oldest->at_ns = now_ns;
    oldest->tokens = burst;
    return oldest;
}

/* Takes `events` from the sender's bucket. Returns the seconds until it holds some again; 0: it
 * does now. */
static unsigned bucket_take(struct quota *quota, const struct quota_sender *sender, double events,
                            int64_t now_ns)
{
    uint8_t digest[SHA256_BYTES];
    double rate, burst;
    limits_of(quota, sender, &rate, &burst);
    if (rate <= 0)
        return 0;
    sender_hash(sender, digest);
    size_t set = (size_t)(digest[30] << 8 | digest[31]) % SETS;
    pthread_mutex_t *lock = &quota->locks[set % STRIPES];
    pthread_mutex_lock(lock);
    struct bucket *b = bucket_at(quota, set, digest, rate, burst, now_ns);
    b->tokens -= events;
    double left = b->tokens;
    pthread_mutex_unlock(lock);
    if (left > 0)
        return 0;
    double wait = 1 - left / rate;
    return wait < 1 ? 1 : wait > 3600 ? 3600 : (unsigned)wait;
}

unsigned quota_check(struct quota *quota, const struct quota_sender *sender, int64_t now_ns)
{
    return bucket_take(quota, sender, 0, now_ns);
}

void quota_charge(struct quota *quota, const struct quota_sender *sender, uint64_t events,
                  int64_t now_ns)
{
    (void)bucket_take(quota, sender, (double)events, now_ns);
}
