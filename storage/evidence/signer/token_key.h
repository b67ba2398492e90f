/* token_key.h: a signing key that never leaves its PKCS#11 token. One owner; thread: the owner's.
 */
#ifndef VSOC_STORAGE_EVIDENCE_TOKEN_KEY_H
#define VSOC_STORAGE_EVIDENCE_TOKEN_KEY_H

#include "core/log/problem.h"
#include "storage/evidence/formats/note.h"

#define TOKEN_KEY_SCHEME "pkcs11:"

struct token_key;

/* Path of the file that holds the PIN, as the URI's pin-source names it (RFC 7512 §2.4), with or
 * without `file:`, in path. NOT_FOUND: it names none; MALFORMED: no such URI; TOO_LARGE. */
enum status token_key_pin_file(const char *uri, char *path, size_t path_bytes,
                               struct problem *problem) must_check;
/* Opens the Ed25519 key that the URI names. Its attributes select token and key; module-path is the
 * library of the token, without it all that p11-kit has configured are searched. name: of the key
 * in signatures (a token stores none). MALFORMED, NOT_FOUND: no such token or key; CONFLICT:
 * several; REFUSED: the PIN is wrong, or the key is not for Ed25519; UNAVAILABLE: the library or
 * the token can't be used; NO_MEMORY. *problem for any status but OK. */
enum status token_key_open(const char *uri, struct slice name, struct slice pin,
                           struct token_key **out, struct problem *problem) must_check;
/* NULL is allowed. */
void token_key_close(struct token_key *key);
/* Signs in the token, each signature verified; the key must outlive it. Its status: UNAVAILABLE:
 * the token does not answer (its session is opened anew at each call then); REFUSED: it has another
 * key now, or does not sign. token_key_problem says more. */
struct note_signer token_key_signer(struct token_key *key);
/* Why the last signature failed. */
const char *token_key_problem(const struct token_key *key);

#endif
