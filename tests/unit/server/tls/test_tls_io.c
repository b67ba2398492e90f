/* test_tls_io.c: what a session holds that its socket does not show, and senders of records without
 * data. */
#include "tests/unit/server/tls_world.h"

#include "server/tls/tls_io.h"

/* A client's session whose records go to memory first, so that they can be sent together. */
struct collected {
    SSL *ssl;
    BIO *wire;
};

static struct collected collect(SSL *ssl)
{
    struct collected c = {ssl, SSL_get_wbio(ssl)};
    BIO_up_ref(c.wire);
    SSL_set0_wbio(ssl, BIO_new(BIO_s_mem()));
    return c;
}

static struct slice collected_bytes(const struct collected *c)
{
    char *bytes;
    long size = BIO_get_mem_data(SSL_get_wbio(c->ssl), &bytes);
    return slice_make(bytes, (size_t)size);
}

/* "GET /now" of exactly this many bytes. */
static void put_request(char **at, size_t size)
{
    static const char head[] = "GET /now HTTP/1.1\r\nHost: h\r\nX: ", end[] = "\r\n\r\n";
    memset(*at, 'x', size);
    memcpy(*at, head, sizeof head - 1);
    memcpy(*at + size - (sizeof end - 1), end, sizeof end - 1);
    *at += size;
}

/* A read that is full ends in the middle of an empty line; the next record is already in the
 * session, so that the socket has nothing. */
static void half_of_an_empty_line_does_not_keep_the_rest_from_being_read(void **state)
{
    struct world *w = (struct world *)*state;
    static char first[16384];
    static const char rest[] = "\nGET /refuse HTTP/1.1\r\nHost: h\r\n\r\n";
    char *at = first;
    use_identity(w->client, &w->vehicle);
    start(w);
    SSL *ssl = tls_connect(w);
    assert_non_null(ask(w, ssl));
    for (int i = 0; i < 16; i++)
        put_request(&at, 1000);
    put_request(&at, 383);
    *at++ = '\r';
    assert_int_equal(at - first, sizeof first);
    struct collected c = collect(ssl);
    assert_int_equal(SSL_write(ssl, first, sizeof first), sizeof first);
    assert_int_equal(SSL_write(ssl, rest, sizeof rest - 1), sizeof rest - 1);
    struct slice bytes = collected_bytes(&c);
    assert_true(fx_send_bytes(w->f, SSL_get_fd(ssl), bytes.data, bytes.size));
    SSL_set0_wbio(ssl, c.wire);
    assert_has(tls_receive(w, ssl, "no_credential"), "no_credential");
    assert_int_equal(w->f->heads, 1 + 17 + 1);
    tls_close(ssl);
}

/* Each read is full, so that the session may hold more; other connections come in between. */
static void sender_of_many_requests_gives_way_in_each_turn(void **state)
{
    struct world *w = (struct world *)*state;
    const unsigned requests = 200;
    static char text[200 * 1000];
    char *at = text;
    use_identity(w->client, &w->vehicle);
    start(w);
    SSL *ssl = tls_connect(w);
    assert_non_null(ask(w, ssl));
    for (unsigned i = 0; i < requests; i++)
        put_request(&at, 1000);
    struct collected c = collect(ssl);
    assert_int_equal(SSL_write(ssl, text, sizeof text), sizeof text);
    struct slice bytes = collected_bytes(&c);
    assert_true(fx_send_bytes(w->f, SSL_get_fd(ssl), bytes.data, bytes.size));
    SSL_set0_wbio(ssl, c.wire);
    int64_t end = clock_monotonic_ns() + DEADLINE_NS;
    while (w->f->heads < 1 + requests) {
        unsigned before = w->f->heads;
        fx_turn(w->f);
        assert_true(w->f->heads - before <= 64); /* of the socket and of the session */
        assert_true(clock_monotonic_ns() < end);
    }
    tls_close(ssl);
}

/* Both sides of a session on a pair of sockets, after the handshake. */
static void connect_pair(struct world *w, int fds[2], SSL **server, SSL **client)
{
    unsigned long error = 0;
    char byte;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    *server = tls_session_create(w->context);
    assert_true(*server && tls_io_attach(*server, fds[0]));
    *client = SSL_new(w->client);
    SSL_set_fd(*client, fds[1]);
    SSL_set_connect_state(*client);
    while (tls_io_handshake(*server, &error) != TLS_IO_DONE) {
        assert_int_equal(error, 0);
        (void)SSL_do_handshake(*client);
    }
    (void)SSL_read(*client, &byte, 1); /* the session ticket */
    ERR_clear_error();
}

/* OpenSSL reads on and on while a sender changes its key, which takes it 8 microseconds each time:
 * the worker must get back to its other connections. */
static void changes_of_keys_do_not_hold_up_a_read(void **state)
{
    struct world *w = (struct world *)*state;
    const uint64_t changes = 3000;
    int fds[2];
    SSL *server, *client;
    char text[16];
    size_t got;
    use_identity(w->client, &w->vehicle);
    start(w);
    connect_pair(w, fds, &server, &client);
    uint64_t before = tls_session_records(server), last = before;
    struct collected c = collect(client);
    for (uint64_t i = 0; i < changes; i++) {
        assert_int_equal(SSL_key_update(client, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(client), 1);
    }
    assert_int_equal(SSL_write(client, "data", 4), 4);
    struct slice bytes = collected_bytes(&c);
    assert_int_equal(send(fds[1], bytes.data, bytes.size, 0), bytes.size);
    enum tls_io io;
    do {
        io = tls_io_read(server, text, sizeof text, 256, &got);
        uint64_t records = tls_session_records(server);
        assert_in_range(records - last, 1, 1000);
        last = records;
    } while (io == TLS_IO_WANTS_READ && got == 0);
    assert_int_equal(got, 4);
    assert_memory_equal(text, "data", 4);
    assert_int_equal(last - before, changes + 1);
    SSL_set0_wbio(client, c.wire);
    SSL_free(client);
    SSL_free(server);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(changes_of_keys_do_not_hold_up_a_read),
        T(sender_of_many_requests_gives_way_in_each_turn),
        T(half_of_an_empty_line_does_not_keep_the_rest_from_being_read),
    };
#undef T
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
