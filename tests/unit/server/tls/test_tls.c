/* test_tls.c: TLS as clients see it, and what the server says about bad files. */
#include "tests/unit/server/tls_world.h"

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

/* Half-open handshakes hold 45 KiB each: new ones are taken as long as old ones can go. */
#define WAITING metric_value(metric_series(METRIC_vsocd_tls_handshakes_waiting, ""))
#define ACTIVE  metric_value(metric_series(METRIC_vsocd_tls_handshakes_in_progress, ""))

/* Connects and sends the beginning of a hello, never the rest. */
static int connect_half(struct world *w, uint32_t address)
{
    int fd = fx_connect_from(w->f, address);
    assert_true(fx_send_bytes(w->f, fd, "\x16\x03\x01\x02\x00\x01", 6));
    return fd;
}

static void handshakes_that_take_long_give_way_to_new_ones(void **state)
{
    struct world *w = (struct world *)*state;
    w->f->settings.handshakes = 2;
    w->f->settings.handshake_ns = 60 * NS_PER_S;
    use_identity(w->client, &w->vehicle);
    start(w);
    int silent[3];
    double shed = handshakes("shed");
    for (int i = 0; i < 2; i++)
        silent[i] = connect_half(w, INADDR_LOOPBACK);
    fx_wait_for(w->f, ACTIVE == 2);
    silent[2] = connect_half(w, INADDR_LOOPBACK); /* waits: the others have not had their second */
    fx_wait_for(w->f, WAITING == 1);
    assert_true(handshakes("shed") == shed);
    int64_t began = clock_monotonic_ns();
    SSL *ssl = tls_connect(w);
    assert_has(ask(w, ssl), "200 OK");
    assert_true(clock_monotonic_ns() - began < 2 * NS_PER_S);
    assert_true(handshakes("shed") == shed + 2);
    tls_close(ssl);
    for (int i = 0; i < 3; i++)
        close(silent[i]);
    fx_wait_for(w->f, ACTIVE == 0);
}

/* One that opens many does not make another wait: neither for the pace, nor for a place. */
static void newcomer_of_another_address_does_not_wait_behind_a_crowd(void **state)
{
    struct world *w = (struct world *)*state;
    enum { CROWD = 60 };
    int crowd[CROWD];
    w->f->settings.handshakes_per_second = 5;
    w->f->settings.handshakes = 4;
    w->f->settings.handshake_ns = 60 * NS_PER_S;
    use_identity(w->client, &w->vehicle);
    start(w);
    for (int i = 0; i < CROWD; i++)
        crowd[i] = connect_half(w, INADDR_LOOPBACK + 1 + (uint32_t)i % 2);
    fx_wait_for(w->f, WAITING + ACTIVE == CROWD);
    int64_t began = clock_monotonic_ns();
    SSL *ssl = tls_connect(w);
    assert_has(ask(w, ssl), "200 OK");
    assert_true(clock_monotonic_ns() - began < 2 * NS_PER_S); /* was 12 s */
    tls_close(ssl);
    for (int i = 0; i < CROWD; i++)
        close(crowd[i]);
}

/* Above limits.handshakes_waiting the address with the most loses its oldest. */
static void crowd_beyond_the_limit_loses_its_own(void **state)
{
    struct world *w = (struct world *)*state;
    enum { CROWD = 12 };
    int crowd[CROWD];
    char byte;
    w->f->settings.handshakes_waiting = 10;
    w->f->settings.handshake_ns = 60 * NS_PER_S;
    start(w);
    double shed = handshakes("shed");
    int other = fx_connect_from(w->f, INADDR_LOOPBACK + 1);
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = fx_connect(w->f); /* not a byte: it takes no place and no time */
        fx_wait_for(w->f, WAITING + handshakes("shed") - shed == i + 2);
        assert_true(WAITING <= 10);
    }
    assert_true(handshakes("shed") == shed + 3 && ACTIVE == 0);
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(recv(crowd[i], &byte, 1, MSG_DONTWAIT), i < 3 ? 0 : -1);
    assert_int_equal(recv(other, &byte, 1, MSG_DONTWAIT), -1);
    for (int i = 0; i < CROWD; i++)
        close(crowd[i]);
    close(other);
    fx_wait_for(w->f, WAITING == 0);
}

