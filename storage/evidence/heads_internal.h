/* heads_internal.h: what heads_write.c and heads_read.c share. Nobody else includes it. */
#ifndef VSOC_STORAGE_EVIDENCE_HEADS_INTERNAL_H
#define VSOC_STORAGE_EVIDENCE_HEADS_INTERNAL_H

#include "core/reader.h"
#include "storage/evidence/heads.h"

#define HEADS_ENTRY_HEAD_BYTES 8
#define HEADS_ENTRY_BYTES_MAX  (8 + NOTE_BYTES_MAX)
#define HEADS_PATH_BYTES       4300

/* Appends all bytes of a file. NOT_FOUND, IO, NO_MEMORY. */
enum status heads_read_file(const char *path, struct writer *out) must_check;
/* The entry at the reader's offset; head->note points into it. END: nothing more; TRUNCATED: it
 * ends early, as after a crash; CORRUPT, NO_MEMORY. */
enum status heads_next_entry(struct reader *r, struct evidence_head *head) must_check;
/* Path of a complete part. */
void heads_part_path(const char *dir, uint64_t first, char path[HEADS_PATH_BYTES]);

#endif
