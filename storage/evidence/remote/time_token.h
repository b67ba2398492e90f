/* time_token.h: time-stamp tokens (RFC 3161) over the text of a head: request, and the check of
 * what an authority answers. Thread: any; no state. */
#ifndef VSOC_STORAGE_EVIDENCE_TIME_TOKEN_H
#define VSOC_STORAGE_EVIDENCE_TIME_TOKEN_H

#include "core/hash.h"
#include "core/log/problem.h"
#include "core/writer.h"

/* Longest response (DER TimeStampResp) that is read. */
#define TIME_TOKEN_BYTES_MAX ((size_t)64 << 10)
#define TIME_NONCE_BYTES     16

/* CAs whose time-stamp certificates are trusted. */
struct time_trust;
/* Certificates of PEM text. MALFORMED: it holds none, or a broken one; NO_MEMORY. *problem for any
 * but OK. */
enum status time_trust_parse(struct slice pem, struct time_trust **out,
                             struct problem *problem) must_check;
void time_trust_destroy(struct time_trust *trust); /* NULL is allowed */

/* Appends a TimeStampReq for the SHA-256 of the text: asks for the certificate. NO_MEMORY. */
enum status time_request_write(const uint8_t sha256[SHA256_BYTES],
                               const uint8_t nonce[TIME_NONCE_BYTES],
                               struct writer *out) must_check;

struct time_token {
    int64_t time_ns;     /* that the authority attests, ns since 1970 */
    int64_t accuracy_ns; /* as it says; 0: it says nothing */
    char serial[48];     /* hex */
    char policy[64];     /* object identifier, dotted */
    char signer[128];    /* subject of its certificate, RFC 2253 */
};

struct time_check {
    const uint8_t *sha256;          /* of the text, SHA256_BYTES */
    const uint8_t *nonce;           /* TIME_NONCE_BYTES; NULL: that of an earlier exchange */
    const struct time_trust *trust; /* NULL: the signature is not checked */
    int64_t at_ns;                  /* the certificates are valid then, and at the token's time;
                                       0: at the token's time only (a token that was stored) */
};

/* Reads a TimeStampResp, all of response, and checks it: granted, SHA-256 of this text, nonce,
 * signature by a certificate for time stamps that leads to a trusted CA. TOO_LARGE, MALFORMED;
 * UNAVAILABLE: the authority did not grant it; CONFLICT: of another text or nonce; REFUSED: the
 * signature or its certificate; NO_MEMORY. *problem for any but OK. */
enum status time_token_check(struct slice response, const struct time_check *check,
                             struct time_token *out, struct problem *problem) must_check;

#endif
