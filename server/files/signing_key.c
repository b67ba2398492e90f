/* signing_key.c: opens the key that signs heads: from a trusted file, or in a token whose PIN is in
 * one. Main thread. Makes no keys. */
#include "server/files/signing_key.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "server/files/trusted_file.h"

static void wipe(struct writer *text)
{
    if (text->data)
        explicit_bzero(text->data, text->capacity);
    writer_fini(text);
}

static enum status read_secret_file(const char *path, struct writer *text, struct problem *problem)
{
    struct problem why;
    enum status status = trusted_file_read(path, TRUSTED_SECRET, text, &why);
    if (status != STATUS_OK)
        problem_say(problem, "%s %s", path,
                    status == STATUS_NOT_FOUND ? "does not exist" : why.text);
    return status;
}

enum status signing_key_read(const char *path, struct note_secret *out, struct problem *problem)
{
    struct writer text;
    enum status status = read_secret_file(path, &text, problem);
    if (status == STATUS_OK) {
        status = note_secret_parse(writer_slice(&text), out);
        if (status != STATUS_OK)
            problem_say(problem,
                        "%s holds no signing key, which is a line "
                        "PRIVATE+KEY+NAME+ID+BASE64 as `vsocd key new` writes it: %s",
                        path, status_text(status));
    }
    wipe(&text);
    return status;
}

static enum status open_file(const char *path, const char *origin, struct signing_key *out,
                             struct problem *problem)
{
    enum status status = signing_key_read(path, &out->secret, problem);
    if (status != STATUS_OK)
        return status;
    const char *name = out->secret.verifier.name;
    if (out->secret.verifier.algorithm != NOTE_ED25519)
        problem_say(problem, "%s is a key of a witness, which signs no heads", path);
    else if (origin && *origin && strcmp(origin, name) != 0)
        problem_say(problem, "%s is the key of %s, not of %s", path, name, origin);
    else
        return STATUS_OK;
    note_secret_wipe(&out->secret);
    return STATUS_CONFIG;
}

static enum status open_token(const char *uri, const char *origin, struct signing_key *out,
                              struct problem *problem)
{
    char path[PATH_MAX];
    struct writer pin;
    if (!origin || !*origin) {
        problem_say(problem, "a key in a token has no name of its own: give the origin");
        return STATUS_CONFIG;
    }
    enum status status = token_key_pin_file(uri, path, sizeof path, problem);
    if (status != STATUS_OK)
        return status;
    status = read_secret_file(path, &pin, problem);
    if (status == STATUS_OK)
        status = token_key_open(uri, slice_from_text(origin), slice_trim(writer_slice(&pin)),
                                &out->token, problem);
    wipe(&pin);
    return status;
}

enum status signing_key_open(const char *where, const char *origin, struct signing_key *out,
                             struct problem *problem)
{
    memset(out, 0, sizeof *out);
    if (!strncmp(where, TOKEN_KEY_SCHEME, strlen(TOKEN_KEY_SCHEME)))
        return open_token(where, origin, out, problem);
    return open_file(where, origin, out, problem);
}

struct note_signer signing_key_signer(struct signing_key *key)
{
    return key->token ? token_key_signer(key->token) : note_signer_of(&key->secret);
}

void signing_key_close(struct signing_key *key)
{
    token_key_close(key->token);
    key->token = NULL;
    note_secret_wipe(&key->secret);
}
