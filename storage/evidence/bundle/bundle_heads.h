/* bundle_heads.h: the heads of a bundle: signatures, the quorum on the largest, and that it
 * continues the others. Thread: any. */
#ifndef VSOC_STORAGE_EVIDENCE_BUNDLE_HEADS_H
#define VSOC_STORAGE_EVIDENCE_BUNDLE_HEADS_H

#include "storage/evidence/bundle/bundle_files.h"
#include "storage/evidence/formats/policy.h"

struct bundle_heads {
    const struct policy *policy;
    struct problem *problem; /* set on failure */
    /* Out: of the largest head, borrowed from the archive. */
    struct slice note;
    struct checkpoint checkpoint;
    struct policy_result signers;
    size_t count; /* of heads */
};

/* Statuses of policy_verify; REFUSED: a head does not continue another, or is not what its name
 * says; NOT_FOUND: no head. */
enum status bundle_heads_check(struct bundle_heads *heads,
                               const struct bundle_files *files) must_check;

#endif
