/* hold_scan.h: which hold keeps a segment, found by looking at its records. Thread: one that may
 * wait for the disk. */
#ifndef VSOC_EVIDENCE_HOLD_SCAN_H
#define VSOC_EVIDENCE_HOLD_SCAN_H

#include "storage/evidence/holds/hold_file.h"
#include "storage/spool/spool.h"

/* An active hold of a period that the segment's records were received in, or NULL. Records are
 * written soon after they were received: an hour of room on the early side. */
const struct hold *hold_by_time(const struct holds *holds, const struct spool_removal *removal,
                                int64_t now_ns);
/* True: some active hold can only be judged by looking at records. */
bool holds_need_scan(const struct holds *holds, int64_t now_ns);
/* Looks at the records of the segment; keys open them, may be NULL. *by: an active hold of a batch
 * or vehicle in it, or NULL; a record whose vehicles can't be read counts as held by a hold of a
 * vehicle. NOT_FOUND, IO, NO_MEMORY. */
enum status hold_scan(const char *spool_dir, const struct seal_keys *keys,
                      const struct holds *holds, const struct spool_removal *removal,
                      int64_t now_ns, const struct hold **by) must_check;

#endif
