/* signer_of_token.c: a token's key as the signer of a tree. The evidence thread. */
#include "storage/evidence/signer/evidence_signers.h"

#include <stdlib.h>

struct token_signer {
    struct evidence_signer signer;
    struct token_key *key;
};

static enum status sign(struct evidence_signer *signer, const struct evidence_signing *what,
                        struct writer *note, struct problem *problem)
{
    const struct token_signer *t = (const struct token_signer *)(const void *)signer;
    const struct note_signer key = token_key_signer(t->key);
    enum status status = checkpoint_sign(note, what->checkpoint, &key, 1);
    if (status == STATUS_UNAVAILABLE || status == STATUS_REFUSED)
        problem_say(problem, "%s", token_key_problem(t->key));
    else if (status != STATUS_OK)
        problem_say(problem, "the PKCS#11 token: %s", status_text(status));
    /* REFUSED would mean that the tree is wrong, for ever. */
    return status == STATUS_REFUSED ? STATUS_IO : status;
}

static void destroy(struct evidence_signer *signer)
{
    struct token_signer *t = (struct token_signer *)(void *)signer;
    token_key_close(t->key);
    free(t);
}

enum status evidence_signer_of_token(struct token_key **key, struct evidence_signer **out)
{
    struct token_signer *t = calloc(1, sizeof *t);
    if (t) {
        t->signer = (struct evidence_signer){
            .verifier = *token_key_signer(*key).verifier, .sign = sign, .destroy = destroy};
        t->key = *key;
        *out = &t->signer;
    } else {
        token_key_close(*key);
    }
    *key = NULL;
    return t ? STATUS_OK : STATUS_NO_MEMORY;
}
