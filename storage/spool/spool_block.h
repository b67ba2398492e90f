/* spool_block.h: the form that the spool's small fixed structures share: a magic of eight bytes
 * first, zeros after the fields, CRC-32C of all bytes before it last. Segment headers, heads of
 * indexes, entries of evictions, slots of cursors. Thread: any. */
#ifndef VSOC_STORAGE_SPOOL_BLOCK_H
#define VSOC_STORAGE_SPOOL_BLOCK_H

#include "core/reader.h"
#include "core/writer.h"

/* Reads behind the magic. False: the block has another magic or is damaged. */
bool spool_block_open(struct slice block, const char *magic, struct reader *fields) must_check;
/* Fills *w, whose content is the block's magic and fields, with zeros and the CRC up to size. */
void spool_block_seal(struct writer *w, size_t size);

#endif
