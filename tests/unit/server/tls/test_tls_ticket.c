/* test_tls_ticket.c: sessions are resumed, and what ends that: a reload, a revocation, another
 * listener, time. */
#include "tests/unit/server/tls_world.h"

#include <time.h>
#include "server/tls/tls_ticket_data.h"

#define HOUR_NS (3600 * NS_PER_S)

static int64_t later_ns;

static int64_t wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec + later_ns;
}

static int64_t monotonic(void)
{
    return clock_kernel_ns();
}

static int setup_resuming(void **state)
{
    setup(state);
    struct world *w = (struct world *)*state;
    w->settings.resumption_ns = HOUR_NS;
    use_identity(w->client, &w->vehicle);
    later_ns = 0;
    return 0;
}

static int teardown_resuming(void **state)
{
    clock_fake(NULL, NULL);
    return teardown(state);
}

static double resumed(void)
{
    return metric_value(metric_series(METRIC_vsocd_tls_handshakes_resumed_total, ""));
}

/* A connection that answers; its session. */
static SSL_SESSION *session_of(struct world *w, SSL_SESSION *earlier, bool expected)
{
    SSL *ssl = tls_connect(w);
    double before = resumed();
    if (earlier)
        SSL_set_session(ssl, earlier);
    assert_has(ask(w, ssl), "200 OK");
    assert_int_equal(SSL_session_reused(ssl), expected);
    assert_true(resumed() == before + expected);
    SSL_SESSION *session = SSL_get1_session(ssl);
    SSL_shutdown(ssl); /* otherwise OpenSSL forgets the session */
    tls_close(ssl);
    fx_wait_for(w->f, http_server_connections(w->f->server) == 0);
    return session;
}

/* The sender comes with a session; a full handshake ends as said. */
static void expect_full(struct world *w, SSL_SESSION *session, const char *result)
{
    double before = handshakes(result), resumed_before = resumed();
    bool ok = !strcmp(result, "ok");
    unsigned heads = w->f->heads;
    SSL *ssl = tls_connect(w);
    SSL_set_session(ssl, session);
    assert_has(ask(w, ssl), ok ? "200 OK" : "<error>");
    fx_wait_for(w->f, handshakes(result) == before + 1);
    assert_false(SSL_session_reused(ssl) && ok);
    assert_true(resumed() == resumed_before);
    assert_int_equal(w->f->heads, heads + ok);
    tls_close(ssl);
    fx_wait_for(w->f, http_server_connections(w->f->server) == 0);
}

static void resumed_session_has_the_facts_of_the_full_handshake(void **state)
{
    struct world *w = (struct world *)*state;
    char issuer_key[65];
    start(w);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX_set_max_proto_version(w->client, version);
        SSL_SESSION *first = session_of(w, NULL, false);
        struct http_peer *peer = &w->f->peer;
        SSL *ssl = tls_connect(w);
        assert_has(ask(w, ssl), "200 OK");
        assert_int_equal(peer->issuer_key.size, 64);
        memcpy(issuer_key, peer->issuer_key.data, 64);
        issuer_key[64] = '\0';
        tls_close(ssl);
        ssl = tls_connect(w);
        SSL_set_session(ssl, first);
        assert_has(ask(w, ssl), "200 OK");
        assert_true(SSL_session_reused(ssl));
        char fingerprint[65];
        tm_fingerprint(w->vehicle.certificate, fingerprint);
        assert_true(peer->tls && peer->certificate);
        assert_true(slice_equal_text(peer->fingerprint, fingerprint));
        assert_true(slice_equal_text(peer->issuer_key, issuer_key));
        assert_true(slice_equal_text(peer->subject_cn, "gateway-7"));
        assert_int_equal(peer->san_uri.count, 2);
        assert_non_null(peer->x509);
        tls_close(ssl);
        SSL_SESSION_free(first);
    }
}

static void session_is_resumed_again_and_again(void **state)
{
    struct world *w = (struct world *)*state;
    start(w);
    SSL_SESSION *session = session_of(w, NULL, false);
    for (int i = 0; i < 4; i++) {
        SSL_SESSION *next = session_of(w, session, true);
        SSL_SESSION_free(session);
        session = next;
    }
    SSL_SESSION_free(session);
}

