/* signing_key.h: the key that signs heads of the tree, as settings and options name it: a file, or
 * a PKCS#11 URI. One owner; thread: main. */
#ifndef VSOC_SERVER_SIGNING_KEY_H
#define VSOC_SERVER_SIGNING_KEY_H

#include "core/log/problem.h"
#include "storage/evidence/formats/note.h"
#include "storage/evidence/signer/token_key.h"

struct signing_key {
    struct note_secret secret; /* when token is NULL */
    struct token_key *token;
};

/* Reads the key of a file, which nobody else may read or write (server/files/trusted_file.h). A
 * missing file is NOT_FOUND; others: REFUSED, MALFORMED, UNSUPPORTED, CONFLICT, IO. */
enum status signing_key_read(const char *path, struct note_secret *out,
                             struct problem *problem) must_check;
/* Opens the key that `where` names: a path, or a URI that begins with pkcs11: and names the file of
 * the PIN. origin: the name of the key in signatures; NULL or empty: the one in the file. A file
 * with another name is CONFIG, a token without a name too. Statuses of signing_key_read and
 * token_key_open. *problem for any status but OK. */
enum status signing_key_open(const char *where, const char *origin, struct signing_key *out,
                             struct problem *problem) must_check;
/* The key must outlive it. */
struct note_signer signing_key_signer(struct signing_key *key);
/* Wipes and closes. */
void signing_key_close(struct signing_key *key);

#endif
