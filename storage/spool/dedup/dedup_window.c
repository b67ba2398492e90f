/* dedup_window.c: queue and hash table of the durable batches in the window. The caller's thread,
 * under its lock. Knows no keys, only their first 64 bits ("prints"). */
#include "storage/spool/dedup/dedup_window.h"

#include <stdlib.h>
#include <string.h>

#include "core/thread.h"

#define CHUNK_ENTRIES UINT32_C(4096)
#define BUCKETS_MIN   ((size_t)64)
#define CHUNKS_MIN    ((size_t)16)
#define OFFSET_UNIT   8 /* records begin at multiples of it */
#define OFFSET_NONE   0 /* a segment begins with its header, so no record is there */
#define OFFSET_MAX    (UINT32_C(1) << 31)
#define SHADOWED      (UINT32_C(1) << 31) /* in the entry's offset */
/* Entries are numbered mod 2^31. A link is a number plus one; 0 is the end of a chain. */
#define NUMBER_MASK (UINT32_MAX >> 1)

/* Columns, so that no entry has padding: 32 bytes each. */
struct dedup_chunk {
    uint64_t print[CHUNK_ENTRIES];
    uint64_t position[CHUNK_ENTRIES];
    int64_t added_ns[CHUNK_ENTRIES];
    uint32_t offset[CHUNK_ENTRIES]; /* in OFFSET_UNIT; with SHADOWED */
    uint32_t chain[CHUNK_ENTRIES];  /* link to the next older entry of the bucket */
};

enum status dedup_window_init(struct dedup_window *w, size_t max, int64_t window_ns)
{
    *w = (struct dedup_window){.base = BUCKETS_MIN, .max = max, .window_ns = window_ns};
    w->buckets = calloc(BUCKETS_MIN, sizeof *w->buckets);
    w->chunks = calloc(CHUNKS_MIN, sizeof *w->chunks);
    w->chunk_room = CHUNKS_MIN;
    if (w->buckets && w->chunks)
        return STATUS_OK;
    dedup_window_fini(w);
    return STATUS_NO_MEMORY;
}

void dedup_window_fini(struct dedup_window *w)
{
    for (size_t i = 0; w->chunks && i < w->chunk_room; i++)
        free(w->chunks[i]);
    free(w->spare);
    free(w->chunks);
    free(w->buckets);
    *w = (struct dedup_window){0};
}

/* --- the queue ------------------------------------------------------------------------------ */

static struct dedup_chunk **chunk_of(const struct dedup_window *w, uint32_t number)
{
    return &w->chunks[number / CHUNK_ENTRIES & (w->chunk_room - 1)];
}

static uint32_t number_after(const struct dedup_window *w, uint32_t entries)
{
    return (w->first + entries) & NUMBER_MASK;
}

/* Twice the ring. */
static bool more_chunks(struct dedup_window *w)
{
    size_t room = 2 * w->chunk_room;
    struct dedup_chunk **grown = calloc(room, sizeof *grown);
    if (!grown)
        return false;
    for (size_t i = 0; i < w->chunk_room; i++) {
        uint32_t number = number_after(w, (uint32_t)i * CHUNK_ENTRIES);
        grown[number / CHUNK_ENTRIES & (room - 1)] = *chunk_of(w, number);
    }
    free(w->chunks);
    w->chunks = grown;
    w->chunk_room = room;
    return true;
}

/* A place in the queue for one more entry. */
static bool queue_reserve(struct dedup_window *w)
{
    size_t chunks = (w->first % CHUNK_ENTRIES + w->size) / CHUNK_ENTRIES;
    if (w->size == NUMBER_MASK / 2 || (chunks >= w->chunk_room && !more_chunks(w)))
        return false;
    struct dedup_chunk **chunk = chunk_of(w, number_after(w, w->size));
    if (*chunk)
        return true;
    *chunk = w->spare ? w->spare : malloc(sizeof **chunk);
    w->spare = NULL;
    return *chunk != NULL;
}

/* --- the table ------------------------------------------------------------------------------ */

static uint32_t *bucket_of(const struct dedup_window *w, uint64_t print)
{
    size_t i = (size_t)print & (2 * w->base - 1);
    return &w->buckets[i < w->base + w->split ? i : i - w->base];
}

