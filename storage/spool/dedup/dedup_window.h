/* dedup_window.h: the durable batches of dedup.c's window: a queue in the order in which they
 * became durable, in chunks, and a hash table over it. No lock: the caller has one. */
#ifndef VSOC_STORAGE_DEDUP_WINDOW_H
#define VSOC_STORAGE_DEDUP_WINDOW_H

#include <stdint.h>

#include "core/status.h"
#include "storage/spool/batch.h"

struct dedup_chunk;

struct dedup_window {
    /* The queue: entries number `first` and the `size - 1` after it, 4096 in a chunk. */
    struct dedup_chunk **chunks; /* chunk_room of them, used as a ring */
    size_t chunk_room;
    struct dedup_chunk *spare;
    uint32_t first, size;
    uint32_t shadowed; /* of them: a later entry has the same print */
    /* The table: linear hashing, base + split buckets are used. base is a power of 2; one more bit
     * of the print distinguishes the buckets before split from those from base on. Each new entry
     * splits one bucket, so the table grows with its contents and no request waits for a rehash. */
    uint32_t *buckets;
    size_t base, split;
    size_t max;
    int64_t window_ns;
};

/* NO_MEMORY. */
enum status dedup_window_init(struct dedup_window *w, size_t max, int64_t window_ns) must_check;
void dedup_window_fini(struct dedup_window *w);
/* Adds an entry at now_ns, which never decreases; drops what is too old or too much. Without memory
 * the entry is not added: a repeat of it is stored again. */
void dedup_window_add(struct dedup_window *w, uint64_t print, const struct batch_place *place,
                      int64_t now_ns);
/* Drops what is too old. */
void dedup_window_move(struct dedup_window *w, int64_t now_ns);
/* The newest entry with this print whose position is none of passed. */
bool dedup_window_find(const struct dedup_window *w, uint64_t print, const uint64_t *passed,
                       unsigned passed_count, struct batch_place *place);
/* Entries; two with the same print count once. */
size_t dedup_window_count(const struct dedup_window *w);
/* Position of the oldest entry, UINT64_MAX: there is none. */
uint64_t dedup_window_oldest(const struct dedup_window *w);

#endif
