/* tls_world.h: a server with TLS, its CAs and a client, for the tests of server/tls*.c. */
#ifndef VSOC_TESTS_TLS_WORLD_H
#define VSOC_TESTS_TLS_WORLD_H

#include "core/log/problem.h"
#include "tests/unit/server/http_fixture.h"

#include <signal.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include "tests/unit/server/tls_material.h"

#define DAY 86400L

struct world {
    struct fixture *f;
    char directory[64];
    struct identity server_ca, server, fleet_ca, vehicle;
    struct tls_settings settings;
    struct tls_context *context;
    SSL_CTX *client;
};

static inline void use_identity(SSL_CTX *client, const struct identity *identity)
{
    SSL_CTX_use_certificate(client, identity->certificate);
    SSL_CTX_use_PrivateKey(client, identity->key);
}

static inline int setup(void **state)
{
    struct world *w = (struct world *)calloc(1, sizeof(*w));
    w->f = fx_create();
    snprintf(w->directory, sizeof w->directory, "/tmp/vsocd-tls-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    w->server_ca = tm_issue(NULL, true, "server ca", NULL, 100 * DAY);
    w->server = tm_issue(&w->server_ca, false, "localhost", "DNS:localhost", 50 * DAY);
    w->fleet_ca = tm_issue(NULL, true, "fleet ca", NULL, 100 * DAY);
    w->vehicle =
        tm_issue(&w->fleet_ca, false, "gateway-7",
                 "URI:urn:vin:1M8GDM9AXKP042788,DNS:a.example,DNS:b.example,URI:urn:x", 50 * DAY);
    w->settings = (struct tls_settings){.certificate = strdup(tm_path(w->directory, "server.crt")),
                                        .key = strdup(tm_path(w->directory, "server.key")),
                                        .client_ca = strdup(tm_path(w->directory, "fleet.crt")),
                                        .chain_depth = 3,
                                        .client_auth = CLIENT_AUTH_REQUIRED};
    tm_write_certificate(w->settings.certificate, w->server.certificate);
    tm_write_key(w->settings.key, w->server.key, NULL);
    tm_write_certificate(w->settings.client_ca, w->fleet_ca.certificate);
    w->client = SSL_CTX_new(TLS_client_method());
    X509_STORE_add_cert(SSL_CTX_get_cert_store(w->client), w->server_ca.certificate);
    SSL_CTX_set_verify(w->client, SSL_VERIFY_PEER, NULL);
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *w = (struct world *)*state;
    char command[128];
    fx_destroy(w->f);
    tls_context_release(w->context);
    SSL_CTX_free(w->client);
    tm_free(&w->server_ca);
    tm_free(&w->server);
    tm_free(&w->fleet_ca);
    tm_free(&w->vehicle);
    snprintf(command, sizeof(command), "rm -r %s", w->directory);
    assert_int_equal(system(command), 0);
    free((void *)(uintptr_t)w->settings.certificate);
    free((void *)(uintptr_t)w->settings.key);
    free((void *)(uintptr_t)w->settings.client_ca);
    free(w);
    return 0;
}

static inline void start(struct world *w)
{
    struct problem problem = {""};
    if (tls_context_create(&w->settings, &w->context, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    fx_start(w->f, w->context);
}

static inline double handshakes(const char *result)
{
    char labels[64];
    snprintf(labels, sizeof(labels), "result=\"%s\"", result);
    return metric_value(metric_series(METRIC_vsocd_tls_handshakes_total, labels));
}

static inline SSL *tls_connect(struct world *w)
{
    SSL *ssl = SSL_new(w->client);
    SSL_set_fd(ssl, fx_connect(w->f));
    SSL_set_connect_state(ssl);
    return ssl;
}

static inline void tls_close(SSL *ssl)
{
    int fd = SSL_get_fd(ssl);
    SSL_free(ssl);
    close(fd);
    ERR_clear_error();
}

static inline bool waits(SSL *ssl, int result)
{
    int error = SSL_get_error(ssl, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

/* Sends all, handshaking first; false: the connection broke. */
static inline bool tls_send(struct world *w, SSL *ssl, const char *text, size_t size)
{
    while (size > 0) {
        ERR_clear_error();
        int n = SSL_write(ssl, text, (int)(size < 16384 ? size : 16384));
        if (n > 0) {
            text += n;
            size -= (size_t)n;
        } else if (!waits(ssl, n)) {
            return false;
        }
        fx_turn(w->f);
    }
    return true;
}

/* Reads until `needle` is there, or (NULL) the end; the end is "<eof>", "<error>". */
static inline const char *tls_receive(struct world *w, SSL *ssl, const char *needle)
{
    static char text[65536];
    size_t size = 0;
    int64_t end = clock_monotonic_ns() + DEADLINE_NS;
    text[0] = '\0';
    for (;;) {
        ERR_clear_error();
        int n = SSL_read(ssl, text + size, (int)(sizeof(text) - 16 - size));
        if (n > 0) {
            size += (size_t)n;
            text[size] = '\0';
            if (needle && strstr(text, needle))
                return text;
        } else if (waits(ssl, n)) {
            fx_turn(w->f);
        } else {
            bool closed = SSL_get_error(ssl, n) == SSL_ERROR_ZERO_RETURN;
            snprintf(text + size, sizeof text - size, "%s", closed ? "<eof>" : "<error>");
            return text;
        }
        assert_true(clock_monotonic_ns() < end);
    }
}

static inline const char *ask(struct world *w, SSL *ssl)
{
    const char get[] = "GET /now HTTP/1.1\r\nHost: h\r\n\r\n";
    if (!tls_send(w, ssl, get, sizeof(get) - 1))
        return "<error>";
    return tls_receive(w, ssl, "now");
}

/* A whole attempt; the handshake must end as said and the handler must not see it unless "ok". */
static inline void expect_handshake(struct world *w, const char *result)
{
    double before = handshakes(result);
    unsigned heads = w->f->heads;
    SSL *ssl = tls_connect(w);
    bool ok = !strcmp(result, "ok");
    assert_has(ask(w, ssl), ok ? "200 OK" : "<error>");
    fx_wait_for(w->f, handshakes(result) == before + 1);
    assert_int_equal(w->f->heads, heads + ok);
    tls_close(ssl);
    fx_wait_for(w->f, http_server_connections(w->f->server) == 0);
}

static inline void reload(struct world *w)
{
    struct problem problem;
    struct tls_context *next = NULL;
    if (tls_context_create(&w->settings, &next, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    http_server_reconfigure(w->f->server, &w->f->settings, next);
    tls_context_release(next);
}

static inline void expect_reason(struct world *w, const char *setting, const char *file,
                                 const char *what)
{
    struct problem problem = {""};
    struct tls_context *context = NULL;
    assert_int_equal(tls_context_create(&w->settings, &context, &problem), STATUS_CONFIG);
    assert_null(context);
    assert_has(problem.text, setting);
    assert_has(problem.text, file);
    assert_has(problem.text, what);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
