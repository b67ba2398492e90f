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
    STACK_OF(X509) * sent;                 /* what came beside the certificate; NULL: nothing */
};

/* Appends the text to *out. TOO_LARGE, NO_MEMORY: of no use. Thread: any. */
enum status tls_ticket_data_write(const struct tls_ticket_data *data,
                                  struct writer *out) must_check;
/* Reads such a text; *out is the caller's to free with tls_ticket_data_fini. MALFORMED, NO_MEMORY:
 * *out is empty. Thread: any. */
enum status tls_ticket_data_read(struct slice text, struct tls_ticket_data *out) must_check;
void tls_ticket_data_fini(struct tls_ticket_data *data);

#endif
