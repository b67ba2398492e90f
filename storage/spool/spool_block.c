/* spool_block.c: see spool_block.h. Does not know the fields. */
#include "storage/spool/spool_block.h"

#include "core/hash.h"
#include "core/thread.h"

#define MAGIC_BYTES 8
#define CRC_BYTES   4

bool spool_block_open(struct slice block, const char *magic, struct reader *fields)
{
    ensure(block.size > MAGIC_BYTES + CRC_BYTES);
    size_t covered = block.size - CRC_BYTES;
    struct reader crc = reader_make(slice_sub(block, covered, CRC_BYTES));
    *fields = reader_make(block);
    return slice_equal_text(reader_bytes(fields, MAGIC_BYTES), magic) &&
           crc32c(0, slice_sub(block, 0, covered)) == reader_uint_le(&crc, CRC_BYTES);
}

void spool_block_seal(struct writer *w, size_t size)
{
    ensure(w->size <= size - CRC_BYTES);
    size_t rest = size - CRC_BYTES - w->size;
    if (!writer_reserve(w, rest + CRC_BYTES))
        return;
    memset(w->data + w->size, 0, rest);
    w->size += rest;
    writer_uint_le(w, crc32c(0, writer_slice(w)), CRC_BYTES);
}
