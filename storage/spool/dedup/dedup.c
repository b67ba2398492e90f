/* dedup.c: the durable batches of the window (dedup_window.c) and the keys in progress, under one
 * leaf lock. Any thread. Does not read the spool: it names the place of a record, and compares what
 * was read there. */
#include "storage/spool/dedup/dedup.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/object.h"
#include "core/thread.h"
#include "storage/spool/dedup/dedup_window.h"

/* Times in the spool come from the wall clock: a gap may be a night without senders, or a clock
 * that was set. At most this much of a gap counts. */
#define RESTORED_GAP_MAX_NS (3600 * NS_PER_S)
/* Keys in progress are batches in flight: at most a few thousand. */
#define IN_PROGRESS_BUCKETS ((size_t)1024)

/* A key in progress. */
struct dedup_key {
    struct dedup_key *next;
    uint8_t key[SHA256_BYTES];
};

#define DEDUP_MAGIC 0x44454450U

struct dedup {
    unsigned magic; /* DEDUP_MAGIC */
    pthread_mutex_t lock;
    struct dedup_window window;
    struct dedup_key *in_progress[IN_PROGRESS_BUCKETS];
    int64_t restored_ns; /* offset that the records of the spool add to the monotonic clock */
    int64_t last_ingested_ns;
    uint64_t old_to;     /* newest position of a record of version 1 */
    atomic_bool has_old; /* one is in the window; without the lock: asked for each batch */
};

struct dedup *dedup_create(size_t max_batches, int64_t window_ns)
{
    struct dedup *dedup = calloc(1, sizeof *dedup);
    if (!dedup)
        return NULL;
    if (dedup_window_init(&dedup->window, max_batches, window_ns) != STATUS_OK) {
        free(dedup);
        return NULL;
    }
    dedup->magic = DEDUP_MAGIC;
    pthread_mutex_init(&dedup->lock, NULL);
    return dedup;
}

void dedup_destroy(struct dedup *dedup)
{
    if (!dedup)
        return;
    for (size_t i = 0; i < IN_PROGRESS_BUCKETS; i++)
        for (struct dedup_key *key = dedup->in_progress[i], *next; key; key = next) {
            next = key->next;
            free(key);
        }
    dedup_window_fini(&dedup->window);
    pthread_mutex_destroy(&dedup->lock);
    object_end(&dedup->magic);
    free(dedup);
}

/* The first bytes of a key as a number. Keys are HMAC-SHA-256 under a key of the server's: nobody
 * else can choose two that begin alike. */
static uint64_t print_of(const uint8_t *key)
{
    uint64_t print;
    _Static_assert(sizeof print == DEDUP_PRINT_BYTES, "the first bytes of a key");
    memcpy(&print, key, sizeof print);
    return print;
}

/* The window's clock: never set, so that keys age only by elapsed time. */
static int64_t window_clock_ns(const struct dedup *dedup)
{
    return clock_monotonic_ns() + dedup->restored_ns;
}

/* The link to the key in progress, or to where it would be. */
static struct dedup_key **find_in_progress(struct dedup *dedup, const uint8_t *key)
{
    struct dedup_key **link = &dedup->in_progress[print_of(key) % IN_PROGRESS_BUCKETS];
    while (*link && memcmp((*link)->key, key, SHA256_BYTES) != 0)
        link = &(*link)->next;
    return link;
}

/* Without memory: "in progress", so the client retries. */
static enum dedup_answer begin_new(struct dedup_key **link, const uint8_t *key)
{
    struct dedup_key *made = *link ? NULL : calloc(1, sizeof *made);
    if (!made)
        return DEDUP_IN_PROGRESS;
    memcpy(made->key, key, SHA256_BYTES);
    *link = made;
    return DEDUP_NEW;
}

static void end_progress(struct dedup *dedup, const uint8_t *key)
{
    struct dedup_key **link = find_in_progress(dedup, key), *ended = *link;
    if (ended)
        *link = ended->next;
    free(ended);
}

static bool find_place(struct dedup *dedup, const uint8_t *key, struct batch_recall *recall)
{
    return dedup_window_find(&dedup->window, print_of(key), recall->passed, recall->passed_count,
                             &recall->place);
}

