/* sign_state.h: the last head that `vsocd signer` signed, in a file that survives a crash and a
 * power cut. Thread: the signer's. */
#ifndef VSOC_STORAGE_EVIDENCE_SIGN_STATE_H
#define VSOC_STORAGE_EVIDENCE_SIGN_STATE_H

#include "core/log/problem.h"
#include "storage/evidence/formats/merkle.h"

/* The newest head that may have been signed. */
struct sign_head {
    uint64_t size;
    uint8_t root[MERKLE_HASH_BYTES];
};

struct sign_state;

/* Opens the folder `dir` (0700, made when it is missing) and locks it for this process. The file of
 * `origin` must exist, unless is_first: then it must not, and says that nothing was signed.
 * NOT_FOUND, EXISTS; LOCKED: another process signs from this state; CORRUPT: the file is damaged or
 * of another origin; IO, REFUSED, NO_SPACE, NO_MEMORY. *problem for any status but OK. */
enum status sign_state_open(const char *dir, struct slice origin, bool is_first,
                            struct sign_state **out, struct problem *problem) must_check;
/* NULL is allowed. */
void sign_state_close(struct sign_state *state);
/* Valid until the next call for this state. */
const struct sign_head *sign_state_head(const struct sign_state *state);
/* Makes the head durable; only then may it be signed. On failure the state in memory is unchanged,
 * the one on disk is the old or the new one. IO, NO_SPACE. */
enum status sign_state_advance(struct sign_state *state, const struct sign_head *head,
                               struct problem *problem) must_check;

#endif