/* Adds one bucket. Without memory it adds none, and chains get longer. */
static void bucket_split(struct dedup_window *w)
{
    if (w->split == 0) {
        uint32_t *larger = realloc(w->buckets, 2 * w->base * sizeof *larger);
        if (!larger)
            return;
        w->buckets = larger;
    }
    uint32_t *stays = &w->buckets[w->split], *goes = &w->buckets[w->base + w->split];
    for (uint32_t link = *stays; link;) {
        struct dedup_chunk *chunk = *chunk_of(w, link - 1);
        uint32_t i = (link - 1) % CHUNK_ENTRIES;
        uint32_t **end = chunk->print[i] & w->base ? &goes : &stays;
        **end = link;
        *end = &chunk->chain[i];
        link = chunk->chain[i];
    }
    *stays = *goes = 0;
    if (++w->split == w->base) {
        w->base *= 2;
        w->split = 0;
    }
}

/* The older entry with the same print is found only if the newer one is passed. */
static void shadow_older(struct dedup_window *w, uint64_t print)
{
    for (uint32_t link = *bucket_of(w, print); link;) {
        struct dedup_chunk *chunk = *chunk_of(w, link - 1);
        uint32_t i = (link - 1) % CHUNK_ENTRIES;
        if (chunk->print[i] == print && !(chunk->offset[i] & SHADOWED)) {
            chunk->offset[i] |= SHADOWED;
            w->shadowed++;
        }
        link = chunk->chain[i];
    }
}

/* The oldest entry is the last of its bucket's chain: chains are from newer to older. */
static void drop_oldest(struct dedup_window *w)
{
    uint32_t number = w->first, i = number % CHUNK_ENTRIES;
    struct dedup_chunk **slot = chunk_of(w, number), *chunk = *slot;
    uint32_t *link = bucket_of(w, chunk->print[i]);
    while (*link != number + 1) {
        ensure(*link);
        link = &(*chunk_of(w, *link - 1))->chain[(*link - 1) % CHUNK_ENTRIES];
    }
    *link = chunk->chain[i];
    if (chunk->offset[i] & SHADOWED)
        w->shadowed--;
    w->first = number_after(w, 1);
    w->size--;
    if (i + 1 < CHUNK_ENTRIES && w->size)
        return;
    *slot = NULL;
    if (w->spare)
        free(chunk);
    else
        w->spare = chunk;
    if (!w->size) /* the next entry begins a chunk */
        w->first = (number - i + CHUNK_ENTRIES) & NUMBER_MASK;
}

/* --- the window ----------------------------------------------------------------------------- */

void dedup_window_move(struct dedup_window *w, int64_t now_ns)
{
    int64_t oldest_ns = now_ns - w->window_ns;
    while (w->size && (dedup_window_count(w) > w->max ||
                       (*chunk_of(w, w->first))->added_ns[w->first % CHUNK_ENTRIES] < oldest_ns))
        drop_oldest(w);
}

void dedup_window_add(struct dedup_window *w, uint64_t print, const struct batch_place *place,
                      int64_t now_ns)
{
    if (!queue_reserve(w))
        return;
    if (w->size >= w->base + w->split)
        bucket_split(w);
    shadow_older(w, print);
    uint32_t number = number_after(w, w->size), i = number % CHUNK_ENTRIES;
    struct dedup_chunk *chunk = *chunk_of(w, number);
    uint32_t *bucket = bucket_of(w, print);
    uint64_t offset = place->offset / OFFSET_UNIT;
    chunk->print[i] = print;
    chunk->position[i] = place->position;
    chunk->added_ns[i] = now_ns;
    chunk->offset[i] = offset < OFFSET_MAX ? (uint32_t)offset : OFFSET_NONE;
    chunk->chain[i] = *bucket;
    *bucket = number + 1;
    w->size++;
    dedup_window_move(w, now_ns);
}

static bool is_among(uint64_t position, const uint64_t *passed, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (passed[i] == position)
            return true;
    return false;
}

bool dedup_window_find(const struct dedup_window *w, uint64_t print, const uint64_t *passed,
                       unsigned passed_count, struct batch_place *place)
{
    for (uint32_t link = *bucket_of(w, print); link;) {
        const struct dedup_chunk *chunk = *chunk_of(w, link - 1);
        uint32_t i = (link - 1) % CHUNK_ENTRIES;
        if (chunk->print[i] == print && !is_among(chunk->position[i], passed, passed_count)) {
            place->position = chunk->position[i];
            place->offset = (uint64_t)(chunk->offset[i] & ~SHADOWED) * OFFSET_UNIT;
            return true;
        }
        link = chunk->chain[i];
    }
    return false;
}

size_t dedup_window_count(const struct dedup_window *w)
{
    return w->size - w->shadowed;
}

uint64_t dedup_window_oldest(const struct dedup_window *w)
{
    return w->size ? (*chunk_of(w, w->first))->position[w->first % CHUNK_ENTRIES] : UINT64_MAX;
}
