/* dedup.h: the window of batch keys: knows which batches are in progress, and where in the spool
 * the batches of the last dedup.window are. A durable batch takes at most 40 bytes: 64 bits of its
 * key, its place and its age. Whether a key is known is answered from memory; what its first report
 * was, and that it is the same key, from the record (spool_recall), on a thread that may wait for
 * the disk. Bounded in batches and age; age is elapsed time, whatever the wall clock is set to.
 * Takes its own lock (a leaf). Thread: any. */
#ifndef VSOC_STORAGE_DEDUP_H
#define VSOC_STORAGE_DEDUP_H

#include "storage/spool/batch.h"

struct dedup;

enum dedup_answer {
    DEDUP_NEW,         /* key is now in progress: end with dedup_commit or dedup_abort */
    DEDUP_KNOWN,       /* recall->place is probably its batch: read it (spool_recall), then
                          dedup_judge */
    DEDUP_REPEAT,      /* recall->report is the first one's */
    DEDUP_IN_PROGRESS, /* the same key is being made durable right now: 409 */
    DEDUP_CONFLICT,    /* key was used with another body: 409 */
    DEDUP_COMPARE,     /* key was used with other bytes, which may be the same content in another
                          coding: call dedup_judge with the digest of the content */
    DEDUP_OTHER,       /* the record is another batch's, or can't be read any more: call dedup_begin
                          again */
};

/* Window of at most max_batches keys, none older than window_ns. NULL: no memory. */
struct dedup *dedup_create(size_t max_batches, int64_t window_ns);
void dedup_destroy(struct dedup *dedup);
/* At start: adds a record of the spool, in order. Time between two records counts, but at most an
 * hour. key: the batch key, or its first DEDUP_PRINT_BYTES bytes. */
#define DEDUP_PRINT_BYTES 8
void dedup_restore(struct dedup *dedup, const uint8_t *key, const struct batch_place *place,
                   int64_t ingested_ns);
/* At start: the batch at this position is in a record of version 1. While such batches are in the
 * window, a batch needs recall->has_old to be recognised as their repeat. */
void dedup_note_old(struct dedup *dedup, uint64_t position);
bool dedup_has_old(const struct dedup *dedup);
/* Looks up the key and, if it is new, marks it as in progress. recall: zeroed at first; when called
 * again after DEDUP_OTHER, as dedup_judge left it, so that the same place is not named twice.
 * NEW, KNOWN or IN_PROGRESS. */
enum dedup_answer dedup_begin(struct dedup *dedup, const uint8_t key[SHA256_BYTES],
                              struct batch_recall *recall);
/* After DEDUP_KNOWN, when the record was read: compares it with the batch. body_digest, of the
 * bytes as received, distinguishes a repeat from a batch that at best has the same content, whose
 * digest (batch_meta.inflated_digest) decides then; NULL: not known yet. recall->record.key must
 * have been converted if it was a plain one. REPEAT, CONFLICT, COMPARE or OTHER. */
enum dedup_answer dedup_judge(struct batch_recall *recall, const uint8_t key[SHA256_BYTES],
                              const uint8_t body_digest[SHA256_BYTES],
                              const uint8_t *inflated_digest);
/* The batch is durable at place: repeats find it there from now on. */
void dedup_commit(struct dedup *dedup, const uint8_t key[SHA256_BYTES],
                  const struct batch_place *place);
/* The batch was not stored: the key is free again. */
void dedup_abort(struct dedup *dedup, const uint8_t key[SHA256_BYTES]);
size_t dedup_count(struct dedup *dedup);
/* Position of the oldest batch in the window; UINT64_MAX: it is empty. */
uint64_t dedup_oldest(struct dedup *dedup);

#endif
