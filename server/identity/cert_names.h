/* cert_names.h: what a certificate says about its holder, as decoded text. Pure; thread: any. */
#ifndef VSOC_SERVER_CERT_NAMES_H
#define VSOC_SERVER_CERT_NAMES_H

#include <openssl/x509.h>
#include "core/arena.h"
#include "server/net/peer.h"
#include "server/identity/name_pattern.h"

/* Names of one certificate that are looked at, and their bytes in all; one with more is refused for
 * what it sends, with an answer. */
#define CERT_NAMES_MAX      128
#define CERT_NAME_BYTES_MAX ((size_t)16 << 10)
/* Of a subject or an issuer as text. */
#define CERT_SUBJECT_BYTES_MAX ((size_t)2 << 10)

/* Fills the certificate's part of *peer: fingerprint, serial, subject, issuer and every name; peer
 * is zeroed by the caller. What makes the names unfit to identify anybody (a NUL or a control
 * character, text that can't be decoded, too many of them) is reported in peer->flaw. Texts are in
 * arena; x509 is borrowed. NO_MEMORY. */
enum status cert_names_read(X509 *certificate, struct arena *arena,
                            struct http_peer *peer) must_check;

/* The texts of the subject's attributes and of the extensions with this OID (dotted). An extension
 * holds one DER string: UTF8String, PrintableString, IA5String, VisibleString, NumericString,
 * BMPString or UniversalString, and nothing behind it. MALFORMED with a sentence in *flaw: one of
 * them holds something else; NO_MEMORY. */
enum status cert_oid_texts(const X509 *certificate, struct slice oid, struct arena *arena,
                           struct slice_list *out, const char **flaw) must_check;

/* The text of one DER string, strictly, as UTF-8. WRONG_TYPE: another type; MALFORMED: no DER, or
 * text that is not of its type, or that holds control characters; NO_MEMORY. */
enum status cert_der_text(struct slice der, struct arena *arena, struct slice *out) must_check;

/* The next part of *text that looks like a VIN, alone between other characters than letters and
 * digits, in any case; *text goes on behind it. Looks like one: 17 characters of a VIN, and a check
 * digit that fits or, with a letter among them, four digits at the end (ISO 3779). strict: only the
 * check digit counts. False: there is no more. */
bool cert_next_vin(struct slice *text, bool strict, uint8_t vin[VIN_BYTES]);

/* Lower-case hex of n bytes, NUL-terminated, into out[2 * n + 1]. */
void cert_hex(const uint8_t *bytes, size_t n, char *out);

#endif
