/* conn_counts.c: open connections over all workers. Any thread; relaxed atomics only. The count of
 * an address is the least of its cells in ROWS rows, each row hashed with its own random key; so a
 * sender can't aim at another one's cells, and an innocent address is refused only when all of its
 * cells are crowded. */
#include "server/connection/conn_counts.h"

#include <stdatomic.h>
#include <stdlib.h>
#include "core/hash.h"
#include "core/thread.h"

#define ROWS  4
#define CELLS 16384

struct conn_counts {
    atomic_uint_least64_t total, refused;
    struct conn_gate gate;
    uint64_t keys[ROWS];
    atomic_uint_least32_t cells[ROWS][CELLS];
};

struct conn_gate *conn_counts_gate(struct conn_counts *counts)
{
    return &counts->gate;
}

struct conn_counts *conn_counts_create(void)
{
    struct conn_counts *counts = (struct conn_counts *)calloc(1, sizeof(*counts));
    if (counts)
        random_bytes(counts->keys, sizeof(counts->keys));
    return counts;
}

void conn_counts_destroy(struct conn_counts *counts)
{
    if (!counts)
        return;
    ensure(atomic_load(&counts->total) == 0 && atomic_load(&counts->refused) == 0);
    free(counts);
}

/* Keyed mixing of at most a few dozen bytes; the finaliser is that of splitmix64. */
static size_t cell_of(const struct conn_counts *counts, unsigned row, struct slice address)
{
    uint64_t h = counts->keys[row] ^ address.size;
    for (size_t i = 0; i < address.size; i++) {
        h = (h ^ address.data[i]) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 30;
        h *= UINT64_C(0xbf58476d1ce4e5b9);
        h ^= h >> 27;
    }
    return (h ^ h >> 31) % CELLS;
}

static void move(struct conn_counts *counts, struct slice address, uint32_t step)
{
    for (unsigned row = 0; row < ROWS; row++)
        atomic_fetch_add_explicit(&counts->cells[row][cell_of(counts, row, address)], step,
                                  memory_order_relaxed);
}

static uint32_t count_of(struct conn_counts *counts, struct slice address)
{
    uint32_t least = UINT32_MAX;
    for (unsigned row = 0; row < ROWS; row++) {
        uint32_t n = atomic_load_explicit(&counts->cells[row][cell_of(counts, row, address)],
                                          memory_order_relaxed);
        least = n < least ? n : least;
    }
    return least;
}

enum status conn_counts_enter(struct conn_counts *counts, struct slice address, uint64_t max_total,
                              uint64_t max_per_address)
{
    if (atomic_fetch_add_explicit(&counts->total, 1, memory_order_relaxed) >= max_total) {
        atomic_fetch_sub_explicit(&counts->total, 1, memory_order_relaxed);
        return STATUS_BUSY;
    }
    move(counts, address, 1);
    if (count_of(counts, address) <= max_per_address)
        return STATUS_OK;
    conn_counts_leave(counts, address);
    return STATUS_TOO_MANY;
}

void conn_counts_leave(struct conn_counts *counts, struct slice address)
{
    move(counts, address, UINT32_MAX); /* one less */
    atomic_fetch_sub_explicit(&counts->total, 1, memory_order_relaxed);
}

bool conn_counts_enter_refused(struct conn_counts *counts, uint64_t max_refused)
{
    if (atomic_fetch_add_explicit(&counts->refused, 1, memory_order_relaxed) < max_refused)
        return true;
    conn_counts_leave_refused(counts);
    return false;
}

void conn_counts_leave_refused(struct conn_counts *counts)
{
    atomic_fetch_sub_explicit(&counts->refused, 1, memory_order_relaxed);
}
