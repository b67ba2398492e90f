/* scratch.c: bump allocation for memory of one record. Runs on the thread that parses. In sanitizer
 * builds every piece is a malloc of its own, so that the sanitizer detects overruns. */
#include "parsers/engine/scratch.h"

#include <stdlib.h>

#define BLOCK_BYTES 16384
#define ALIGNMENT   _Alignof(max_align_t)

struct scratch_piece {
    _Alignas(max_align_t) struct scratch_piece *next;
};

struct scratch_mark {
    size_t block_used, piece_bytes;
    struct scratch_piece *pieces;
};

void scratch_init(struct scratch *scratch, size_t limit_bytes)
{
    *scratch = (struct scratch){.limit_bytes = limit_bytes};
}

void scratch_fini(struct scratch *scratch)
{
    scratch_reset(scratch);
    free(scratch->block);
    scratch->block = NULL;
}

static void go_back(struct scratch *scratch, struct scratch_mark mark)
{
    while (scratch->pieces != mark.pieces) {
        struct scratch_piece *next = scratch->pieces->next;
        free(scratch->pieces);
        scratch->pieces = next;
    }
    scratch->piece_bytes = mark.piece_bytes;
    scratch->block_used = mark.block_used;
}

void scratch_reset(struct scratch *scratch)
{
    go_back(scratch, (struct scratch_mark){0, 0, NULL});
}

static void *take(struct scratch *scratch, size_t size)
{
    void *p = malloc(size);
    scratch->starved |= !p;
    return p;
}

static void *alloc_piece(struct scratch *scratch, size_t size)
{
    if (size > scratch->limit_bytes - scratch->piece_bytes)
        return NULL;
    struct scratch_piece *piece = take(scratch, sizeof *piece + size);
    if (!piece)
        return NULL;
    piece->next = scratch->pieces;
    scratch->pieces = piece;
    scratch->piece_bytes += size;
    return piece + 1;
}

void *scratch_alloc(struct scratch *scratch, size_t size)
{
#ifndef VSOCD_SANITIZED
    if (size <= BLOCK_BYTES - ALIGNMENT) {
        size_t rounded = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
        if (!scratch->block && !(scratch->block = take(scratch, BLOCK_BYTES)))
            return NULL;
        if (rounded <= BLOCK_BYTES - scratch->block_used) {
            void *p = scratch->block + scratch->block_used;
            scratch->block_used += rounded;
            return p;
        }
    }
#endif
    return alloc_piece(scratch, size);
}

const struct scratch_mark *scratch_mark(struct scratch *scratch)
{
    struct scratch_mark now = {scratch->block_used, scratch->piece_bytes, scratch->pieces};
    struct scratch_mark *mark = scratch_alloc(scratch, sizeof *mark);
    if (mark)
        *mark = now;
    return mark;
}

void scratch_release(struct scratch *scratch, const struct scratch_mark *mark)
{
    if (mark)
        go_back(scratch, *mark);
}
