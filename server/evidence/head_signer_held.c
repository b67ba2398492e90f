/* head_signer_held.c: opens signers whose key is elsewhere. Main thread, at start. */
#include "server/evidence/head_signer_held.h"

#include <string.h>

#include "server/files/signing_key.h"
#include "storage/evidence/signer/evidence_signers.h"

bool head_signer_is_held(const struct config *config)
{
    return config->evidence_signer || config->evidence_signing_token;
}

static enum status open_token(const char *uri, const char *origin, struct evidence_signer **out,
                              struct problem *problem)
{
    struct signing_key key;
    struct problem why;
    enum status status = signing_key_open(uri, origin, &key, &why);
    if (status == STATUS_OK && !key.token) {
        signing_key_close(&key);
        problem_say(&why, "it does not begin with " TOKEN_KEY_SCHEME);
        status = STATUS_CONFIG;
    }
    if (status != STATUS_OK) {
        problem_say(problem, "evidence.signing_token: %s", why.text);
        return status;
    }
    status = evidence_signer_of_token(&key.token, out);
    if (status != STATUS_OK)
        problem_say(problem, "%s", status_text(status));
    return status;
}

static enum status open_process(const char *path, const char *origin, struct evidence_signer **out,
                                struct problem *problem)
{
    struct problem why;
    enum status status = evidence_signer_of_socket(path, out, &why);
    if (status != STATUS_OK) {
        problem_say(problem, "evidence.signer: %s", why.text);
        return status;
    }
    if (!origin || !strcmp(origin, (*out)->verifier.name))
        return STATUS_OK;
    problem_say(problem, "evidence.signer has the key of %s, and heads are of %s",
                (*out)->verifier.name, origin);
    evidence_signer_destroy(*out);
    return STATUS_CONFIG;
}

enum status head_signer_open_held(const struct config *config, const char *origin,
                                  struct evidence_signer **out, struct problem *problem)
{
    if (config->evidence_signer && config->evidence_signing_token) {
        problem_say(problem, "evidence.signer and evidence.signing_token exclude each other");
        return STATUS_CONFIG;
    }
    if (config->evidence_signer)
        return open_process(config->evidence_signer, origin, out, problem);
    return open_token(config->evidence_signing_token, origin, out, problem);
}
