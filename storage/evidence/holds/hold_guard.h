/* hold_guard.h: whether a hold keeps a segment. Its thread reads the holds and looks into segments;
 * the answer for a segment that nobody looked into yet comes later. */
#ifndef VSOC_EVIDENCE_HOLD_GUARD_H
#define VSOC_EVIDENCE_HOLD_GUARD_H

#include "storage/evidence/holds/hold_file.h"
#include "storage/spool/spool.h"

struct hold_guard;

struct hold_guard_stats {
    uint64_t active;        /* holds in force */
    uint64_t damaged;       /* lines of the file that can't be read */
    uint64_t kept_position; /* last position of a segment that a hold keeps beyond its limits; 0 */
    char kept_by[UUID_TEXT_BYTES + 1];
};

/* The directories' texts and the keys outlive it; keys open records, may be NULL. IO, NO_MEMORY;
 * *problem says why. Thread: main. */
enum status hold_guard_create(const char *evidence_dir, const char *spool_dir,
                              const struct seal_keys *keys, struct hold_guard **out,
                              struct problem *problem) must_check;
enum status hold_guard_start(struct hold_guard *guard) must_check;
void hold_guard_stop(struct hold_guard *guard);
void hold_guard_destroy(struct hold_guard *guard);
/* Thread: any. */
void hold_guard_stats(struct hold_guard *guard, struct hold_guard_stats *stats);

/* For spool_guard_with (storage/spool/spool.h): the spool's writer asks before it removes a
 * segment. Thread: writer. */
enum spool_removal_verdict hold_guard_begin(void *guard, const struct spool_removal *removal,
                                            uint64_t *holds);
void hold_guard_end(void *guard);

#endif
