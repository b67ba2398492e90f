/* test_tls_verify.c: whose certificates are taken: revocation lists, deny list, chains, usages. */
#include "tests/unit/server/tls_world.h"
#include "core/log/problem.h"

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
    expect_reason(w, "tls.crl", "CN=second ca", "was issued by no CA of tls.client_ca");
    tm_write_crl(path, ca, NULL, DAY);
    tm_add_crl(path, ca, ca, NULL, -3600, DAY);
    expect_reason(w, "tls.crl", "CN=fleet ca", "is in the file twice");
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
    struct problem problem;
    char fingerprint[65], serial[32];
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
    assert_int_equal(tls_session_failure(server, ERR_peek_error(), &problem), TLS_RESULT_expired);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(revoked_certificate_is_refused_and_others_are_not),
        T(expired_crl_refuses_everyone),
        T(denied_fingerprint_is_refused),
        T(revocation_lists_are_checked_before_they_count),
        T(sub_ca_that_is_the_anchor_needs_its_own_list_only),
        T(certificate_of_tomorrow_is_not_yet_valid),
        T(extended_key_usage_must_name_clients_where_that_is_asked_for),
        T(chain_is_no_longer_than_allowed),
        T(deny_list_is_also_by_serial_and_of_intermediates),
        T(suites_with_short_tags_are_not_spoken),
        T(client_that_does_not_trust_the_server_is_said_to_be_one),
        T(refused_certificate_is_known_without_what_could_be_a_vin),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