static void revoked_certificate_does_not_resume(void **state)
{
    struct world *w = (struct world *)*state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX_set_max_proto_version(w->client, version);
        if (!w->context)
            start(w);
        w->settings.crl = NULL;
        reload(w);
        SSL_SESSION *session = session_of(w, NULL, false);
        w->settings.crl = tm_path(w->directory, "fleet.crl");
        tm_write_crl(w->settings.crl, &w->fleet_ca, w->vehicle.certificate, DAY);
        reload(w);
        expect_full(w, session, "revoked");
        SSL_SESSION_free(session);
    }
}

static void denied_certificate_does_not_resume(void **state)
{
    struct world *w = (struct world *)*state;
    char fingerprint[65];
    start(w);
    SSL_SESSION *session = session_of(w, NULL, false);
    tm_fingerprint(w->vehicle.certificate, fingerprint);
    w->settings.deny_list = tm_path(w->directory, "deny");
    tm_write_text(w->settings.deny_list, fingerprint);
    reload(w);
    expect_full(w, session, "denied");
    SSL_SESSION_free(session);
}

static void session_of_another_ca_set_does_not_resume(void **state)
{
    struct world *w = (struct world *)*state;
    start(w);
    SSL_SESSION *session = session_of(w, NULL, false);
    struct identity ca = tm_issue(NULL, true, "new fleet ca", NULL, DAY);
    tm_write_certificate(w->settings.client_ca, ca.certificate);
    reload(w);
    expect_full(w, session, "bad_certificate");
    SSL_SESSION_free(session);
    tm_free(&ca);
}

/* The same files: what another context has let in counts for nothing. */
static void session_of_another_context_gets_a_full_handshake(void **state)
{
    struct world *w = (struct world *)*state;
    start(w);
    SSL_SESSION *session = session_of(w, NULL, false);
    reload(w);
    expect_full(w, session, "ok");
    SSL_SESSION_free(session);
}

static void expired_certificate_does_not_resume(void **state)
{
    struct world *w = (struct world *)*state;
    const int life_s = 4;
    int64_t expired = clock_wall_ns() + (life_s + 2) * NS_PER_S;
    struct identity brief = tm_issue(&w->fleet_ca, false, "brief", NULL, life_s);
    use_identity(w->client, &brief);
    start(w);
    SSL_SESSION *session = session_of(w, NULL, false);
    fx_wait_for(w->f, clock_wall_ns() > expired);
    expect_full(w, session, "expired");
    SSL_SESSION_free(session);
    tm_free(&brief);
}

static void expired_revocation_list_ends_resumption(void **state)
{
    struct world *w = (struct world *)*state;
    w->settings.crl = tm_path(w->directory, "fleet.crl");
    tm_write_crl(w->settings.crl, &w->fleet_ca, NULL, 3600);
    start(w);
    clock_fake(wall, monotonic);
    w->settings.resumption_ns = 24 * HOUR_NS;
    reload(w);
    SSL_SESSION *session = session_of(w, NULL, false), *next = session_of(w, session, true);
    later_ns = 2 * HOUR_NS;
    /* OpenSSL, which does not look at this clock, verifies the certificate again. */
    SSL *ssl = tls_connect(w);
    SSL_set_session(ssl, next);
    ask(w, ssl);
    assert_false(SSL_session_reused(ssl));
    tls_close(ssl);
    SSL_SESSION_free(session);
    SSL_SESSION_free(next);
}

static void lifetime_counts_from_the_full_handshake(void **state)
{
    struct world *w = (struct world *)*state;
    start(w);
    clock_fake(wall, monotonic);
    SSL_SESSION *first = session_of(w, NULL, false);
    later_ns = HOUR_NS * 3 / 4;
    SSL_SESSION *second = session_of(w, first, true);
    later_ns = HOUR_NS * 5 / 4;
    expect_full(w, second, "ok");
    SSL_SESSION_free(first);
    SSL_SESSION_free(second);
}

