/* evidence_signer.c: signs heads with a key that this process holds. The evidence thread. Does not
 * read the key's file and does not check what it signs: whoever has the key's process can sign
 * anything (`vsocd signer` is for that). */
#include "storage/evidence/evidence_signer.h"

#include <stdlib.h>

struct secret_signer {
    struct evidence_signer base; /* first */
    struct note_secret secret;
};

static enum status sign_with_secret(struct evidence_signer *signer,
                                    const struct evidence_signing *what, struct writer *note,
                                    struct problem *problem)
{
    struct secret_signer *s = (struct secret_signer *)(void *)signer;
    struct note_signer by = note_signer_of(&s->secret);
    enum status status = checkpoint_sign(note, what->checkpoint, &by, 1);
    if (status != STATUS_OK)
        problem_say(problem, "the head can't be signed: %s", status_text(status));
    return status;
}

static void destroy(struct evidence_signer *signer)
{
    struct secret_signer *s = (struct secret_signer *)(void *)signer;
    note_secret_wipe(&s->secret);
    free(s);
}

enum status evidence_signer_of_secret(const struct note_secret *secret,
                                      struct evidence_signer **out)
{
    struct secret_signer *s = calloc(1, sizeof *s);
    if (!s)
        return STATUS_NO_MEMORY;
    s->base.verifier = secret->verifier;
    s->base.sign = sign_with_secret;
    s->base.destroy = destroy;
    s->secret = *secret;
    *out = &s->base;
    return STATUS_OK;
}
