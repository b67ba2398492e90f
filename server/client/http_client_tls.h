/* http_client_tls.h: TLS for http_client.c. Thread: the client's. */
#ifndef VSOC_SERVER_HTTP_CLIENT_TLS_H
#define VSOC_SERVER_HTTP_CLIENT_TLS_H

#include <stddef.h>
#include "core/log/problem.h"
#include "core/slice.h"
#include "server/client/http_client_options.h"

struct ssl_ctx_st;
struct ssl_st;

/* Context that verifies the server's certificate and its name. CONFIG with reason, NO_MEMORY. */
enum status client_tls_create(const struct http_client_options *options, struct ssl_ctx_st **out,
                              struct problem *problem) must_check;
void client_tls_destroy(struct ssl_ctx_st *context);
/* Handshake on a connected blocking socket, which stays the caller's. REFUSED (certificate or
 * alert), TIMEOUT, CLOSED. */
enum status client_tls_connect(struct ssl_ctx_st *context, int fd, const char *host,
                               struct ssl_st **out, struct problem *problem) must_check;
void client_tls_close(struct ssl_st *session);
/* Bytes written or read (0: orderly end), or -1: *status is TIMEOUT, CLOSED or REFUSED. */
long client_tls_write(struct ssl_st *session, struct slice data, enum status *status,
                      struct problem *problem);
long client_tls_read(struct ssl_st *session, void *data, size_t size, enum status *status,
                     struct problem *problem);

#endif
