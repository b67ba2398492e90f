/* arena.c: bump allocation from malloc'd blocks. Thread: the arena's owner. Does not free single
 * allocations. */
#include "core/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_ALIGN          16
#define ARENA_BLOCK_FIRST    ((size_t)4096)
#define ARENA_BLOCK_LARGEST  ((size_t)65536)
#define ARENA_NO_MEMORY_TEXT "(no memory left for this text)"

struct arena_block {
    struct arena_block *next;
    size_t capacity; /* of bytes */
    size_t used;
    _Alignas(ARENA_ALIGN) uint8_t bytes[];
};

void arena_init(struct arena *arena, size_t limit_bytes)
{
    arena->blocks = NULL;
    arena->used_bytes = 0;
    arena->limit_bytes = limit_bytes;
}

void arena_fini(struct arena *arena)
{
    struct arena_block *block = arena->blocks;
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    arena->blocks = NULL;
    arena->used_bytes = 0;
}

/* New block with room for capacity bytes, counted against the limit; not linked. */
static struct arena_block *arena_block_create(struct arena *arena, size_t capacity)
{
    struct arena_block *block = malloc(sizeof *block + capacity);
    if (!block)
        return NULL;
    block->capacity = capacity;
    block->used = 0;
    arena->used_bytes += sizeof *block + capacity;
    return block;
}

/* Capacity for the next shared block: doubles from block to block, limited by what is left. */
static size_t arena_next_capacity(const struct arena *arena, size_t room)
{
    size_t want = ARENA_BLOCK_FIRST;
    if (arena->blocks)
        want = arena->blocks->capacity * 2 + sizeof(struct arena_block);
    if (want > ARENA_BLOCK_LARGEST)
        want = ARENA_BLOCK_LARGEST;
    want -= sizeof(struct arena_block);
    return want < room ? want : room;
}

/* Takes size bytes from a block of their own; the newest block remains the one to fill. */
static void *arena_alloc_alone(struct arena *arena, size_t size)
{
    struct arena_block *block = arena_block_create(arena, size);
    if (!block)
        return NULL;
    block->used = size;
    if (arena->blocks) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = NULL;
        arena->blocks = block;
    }
    return block->bytes;
}

void *arena_alloc(struct arena *arena, size_t size)
{
#ifdef VSOCD_SANITIZED
    const bool share = false;
    const size_t rounded = size;
#else
    const bool share = true;
    if (size > SIZE_MAX - ARENA_ALIGN)
        return NULL;
    const size_t rounded =
        size ? (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1) : ARENA_ALIGN;
#endif
    struct arena_block *block = arena->blocks;
    if (share && block && rounded <= block->capacity - block->used) {
        void *p = block->bytes + block->used;
        block->used += rounded;
        return p;
    }
    size_t left = arena->limit_bytes - arena->used_bytes;
    if (left < sizeof *block || rounded > left - sizeof *block)
        return NULL;
    size_t capacity = arena_next_capacity(arena, left - sizeof *block);
    if (!share || rounded > capacity / 4)
        return arena_alloc_alone(arena, rounded);
    block = arena_block_create(arena, capacity);
    if (!block)
        return NULL;
    block->next = arena->blocks;
    arena->blocks = block;
    block->used = rounded;
    return block->bytes;
}

enum status arena_copy(struct arena *arena, struct slice s, struct slice *out)
{
    void *p = arena_alloc(arena, s.size);
    if (!p)
        return STATUS_NO_MEMORY;
    if (s.size)
        memcpy(p, s.data, s.size);
    *out = slice_make(p, s.size);
    return STATUS_OK;
}

const char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = size < 0 ? NULL : arena_alloc(arena, (size_t)size + 1);
    if (!text)
        return ARENA_NO_MEMORY_TEXT;
    va_start(args, format);
    vsnprintf(text, (size_t)size + 1, format, args);
    va_end(args);
    return text;
}
