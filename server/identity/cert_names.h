/* cert_names.h: the names of a certificate's holder, as decoded text. Pure; thread: any. */
#ifndef VSOC_SERVER_CERT_NAMES_H
#define VSOC_SERVER_CERT_NAMES_H

#include <openssl/x509.h>
#include "core/arena.h"
#include "server/net/peer.h"
#include "server/identity/name_pattern.h"

/* Maximum number of names of one certificate, and their total size; requests with a larger one are
 * refused with an answer. */
#define CERT_NAMES_MAX      128
#define CERT_NAME_BYTES_MAX ((size_t)16 << 10)
/* Of a subject or an issuer as text. */
#define CERT_SUBJECT_BYTES_MAX ((size_t)2 << 10)

/* Fills the certificate's part of *peer: fingerprint, serial, subject, issuer and every name; peer
 * is zeroed by the caller. If the names can't identify anybody (a NUL or a control character, text
 * that can't be decoded, too many of them), peer->flaw has the reason. Texts are in arena; x509 is
 * borrowed. NO_MEMORY. */
enum status cert_names_read(X509 *certificate, struct arena *arena,
                            struct http_peer *peer) must_check;

/* The texts of the subject's attributes and of the extensions with this OID (dotted). An extension
 * holds one DER string: UTF8String, PrintableString, IA5String, VisibleString, NumericString,
 * BMPString or UniversalString, and nothing after it. MALFORMED with a sentence in *flaw: one of
 * them holds something else; NO_MEMORY. */
enum status cert_oid_texts(const X509 *certificate, struct slice oid, struct arena *arena,
                           struct slice_list *out, const char **flaw) must_check;

/* The text of one DER string, strictly, as UTF-8. WRONG_TYPE: another type; MALFORMED: not DER, or
 * text that does not match its type or holds control characters; NO_MEMORY. */
enum status cert_der_text(struct slice der, struct arena *arena, struct slice *out) must_check;

/* The next part of *text that looks like a VIN, between characters that are neither letters nor
 * digits, in any case; advances *text past it. It looks like one if it has 17 VIN characters and a
 * valid check digit or, with a letter among them, four digits at the end (ISO 3779). strict: only
 * the check digit counts. False: there are no more. */
bool cert_next_vin(struct slice *text, bool strict, uint8_t vin[VIN_BYTES]);

/* Lower-case hex of n bytes, NUL-terminated, into out[2 * n + 1]. */
void cert_hex(const uint8_t *bytes, size_t n, char *out);

#endif
