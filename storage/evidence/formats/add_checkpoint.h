/* add_checkpoint.h: the body of a witness's `POST /add-checkpoint` (c2sp.org/tlog-witness): old
 * size, consistency proof, new checkpoint. Thread: any; pure. */
#ifndef VSOC_STORAGE_EVIDENCE_FORMATS_ADD_CHECKPOINT_H
#define VSOC_STORAGE_EVIDENCE_FORMATS_ADD_CHECKPOINT_H

#include "storage/evidence/formats/checkpoint.h"

#define ADD_CHECKPOINT_PATH      "/add-checkpoint"
#define ADD_CHECKPOINT_SIZE_TYPE "text/x.tlog.size"

struct add_checkpoint {
    uint64_t old_size;
    struct merkle_path path;
    struct slice note; /* borrowed */
};

/* MALFORMED, TOO_MANY: more than 63 hashes. Does not look into the note. */
enum status add_checkpoint_parse(struct slice bytes, struct add_checkpoint *request) must_check;
void add_checkpoint_write(struct writer *w, const struct add_checkpoint *request);

#endif