enum dedup_answer dedup_begin(struct dedup *dedup, const uint8_t key[SHA256_BYTES],
                              struct batch_recall *recall)
{
    enum dedup_answer answer;
    pthread_mutex_lock(&dedup->lock);
    dedup_window_move(&dedup->window, window_clock_ns(dedup));
    if (recall->passed_count == RECALL_PLACES_MAX)
        answer = DEDUP_IN_PROGRESS; /* the client retries; it is stored once the others are old */
    else if (find_place(dedup, key, recall) ||
             (recall->has_old && find_place(dedup, recall->old_key, recall)))
        answer = DEDUP_KNOWN;
    else
        answer = begin_new(find_in_progress(dedup, key), key);
    pthread_mutex_unlock(&dedup->lock);
    return answer;
}

static bool is_key(const struct batch_recall *recall, const uint8_t *key)
{
    return memcmp(recall->record.key, key, SHA256_BYTES) == 0 ||
           (recall->has_old && recall->record.body_is_plain &&
            memcmp(recall->record.key, recall->old_key, SHA256_BYTES) == 0);
}

static bool is_body(const struct batch_recall *recall, const uint8_t *digest)
{
    if (recall->record.body_is_plain)
        return recall->has_old &&
               memcmp(recall->record.body, recall->old_body, RECALL_DIGEST_BYTES) == 0;
    return memcmp(recall->record.body, digest, RECALL_DIGEST_BYTES) == 0;
}

enum dedup_answer dedup_judge(struct batch_recall *recall, const uint8_t key[SHA256_BYTES],
                              const uint8_t body_digest[SHA256_BYTES],
                              const uint8_t *inflated_digest)
{
    if (recall->status != STATUS_OK || !is_key(recall, key)) {
        ensure(recall->passed_count < RECALL_PLACES_MAX);
        recall->passed[recall->passed_count++] = recall->place.position;
        return DEDUP_OTHER;
    }
    if (is_body(recall, body_digest))
        return DEDUP_REPEAT;
    if (!recall->record.has_content)
        return DEDUP_CONFLICT;
    if (!inflated_digest)
        return DEDUP_COMPARE;
    return memcmp(recall->record.content, inflated_digest, RECALL_DIGEST_BYTES) == 0
               ? DEDUP_REPEAT
               : DEDUP_CONFLICT;
}

void dedup_commit(struct dedup *dedup, const uint8_t key[SHA256_BYTES],
                  const struct batch_place *place)
{
    pthread_mutex_lock(&dedup->lock);
    end_progress(dedup, key);
    dedup_window_add(&dedup->window, print_of(key), place, window_clock_ns(dedup));
    if (dedup_window_oldest(&dedup->window) > dedup->old_to)
        atomic_store(&dedup->has_old, false);
    pthread_mutex_unlock(&dedup->lock);
}

void dedup_restore(struct dedup *dedup, const uint8_t *key, const struct batch_place *place,
                   int64_t ingested_ns)
{
    ensure(dedup->magic == DEDUP_MAGIC);
    pthread_mutex_lock(&dedup->lock);
    int64_t gap_ns = ingested_ns - dedup->last_ingested_ns;
    if (gap_ns > 0)
        dedup->restored_ns += gap_ns < RESTORED_GAP_MAX_NS ? gap_ns : RESTORED_GAP_MAX_NS;
    dedup->last_ingested_ns = ingested_ns;
    dedup_window_add(&dedup->window, print_of(key), place, window_clock_ns(dedup));
    pthread_mutex_unlock(&dedup->lock);
}

void dedup_note_old(struct dedup *dedup, uint64_t position)
{
    pthread_mutex_lock(&dedup->lock);
    if (position > dedup->old_to)
        dedup->old_to = position;
    atomic_store(&dedup->has_old, true);
    pthread_mutex_unlock(&dedup->lock);
}

bool dedup_has_old(const struct dedup *dedup)
{
    return atomic_load(&dedup->has_old);
}

void dedup_abort(struct dedup *dedup, const uint8_t key[SHA256_BYTES])
{
    pthread_mutex_lock(&dedup->lock);
    end_progress(dedup, key);
    pthread_mutex_unlock(&dedup->lock);
}

size_t dedup_count(struct dedup *dedup)
{
    pthread_mutex_lock(&dedup->lock);
    size_t count = dedup_window_count(&dedup->window);
    pthread_mutex_unlock(&dedup->lock);
    return count;
}

uint64_t dedup_oldest(struct dedup *dedup)
{
    pthread_mutex_lock(&dedup->lock);
    dedup_window_move(&dedup->window, window_clock_ns(dedup));
    uint64_t oldest = dedup_window_oldest(&dedup->window);
    pthread_mutex_unlock(&dedup->lock);
    return oldest;
}
