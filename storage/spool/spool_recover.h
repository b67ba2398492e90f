/* spool_recover.h: start-up of a spool directory: scan, cut, set aside, salvage. */
#ifndef VSOC_STORAGE_SPOOL_RECOVER_H
#define VSOC_STORAGE_SPOOL_RECOVER_H

#include "storage/spool/spool_internal.h"

/* Fills spool's segments, uid, tail, corrupt_segments, stored cursors and cursor_fd from the
 * directory (spool->dir_fd, locked by the caller), repairing it on the way; opens the last segment
 * for writing when it can be continued, else spool->fd stays -1. Calls scan for each whole record.
 * VERSION, IO, NO_MEMORY; reason says what to do. Segments that can't be repaired stay as they are.
 */
enum status spool_recover(struct spool *spool, spool_scan_fn scan, void *scan_arg,
                          char reason[256]) must_check;

#endif
