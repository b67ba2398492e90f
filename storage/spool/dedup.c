/* dedup.c: hash table of batch keys (linear hashing: each new key splits one bucket, so that the
 * table grows with its contents and no request waits for a rehash), and the same entries as a list
 * in the order in which they became durable; the window drops entries from its head. Any thread;
 * one leaf lock. Does not read the spool: dedup_restore adds the batches that were durable before
 * the start. */
#include "storage/spool/dedup.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/object.h"
#include "core/clock.h"
#include "core/thread.h"

#define BODY_BYTES  16 /* of the body's SHA-256: enough to distinguish bodies */
#define BUCKETS_MIN ((size_t)64)
/* Maximum size of the errors of all entries; beyond it, the oldest entries drop theirs first. */
#define ERRORS_BYTES_MAX ((size_t)32 << 20)
/* Times in the spool come from the wall clock: a gap may be a night without senders, or a clock
 * that was set. At most this much of a gap counts. */
#define RESTORED_GAP_MAX_NS (3600 * NS_PER_S)

struct dedup_errors {
    uint32_t size;
    uint8_t text[];
};

struct dedup_entry {
    struct dedup_entry *chain;           /* same bucket */
    struct dedup_entry *older, *younger; /* durable entries */
    struct dedup_errors *errors;         /* NULL: none */
    uint64_t position;
    int64_t durable_ns; /* on the window's clock */
    uint8_t key[SHA256_BYTES];
    uint8_t batch_uid[UUID_BYTES];
    uint8_t body[BODY_BYTES];    /* as received */
    uint8_t content[BODY_BYTES]; /* without its content coding, when has_content */
    bool has_content;
    uint32_t accepted, duplicates, quarantined;
    bool durable; /* false: in progress, not in the list */
};

#define DEDUP_MAGIC 0x44454450U

struct dedup {
    unsigned magic; /* DEDUP_MAGIC */
    pthread_mutex_t lock;
    /* Used: base + split of them. base is a power of 2; one more bit of the key distinguishes the
     * buckets before split from those from base on. */
    struct dedup_entry **buckets;
    size_t base, split;
    size_t entry_count;
    struct dedup_entry *oldest, *youngest;
    struct dedup_entry *errors_from; /* all older ones have no errors; NULL: all */
    size_t durable_count, max_batches;
    size_t errors_bytes;
    int64_t window_ns;
    int64_t restored_ns; /* offset that the records of the spool add to the monotonic clock */
    int64_t last_ingested_ns;
};

OBJECT_CAST(dedup, DEDUP_MAGIC)

struct dedup *dedup_create(size_t max_batches, int64_t window_ns)
{
    struct dedup *dedup = calloc(1, sizeof *dedup);
    if (!dedup)
        return NULL;
    dedup->buckets = calloc(BUCKETS_MIN, sizeof *dedup->buckets);
    if (!dedup->buckets) {
        free(dedup);
        return NULL;
    }
    dedup->base = BUCKETS_MIN;
    dedup->magic = DEDUP_MAGIC;
    dedup->max_batches = max_batches;
    dedup->window_ns = window_ns;
    pthread_mutex_init(&dedup->lock, NULL);
    return dedup;
}

/* The keys are SHA-256, so any bits of them are spread evenly. */
static size_t key_bits(const uint8_t *key)
{
    uint64_t bits;
    memcpy(&bits, key, sizeof bits);
    return (size_t)bits;
}

static struct dedup_entry **bucket_of(struct dedup *dedup, const uint8_t *key)
{
    size_t i = key_bits(key) & (2 * dedup->base - 1);
    return &dedup->buckets[i < dedup->base + dedup->split ? i : i - dedup->base];
}

/* Adds one bucket. Without memory it adds none, and chains get longer. */
static void bucket_split(struct dedup *dedup)
{
    if (dedup->split == 0) {
        size_t bytes = 2 * dedup->base * sizeof *dedup->buckets;
        struct dedup_entry **larger = realloc(dedup->buckets, bytes);
        if (!larger)
            return;
        dedup->buckets = larger;
    }
    struct dedup_entry **stays = &dedup->buckets[dedup->split];
    struct dedup_entry **goes = &dedup->buckets[dedup->base + dedup->split];
    for (struct dedup_entry *entry = *stays; entry; entry = entry->chain) {
        struct dedup_entry ***end = key_bits(entry->key) & dedup->base ? &goes : &stays;
        **end = entry;
        *end = &entry->chain;
    }
    *stays = *goes = NULL;
    if (++dedup->split == dedup->base) {
        dedup->base *= 2;
        dedup->split = 0;
    }
}

