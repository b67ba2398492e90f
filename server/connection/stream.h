/* stream.h: the bytes of one connection, plain or through TLS, on a socket that never waits: reads
 * into the caller's memory, sends at once what the socket takes, and keeps the rest. Does not know
 * what the bytes mean. One loop, one owner. */
#ifndef VSOC_SERVER_STREAM_H
#define VSOC_SERVER_STREAM_H

#include <stdbool.h>
#include <event2/event_struct.h>
#include "core/slice.h"
#include "core/status.h"

struct event_base;
struct ssl_st;

/* TLS records that one read takes at most: a record costs about a microsecond, however small. */
#define STREAM_RECORDS_PER_READ 256

struct stream {
    int fd;
    struct ssl_st *session; /* NULL: plain */
    struct event readable, writable;
    bool open;
    bool paused, ended;  /* does not wait for input */
    bool more;           /* the session may hold input of which the socket does not tell */
    bool reads_to_write; /* TLS: writing goes on when the socket is readable */
    bool writes_to_read; /* TLS: reading goes on when the socket is writable */
    uint8_t *kept;       /* owned: what could not be sent at once */
    size_t kept_sent, kept_bytes;
};

/* The socket is readable or writable: EV_READ, EV_WRITE. */
typedef void (*stream_on_ready)(int fd, short what, void *arg);

/* Begins to wait for input. fd stays the caller's to close after stream_close, and session its own
 * to free. BUSY: the loop can't watch the socket. */
enum status stream_open(struct stream *stream, struct event_base *base, int fd,
                        struct ssl_st *session, stream_on_ready on_ready, void *arg) must_check;
/* Waits for nothing any more and drops what is unsent. May be called again, and before
 * stream_open. */
void stream_close(struct stream *stream);
/* From now on everything is sent and read without TLS. */
void stream_drop_tls(struct stream *stream);
/* One step of the handshake: OK: complete, BUSY: it goes on when the socket is ready, IO: failed,
 * *error as from tls_io_handshake. */
enum status stream_handshake(struct stream *stream, unsigned long *error) must_check;
/* Reads at most size bytes; *got are in out, whatever the status. OK: there may be more
 * (stream.more), BUSY: nothing more is there, CLOSED: the peer sends no more, IO: the connection
 * failed, errno says why. */
enum status stream_read(struct stream *stream, void *out, size_t size, size_t *got) must_check;
/* Sends bytes after those that are unsent. OK: the socket has all, BUSY: a part waits and goes out
 * by stream_flush, IO: failed, errno says why, NO_MEMORY. */
enum status stream_write(struct stream *stream, struct slice bytes) must_check;
/* Sends what is unsent; the same results. */
enum status stream_flush(struct stream *stream) must_check;
/* Bytes that wait to be sent. */
static inline size_t stream_unsent(const struct stream *stream)
{
    return stream->kept_bytes - stream->kept_sent;
}
/* Stops or resumes to wait for input. */
void stream_pause(struct stream *stream, bool paused);

#endif