static void clock_that_was_set_back_ends_resumption(void **state)
{
    struct world *w = (struct world *)*state;
    start(w);
    clock_fake(wall, monotonic);
    SSL_SESSION *session = session_of(w, NULL, false);
    later_ns = -HOUR_NS;
    expect_full(w, session, "ok");
    SSL_SESSION_free(session);
}

static void damaged_ticket_gets_a_full_handshake(void **state)
{
    struct world *w = (struct world *)*state;
    start(w);
    for (size_t part = 0; part < 8; part++) {
        SSL_SESSION *session = session_of(w, NULL, false);
        const unsigned char *ticket;
        size_t size;
        SSL_SESSION_get0_ticket(session, &ticket, &size);
        ((unsigned char *)(uintptr_t)ticket)[part * (size - 1) / 7] ^= 0x40;
        expect_full(w, session, "ok");
        SSL_SESSION_free(session);
    }
}

static void early_data_is_refused(void **state)
{
    struct world *w = (struct world *)*state;
    const char get[] = "GET /now HTTP/1.1\r\nHost: h\r\n\r\n";
    size_t written;
    start(w);
    SSL_SESSION *session = session_of(w, NULL, false);
    assert_int_equal(SSL_SESSION_get_max_early_data(session), 0);
    SSL_SESSION_set_max_early_data(session, 1000); /* what a hostile client would do */
    unsigned heads = w->f->heads;
    SSL *ssl = tls_connect(w);
    SSL_set_session(ssl, session);
    assert_int_equal(SSL_write_early_data(ssl, get, sizeof get - 1, &written), 1);
    const char *text = tls_receive(w, ssl, "<eof>");
    assert_null(strstr(text, "200 OK"));
    assert_int_not_equal(SSL_get_early_data_status(ssl), SSL_EARLY_DATA_ACCEPTED);
    assert_int_equal(w->f->heads, heads);
    tls_close(ssl);
    SSL_SESSION_free(session);
}

/* An intermediate that the sender sent with its full handshake is known when a reload verifies the
 * open connection again. */
static void resumed_connection_survives_a_reload_that_still_trusts_it(void **state)
{
    struct world *w = (struct world *)*state;
    struct identity sub = tm_issue(&w->fleet_ca, true, "sub ca", NULL, DAY);
    struct identity mine = tm_issue(&sub, false, "mine", NULL, DAY);
    use_identity(w->client, &mine);
    SSL_CTX_add1_chain_cert(w->client, sub.certificate);
    start(w);
    SSL_SESSION *session = session_of(w, NULL, false);
    SSL *ssl = tls_connect(w);
    SSL_set_session(ssl, session);
    assert_has(ask(w, ssl), "200 OK");
    assert_true(SSL_session_reused(ssl));
    reload(w);
    assert_has(ask(w, ssl), "200 OK");
    char fingerprint[65];
    tm_fingerprint(sub.certificate, fingerprint);
    w->settings.deny_list = tm_path(w->directory, "deny");
    tm_write_text(w->settings.deny_list, fingerprint);
    reload(w);
    assert_has(ask(w, ssl), "certificate_refused");
    tls_close(ssl);
    SSL_SESSION_free(session);
    tm_free(&sub);
    tm_free(&mine);
}

static void session_without_certificate_resumes_only_while_that_is_allowed(void **state)
{
    struct world *w = (struct world *)*state;
    SSL_CTX_free(w->client);
    w->client = SSL_CTX_new(TLS_client_method());
    X509_STORE_add_cert(SSL_CTX_get_cert_store(w->client), w->server_ca.certificate);
    w->settings.client_auth = CLIENT_AUTH_OPTIONAL;
    start(w);
    SSL_SESSION *session = session_of(w, NULL, false), *next = session_of(w, session, true);
    assert_false(w->f->peer.certificate);
    w->settings.client_auth = CLIENT_AUTH_REQUIRED;
    reload(w);
    expect_full(w, next, "no_certificate");
    SSL_SESSION_free(session);
    SSL_SESSION_free(next);
}

