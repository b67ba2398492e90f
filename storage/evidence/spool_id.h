/* spool_id.h: the id of a spool that this process has not opened. Thread: any. */
#ifndef VSOC_STORAGE_EVIDENCE_SPOOL_ID_H
#define VSOC_STORAGE_EVIDENCE_SPOOL_ID_H

#include "core/status.h"
#include "core/uuid7.h"

/* From the oldest segment in the folder. NOT_FOUND: there is none; statuses of
 * spool_segment_read_header. */
enum status evidence_spool_id(const char *spool_dir, uint8_t uid[UUID_BYTES]) must_check;

#endif
