/* listener.h: the listening socket: bound once by main, accepted from by every worker's loop.
 *
 * One bound socket is shared, each loop takes a duplicate of its descriptor. SO_REUSEPORT per loop
 * would pin a connection to a loop by hash however busy that loop is, would reset the connections
 * queued on a loop's socket when it is closed while draining, and would let a second server share
 * the port unnoticed. */
#ifndef VSOC_SERVER_LISTENER_H
#define VSOC_SERVER_LISTENER_H

#include <sys/socket.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/log/problem.h"
#include "core/status.h"
#include "server/net/balance.h"

struct event_base;
struct listener;

/* Longest text of a bound address: "[IPv6%zone]:port" or "unix:" and a path. */
#define LISTENER_ADDRESS_BYTES 128

/* Binds and listens. address: "127.0.0.1:8443", "[::]:8443", "localhost:0" (port 0: a free one) or
 * "unix:/path". On OK *fd is the caller's to close and bound (LISTENER_ADDRESS_BYTES, may be NULL)
 * names the address that clients can use. On failure reason (reason_size bytes) says what to do:
 * CONFIG (address can't be parsed), EXISTS (in use), REFUSED (not permitted), IO. Thread: any;
 * resolves names, so not on a worker. */
enum status listener_bind(const char *address, int *fd, char *bound,
                          struct problem *problem) must_check;

/* A new connection: the callee owns its descriptor. */
typedef void (*listener_on_accept)(void *arg, const struct accepted *connection);

/* Accepts from a duplicate of fd on base's loop, one connection per wake-up, so that the least busy
 * loop does that work; which one serves the connection is for balance.h. While the process is out
 * of descriptors or memory, it retries every 100 ms. BUSY: no descriptor; NO_MEMORY. Thread:
 * base's. */
enum status listener_create(struct event_base *base, int fd, listener_on_accept on_accept,
                            void *arg, struct listener **out) must_check;
/* Accepts nothing for this time; new connections wait in the kernel's queue. Thread: base's. */
void listener_rest(struct listener *listener, int64_t ns);
/* Accepts nothing until held is false again. Thread: base's. */
void listener_hold(struct listener *listener, bool held);
/* Accepts what the kernel has queued, then closes the duplicate. May be called again. */
void listener_stop(struct listener *listener);
/* Stops without accepting what is queued, and frees. NULL is allowed. */
void listener_destroy(struct listener *listener);

#endif
