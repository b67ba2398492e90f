/* dedup.h: the window of batch keys: answers a repeat with the first report, and knows which
 * batches are in progress. Bounded in batches and age; age is elapsed time, whatever the wall clock
 * is set to. Takes its own lock (a leaf). Thread: any. */
#ifndef VSOC_STORAGE_DEDUP_H
#define VSOC_STORAGE_DEDUP_H

#include "storage/spool/batch.h"

struct dedup;

/* The answer to a repeat. */
struct dedup_report {
    uint8_t batch_uid[UUID_BYTES];
    uint64_t position;
    uint32_t accepted, duplicates, quarantined;
    struct slice errors; /* JSON array text; points into the arena given to dedup_begin */
};

enum dedup_answer {
    DEDUP_NEW,         /* key is now in progress: end with dedup_commit or dedup_abort */
    DEDUP_REPEAT,      /* *report is the first one's */
    DEDUP_IN_PROGRESS, /* the same key is being made durable right now: 409 */
    DEDUP_CONFLICT,    /* key was used with another body: 409 */
    DEDUP_COMPARE,     /* key was used with other bytes, which may be the same content in another
                          coding: call dedup_compare */
};

/* Window of at most max_batches keys, none older than window_ns. NULL: no memory. */
struct dedup *dedup_create(size_t max_batches, int64_t window_ns);
void dedup_destroy(struct dedup *dedup);
/* At start: adds a record of the spool (a spool_scan_fn; arg is the struct dedup), in order. Time
 * between two records counts, but at most an hour. */
void dedup_restore(void *dedup, const struct batch_meta *meta);
/* Looks up the key and, if it is new, marks it as in progress. body_sha256, of the bytes as
 * received, distinguishes a repeat from a batch that at best has the same content. errors are
 * copied into arena. */
enum dedup_answer dedup_begin(struct dedup *dedup, const uint8_t key[SHA256_BYTES],
                              const uint8_t body_sha256[SHA256_BYTES], struct arena *arena,
                              struct dedup_report *report);
/* After DEDUP_COMPARE, with the digest (batch_meta.inflated_digest) of the body without its content
 * coding. Returns the same as dedup_begin, except DEDUP_COMPARE. */
enum dedup_answer dedup_compare(struct dedup *dedup, const uint8_t key[SHA256_BYTES],
                                const uint8_t body_sha256[SHA256_BYTES],
                                const uint8_t inflated_digest[SHA256_BYTES], struct arena *arena,
                                struct dedup_report *report);
/* The batch is durable: repeats get this report from now on. */
void dedup_commit(struct dedup *dedup, const struct batch_meta *meta);
/* The batch was not stored: the key is free again. */
void dedup_abort(struct dedup *dedup, const uint8_t key[SHA256_BYTES]);
size_t dedup_count(struct dedup *dedup);

#endif
