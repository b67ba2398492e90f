#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/identity/cert_names.h"
#include "core/log/problem.h"
#include "server/identity/identity.h"
#include "server/identity/senders.h"

#define VIN "1M8GDM9AXKP042788"

struct fixture {
    struct arena arena;
    struct config config;
    struct http_peer peer;
    struct slice san, cn, o;
    struct identity identity;
    struct refusal why;
};

static int setup(void **state)
{
    static struct fixture f;
    memset(&f, 0, sizeof f);
    arena_init(&f.arena, 65536);
    f.config.identity_vehicle_from = "san_uri";
    f.config.identity_tenant_from = "subject_o";
    f.config.tls_client_auth = CLIENT_AUTH_REQUIRED;
    f.san = SLICE_LITERAL("urn:vin:" VIN);
    f.cn = SLICE_LITERAL("vehicle 1");
    f.o = SLICE_LITERAL("demo");
    f.peer = (struct http_peer){
        .tls = true,
        .certificate = true,
        .fingerprint = SLICE_LITERAL("ab01"),
        .subject = SLICE_LITERAL("CN=vehicle 1,O=demo"),
        .issuer = SLICE_LITERAL("CN=fleet CA,O=demo"),
        .subject_cns = {&f.cn, 1},
        .subject_os = {&f.o, 1},
        .san_uri = {&f.san, 1},
    };
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    identity_fini(&f->identity);
    senders_destroy(f->config.senders);
    arena_fini(&f->arena);
    return 0;
}

static enum status identify(struct fixture *f)
{
    identity_fini(&f->identity);
    return identity_from_peer(&f->peer, &f->config, &f->arena, &f->identity, &f->why);
}

static void assert_refused(struct fixture *f, const char *code)
{
    assert_int_equal(identify(f), STATUS_CONFLICT);
    assert_string_equal(f->why.code, code);
    assert_true(strlen(f->why.detail) > 10);
    assert_null(strstr(f->why.detail, VIN));
}