/* Many addresses with one each: none is closed within its second, the listener rests. */
static void many_addresses_beyond_the_limit_wait_in_the_kernel(void **state)
{
    struct world *w = (struct world *)*state;
    enum { CROWD = 12 };
    int crowd[CROWD];
    w->f->settings.handshakes_waiting = 4;
    w->f->settings.handshake_ns = 60 * NS_PER_S;
    use_identity(w->client, &w->vehicle);
    start(w);
    double shed = handshakes("shed");
    int64_t began = clock_monotonic_ns();
    for (int i = 0; i < CROWD; i++)
        crowd[i] = fx_connect_from(w->f, INADDR_LOOPBACK + 1 + (uint32_t)i);
    fx_wait_for(w->f, WAITING == 5);
    for (int i = 0; i < 20; i++)
        fx_turn(w->f);
    assert_true(WAITING == 5 && handshakes("shed") == shed);
    SSL *ssl = tls_connect(w);
    assert_has(ask(w, ssl), "200 OK");
    assert_true(clock_monotonic_ns() - began >= NS_PER_S);
    tls_close(ssl);
    for (int i = 0; i < CROWD; i++)
        close(crowd[i]);
    fx_wait_for(w->f, WAITING == 0);
}

static void handshakes_beyond_the_rate_wait_and_are_served(void **state)
{
    struct world *w = (struct world *)*state;
    w->f->settings.handshakes_per_second = 1; /* no handshake takes as long */
    use_identity(w->client, &w->vehicle);
    start(w);
    int64_t began = clock_monotonic_ns();
    for (int i = 0; i < 3; i++)
        expect_handshake(w, "ok");
    assert_true(clock_monotonic_ns() - began >= NS_PER_S / 2);
    assert_true(metric_value(metric_series(METRIC_vsocd_tls_handshakes_paced_total, "")) > 0);
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

/* A system call and a turn of the loop for each would cost many times what the bytes cost. */
static void small_records_that_arrive_together_are_read_together(void **state)
{
    struct world *w = (struct world *)*state;
    use_identity(w->client, &w->vehicle);
    start(w);
    SSL *ssl = tls_connect(w);
    const char head[] = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 800\r\n\r\n";
    assert_non_null(ask(w, ssl));
    BIO *wire = SSL_get_wbio(ssl), *records = BIO_new(BIO_s_mem());
    BIO_up_ref(wire);
    SSL_set0_wbio(ssl, records);
    assert_int_equal(SSL_write(ssl, head, sizeof head - 1), sizeof head - 1);
    for (int i = 0; i < 100; i++)
        assert_int_equal(SSL_write(ssl, "12345678", 8), 8);
    char *bytes;
    long size = BIO_get_mem_data(records, &bytes);
    assert_true(fx_send_bytes(w->f, SSL_get_fd(ssl), bytes, (size_t)size));
    SSL_set0_wbio(ssl, wire);
    w->f->largest_span = 0;
    assert_non_null(tls_receive(w, ssl, "12345678"));
    assert_true(w->f->largest_span >= 400);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(peer_facts_come_from_the_certificate),
        T(required_certificate_is_required),
        T(optional_certificate_may_be_missing),
        T(certificate_of_another_ca_is_refused_even_when_optional),
        T(expired_certificate_is_refused),
        T(sub_ca_alone_may_be_the_anchor),
        T(older_version_than_configured_is_refused),
        T(tls_1_2_works),
        T(only_http_1_1_is_negotiated),
        T(sessions_are_not_resumed),
        T(plain_http_on_the_tls_port_is_counted),
        T(silent_handshake_is_given_up),
        T(handshakes_that_take_long_give_way_to_new_ones),
        T(newcomer_of_another_address_does_not_wait_behind_a_crowd),
        T(crowd_beyond_the_limit_loses_its_own),
        T(many_addresses_beyond_the_limit_wait_in_the_kernel),
        T(handshakes_beyond_the_rate_wait_and_are_served),
        T(close_within_the_handshake_is_counted),
        T(open_connection_survives_a_reload_that_still_trusts_it),
        T(open_connection_of_a_revoked_certificate_is_refused_at_its_next_request),
        T(open_connection_of_an_expired_certificate_is_refused),
        T(new_ca_holds_for_open_and_new_connections),
        T(long_bodies_go_both_ways),
        T(small_records_that_arrive_together_are_read_together),
        T(refusal_is_readable_and_closed_properly),
        T(peer_that_leaves_without_close_notify_is_an_end),
        T(bad_files_are_named_with_the_reason),
        T(expiry_is_published),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
