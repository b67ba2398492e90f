/* stream.c: see stream.h. Runs on the connection's loop. The read event stays added while input is
 * wanted; the write event is added only while something waits for the socket. */
#include "server/connection/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <event2/event.h>
#include "core/thread.h"
#include "server/tls/tls_io.h"

enum status stream_open(struct stream *stream, struct event_base *base, int fd,
                        struct ssl_st *session, stream_on_ready on_ready, void *arg)
{
    ensure(!stream->open);
    *stream = (struct stream){.fd = fd, .session = session, .open = true};
    event_assign(&stream->readable, base, fd, EV_READ | EV_PERSIST, on_ready, arg);
    event_assign(&stream->writable, base, fd, EV_WRITE | EV_PERSIST, on_ready, arg);
    return event_add(&stream->readable, NULL) == 0 ? STATUS_OK : STATUS_BUSY;
}

static void drop_kept(struct stream *stream)
{
    free(stream->kept);
    stream->kept = NULL;
    stream->kept_sent = stream->kept_bytes = 0;
}

void stream_close(struct stream *stream)
{
    if (!stream->open)
        return;
    stream->open = false;
    event_del(&stream->readable);
    event_del(&stream->writable);
    drop_kept(stream);
}

void stream_drop_tls(struct stream *stream)
{
    stream->session = NULL;
    stream->more = false;
}

static void watch_input(struct stream *stream)
{
    if (stream->paused || stream->ended)
        event_del(&stream->readable);
    else
        event_add(&stream->readable, NULL);
}

static void watch_output(struct stream *stream)
{
    if (stream_unsent(stream) || stream->writes_to_read)
        event_add(&stream->writable, NULL);
    else if (event_pending(&stream->writable, EV_WRITE, NULL))
        event_del(&stream->writable);
}

void stream_pause(struct stream *stream, bool paused)
{
    if (!stream->open || stream->paused == paused)
        return;
    stream->paused = paused;
    watch_input(stream);
}

static void note_wants_write(struct stream *stream, bool wants)
{
    if (stream->writes_to_read == wants)
        return;
    stream->writes_to_read = wants;
    watch_output(stream);
}

enum status stream_handshake(struct stream *stream, unsigned long *error)
{
    enum tls_io io = tls_io_handshake(stream->session, error);
    note_wants_write(stream, io == TLS_IO_WANTS_WRITE);
    if (io == TLS_IO_WANTS_READ || io == TLS_IO_WANTS_WRITE)
        return STATUS_BUSY;
    return io == TLS_IO_DONE ? STATUS_OK : STATUS_IO;
}

static enum status end_of_input(struct stream *stream)
{
    stream->ended = true;
    stream->more = false;
    watch_input(stream);
    return STATUS_CLOSED;
}

static enum status read_plain(struct stream *stream, void *out, size_t size, size_t *got)
{
    ssize_t n = recv(stream->fd, out, size, 0);
    *got = n > 0 ? (size_t)n : 0;
    if (n > 0)
        return STATUS_OK;
    if (n == 0)
        return end_of_input(stream);
    return errno == EAGAIN || errno == EINTR ? STATUS_BUSY : STATUS_IO;
}

enum status stream_read(struct stream *stream, void *out, size_t size, size_t *got)
{
    *got = 0;
    if (stream->ended)
        return STATUS_CLOSED;
    if (!stream->session)
        return read_plain(stream, out, size, got);
    enum tls_io io = tls_io_read(stream->session, out, size, STREAM_RECORDS_PER_READ, got);
    stream->more = io == TLS_IO_DONE;
    note_wants_write(stream, io == TLS_IO_WANTS_WRITE);
    switch (io) {
    case TLS_IO_DONE:
        return STATUS_OK;
    case TLS_IO_WANTS_READ:
    case TLS_IO_WANTS_WRITE:
        return STATUS_BUSY;
    case TLS_IO_END:
        return end_of_input(stream);
    default:
        return STATUS_IO;
    }
}

/* OK: all was sent; BUSY: the socket takes no more; IO. */
static enum status send_some(struct stream *stream, struct slice bytes, size_t *sent)
{
    *sent = 0;
    if (!stream->session) {
        ssize_t n = send(stream->fd, bytes.data, bytes.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return STATUS_IO;
        *sent = n > 0 ? (size_t)n : 0;
        return *sent == bytes.size ? STATUS_OK : STATUS_BUSY;
    }
    enum tls_io io = tls_io_write(stream->session, bytes, sent);
    stream->reads_to_write = io == TLS_IO_WANTS_READ;
    if (io == TLS_IO_END || io == TLS_IO_FAILED)
        return STATUS_IO;
    return io == TLS_IO_DONE ? STATUS_OK : STATUS_BUSY;
}

static enum status keep(struct stream *stream, struct slice bytes)
{
    uint8_t *more = (uint8_t *)realloc(stream->kept, stream->kept_bytes + bytes.size);
    if (!more)
        return STATUS_NO_MEMORY;
    memcpy(more + stream->kept_bytes, bytes.data, bytes.size);
    stream->kept = more;
    stream->kept_bytes += bytes.size;
    watch_output(stream);
    return STATUS_BUSY;
}

enum status stream_write(struct stream *stream, struct slice bytes)
{
    size_t sent = 0;
    ensure(stream->open);
    if (!stream_unsent(stream)) {
        enum status s = send_some(stream, bytes, &sent);
        if (s != STATUS_BUSY)
            return s;
    }
    return keep(stream, slice_sub(bytes, sent, bytes.size));
}

enum status stream_flush(struct stream *stream)
{
    size_t sent = 0;
    if (!stream_unsent(stream))
        return STATUS_OK;
    struct slice rest = slice_make(stream->kept + stream->kept_sent, stream_unsent(stream));
    enum status s = send_some(stream, rest, &sent);
    stream->kept_sent += sent;
    if (s == STATUS_OK)
        drop_kept(stream);
    watch_output(stream);
    return s;
}