static void list(struct fixture *f, const char *lines)
{
    struct problem problem;
    senders_destroy(f->config.senders);
    f->config.senders = NULL;
    if (senders_parse(slice_from_text(lines), &f->config.senders, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
}

#define LINE(id, name, more)                                                                       \
    "{\"id\":\"" id "\",\"issuer\":\"CN=fleet CA,O=demo\",\"name\":\"" name                        \
    "\",\"tenant\":\"demo\"" more "}\n"

static void assert_text(struct slice s, const char *text)
{
    assert_int_equal(s.size, strlen(text));
    assert_memory_equal(s.data, text, s.size);
}

static void certificate_names_vehicle_and_tenant(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(identify(f), STATUS_OK);
    assert_text(f->identity.vehicle, VIN);
    assert_text(f->identity.sender, VIN);
    assert_text(f->identity.tenant, "demo");
    assert_text(f->identity.credential, "ab01");
}

static void certificate_without_the_form_of_a_vehicle_sends_nothing(void **state)
{
    static const char *const names[] = {"https://gateway.example/",
                                        "https://oem.example/vehicles/" VIN,
                                        "urn:vehicle:vin-" VIN,
                                        "urn:oem:vin:" VIN,
                                        "xurn:vin:" VIN,
                                        VIN,
                                        "",
                                        "https://oem.example/" VIN "/ecu/1"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        f->san = slice_from_text(names[i]);
        assert_refused(f, "unknown_sender");
    }
    f->peer.san_uri.count = 0;
    f->cn = SLICE_LITERAL(VIN);
    assert_refused(f, "unknown_sender");
    struct slice dns = SLICE_LITERAL(VIN ".vehicles.oem.example");
    f->peer.san_dns = (struct slice_list){&dns, 1};
    assert_refused(f, "unknown_sender");
    f->config.identity_vehicle_from = "san_dns";
    assert_refused(f, "unknown_sender");
    f->config.identity_vehicle_from = "san_dns:{vin}.vehicles.oem.example";
    assert_int_equal(identify(f), STATUS_OK);
    assert_text(f->identity.vehicle, VIN);
}

static void name_that_begins_as_a_vehicles_and_holds_no_vin_is_refused(void **state)
{
    static const char *const names[] = {
        "urn:vin:1M8GDM9AXKP04278", "urn:vin:",         "urn:vin:IM8GDM9AXKP042788",
        "urn:vin:" VIN "0",         "urn:vin:" VIN "/", "urn:vin:" VIN "?v=1",
        "urn:vin:1M8GDM9AXKPO42788"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        f->san = slice_from_text(names[i]);
        assert_refused(f, "bad_certificate_vin");
    }
}

static void vin_counts_in_any_case(void **state)
{
    struct fixture *f = *state;
    f->san = SLICE_LITERAL("urn:vin:1m8gdm9axkp042788");
    assert_int_equal(identify(f), STATUS_OK);
    assert_text(f->identity.vehicle, VIN);
}

static void short_words_are_whole_names(void **state)
{
    struct fixture *f = *state;
    f->config.identity_vehicle_from = "subject_cn";
    f->cn = SLICE_LITERAL(VIN);
    assert_int_equal(identify(f), STATUS_OK);
    f->cn = SLICE_LITERAL("vehicle " VIN);
    assert_refused(f, "unknown_sender");
    f->config.identity_vehicle_from = "subject_cn:vehicle {vin}";
    assert_int_equal(identify(f), STATUS_OK);
}

static void another_vin_anywhere_is_refused_and_the_same_is_fine(void **state)
{
    struct fixture *f = *state;
    struct slice other = SLICE_LITERAL("VIN=1G4AH59H45G118341");
    f->cn = SLICE_LITERAL("vehicle " VIN);
    assert_int_equal(identify(f), STATUS_OK);
    f->peer.other_names = (struct slice_list){&other, 1};
    assert_refused(f, "bad_certificate_vin");
    other = SLICE_LITERAL("1m8gdm9axkp042788");
    assert_int_equal(identify(f), STATUS_OK);
    f->cn = SLICE_LITERAL("1g4ah59h45g118341");
    assert_refused(f, "bad_certificate_vin");
}

static void certificate_whose_names_cannot_be_read_is_refused(void **state)
{
    struct fixture *f = *state;
    f->peer.flaw = "a name in it holds a NUL";
    assert_refused(f, "bad_certificate");
    list(f, LINE("gw", "subject_cn:vehicle 1", ""));
    assert_refused(f, "bad_certificate");
}

static void listed_sender_may_name_vehicles(void **state)
{
    struct fixture *f = *state;
    f->san = SLICE_LITERAL("https://gateway.example/");
    list(f, LINE("other", "san_dns:gateway.demo", "") LINE("gw", "subject_cn:vehicle *", ""));
    assert_int_equal(identify(f), STATUS_OK);
    assert_text(f->identity.listed, "gw");
    assert_text(f->identity.tenant, "demo");
    assert_text(f->identity.sender, "CN=vehicle 1,O=demo");
    assert_int_equal(f->identity.vehicle.size, 0);
    assert_true(identity_may_name(&f->identity, SLICE_LITERAL(VIN)));
    f->peer.issuer = SLICE_LITERAL("CN=another CA,O=demo");
    assert_refused(f, "unknown_sender");
}

static void listed_sender_may_name_its_vehicles_only(void **state)
{
    struct fixture *f = *state;
    f->peer.san_uri.count = 0;
    list(f, LINE("gw", "subject_cn:vehicle 1",
                 ",\"vehicles\":[\"1m8*\",\"1G4AH59H45G118341\"],\"formats\":[\"hec\",\"cef\"],"
                 "\"events_per_second\":5,\"burst\":7"));
    assert_int_equal(identify(f), STATUS_OK);
    assert_true(identity_may_name(&f->identity, SLICE_LITERAL(VIN)));
    assert_true(identity_may_name(&f->identity, SLICE_LITERAL("1G4AH59H45G118341")));
    assert_false(identity_may_name(&f->identity, SLICE_LITERAL("1G4AH59H45G118342")));
    assert_false(identity_may_name(&f->identity, SLICE_LITERAL("1M8")));
    assert_true(identity_may_send(&f->identity, SLICE_LITERAL("cef")));
    assert_false(identity_may_send(&f->identity, SLICE_LITERAL("dlt")));
    assert_int_equal(f->identity.events_per_second, 5);
    assert_int_equal(f->identity.burst, 7);
    /* The set outlives its file. */
    senders_destroy(f->config.senders);
    f->config.senders = NULL;
    assert_true(identity_may_name(&f->identity, SLICE_LITERAL(VIN)));
}

static void certificate_that_is_two_senders_is_refused(void **state)
{
    struct fixture *f = *state;
    list(f, LINE("gw", "subject_cn:vehicle *", ""));
    assert_refused(f, "ambiguous_sender"); /* a vehicle too */
    f->peer.san_uri.count = 0;
    assert_int_equal(identify(f), STATUS_OK);
    list(f, LINE("gw", "subject_cn:vehicle *", "") LINE("gw-2", "subject_cn:vehicle 1", ""));
    assert_refused(f, "ambiguous_sender");
}

static void token_beside_a_certificate_only_narrows(void **state)
{
    struct fixture *f = *state;
    struct vehicle_set *set;
    size_t bad;
    const struct slice mine = SLICE_LITERAL("1M8*"), other = SLICE_LITERAL("1G4*");
    struct identity token = {.formats = SLICE_LITERAL("hec"), .events_per_second = 3};
    assert_int_equal(identify(f), STATUS_OK);
    assert_int_equal(vehicle_set_create(&other, 1, &set, &bad), STATUS_OK);
    token.vehicles = set;
    assert_int_equal(identity_narrow(&f->identity, &token), STATUS_REFUSED);
    identity_fini(&token);
    assert_int_equal(vehicle_set_create(&mine, 1, &set, &bad), STATUS_OK);
    token.vehicles = set;
    assert_int_equal(identity_narrow(&f->identity, &token), STATUS_OK);
    identity_fini(&token);
    assert_true(identity_may_name(&f->identity, SLICE_LITERAL(VIN)));
    assert_false(identity_may_send(&f->identity, SLICE_LITERAL("dlt")));
    assert_int_equal(f->identity.events_per_second, 3);
}

static void vehicle_may_name_itself_only(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(identify(f), STATUS_OK);
    assert_true(identity_may_name(&f->identity, SLICE_LITERAL(VIN)));
    assert_false(identity_may_name(&f->identity, SLICE_LITERAL("1G4AH59H45G118341")));
}

static void certificate_of_two_tenants_is_refused(void **state)
{
    struct fixture *f = *state;
    struct slice tenants[] = {SLICE_LITERAL("demo"), SLICE_LITERAL("demo")};
    f->peer.subject_os = (struct slice_list){tenants, 2};
    assert_int_equal(identify(f), STATUS_OK);
    tenants[0] = SLICE_LITERAL("other");
    assert_refused(f, "no_tenant");
}

static void certificate_of_two_vehicles_is_refused(void **state)
{
    struct fixture *f = *state;
    struct slice sans[] = {SLICE_LITERAL("urn:vin:" VIN),
                           SLICE_LITERAL("urn:vin:1G4AH59H45G118341")};
    f->peer.san_uri = (struct slice_list){sans, 2};
    assert_refused(f, "bad_certificate_vin");
    sans[1] = sans[0];
    assert_int_equal(identify(f), STATUS_OK);
}

static void sender_without_certificate_is_refused_over_tls(void **state)
{
    struct fixture *f = *state;
    f->peer.certificate = false;
    assert_int_equal(identify(f), STATUS_REFUSED);
    f->config.tls_client_auth = CLIENT_AUTH_OPTIONAL;
    assert_int_equal(identify(f), STATUS_REFUSED);
}

static void sender_without_certificate_is_anonymous_where_that_was_asked_for(void **state)
{
    struct fixture *f = *state;
    f->peer.certificate = false;
    f->config.tls_client_auth = CLIENT_AUTH_OFF;
    assert_int_equal(identify(f), STATUS_OK);
    assert_text(f->identity.tenant, "default");
    f->config.identity_tenant_from = "name:fleet-7";
    assert_int_equal(identify(f), STATUS_OK);
    assert_text(f->identity.tenant, "fleet-7");
}

static void certificate_without_tenant_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    f->peer.subject_os.count = 0;
    assert_refused(f, "no_tenant");
}

static void tenant_that_no_sink_can_store_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    static const struct slice tenants[] = {SLICE_LITERAL("a\0b"), SLICE_LITERAL("a\nb"),
                                           SLICE_LITERAL("a\xff"), SLICE_LITERAL("a\xed\xa0\x80"),
                                           SLICE_LITERAL("a\x7f")};
    for (size_t i = 0; i < sizeof tenants / sizeof *tenants; i++) {
        f->o = tenants[i];
        assert_int_equal(identify(f), STATUS_CONFLICT);
    }
    f->o = SLICE_LITERAL("Fahrzeugwerk M\xc3\xbcnchen");
    assert_int_equal(identify(f), STATUS_OK);
}

