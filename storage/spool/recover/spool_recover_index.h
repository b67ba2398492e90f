/* spool_recover_index.h: a start by indexes instead of by reading segments. Private to recovery.
 * Thread: the opener. */
#ifndef VSOC_STORAGE_SPOOL_RECOVER_INDEX_H
#define VSOC_STORAGE_SPOOL_RECOVER_INDEX_H

#include "storage/spool/index/spool_index.h"

/* What the indexes of a directory say, one for each segment. */
struct spool_indexes {
    struct spool_index *items; /* count of them, for the segments in their order */
    bool *valid;               /* of each: it may be used */
    size_t count;
    size_t needed_from; /* the places of the segments from here on are needed */
    bool keys_needed;   /* and those of the kept keys too */
    size_t missing;     /* segments without an index that may be used */
    uint64_t *keys;     /* first positions of kept keys */
    size_t key_count;
};

/* Reads the heads of all indexes; removes unfinished ones. IO, NO_MEMORY. */
enum status spool_indexes_read(struct spool_indexes *indexes, int dir_fd, const uint64_t *firsts,
                               size_t count, uint64_t keys_max) must_check;
void spool_indexes_fini(struct spool_indexes *indexes);
/* The kept keys of the spool: gives their places to fn, if those are needed, and adds them to the
 * keeper. *newest: their newest position. Damaged ones, and those of another spool, are removed.
 * NO_MEMORY, IO. */
enum status spool_indexes_keys(struct spool_indexes *indexes, struct spool *spool, uint64_t before,
                               spool_scan_fn fn, void *arg, uint64_t *newest) must_check;
/* The index of segment number i can't be used after all. */
void spool_indexes_reject(struct spool_indexes *indexes, size_t i, const char *why);

#endif