static struct dedup_entry *entry_find(struct dedup *dedup, const uint8_t *key)
{
    struct dedup_entry *entry = *bucket_of(dedup, key);
    while (entry && memcmp(entry->key, key, SHA256_BYTES) != 0)
        entry = entry->chain;
    return entry;
}

static struct dedup_entry *entry_add(struct dedup *dedup, const uint8_t *key, const uint8_t *body)
{
    struct dedup_entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return NULL;
    memcpy(entry->key, key, SHA256_BYTES);
    memcpy(entry->body, body, BODY_BYTES);
    if (++dedup->entry_count > dedup->base + dedup->split)
        bucket_split(dedup);
    struct dedup_entry **bucket = bucket_of(dedup, key);
    entry->chain = *bucket;
    *bucket = entry;
    return entry;
}

static void errors_drop(struct dedup *dedup, struct dedup_entry *entry)
{
    if (!entry->errors)
        return;
    dedup->errors_bytes -= entry->errors->size;
    free(entry->errors);
    entry->errors = NULL;
}

static void errors_keep(struct dedup *dedup, struct dedup_entry *entry, struct slice text)
{
    if (text.size == 0 || text.size > ERRORS_BYTES_MAX)
        return;
    entry->errors = malloc(sizeof *entry->errors + text.size);
    if (!entry->errors)
        return; /* the repeat's report has the counts, but not the list */
    entry->errors->size = (uint32_t)text.size;
    memcpy(entry->errors->text, text.data, text.size);
    dedup->errors_bytes += text.size;
    while (dedup->errors_bytes > ERRORS_BYTES_MAX) {
        struct dedup_entry *from = dedup->errors_from ? dedup->errors_from : dedup->oldest;
        ensure(from);
        errors_drop(dedup, from);
        dedup->errors_from = from->younger;
    }
}

static void list_append(struct dedup *dedup, struct dedup_entry *entry)
{
    entry->older = dedup->youngest;
    entry->younger = NULL;
    *(dedup->youngest ? &dedup->youngest->younger : &dedup->oldest) = entry;
    dedup->youngest = entry;
    entry->durable = true;
    dedup->durable_count++;
}

static void list_remove(struct dedup *dedup, struct dedup_entry *entry)
{
    if (dedup->errors_from == entry)
        dedup->errors_from = entry->younger;
    *(entry->older ? &entry->older->younger : &dedup->oldest) = entry->younger;
    *(entry->younger ? &entry->younger->older : &dedup->youngest) = entry->older;
    entry->durable = false;
    dedup->durable_count--;
    errors_drop(dedup, entry);
}

static void entry_remove(struct dedup *dedup, struct dedup_entry *entry)
{
    struct dedup_entry **link = bucket_of(dedup, entry->key);
    while (*link != entry)
        link = &(*link)->chain;
    *link = entry->chain;
    if (entry->durable)
        list_remove(dedup, entry);
    dedup->entry_count--;
    free(entry);
}

void dedup_destroy(struct dedup *dedup)
{
    if (!dedup)
        return;
    for (size_t i = 0; i < dedup->base + dedup->split; i++)
        while (dedup->buckets[i])
            entry_remove(dedup, dedup->buckets[i]);
    pthread_mutex_destroy(&dedup->lock);
    object_end(&dedup->magic);
    free(dedup->buckets);
    free(dedup);
}

/* The window's clock: never set, so that keys age only by elapsed time. */
static int64_t window_clock_ns(const struct dedup *dedup)
{
    return clock_monotonic_ns() + dedup->restored_ns;
}

static void window_move(struct dedup *dedup)
{
    int64_t oldest_ns = window_clock_ns(dedup) - dedup->window_ns;
    while (dedup->oldest &&
           (dedup->durable_count > dedup->max_batches || dedup->oldest->durable_ns < oldest_ns))
        entry_remove(dedup, dedup->oldest);
}

static void entry_answer(const struct dedup_entry *entry, struct arena *arena,
                         struct dedup_report *report)
{
    memcpy(report->batch_uid, entry->batch_uid, UUID_BYTES);
    report->position = entry->position;
    report->accepted = entry->accepted;
    report->duplicates = entry->duplicates;
    report->quarantined = entry->quarantined;
    report->errors = SLICE_EMPTY;
    if (!entry->errors)
        return;
    struct slice text = slice_make(entry->errors->text, entry->errors->size);
    if (arena_copy(arena, text, &report->errors) != STATUS_OK)
        report->errors = SLICE_EMPTY;
}

