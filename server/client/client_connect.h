/* client_connect.h: a TCP connection to a named host. Thread: one that may wait. */
#ifndef VSOC_SERVER_CLIENT_CONNECT_H
#define VSOC_SERVER_CLIENT_CONNECT_H

#include "core/log/problem.h"
#include "core/status.h"

/* Tries all addresses of the host. *fd: a connected blocking socket, the caller's to close, each
 * wait of which ends after timeout_ms. UNAVAILABLE with *problem. */
enum status client_connect(const char *host, const char *port, int timeout_ms, int *fd,
                           struct problem *problem) must_check;

#endif
