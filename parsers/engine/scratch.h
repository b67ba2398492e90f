/* scratch.h: memory of one record: one block that is reused, plus further pieces until the next
 * reset. One owner thread. */
#ifndef VSOC_PARSERS_SCRATCH_H
#define VSOC_PARSERS_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scratch_piece;

struct scratch {
    uint8_t *block; /* taken with the first allocation */
    size_t block_used;
    struct scratch_piece *pieces; /* larger ones, newest first */
    size_t piece_bytes;
    size_t limit_bytes; /* of pieces */
    bool starved;       /* the process was out of memory although the limit was not reached */
};

void scratch_init(struct scratch *scratch, size_t limit_bytes);
void scratch_fini(struct scratch *scratch);
/* Takes back all that was handed out. */
void scratch_reset(struct scratch *scratch);
/* size bytes aligned for any type, valid until the reset; NULL when the limit or memory is reached.
 */
void *scratch_alloc(struct scratch *scratch, size_t size);
/* A mark to return to, NULL when the limit or memory is reached; scratch_release frees the mark and
 * everything allocated after it. */
struct scratch_mark;
const struct scratch_mark *scratch_mark(struct scratch *scratch);
void scratch_release(struct scratch *scratch, const struct scratch_mark *mark);

#endif
