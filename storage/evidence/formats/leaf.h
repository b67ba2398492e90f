/* leaf.h: the canonical bytes of a record in the transparency tree, and their hash.
 * docs/evidence.md has the layout. Thread: any; pure. */
#ifndef VSOC_STORAGE_EVIDENCE_FORMATS_LEAF_H
#define VSOC_STORAGE_EVIDENCE_FORMATS_LEAF_H

#include "core/writer.h"
#include "storage/evidence/formats/merkle.h"

#define EVIDENCE_LEAF_MAGIC       "vsocd/leaf/v1\n"
#define EVIDENCE_LEAF_FIXED_BYTES 190 /* without the tenant's text */

/* Kinds of records; what readers do not know they keep as a number. */
enum evidence_kind {
    EVIDENCE_BATCH = 1,
    EVIDENCE_AUDIT = 2,
    EVIDENCE_RETIREMENT = 3,
    EVIDENCE_KEY = 4,
    EVIDENCE_CLOCK = 5,
    EVIDENCE_LOST = 255 /* the record was lost before it reached the tree */
};

struct evidence_leaf {
    uint8_t kind;
    uint8_t spool_uid[16];
    uint64_t position;
    uint64_t leaf_index;
    uint8_t batch_uid[16];
    int64_t received_ns;
    uint32_t accepted, duplicates, quarantined;
    uint64_t body_bytes; /* in clear, as received */
    uint8_t body_commitment[SHA256_BYTES];
    uint8_t meta_commitment[SHA256_BYTES];
    uint8_t events_commitment[SHA256_BYTES];
    struct slice tenant; /* UTF-8, at most 65535 bytes; empty: of the operator */
};

/* Appends the canonical bytes. */
void evidence_leaf_write(struct writer *w, const struct evidence_leaf *leaf);
/* Reads canonical bytes, all of them; tenant is borrowed from bytes. VERSION: of another version;
 * TRUNCATED, MALFORMED, INVALID_UTF8. */
enum status evidence_leaf_read(struct slice bytes, struct evidence_leaf *leaf) must_check;
/* SHA-256(0x00 ‖ canonical bytes). OUT_OF_RANGE: the tenant's text is too long; NO_MEMORY. */
enum status evidence_leaf_hash(const struct evidence_leaf *leaf,
                               uint8_t hash[MERKLE_HASH_BYTES]) must_check;
/* The leaf of a record that was lost: kind, spool and index, all else zero. */
void evidence_leaf_lost(const uint8_t spool_uid[16], uint64_t leaf_index,
                        struct evidence_leaf *leaf);

#endif
