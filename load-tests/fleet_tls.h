/* TLS of the simulated vehicles. OpenSSL stays behind this file. */
#ifndef LOAD_TESTS_FLEET_TLS_H
#define LOAD_TESTS_FLEET_TLS_H

#include <openssl/types.h>
#include <stdbool.h>

struct fleet_tls;

/* Where trust and identity come from; any path may be NULL. ca NULL: the system's authorities.
 * certificate and key go together; key NULL: the key is in the certificate's file. */
struct fleet_tls_settings {
    const char *ca, *certificate, *key;
    const char *host; /* name or address the server's certificate must carry; kept by reference */
};

/* Loads the files. NULL after a message on stderr that names the file. */
struct fleet_tls *fleet_tls_create(const struct fleet_tls_settings *settings);
void fleet_tls_destroy(struct fleet_tls *tls);

/* A TLS client on a connecting socket, before its handshake; the caller ends it with fleet_tls_end.
 * NULL when memory runs out. Thread: the loop's. */
SSL *fleet_tls_begin(struct fleet_tls *tls, int fd);

/* Frees it, after close_notify if wanted. The socket stays open. NULL is allowed. */
void fleet_tls_end(SSL *ssl, bool say_goodbye);

#endif
