/* evidence_signers.h: signers of a tree's heads (storage/evidence/evidence_signer.h) whose key is
 * not in the memory of the server. Thread: evidence, or main. */
#ifndef VSOC_STORAGE_EVIDENCE_SIGNERS_H
#define VSOC_STORAGE_EVIDENCE_SIGNERS_H

#include "storage/evidence/evidence_signer.h"
#include "storage/evidence/signer/token_key.h"

/* A key in a token; *key is taken, also on failure. NO_MEMORY. */
enum status evidence_signer_of_token(struct token_key **key,
                                     struct evidence_signer **out) must_check;
/* The process `vsocd signer` at the unix socket `path`, which checks by its own state that each
 * head continues the one before. The public key is the process's answer. UNAVAILABLE, TIMEOUT: no
 * process answers there; REFUSED: it refuses this user, or has no key for a log; OUT_OF_RANGE: the
 * path is too long; *problem for any status but OK.
 *
 * Its sign returns CONFLICT too: the process has signed a tree with more leaves. After a crash
 * those are records that are still to be read from the spool; if it has no more, spool or tree were
 * rolled back. */
enum status evidence_signer_of_socket(const char *path, struct evidence_signer **out,
                                      struct problem *problem) must_check;

#endif
