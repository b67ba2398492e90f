/* tls_refused.h: facts of a certificate that a handshake refused, for log and audit. */
#ifndef VSOC_SERVER_TLS_REFUSED_H
#define VSOC_SERVER_TLS_REFUSED_H

struct x509_st;

/* The known facts of a certificate that a handshake or a recheck refused. */
#define TLS_SERIAL_BYTES 20
struct tls_refused {
    char fingerprint[65];                  /* hex SHA-256 */
    char serial[2 * TLS_SERIAL_BYTES + 1]; /* hex */
    char subject[160], issuer[160];        /* RFC 2253; what could be a VIN is masked */
    struct x509_st
        *certificate; /* NULL: no CA of tls.client_ca has signed it; anybody may have made it */
};
#endif
