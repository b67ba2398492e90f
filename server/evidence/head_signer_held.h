/* head_signer_held.h: signers of heads whose key the server does not have: in a token, or in the
 * process `vsocd signer`. Thread: main, at start. */
#ifndef VSOC_SERVER_HEAD_SIGNER_HELD_H
#define VSOC_SERVER_HEAD_SIGNER_HELD_H

#include "core/log/problem.h"
#include "server/config/config.h"
#include "storage/evidence/evidence_signer.h"

/* True: evidence.signer or evidence.signing_token is set. */
bool head_signer_is_held(const struct config *config);
/* Opens it. origin: the name that heads are to have; NULL: that of the key (a token has none).
 * CONFIG: both settings are set, or the key has another name; UNAVAILABLE, TIMEOUT: token or
 * process do not answer; *problem for any but OK. The caller owns *out. */
enum status head_signer_open_held(const struct config *config, const char *origin,
                                  struct evidence_signer **out, struct problem *problem) must_check;

#endif
