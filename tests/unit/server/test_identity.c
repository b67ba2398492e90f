#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/identity.h"

#define VIN "1M8GDM9AXKP042788"

struct fixture {
    struct arena arena;
    struct config config;
    struct http_peer peer;
    struct slice san;
    struct identity identity;
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
    f.peer = (struct http_peer){
        .tls = true,
        .certificate = true,
        .fingerprint = SLICE_LITERAL("ab01"),
        .subject = SLICE_LITERAL("CN=vehicle 1,O=demo"),
        .subject_cn = SLICE_LITERAL("vehicle 1"),
        .subject_o = SLICE_LITERAL("demo"),
        .san_uri = {&f.san, 1},
    };
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    arena_fini(&f->arena);
    return 0;
}

static enum status identify(struct fixture *f)
{
    return identity_from_peer(&f->peer, &f->config, &f->arena, &f->identity);
}

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

static void certificate_without_vin_is_a_gateway_known_by_its_subject(void **state)
{
    struct fixture *f = *state;
    f->san = SLICE_LITERAL("https://gateway.example/");
    assert_int_equal(identify(f), STATUS_OK);
    assert_int_equal(f->identity.vehicle.size, 0);
    assert_text(f->identity.sender, "CN=vehicle 1,O=demo");
}

static void vin_is_found_in_every_usual_form(void **state)
{
    static const char *const forms[] = {VIN, "urn:vin:" VIN, "VIN=" VIN,
                                        "https://oem.example/vehicles/" VIN,
                                        "urn:vin:1m8gdm9axkp042788"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        assert_text(identity_vin_in_text(slice_from_text(forms[i]), &f->arena), VIN);
}

static void text_that_only_looks_like_a_vin_names_no_vehicle(void **state)
{
    static const char *const forms[] = {"", "1M8GDM9AXKP04278", "x" VIN, "urn:vin:" VIN "0",
                                        "urn:vin:IM8GDM9AXKP042788"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        assert_int_equal(identity_vin_in_text(slice_from_text(forms[i]), &f->arena).size, 0);
}

static void certificate_with_a_name_that_is_no_vin_is_no_gateway(void **state)
{
    struct fixture *f = *state;
    f->san = SLICE_LITERAL("urn:vin:1M8GDM9AXKP04278");
    assert_int_equal(identify(f), STATUS_OUT_OF_RANGE);
    f->san = SLICE_LITERAL("VIN:");
    assert_int_equal(identify(f), STATUS_OUT_OF_RANGE);
}

static void certificate_of_two_vehicles_is_refused(void **state)
{
    struct fixture *f = *state;
    struct slice sans[] = {SLICE_LITERAL("urn:vin:" VIN),
                           SLICE_LITERAL("urn:vin:1G4AH59H45G118341")};
    f->peer.san_uri = (struct slice_list){sans, 2};
    assert_int_equal(identify(f), STATUS_OUT_OF_RANGE);
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
    f->peer.subject_o = SLICE_EMPTY;
    assert_int_equal(identify(f), STATUS_CONFLICT);
}

static void tenant_that_no_sink_can_store_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    static const struct slice tenants[] = {SLICE_LITERAL("a\0b"), SLICE_LITERAL("a\nb"),
                                           SLICE_LITERAL("a\xff"), SLICE_LITERAL("a\xed\xa0\x80"),
                                           SLICE_LITERAL("a\x7f")};
    for (size_t i = 0; i < sizeof tenants / sizeof *tenants; i++) {
        f->peer.subject_o = tenants[i];
        assert_int_equal(identify(f), STATUS_CONFLICT);
    }
    f->peer.subject_o = SLICE_LITERAL("Fahrzeugwerk M\xc3\xbcnchen");
    assert_int_equal(identify(f), STATUS_OK);
}

/* Else one of them could use up the Idempotency-Key of another. */
static void certificates_without_subject_are_different_senders(void **state)
{
    struct fixture *f = *state;
    f->config.identity_tenant_from = "name:fleet";
    f->peer.san_uri.count = 0;
    f->peer.subject = SLICE_EMPTY;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(certificate_names_vehicle_and_tenant, setup, teardown),
        cmocka_unit_test_setup_teardown(certificate_without_vin_is_a_gateway_known_by_its_subject,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(vin_is_found_in_every_usual_form, setup, teardown),
        cmocka_unit_test_setup_teardown(text_that_only_looks_like_a_vin_names_no_vehicle, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(certificate_with_a_name_that_is_no_vin_is_no_gateway, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(certificate_of_two_vehicles_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(sender_without_certificate_is_refused_over_tls, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            sender_without_certificate_is_anonymous_where_that_was_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(certificate_without_tenant_is_a_conflict, setup, teardown),
        cmocka_unit_test_setup_teardown(tenant_that_no_sink_can_store_is_a_conflict, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(certificates_without_subject_are_different_senders, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(sender_without_certificate_is_nobody_once_there_are_tokens,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
