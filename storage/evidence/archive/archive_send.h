/* archive_send.h: archives one segment. Each step finds what an earlier, interrupted attempt did
 * and does not do it again. Thread: the archiver's. */
#ifndef VSOC_EVIDENCE_ARCHIVE_SEND_H
#define VSOC_EVIDENCE_ARCHIVE_SEND_H

#include "storage/evidence/archive/archive_entry.h"
#include "storage/evidence/archive/archive_target.h"

struct archive_source {
    int spool_fd;             /* the spool's directory */
    const char *evidence_dir; /* with keys/, tree/ and head */
    uint64_t first_position;  /* of the segment */
    uint64_t bytes;           /* of it */
    int64_t retain_ns;
};

/* Copies the segment's key areas, sends segment, leaf hashes and index object, reads each back and
 * compares it. BUSY: no signed head covers its records yet. NOT_FOUND: the segment was removed.
 * CORRUPT: what was read back differs. CLOSED, and what the target returns. On failure *problem
 * says why. *entry has no head. */
enum status archive_send(struct archive_target *target, const struct archive_source *source,
                         struct archive_entry *entry, struct problem *problem) must_check;

#endif
