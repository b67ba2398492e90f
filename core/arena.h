/* arena.h: bump allocator with a byte limit. All memory is freed at once. One owner thread at a
 * time; no locks. In sanitizer builds every allocation is a malloc of its own, so that the
 * sanitizer detects overruns. */
#ifndef VSOC_CORE_ARENA_H
#define VSOC_CORE_ARENA_H

#include "core/slice.h"
#include "core/status.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used_bytes;          /* handed out and block overhead: what the limit counts */
    size_t limit_bytes;
};

/* Makes *arena an empty arena of at most limit_bytes. Allocates no memory yet. */
void arena_init(struct arena *arena, size_t limit_bytes);
/* Frees all memory. The arena may be initialised again. */
void arena_fini(struct arena *arena);
/* size bytes aligned for any type, not cleared; NULL when the limit or the system's memory is
 * reached. size may be 0. */
void *arena_alloc(struct arena *arena, size_t size);
/* Copy of s in the arena in *out; NO_MEMORY leaves *out untouched. */
enum status arena_copy(struct arena *arena, struct slice s, struct slice *out) must_check;
/* printf into the arena, NUL-terminated. Never NULL: out of memory, it returns a static text that
 * says so. */
const char *arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
