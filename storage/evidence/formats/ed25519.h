/* ed25519.h: signatures through OpenSSL: Ed25519 (RFC 8032), and ML-DSA-44 to verify where this
 * build of OpenSSL has it. Thread: any; no state. */
#ifndef VSOC_STORAGE_EVIDENCE_FORMATS_ED25519_H
#define VSOC_STORAGE_EVIDENCE_FORMATS_ED25519_H

#include "core/slice.h"
#include "core/status.h"

#define ED25519_KEY_BYTES       32
#define ED25519_SIGNATURE_BYTES 64

/* The public key of a seed. IO: OpenSSL failed. */
enum status ed25519_public(const uint8_t seed[ED25519_KEY_BYTES],
                           uint8_t key[ED25519_KEY_BYTES]) must_check;
enum status ed25519_sign(const uint8_t seed[ED25519_KEY_BYTES], struct slice message,
                         uint8_t signature[ED25519_SIGNATURE_BYTES]) must_check;
/* OK; REFUSED: the signature is wrong, or the key is none. */
enum status ed25519_verify(const uint8_t key[ED25519_KEY_BYTES], struct slice message,
                           const uint8_t signature[ED25519_SIGNATURE_BYTES]) must_check;
/* As ed25519_verify; UNSUPPORTED: OpenSSL has no ML-DSA-44. */
enum status ml_dsa_44_verify(struct slice key, struct slice message,
                             struct slice signature) must_check;

#endif
