/* test_tls.c: TLS as clients see it, and what the server says about bad files. */
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

static void use_identity(SSL_CTX *client, const struct identity *identity)
{
    SSL_CTX_use_certificate(client, identity->certificate);
    SSL_CTX_use_PrivateKey(client, identity->key);
}

static int setup(void **state)
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

static int teardown(void **state)
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

static void start(struct world *w)
{
    char reason[256] = "";
    if (tls_context_create(&w->settings, &w->context, reason, sizeof(reason)) != STATUS_OK)
        fail_msg("%s", reason);
    fx_start(w->f, w->context);
}

static double handshakes(const char *result)
{
    char labels[64];
    snprintf(labels, sizeof(labels), "result=\"%s\"", result);
    return metric_value(metric_series(METRIC_vsocd_tls_handshakes_total, labels));
}

static SSL *tls_connect(struct world *w)
{
    SSL *ssl = SSL_new(w->client);
    SSL_set_fd(ssl, fx_connect(w->f));
    SSL_set_connect_state(ssl);
    return ssl;
}

static void tls_close(SSL *ssl)
{
    int fd = SSL_get_fd(ssl);
    SSL_free(ssl);
    close(fd);
    ERR_clear_error();
}

static bool waits(SSL *ssl, int result)
{
    int error = SSL_get_error(ssl, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

/* Sends all, handshaking first; false: the connection broke. */
static bool tls_send(struct world *w, SSL *ssl, const char *text, size_t size)
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
static const char *tls_receive(struct world *w, SSL *ssl, const char *needle)
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

static const char *ask(struct world *w, SSL *ssl)
{
    const char get[] = "GET /now HTTP/1.1\r\nHost: h\r\n\r\n";
    if (!tls_send(w, ssl, get, sizeof(get) - 1))
        return "<error>";
    return tls_receive(w, ssl, "now");
}

/* A whole attempt; the handshake must end as said and the handler must not see it unless "ok". */
static void expect_handshake(struct world *w, const char *result)
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

static void peer_facts_come_from_the_certificate(void **state)
{
    struct world *w = (struct world *)*state;
    char fingerprint[65];
    use_identity(w->client, &w->vehicle);
    start(w);
    SSL *ssl = tls_connect(w);
    assert_has(ask(w, ssl), "200 OK");
    const struct http_peer *peer = &w->f->peer;
    tm_fingerprint(w->vehicle.certificate, fingerprint);
    assert_true(peer->tls && peer->certificate);
    assert_true(slice_equal_text(peer->fingerprint, fingerprint));
    assert_true(slice_equal_text(peer->subject, "CN=gateway-7,O=tenant-a"));
    assert_true(slice_equal_text(peer->subject_cn, "gateway-7"));
    assert_true(slice_equal_text(peer->subject_o, "tenant-a"));
    assert_int_equal(peer->san_uri.count, 2);
    assert_true(slice_equal_text(peer->san_uri.items[0], "urn:vin:1M8GDM9AXKP042788"));
    assert_int_equal(peer->san_dns.count, 2);
    assert_true(slice_equal_text(peer->san_dns.items[1], "b.example"));
    assert_non_null(peer->x509);
    assert_string_equal(peer->address, "127.0.0.1");
    tls_close(ssl);
}

static void required_certificate_is_required(void **state)
{
    struct world *w = (struct world *)*state;
    start(w);
    expect_handshake(w, "no_certificate");
}

static void optional_certificate_may_be_missing(void **state)
{
    struct world *w = (struct world *)*state;
    w->settings.client_auth = CLIENT_AUTH_OPTIONAL;
    start(w);
    expect_handshake(w, "ok");
    assert_true(w->f->peer.tls);
    assert_false(w->f->peer.certificate);
    use_identity(w->client, &w->vehicle);
    expect_handshake(w, "ok");
    assert_true(w->f->peer.certificate);
}

static void certificate_of_another_ca_is_refused_even_when_optional(void **state)
{
    struct world *w = (struct world *)*state;
    struct identity stranger = tm_issue(&w->server_ca, false, "stranger", NULL, DAY);
    w->settings.client_auth = CLIENT_AUTH_OPTIONAL;
    use_identity(w->client, &stranger);
    start(w);
    expect_handshake(w, "bad_certificate");
    tm_free(&stranger);
}

static void expired_certificate_is_refused(void **state)
{
    struct world *w = (struct world *)*state;
    struct identity old = tm_issue(&w->fleet_ca, false, "old", NULL, -10);
    use_identity(w->client, &old);
    start(w);
    expect_handshake(w, "expired");
    tm_free(&old);
}

static void revoked_certificate_is_refused_and_others_are_not(void **state)
{
    struct world *w = (struct world *)*state;
    struct identity other = tm_issue(&w->fleet_ca, false, "other", NULL, DAY);
    w->settings.crl = tm_path(w->directory, "fleet.crl");
    tm_write_crl(w->settings.crl, &w->fleet_ca, w->vehicle.certificate, DAY);
    start(w);
    use_identity(w->client, &w->vehicle);
    expect_handshake(w, "revoked");
    use_identity(w->client, &other);
    expect_handshake(w, "ok");
    tm_free(&other);
}

static void expired_crl_refuses_everyone(void **state)
{
    struct world *w = (struct world *)*state;
    const int life_s = 3;
    w->settings.crl = tm_path(w->directory, "fleet.crl");
    tm_write_crl(w->settings.crl, &w->fleet_ca, NULL, life_s);
    int64_t expired = clock_wall_ns() + (life_s + 2) * NS_PER_S;
    use_identity(w->client, &w->vehicle);
    start(w);
    SSL *open = tls_connect(w);
    assert_has(ask(w, open), "200 OK");
    fx_wait_for(w->f, clock_wall_ns() > expired);
    assert_has(ask(w, open), "certificate_refused");
    tls_close(open);
    fx_wait_for(w->f, http_server_connections(w->f->server) == 0);
    expect_handshake(w, "no_valid_crl");
}

static void denied_fingerprint_is_refused(void **state)
{
    struct world *w = (struct world *)*state;
    char text[512], fingerprint[65];
    struct identity other = tm_issue(&w->fleet_ca, false, "other", NULL, DAY);
    tm_fingerprint(w->vehicle.certificate, fingerprint);
    snprintf(text, sizeof(text),
             "# stolen\n\n%064d\n  %s # gateway-7\n"
             "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:"
             "66:77:88:99\n",
             0, fingerprint);
    w->settings.deny_list = tm_path(w->directory, "deny");
    tm_write_text(w->settings.deny_list, text);
    start(w);
    use_identity(w->client, &w->vehicle);
    expect_handshake(w, "denied");
    use_identity(w->client, &other);
    expect_handshake(w, "ok");
    tm_free(&other);
}

static void sub_ca_alone_may_be_the_anchor(void **state)
{
    struct world *w = (struct world *)*state;
    struct identity sub = tm_issue(&w->fleet_ca, true, "sub ca", NULL, DAY);
    struct identity mine = tm_issue(&sub, false, "mine", NULL, DAY);
    tm_write_certificate(w->settings.client_ca, sub.certificate);
    start(w);
    use_identity(w->client, &mine);
    expect_handshake(w, "ok");
    use_identity(w->client, &w->vehicle); /* of the root, which is not trusted */
    expect_handshake(w, "bad_certificate");
    tm_free(&sub);
    tm_free(&mine);
}

static void older_version_than_configured_is_refused(void **state)
{
    struct world *w = (struct world *)*state;
    w->settings.min_version = 1;
    use_identity(w->client, &w->vehicle);
    SSL_CTX_set_max_proto_version(w->client, TLS1_2_VERSION);
    start(w);
    expect_handshake(w, "protocol");
    SSL_CTX_set_max_proto_version(w->client, TLS1_3_VERSION);
    expect_handshake(w, "ok");
}

static void tls_1_2_works(void **state)
{
    struct world *w = (struct world *)*state;
    use_identity(w->client, &w->vehicle);
    SSL_CTX_set_max_proto_version(w->client, TLS1_2_VERSION);
    start(w);
    expect_handshake(w, "ok");
}

static void only_http_1_1_is_negotiated(void **state)
{
    struct world *w = (struct world *)*state;
    static const unsigned char both[] = "\x02h2\x08http/1.1", h2[] = "\x02h2";
    const unsigned char *chosen;
    unsigned size;
    use_identity(w->client, &w->vehicle);
    start(w);
    SSL_CTX_set_alpn_protos(w->client, both, sizeof(both) - 1);
    SSL *ssl = tls_connect(w);
    assert_has(ask(w, ssl), "200 OK");
    SSL_get0_alpn_selected(ssl, &chosen, &size);
    assert_true(slice_equal_text(slice_make(chosen, size), "http/1.1"));
    tls_close(ssl);
    fx_wait_for(w->f, http_server_connections(w->f->server) == 0);
    SSL_CTX_set_alpn_protos(w->client, h2, sizeof(h2) - 1);
    expect_handshake(w, "protocol");
}

static void sessions_are_not_resumed(void **state)
{
    struct world *w = (struct world *)*state;
    use_identity(w->client, &w->vehicle);
    start(w);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX_set_max_proto_version(w->client, version);
        SSL *first = tls_connect(w);
        assert_has(ask(w, first), "200 OK");
        SSL_SESSION *session = SSL_get1_session(first);
        tls_close(first);
        SSL *second = tls_connect(w);
        SSL_set_session(second, session);
        assert_has(ask(w, second), "200 OK");
        assert_false(SSL_session_reused(second));
        SSL_SESSION_free(session);
        tls_close(second);
    }
}

static void plain_http_on_the_tls_port_is_counted(void **state)
{
    struct world *w = (struct world *)*state;
    double before = handshakes("plain_http");
    start(w);
    int fd = fx_connect(w->f);
    fx_send(w->f, fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    fx_wait_for(w->f, handshakes("plain_http") == before + 1);
    close(fd);
}

static void silent_handshake_is_given_up(void **state)
{
    struct world *w = (struct world *)*state;
    double before = handshakes("timeout");
    w->f->settings.handshake_ns = 50 * NS_PER_MS;
    start(w);
    int fd = fx_connect(w->f);
    fx_wait_for(w->f, handshakes("timeout") == before + 1);
    assert_string_equal(fx_receive(w->f, fd, NULL, 0), "");
    close(fd);
}

static void close_within_the_handshake_is_counted(void **state)
{
    struct world *w = (struct world *)*state;
    double before = handshakes("closed");
    start(w);
    int fd = fx_connect(w->f);
    fx_wait_for(w->f, http_server_connections(w->f->server) == 1);
    close(fd);
    fx_wait_for(w->f, handshakes("closed") == before + 1);
}

static void reload(struct world *w)
{
    char reason[256];
    struct tls_context *next = NULL;
    if (tls_context_create(&w->settings, &next, reason, sizeof(reason)) != STATUS_OK)
        fail_msg("%s", reason);
    http_server_reconfigure(w->f->server, &w->f->settings, next);
    tls_context_release(next);
}

static void open_connection_survives_a_reload_that_still_trusts_it(void **state)
{
    struct world *w = (struct world *)*state;
    use_identity(w->client, &w->vehicle);
    start(w);
    SSL *ssl = tls_connect(w);
    for (int i = 0; i < 3; i++) {
        assert_has(ask(w, ssl), "200 OK");
        reload(w);
    }
    assert_has(ask(w, ssl), "200 OK");
    tls_close(ssl);
}

static void open_connection_of_a_revoked_certificate_is_refused_at_its_next_request(void **state)
{
    struct world *w = (struct world *)*state;
    char fingerprint[65];
    tm_fingerprint(w->vehicle.certificate, fingerprint);
    use_identity(w->client, &w->vehicle);
    start(w);
    SSL *first = tls_connect(w), *second = tls_connect(w);
    assert_has(ask(w, first), "200 OK");
    assert_has(ask(w, second), "200 OK");
    w->settings.crl = tm_path(w->directory, "fleet.crl");
    tm_write_crl(w->settings.crl, &w->fleet_ca, w->vehicle.certificate, DAY);
    reload(w);
    assert_has(ask(w, first), "certificate_refused");
    w->settings.crl = NULL;
    w->settings.deny_list = tm_path(w->directory, "deny");
    tm_write_text(w->settings.deny_list, fingerprint);
    reload(w);
    const char *text = ask(w, second);
    assert_has(text, "HTTP/1.1 401 ");
    assert_has(text, "tls.deny_list");
    assert_int_equal(w->f->heads, 2);
    tls_close(first);
    tls_close(second);
}

static void open_connection_of_an_expired_certificate_is_refused(void **state)
{
    struct world *w = (struct world *)*state;
    const int life_s = 4; /* long enough to connect on a busy machine */
    int64_t expired = clock_wall_ns() + (life_s + 2) * NS_PER_S;
    struct identity brief = tm_issue(&w->fleet_ca, false, "brief", NULL, life_s);
    use_identity(w->client, &brief);
    start(w);
    SSL *ssl = tls_connect(w);
    assert_has(ask(w, ssl), "200 OK");
    fx_wait_for(w->f, clock_wall_ns() > expired);
    assert_has(ask(w, ssl), "certificate_refused");
    tls_close(ssl);
    tm_free(&brief);
}

static void new_ca_holds_for_open_and_new_connections(void **state)
{
    struct world *w = (struct world *)*state;
    use_identity(w->client, &w->vehicle);
    start(w);
    SSL *old = tls_connect(w);
    assert_has(ask(w, old), "200 OK");
    /* The fleet's CA is replaced: what was issued by the old one is refused from now on. */
    struct identity ca = tm_issue(NULL, true, "new fleet ca", NULL, DAY);
    struct identity mine = tm_issue(&ca, false, "mine", NULL, DAY);
    tm_write_certificate(w->settings.client_ca, ca.certificate);
    reload(w);
    assert_has(ask(w, old), "certificate_refused");
    tls_close(old);
    fx_wait_for(w->f, http_server_connections(w->f->server) == 0);
    expect_handshake(w, "bad_certificate");
    use_identity(w->client, &mine);
    expect_handshake(w, "ok");
    tm_free(&ca);
    tm_free(&mine);
}

static void long_bodies_go_both_ways(void **state)
{
    struct world *w = (struct world *)*state;
    use_identity(w->client, &w->vehicle);
    start(w);
    SSL *ssl = tls_connect(w);
    char body[1001] = "";
    memset(body, 'z', 1000);
    for (int i = 0; i < 3; i++) {
        char head[] = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n";
        assert_true(tls_send(w, ssl, head, strlen(head)));
        assert_true(tls_send(w, ssl, body, 1000));
        assert_has(tls_receive(w, ssl, body), "200 OK");
    }
    const char get[] = "GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    assert_true(tls_send(w, ssl, get, sizeof(get) - 1));
    static char piece[65536];
    size_t total = 0;
    int n;
    while ((n = SSL_read(ssl, piece, sizeof(piece))) > 0 || waits(ssl, n)) {
        total += n > 0 ? (size_t)n : 0;
        if (n <= 0)
            fx_turn(w->f);
    }
    assert_true(total > 8u * 1024 * 1024);
    assert_int_equal(SSL_get_error(ssl, n), SSL_ERROR_ZERO_RETURN); /* close_notify came */
    tls_close(ssl);
}

static void refusal_is_readable_and_closed_properly(void **state)
{
    struct world *w = (struct world *)*state;
    use_identity(w->client, &w->vehicle);
    start(w);
    SSL *ssl = tls_connect(w);
    static char body[60000];
    const char head[] = "POST /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n";
    assert_true(tls_send(w, ssl, head, sizeof(head) - 1));
    tls_send(w, ssl, body, sizeof(body));
    const char *text = tls_receive(w, ssl, NULL);
    assert_has(text, "no_credential");
    assert_has(text, "<eof>");
    tls_close(ssl);
    fx_wait_for(w->f, http_server_connections(w->f->server) == 0);
}

static void peer_that_leaves_without_close_notify_is_an_end(void **state)
{
    struct world *w = (struct world *)*state;
    use_identity(w->client, &w->vehicle);
    start(w);
    SSL *ssl = tls_connect(w);
    assert_has(ask(w, ssl), "200 OK");
    tls_close(ssl);
    fx_wait_for(w->f, http_server_connections(w->f->server) == 0);
}

static void expect_reason(struct world *w, const char *setting, const char *file, const char *what)
{
    char reason[300] = "";
    struct tls_context *context = NULL;
    assert_int_equal(tls_context_create(&w->settings, &context, reason, sizeof(reason)),
                     STATUS_CONFIG);
    assert_null(context);
    assert_has(reason, setting);
    assert_has(reason, file);
    assert_has(reason, what);
}

static void bad_files_are_named_with_the_reason(void **state)
{
    struct world *w = (struct world *)*state;
    const struct tls_settings good = w->settings;
    w->settings.certificate = "/nonexistent/a.crt";
    expect_reason(w, "tls.certificate", "/nonexistent/a.crt", "No such file");
    w->settings = good;
    w->settings.certificate = w->settings.key;
    expect_reason(w, "tls.certificate", "server.key", "not a PEM file with a certificate");
    w->settings = good;
    w->settings.key = tm_path(w->directory, "other.key");
    tm_write_key(w->settings.key, w->vehicle.key, NULL);
    expect_reason(w, "tls.key", "other.key", "key values mismatch");
    w->settings.key = tm_path(w->directory, "locked.key");
    tm_write_key(w->settings.key, w->server.key, "secret");
    expect_reason(w, "tls.key", "locked.key", "without passphrase");
    w->settings = good;
    w->settings.client_ca = NULL;
    expect_reason(w, "tls.client_ca", "(not set)", "a file is needed");
    w->settings.client_ca = w->settings.key;
    expect_reason(w, "tls.client_ca", "server.key", "not a PEM file with CA certificates");
    w->settings = good;
    w->settings.crl = w->settings.certificate;
    expect_reason(w, "tls.crl", "server.crt", "not a PEM file with revocation lists");
    w->settings = good;
    w->settings.deny_list = tm_path(w->directory, "deny");
    tm_write_text(w->settings.deny_list, "# one\n\nabc\n");
    expect_reason(w, "tls.deny_list", "deny", "line 3");
}

/* Each of them would lock out vehicles if it replaced a good one. */
static void revocation_lists_are_checked_before_they_count(void **state)
{
    struct world *w = (struct world *)*state;
    struct identity second = tm_issue(NULL, true, "second ca", NULL, DAY);
    struct identity *ca = &w->fleet_ca;
    const char *path = w->settings.crl = strdup(tm_path(w->directory, "fleet.crl"));
    tm_write_crl(path, ca, NULL, -10);
    expect_reason(w, "tls.crl", "fleet.crl", "has expired");
    remove(path);
    tm_add_crl(path, ca, ca, NULL, 3600, DAY);
    expect_reason(w, "tls.crl", "fleet.crl", "not valid yet");
    remove(path);
    tm_add_crl(path, ca, ca, NULL, -3600, 0);
    expect_reason(w, "tls.crl", "fleet.crl", "has no nextUpdate");
    remove(path);
    tm_add_crl(path, ca, &second, NULL, -3600, DAY);
    expect_reason(w, "tls.crl", "CN=fleet ca,O=tenant-a", "is not signed by that CA");
    tm_write_crl(path, &second, NULL, DAY);
    expect_reason(w, "tls.crl", "CN=second ca", "is of no CA of tls.client_ca");
    tm_write_crl(path, ca, NULL, DAY);
    tm_add_crl(path, ca, ca, NULL, -3600, DAY);
    expect_reason(w, "tls.crl", "CN=fleet ca", "is there twice");
    tm_write_crl(path, ca, NULL, DAY);
    FILE *both = fopen(w->settings.client_ca, "a");
    PEM_write_X509(both, second.certificate);
    fclose(both);
    expect_reason(w, "tls.crl", "CN=second ca", "is missing");
    tm_add_crl(path, &second, &second, NULL, -3600, DAY);
    FILE *damaged = fopen(path, "a");
    fputs("-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n", damaged);
    fclose(damaged);
    expect_reason(w, "tls.crl", "fleet.crl", "not a PEM file with revocation lists");
    tm_write_crl(path, ca, w->vehicle.certificate, DAY);
    tm_add_crl(path, &second, &second, NULL, -3600, DAY);
    start(w);
    use_identity(w->client, &w->vehicle);
    expect_handshake(w, "revoked");
    tm_free(&second);
    free((void *)(uintptr_t)path);
}

/* A sub-CA is trusted without its root: whose list could speak about it is not there. */
static void sub_ca_that_is_the_anchor_needs_its_own_list_only(void **state)
{
    struct world *w = (struct world *)*state;
    struct identity sub = tm_issue(&w->fleet_ca, true, "sub ca", NULL, DAY);
    struct identity good = tm_issue(&sub, false, "good", NULL, DAY);
    struct identity bad = tm_issue(&sub, false, "bad", NULL, DAY);
    tm_write_certificate(w->settings.client_ca, sub.certificate);
    w->settings.crl = tm_path(w->directory, "sub.crl");
    tm_write_crl(w->settings.crl, &sub, bad.certificate, DAY);
    start(w);
    use_identity(w->client, &good);
    expect_handshake(w, "ok");
    use_identity(w->client, &bad);
    expect_handshake(w, "revoked");
    tm_free(&sub);
    tm_free(&good);
    tm_free(&bad);
}

static void certificate_of_tomorrow_is_not_yet_valid(void **state)
{
    struct world *w = (struct world *)*state;
    struct identity mine = tm_issue_between(&w->fleet_ca, false, "mine", NULL, NULL, 3600, DAY);
    use_identity(w->client, &mine);
    start(w);
    expect_handshake(w, "not_yet_valid");
    tm_free(&mine);
}

static void extended_key_usage_must_name_clients_where_that_is_asked_for(void **state)
{
    struct world *w = (struct world *)*state;
    struct identity with =
        tm_issue_between(&w->fleet_ca, false, "with", NULL, "clientAuth", -3600, DAY);
    struct identity other =
        tm_issue_between(&w->fleet_ca, false, "other", NULL, "serverAuth", -3600, DAY);
    w->settings.need_client_eku = true;
    start(w);
    use_identity(w->client, &w->vehicle);
    expect_handshake(w, "no_client_eku");
    use_identity(w->client, &other);
    expect_handshake(w, "bad_certificate");
    use_identity(w->client, &with);
    expect_handshake(w, "ok");
    tm_free(&with);
    tm_free(&other);
}

static void chain_is_no_longer_than_allowed(void **state)
{
    struct world *w = (struct world *)*state;
    struct identity sub = tm_issue(&w->fleet_ca, true, "sub ca", NULL, DAY);
    struct identity subsub = tm_issue(&sub, true, "sub sub ca", NULL, DAY);
    struct identity mine = tm_issue(&subsub, false, "mine", NULL, DAY);
    use_identity(w->client, &mine);
    SSL_CTX_add1_chain_cert(w->client, subsub.certificate);
    SSL_CTX_add1_chain_cert(w->client, sub.certificate);
    w->settings.chain_depth = 2;
    start(w);
    expect_handshake(w, "ok");
    w->settings.chain_depth = 1;
    reload(w);
    expect_handshake(w, "chain_too_long");
    tm_free(&sub);
    tm_free(&subsub);
    tm_free(&mine);
}

static void deny(struct world *w, const char *text)
{
    w->settings.deny_list = tm_path(w->directory, "deny");
    tm_write_text(w->settings.deny_list, text);
    reload(w);
}

static void deny_list_is_also_by_serial_and_of_intermediates(void **state)
{
    struct world *w = (struct world *)*state;
    char text[256], fingerprint[65];
    struct identity sub = tm_issue(&w->fleet_ca, true, "sub ca", NULL, DAY);
    struct identity mine = tm_issue(&sub, false, "mine", NULL, DAY);
    use_identity(w->client, &mine);
    SSL_CTX_add1_chain_cert(w->client, sub.certificate);
    start(w);
    expect_handshake(w, "ok");
    SSL *open = tls_connect(w);
    assert_has(ask(w, open), "200 OK");
    long serial = ASN1_INTEGER_get(X509_get0_serialNumber(mine.certificate));
    snprintf(text, sizeof text, "serial=00:%02lx issuer=CN=sub ca,O=tenant-a\n", serial);
    deny(w, text);
    assert_has(ask(w, open), "tls.deny_list");
    tls_close(open);
    fx_wait_for(w->f, http_server_connections(w->f->server) == 0);
    expect_handshake(w, "denied");
    snprintf(text, sizeof text, "serial=%lx issuer=CN=fleet ca,O=tenant-a\n", serial);
    deny(w, text);
    expect_handshake(w, "ok");
    tm_fingerprint(sub.certificate, fingerprint);
    deny(w, fingerprint);
    expect_handshake(w, "denied");
    tm_free(&sub);
    tm_free(&mine);
}

static void suites_with_short_tags_are_not_spoken(void **state)
{
    struct world *w = (struct world *)*state;
    use_identity(w->client, &w->vehicle);
    SSL_CTX_set_max_proto_version(w->client, TLS1_2_VERSION);
    start(w);
    assert_int_equal(SSL_CTX_set_cipher_list(w->client, "ECDHE-ECDSA-AES128-CCM"), 1);
    expect_handshake(w, "ok");
    assert_int_equal(
        SSL_CTX_set_cipher_list(w->client, "ECDHE-ECDSA-AES128-CCM8:ECDHE-ECDSA-AES256-CCM8"), 1);
    expect_handshake(w, "protocol");
}

static void client_that_does_not_trust_the_server_is_said_to_be_one(void **state)
{
    struct world *w = (struct world *)*state;
    SSL_CTX *stranger = SSL_CTX_new(TLS_client_method()), *own = w->client;
    SSL_CTX_set_verify(stranger, SSL_VERIFY_PEER, NULL);
    start(w);
    w->client = stranger;
    expect_handshake(w, "client_alert");
    w->client = own;
    SSL_CTX_free(stranger);
}

static void refused_certificate_is_known_without_what_could_be_a_vin(void **state)
{
    struct world *w = (struct world *)*state;
    char reason[200], fingerprint[65], serial[32];
    struct identity old = tm_issue(&w->fleet_ca, false, "car 1m8gdm9axkp042788 7", NULL, -10);
    start(w);
    SSL *server = tls_session_create(w->context);
    BIO *to_server = BIO_new(BIO_s_mem()), *to_client = BIO_new(BIO_s_mem());
    use_identity(w->client, &old);
    SSL *client = SSL_new(w->client);
    BIO_up_ref(to_server);
    BIO_up_ref(to_client);
    SSL_set_bio(client, to_client, to_server);
    SSL_set_bio(server, to_server, to_client);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    assert_null(tls_session_refused(server));
    for (int i = 0; i < 10; i++) {
        SSL_do_handshake(client);
        ERR_clear_error();
        if (SSL_do_handshake(server) <= 0 && tls_session_refused(server))
            break;
        ERR_clear_error();
    }
    assert_string_equal(tls_session_failure(server, ERR_peek_error(), reason, sizeof reason),
                        "expired");
    const struct tls_refused *refused = tls_session_refused(server);
    assert_non_null(refused);
    tm_fingerprint(old.certificate, fingerprint);
    snprintf(serial, sizeof serial, "%02lx",
             ASN1_INTEGER_get(X509_get0_serialNumber(old.certificate)));
    assert_string_equal(refused->fingerprint, fingerprint);
    assert_string_equal(refused->serial, serial);
    assert_string_equal(refused->subject, "CN=car … 7,O=tenant-a");
    assert_string_equal(refused->issuer, "CN=fleet ca,O=tenant-a");
    SSL_free(client);
    SSL_free(server);
    ERR_clear_error();
    tm_free(&old);
}

static void expiry_is_published(void **state)
{
    struct world *w = (struct world *)*state;
    start(w);
    int64_t left = tls_context_expiry_s(w->context) - clock_wall_ns() / NS_PER_S;
    assert_in_range(left, 50 * DAY - 60, 50 * DAY);
    tls_context_publish_expiry(w->context);
    metric_t series =
        metric_series(METRIC_vsocd_tls_certificate_expiry_timestamp_seconds, "role=\"server\"");
    assert_true(metric_value(series) == (double)tls_context_expiry_s(w->context));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(peer_facts_come_from_the_certificate),
        T(required_certificate_is_required),
        T(optional_certificate_may_be_missing),
        T(certificate_of_another_ca_is_refused_even_when_optional),
        T(expired_certificate_is_refused),
        T(revoked_certificate_is_refused_and_others_are_not),
        T(expired_crl_refuses_everyone),
        T(denied_fingerprint_is_refused),
        T(sub_ca_alone_may_be_the_anchor),
        T(older_version_than_configured_is_refused),
        T(tls_1_2_works),
        T(only_http_1_1_is_negotiated),
        T(sessions_are_not_resumed),
        T(plain_http_on_the_tls_port_is_counted),
        T(silent_handshake_is_given_up),
        T(close_within_the_handshake_is_counted),
        T(open_connection_survives_a_reload_that_still_trusts_it),
        T(open_connection_of_a_revoked_certificate_is_refused_at_its_next_request),
        T(open_connection_of_an_expired_certificate_is_refused),
        T(new_ca_holds_for_open_and_new_connections),
        T(long_bodies_go_both_ways),
        T(refusal_is_readable_and_closed_properly),
        T(peer_that_leaves_without_close_notify_is_an_end),
        T(bad_files_are_named_with_the_reason),
        T(revocation_lists_are_checked_before_they_count),
        T(sub_ca_that_is_the_anchor_needs_its_own_list_only),
        T(certificate_of_tomorrow_is_not_yet_valid),
        T(extended_key_usage_must_name_clients_where_that_is_asked_for),
        T(chain_is_no_longer_than_allowed),
        T(deny_list_is_also_by_serial_and_of_intermediates),
        T(suites_with_short_tags_are_not_spoken),
        T(client_that_does_not_trust_the_server_is_said_to_be_one),
        T(refused_certificate_is_known_without_what_could_be_a_vin),
        T(expiry_is_published),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
