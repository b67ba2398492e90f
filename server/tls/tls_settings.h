/* tls_settings.h: the settings of a TLS context. */
#ifndef VSOC_SERVER_TLS_SETTINGS_H
#define VSOC_SERVER_TLS_SETTINGS_H

#include <stdbool.h>
#include "server/config/config.h"

struct tls_settings {
    const char *certificate; /* PEM file: server certificate and chain */
    const char *key;         /* PEM file: its private key */
    const char *client_ca;   /* PEM file, needed unless client_auth is off */
    const char *crl;         /* PEM file or NULL: one list of every CA of client_ca, signed by it */
    const char *deny_list;   /* file or NULL: hex SHA-256 fingerprints, or serial=HEX issuer=NAME */
    enum config_client_auth client_auth;
    bool need_client_eku;  /* a sender's certificate must name clientAuth */
    unsigned chain_depth;  /* intermediates between a sender's certificate and one of client_ca */
    int64_t resumption_ns; /* since the full handshake; 0: sessions are not resumed */
    unsigned min_version;  /* index of the word in tls.min_version: 0 is 1.2, 1 is 1.3 */
};

/* The tls.* rows of config; texts stay config's. */
struct tls_settings tls_settings_from_config(const struct config *config);

#endif
