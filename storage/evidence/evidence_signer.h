/* evidence_signer.h: who signs the heads of the tree: a key in a file, a token, or a process behind
 * a socket. The evidence thread calls it; an implementation may wait for a device or a process, and
 * nothing else waits for it. */
#ifndef VSOC_STORAGE_EVIDENCE_SIGNER_H
#define VSOC_STORAGE_EVIDENCE_SIGNER_H

#include "core/log/problem.h"
#include "storage/evidence/formats/checkpoint.h"

/* What is to be signed. */
struct evidence_signing {
    const struct checkpoint *checkpoint;
    /* Consistency proof from the tree of size `old` to that of the checkpoint, for a signer that
     * checks by itself what it signed before. OUT_OF_RANGE: old is larger; IO, CORRUPT. */
    enum status (*prove)(void *arg, uint64_t old, struct merkle_path *path);
    void *prove_arg;
};

/* Embedded first in its implementation. */
struct evidence_signer {
    struct note_verifier verifier; /* its name is the origin of the checkpoints */
    /* Appends the whole signed note. REFUSED: this signer has signed another tree and will never
     * sign this one; CONFLICT: it has signed more leaves than these; UNAVAILABLE, TIMEOUT, IO: ask
     * again later. *problem says why and what to do.
     * On failure the note holds what it held. Thread: evidence. */
    enum status (*sign)(struct evidence_signer *signer, const struct evidence_signing *what,
                        struct writer *note, struct problem *problem);
    void (*destroy)(struct evidence_signer *signer);
};

/* A signer that holds the key itself; secret is copied, the copy is wiped when it is destroyed.
 * NO_MEMORY. The caller owns *out: evidence_signer_destroy. */
enum status evidence_signer_of_secret(const struct note_secret *secret,
                                      struct evidence_signer **out) must_check;

static inline void evidence_signer_destroy(struct evidence_signer *signer)
{
    if (signer)
        signer->destroy(signer);
}

#endif
