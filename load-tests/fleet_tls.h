/* TLS of the simulated vehicles. OpenSSL stays behind this file. */
#ifndef LOAD_TESTS_FLEET_TLS_H
#define LOAD_TESTS_FLEET_TLS_H

#include <event2/bufferevent.h>

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

/* A TLS client connection that bufferevent_socket_connect can use; the caller frees it. NULL when
 * memory runs out. Thread: the loop's. */
struct bufferevent *fleet_tls_connection(struct fleet_tls *tls, struct event_base *base);

/* Says goodbye (close_notify) on a connection made above, before it is freed. */
void fleet_tls_goodbye(struct bufferevent *connection);

#endif