/* A known, durable key; content NULL: not known yet. */
static enum dedup_answer compare(const struct dedup_entry *entry, const uint8_t *body,
                                 const uint8_t *content)
{
    if (memcmp(entry->body, body, BODY_BYTES) == 0)
        return DEDUP_REPEAT;
    if (!entry->has_content)
        return DEDUP_CONFLICT;
    if (!content)
        return DEDUP_COMPARE;
    return memcmp(entry->content, content, BODY_BYTES) == 0 ? DEDUP_REPEAT : DEDUP_CONFLICT;
}

static enum dedup_answer ask(struct dedup *dedup, const uint8_t *key, const uint8_t *body,
                             const uint8_t *content, struct arena *arena,
                             struct dedup_report *report)
{
    enum dedup_answer answer;
    pthread_mutex_lock(&dedup->lock);
    window_move(dedup);
    struct dedup_entry *entry = entry_find(dedup, key);
    if (!entry) /* without memory: "in progress", so the client retries */
        answer = entry_add(dedup, key, body) ? DEDUP_NEW : DEDUP_IN_PROGRESS;
    else if (!entry->durable) /* the other request is just determining its content */
        answer = DEDUP_IN_PROGRESS;
    else
        answer = compare(entry, body, content);
    if (answer == DEDUP_REPEAT)
        entry_answer(entry, arena, report);
    pthread_mutex_unlock(&dedup->lock);
    return answer;
}

enum dedup_answer dedup_begin(struct dedup *dedup, const uint8_t key[SHA256_BYTES],
                              const uint8_t body_sha256[SHA256_BYTES], struct arena *arena,
                              struct dedup_report *report)
{
    return ask(dedup, key, body_sha256, NULL, arena, report);
}

enum dedup_answer dedup_compare(struct dedup *dedup, const uint8_t key[SHA256_BYTES],
                                const uint8_t body_sha256[SHA256_BYTES],
                                const uint8_t inflated_digest[SHA256_BYTES], struct arena *arena,
                                struct dedup_report *report)
{
    return ask(dedup, key, body_sha256, inflated_digest, arena, report);
}

/* Under lock. */
static void commit(struct dedup *dedup, const struct batch_meta *meta)
{
    struct dedup_entry *entry = entry_find(dedup, meta->key);
    if (entry && entry->durable)
        list_remove(dedup, entry); /* restored twice: the later record counts */
    else if (!entry)
        entry = entry_add(dedup, meta->key, meta->body_sha256);
    if (entry) {
        memcpy(entry->body, meta->body_sha256, BODY_BYTES);
        entry->has_content = meta->inflated_digest.size == SHA256_BYTES;
        if (entry->has_content)
            memcpy(entry->content, meta->inflated_digest.data, BODY_BYTES);
        memcpy(entry->batch_uid, meta->batch_uid, UUID_BYTES);
        entry->position = meta->position;
        entry->durable_ns = window_clock_ns(dedup);
        entry->accepted = meta->accepted;
        entry->duplicates = meta->duplicates;
        entry->quarantined = meta->quarantined;
        list_append(dedup, entry);
        errors_keep(dedup, entry, meta->report_errors);
        window_move(dedup);
    }
}

void dedup_commit(struct dedup *dedup, const struct batch_meta *meta)
{
    pthread_mutex_lock(&dedup->lock);
    commit(dedup, meta);
    pthread_mutex_unlock(&dedup->lock);
}

void dedup_restore(void *arg, const struct batch_meta *meta)
{
    struct dedup *dedup = dedup_cast(arg);
    pthread_mutex_lock(&dedup->lock);
    int64_t gap_ns = meta->ingested_ns - dedup->last_ingested_ns;
    if (gap_ns > 0)
        dedup->restored_ns += gap_ns < RESTORED_GAP_MAX_NS ? gap_ns : RESTORED_GAP_MAX_NS;
    dedup->last_ingested_ns = meta->ingested_ns;
    commit(dedup, meta);
    pthread_mutex_unlock(&dedup->lock);
}

void dedup_abort(struct dedup *dedup, const uint8_t key[SHA256_BYTES])
{
    pthread_mutex_lock(&dedup->lock);
    struct dedup_entry *entry = entry_find(dedup, key);
    if (entry && !entry->durable)
        entry_remove(dedup, entry);
    pthread_mutex_unlock(&dedup->lock);
}

size_t dedup_count(struct dedup *dedup)
{
    pthread_mutex_lock(&dedup->lock);
    size_t count = dedup->durable_count;
    pthread_mutex_unlock(&dedup->lock);
    return count;
}
