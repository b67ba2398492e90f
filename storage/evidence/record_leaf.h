/* record_leaf.h: the leaf of a record of the spool. Thread: any; pure. */
#ifndef VSOC_STORAGE_EVIDENCE_RECORD_LEAF_H
#define VSOC_STORAGE_EVIDENCE_RECORD_LEAF_H

#include "storage/evidence/formats/leaf.h"
#include "storage/spool/batch.h"

/* meta with its texts, of a record that has a leaf (leaf_index is not BATCH_NO_LEAF). The tenant is
 * borrowed from it. */
void record_leaf_of(const struct batch_meta *meta, const uint8_t spool_uid[UUID_BYTES],
                    struct evidence_leaf *leaf);
/* Its hash. Statuses of evidence_leaf_hash. */
enum status record_leaf_hash(const struct batch_meta *meta, const uint8_t spool_uid[UUID_BYTES],
                             uint8_t hash[MERKLE_HASH_BYTES]) must_check;

#endif
