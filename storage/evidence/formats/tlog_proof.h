/* tlog_proof.h: a proof that a leaf is in a log (c2sp.org/tlog-proof): index, inclusion proof,
 * signed and cosigned checkpoint, as one text file. Thread: any; pure. */
#ifndef VSOC_STORAGE_EVIDENCE_FORMATS_TLOG_PROOF_H
#define VSOC_STORAGE_EVIDENCE_FORMATS_TLOG_PROOF_H

#include "storage/evidence/formats/checkpoint.h"

#define TLOG_PROOF_EXTRA_BYTES_MAX ((size_t)64 << 10)

struct policy;

struct tlog_proof {
    bool has_extra;
    struct slice extra_base64; /* of opaque bytes that nothing authenticates; borrowed */
    uint64_t index;
    struct merkle_path path;
    struct slice note; /* the checkpoint with its signatures, verbatim; borrowed */
};

/* MALFORMED, TOO_LARGE, TOO_MANY (hashes), INVALID_UTF8: also of the note in it. */
enum status tlog_proof_parse(struct slice bytes, struct tlog_proof *proof) must_check;
/* extra: NULL for none, else raw bytes. proof's own extra fields are not read. */
void tlog_proof_write(struct writer *w, const struct tlog_proof *proof, const struct slice *extra);
/* The checkpoint satisfies the policy and holds the leaf at the proof's index. Statuses of
 * policy_verify; REFUSED: the leaf is not in it. checkpoint may be NULL; borrows from proof. */
enum status tlog_proof_verify(const struct tlog_proof *proof,
                              const uint8_t leaf_hash[MERKLE_HASH_BYTES],
                              const struct policy *policy,
                              struct checkpoint *checkpoint) must_check;

#endif
