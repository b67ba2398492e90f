/* tls_ticket_data.h: what a session ticket says of the full handshake that it continues, besides
 * what OpenSSL puts into it (the sender's certificate and the secret). For tls*.c only. */
#ifndef VSOC_SERVER_TLS_TICKET_DATA_H
#define VSOC_SERVER_TLS_TICKET_DATA_H

#include <openssl/x509.h>
#include "core/hash.h"
#include "core/slice.h"
#include "core/status.h"
#include "core/writer.h"

/* Longest text; a longer chain is not resumed. */
#define TLS_TICKET_DATA_BYTES 16384
#define TLS_TICKET_CHAIN_MAX  16

struct tls_ticket_data {
    bool certificate;                      /* the sender has presented one, and it was verified */
    int64_t proved_s;                      /* when: seconds since 1970 */
    int64_t expiry_s;                      /* end of its chain and of the revocation lists */
    char issuer_key[2 * SHA256_BYTES + 1]; /* hex; empty: none */
    uint8_t *chain; /* owned: what came beside the certificate, in the form of the text */
    size_t chain_bytes;
};

/* Appends the text to *out, with the certificates of sent (may be NULL) or, if data comes from a
 * ticket (data->chain), with those of that one. TOO_LARGE, NO_MEMORY: of no use. Thread: any. */
enum status tls_ticket_data_write(const struct tls_ticket_data *data, STACK_OF(X509) * sent,
                                  struct writer *out) must_check;
/* Reads such a text; *out is the caller's to free with tls_ticket_data_fini. MALFORMED, NO_MEMORY:
 * *out is empty. Thread: any. */
enum status tls_ticket_data_read(struct slice text, struct tls_ticket_data *out) must_check;
/* The certificates beside the sender's own, the caller's to free; to decode one takes OpenSSL 100
 * microseconds. NULL: none, or one is malformed. Thread: any. */
STACK_OF(X509) * tls_ticket_data_chain(const struct tls_ticket_data *data) must_check;
void tls_ticket_data_fini(struct tls_ticket_data *data);

#endif
