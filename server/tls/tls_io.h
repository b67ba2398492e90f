/* tls_io.h: handshake, reading and writing of a TLS session on a socket that never waits. Thread:
 * the connection's. */
#ifndef VSOC_SERVER_TLS_IO_H
#define VSOC_SERVER_TLS_IO_H

#include <stdbool.h>
#include <stddef.h>
#include "core/slice.h"
#include "core/status.h"

struct ssl_st;

enum tls_io {
    TLS_IO_DONE,
    TLS_IO_WANTS_READ,  /* again when the socket is readable */
    TLS_IO_WANTS_WRITE, /* again when the socket is writable */
    TLS_IO_END,         /* the peer sends no more: close_notify, or the connection was closed */
    TLS_IO_FAILED,      /* the connection is of no use; errno is that of the socket, if it failed */
};

/* The session uses this socket, which stays the caller's, as its server side. False: no memory. */
bool tls_io_attach(struct ssl_st *session, int fd) must_check;
/* One step of the handshake. *error, if it ends or fails: for tls_session_failure; 0: the peer
 * closed. */
enum tls_io tls_io_handshake(struct ssl_st *session, unsigned long *error) must_check;
/* Reads until the room (size bytes) is full, nothing more is there, or `records` records were read,
 * and those that came with the last of them; records without data count. *got bytes are in out,
 * also if the result is not DONE. DONE: there may be more, of which the socket does not tell. */
enum tls_io tls_io_read(struct ssl_st *session, void *out, size_t size, unsigned records,
                        size_t *got) must_check;
/* Writes what the socket takes; *sent bytes of it are written. If not DONE, the next call begins
 * with the same bytes, which may have moved. */
enum tls_io tls_io_write(struct ssl_st *session, struct slice bytes, size_t *sent) must_check;

#endif
