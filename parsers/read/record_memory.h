/* record_memory.h: the memory that one record may take while it is parsed (parser_context.alloc),
 * and the refusal of a record that needs more. Pure; thread: any. */
#ifndef VSOC_PARSERS_RECORD_MEMORY_H
#define VSOC_PARSERS_RECORD_MEMORY_H

#include "parsers/read/record_refuse.h"

/* Bytes for each byte that a record may have (limits.event_bytes): room for the escapes and index
 * tables of the worst one. */
#define RECORD_MEMORY_PER_BYTE 32

/* 32 is RECORD_MEMORY_PER_BYTE. */
#define RECORD_MEMORY_TEXT "the record needs more memory than 32 times limits.event_bytes"

/* Refuses the record, from `offset` on, because alloc or mark gave NULL. */
static inline void record_memory_refuse(struct parser_outcome *outcome, size_t offset)
{
    record_refuse(outcome, offset, RECORD_no_memory, RECORD_MEMORY_TEXT);
}

#endif
