/* record_leaf.c: what of a record goes into its leaf. Any thread. */
#include "storage/evidence/record_leaf.h"

void record_leaf_of(const struct batch_meta *meta, const uint8_t spool_uid[UUID_BYTES],
                    struct evidence_leaf *leaf)
{
    *leaf = (struct evidence_leaf){
        .kind = meta->kind,
        .position = meta->position,
        .leaf_index = meta->leaf_index,
        .received_ns = meta->received_ns,
        .accepted = meta->accepted,
        .duplicates = meta->duplicates,
        .quarantined = meta->quarantined,
        .body_bytes = meta->body_bytes,
        .tenant = meta->tenant,
    };
    memcpy(leaf->spool_uid, spool_uid, UUID_BYTES);
    memcpy(leaf->batch_uid, meta->batch_uid, UUID_BYTES);
    memcpy(leaf->body_commitment, meta->body_commitment, SHA256_BYTES);
    memcpy(leaf->meta_commitment, meta->meta_commitment, SHA256_BYTES);
    memcpy(leaf->events_commitment, meta->events_commitment, SHA256_BYTES);
}

enum status record_leaf_hash(const struct batch_meta *meta, const uint8_t spool_uid[UUID_BYTES],
                             uint8_t hash[MERKLE_HASH_BYTES])
{
    struct evidence_leaf leaf;
    record_leaf_of(meta, spool_uid, &leaf);
    return evidence_leaf_hash(&leaf, hash);
}