static void text_of_a_ticket_is_read_back_and_no_part_of_it_is_taken(void **state)
{
    struct world *w = (struct world *)*state;
    struct tls_ticket_data data = {.certificate = true, .proved_s = 17, .expiry_s = -1}, back, part;
    struct writer text, again;
    STACK_OF(X509) *sent = sk_X509_new_null();
    memset(data.issuer_key, 'a', 64);
    sk_X509_push(sent, w->fleet_ca.certificate);
    sk_X509_push(sent, w->server_ca.certificate);
    writer_init(&text, TLS_TICKET_DATA_BYTES);
    writer_init(&again, TLS_TICKET_DATA_BYTES);
    assert_int_equal(tls_ticket_data_write(&data, sent, &text), STATUS_OK);
    struct slice all = writer_slice(&text);
    assert_int_equal(tls_ticket_data_read(all, &back), STATUS_OK);
    assert_true(back.certificate && back.proved_s == 17 && back.expiry_s == -1);
    assert_string_equal(back.issuer_key, data.issuer_key);
    STACK_OF(X509) *chain = tls_ticket_data_chain(&back);
    assert_int_equal(sk_X509_num(chain), 2);
    assert_int_equal(X509_cmp(sk_X509_value(chain, 1), w->server_ca.certificate), 0);
    assert_int_equal(tls_ticket_data_write(&back, NULL, &again), STATUS_OK);
    assert_true(slice_equal(writer_slice(&again), all));
    for (size_t size = 0; size < all.size; size++) {
        assert_int_not_equal(tls_ticket_data_read(slice_sub(all, 0, size), &part), STATUS_OK);
        assert_null(part.chain);
    }
    back.chain[back.chain_bytes - 200] ^= 1; /* inside the second certificate */
    back.chain[5] ^= 0x20;                   /* the tag of the first one */
    assert_null(tls_ticket_data_chain(&back));
    writer_u8(&text, 0);
    assert_int_not_equal(tls_ticket_data_read(writer_slice(&text), &part), STATUS_OK);
    tls_ticket_data_fini(&back);
    writer_fini(&text);
    writer_fini(&again);
    sk_X509_pop_free(chain, X509_free);
    sk_X509_free(sent);
    ERR_clear_error();
}

static void chain_that_is_too_long_for_a_ticket_is_said_so(void **state)
{
    struct world *w = (struct world *)*state;
    struct tls_ticket_data data = {.certificate = true};
    struct writer text;
    STACK_OF(X509) *sent = sk_X509_new_null();
    for (int i = 0; i <= TLS_TICKET_CHAIN_MAX; i++)
        sk_X509_push(sent, w->fleet_ca.certificate);
    writer_init(&text, 2 * TLS_TICKET_DATA_BYTES);
    assert_int_equal(tls_ticket_data_write(&data, sent, &text), STATUS_TOO_LARGE);
    writer_fini(&text);
    sk_X509_free(sent);
}

int main(void)
{
#define R(name) cmocka_unit_test_setup_teardown(name, setup_resuming, teardown_resuming)
    const struct CMUnitTest tests[] = {
        R(resumed_session_has_the_facts_of_the_full_handshake),
        R(session_is_resumed_again_and_again),
        R(revoked_certificate_does_not_resume),
        R(denied_certificate_does_not_resume),
        R(session_of_another_ca_set_does_not_resume),
        R(session_of_another_context_gets_a_full_handshake),
        R(expired_certificate_does_not_resume),
        R(expired_revocation_list_ends_resumption),
        R(lifetime_counts_from_the_full_handshake),
        R(clock_that_was_set_back_ends_resumption),
        R(damaged_ticket_gets_a_full_handshake),
        R(early_data_is_refused),
        R(resumed_connection_survives_a_reload_that_still_trusts_it),
        R(session_without_certificate_resumes_only_while_that_is_allowed),
        R(text_of_a_ticket_is_read_back_and_no_part_of_it_is_taken),
        R(chain_that_is_too_long_for_a_ticket_is_said_so),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
