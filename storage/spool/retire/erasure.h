/* erasure.h: how many records an erasure took, by its record in the log (vehicle_erased), which is
 * there before the first key goes. Thread: any. */
#ifndef VSOC_STORAGE_SPOOL_ERASURE_H
#define VSOC_STORAGE_SPOOL_ERASURE_H

#include "core/slice.h"
#include "core/status.h"

/* 0: the audit record is about something else. NO_MEMORY. */
enum status erasure_read(struct slice json, uint64_t *records) must_check;

#endif
