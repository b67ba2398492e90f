/* tls_io.c: see tls_io.h. Runs on the connection's worker. OpenSSL reads ahead: one system call
 * gets as many records as its buffer holds; not before the handshake is complete, because a peer
 * that speaks plain HTTP is recognised by what is still in the socket. Keeps no state beside the
 * session's. */
#include "server/tls/tls_io.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include "core/thread.h"
#include "server/tls/tls.h"

/* What one tls_io_read may read. */
struct limit {
    SSL *session;
    uint64_t records; /* of tls_session_records: then the socket seems to be empty */
};

/* BIO_set_callback_ex(3), before and after each operation on the socket. SSL_read goes on until it
 * has data, through any number of records without: a sender that changes its key over and over
 * would hold the worker. */
static long before_read(BIO *socket, int operation, const char *bytes, size_t size, int i, long l,
                        int result, size_t *done)
{
    const struct limit *limit = (const struct limit *)(void *)BIO_get_callback_arg(socket);
    (void)bytes, (void)size, (void)i, (void)l, (void)done;
    if (operation != BIO_CB_READ || !limit || tls_session_records(limit->session) < limit->records)
        return result;
    BIO_clear_retry_flags(socket);
    BIO_set_retry_read(socket);
    return -1;
}

bool tls_io_attach(SSL *session, int fd)
{
    if (SSL_set_fd(session, fd) != 1) /* its BIO does not close the socket */
        return false;
    BIO_set_callback_ex(SSL_get_rbio(session), before_read);
    SSL_set_accept_state(session);
    return true;
}

/* What a call that returned `result` means. */
static enum tls_io meaning_of(SSL *session, int result)
{
    switch (SSL_get_error(session, result)) {
    case SSL_ERROR_NONE:
        return TLS_IO_DONE;
    case SSL_ERROR_WANT_READ:
        return TLS_IO_WANTS_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_IO_WANTS_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_IO_END;
    default:
        return TLS_IO_FAILED;
    }
}

enum tls_io tls_io_handshake(SSL *session, unsigned long *error)
{
    ERR_clear_error();
    enum tls_io io = meaning_of(session, SSL_do_handshake(session));
    if (io == TLS_IO_END || io == TLS_IO_FAILED)
        *error = ERR_peek_last_error(); /* the cause that earlier ones led to */
    if (io == TLS_IO_DONE)
        SSL_set_read_ahead(session, 1);
    ERR_clear_error();
    return io;
}

/* After a record of n bytes: the session holds nothing more, and a large transfer is not under way.
 * What may be in the socket makes it readable again, so that it need not be asked in vain. */
static bool is_drained(SSL *session, size_t n)
{
    return n < SSL3_RT_MAX_PLAIN_LENGTH && !SSL_has_pending(session);
}

enum tls_io tls_io_read(SSL *session, void *out, size_t size, unsigned records, size_t *got)
{
    ensure(size > 0 && records > 0);
    enum tls_io io = TLS_IO_DONE;
    struct limit limit = {session, tls_session_records(session) + records};
    *got = 0;
    BIO_set_callback_arg(SSL_get_rbio(session), (char *)&limit);
    ERR_clear_error();
    for (unsigned i = 0; i < records && *got < size; i++) {
        size_t n = 0;
        io = meaning_of(session, SSL_read_ex(session, (char *)out + *got, size - *got, &n));
        if (io != TLS_IO_DONE)
            break;
        *got += n;
        if (is_drained(session, n)) {
            io = TLS_IO_WANTS_READ;
            break;
        }
    }
    BIO_set_callback_arg(SSL_get_rbio(session), NULL);
    ERR_clear_error();
    return io;
}

enum tls_io tls_io_write(SSL *session, struct slice bytes, size_t *sent)
{
    enum tls_io io = TLS_IO_DONE;
    *sent = 0;
    ERR_clear_error();
    while (*sent < bytes.size && io == TLS_IO_DONE) {
        size_t n = 0;
        io = meaning_of(session, SSL_write_ex(session, bytes.data + *sent, bytes.size - *sent, &n));
        *sent += io == TLS_IO_DONE ? n : 0;
    }
    ERR_clear_error();
    return io;
}