/* Else one of them could use up the Idempotency-Key of another. */
static void certificates_without_subject_are_different_senders(void **state)
{
    struct fixture *f = *state;
    f->config.identity_tenant_from = "name:fleet";
    f->peer.san_uri.count = 0;
    f->peer.subject = SLICE_EMPTY;
    list(f, LINE("gw", "subject_cn:vehicle *", ""));
    assert_int_equal(identify(f), STATUS_OK);
    assert_text(f->identity.sender, "ab01");
}

static void sender_without_certificate_is_nobody_once_there_are_tokens(void **state)
{
    struct fixture *f = *state;
    f->peer = (struct http_peer){.tls = false};
    assert_int_equal(identify(f), STATUS_OK);
    assert_true(f->identity.anonymous);
    f->config.tokens = tokens_create();
    assert_int_equal(identify(f), STATUS_REFUSED);
    tokens_destroy(f->config.tokens);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(certificate_names_vehicle_and_tenant),
        TEST(certificate_without_the_form_of_a_vehicle_sends_nothing),
        TEST(name_that_begins_as_a_vehicles_and_holds_no_vin_is_refused),
        TEST(vin_counts_in_any_case),
        TEST(short_words_are_whole_names),
        TEST(another_vin_anywhere_is_refused_and_the_same_is_fine),
        TEST(certificate_whose_names_cannot_be_read_is_refused),
        TEST(listed_sender_may_name_vehicles),
        TEST(listed_sender_may_name_its_vehicles_only),
        TEST(certificate_that_is_two_senders_is_refused),
        TEST(token_beside_a_certificate_only_narrows),
        TEST(vehicle_may_name_itself_only),
        TEST(certificate_of_two_tenants_is_refused),
        TEST(certificate_of_two_vehicles_is_refused),
        TEST(sender_without_certificate_is_refused_over_tls),
        TEST(sender_without_certificate_is_anonymous_where_that_was_asked_for),
        TEST(certificate_without_tenant_is_a_conflict),
        TEST(tenant_that_no_sink_can_store_is_a_conflict),
        TEST(certificates_without_subject_are_different_senders),
        TEST(sender_without_certificate_is_nobody_once_there_are_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
