#include "pipeline_fixture.h"

#define VIN_A "1M8GDM9AXKP042788"
#define VIN_B "1G4AH59H45G118341"

static void vehicle_comes_from_record_header_or_certificate(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "{\"message\":\"a\"}");
    assert_event_lacks(f, 0, "vehicle_pid");
    f->normaliser.certificate_vin = SLICE_LITERAL(VIN_A);
    fixture_run_text(f, "{\"message\":\"a\"}");
    assert_event_has(f, 0, "\"vin_key_id\":7,\"wmi\":\"1M8\"");
    f->normaliser.certificate_vin = SLICE_EMPTY;
    f->normaliser.header_vin = SLICE_LITERAL(VIN_A);
    fixture_run_text(f, "{\"message\":\"a\"}{\"message\":\"b\",\"vin\":\" " VIN_B "\"}");
    assert_event_has(f, 0, "\"wmi\":\"1M8\"");
    assert_event_has(f, 1, "\"wmi\":\"1G4\"");
}

static void a_pseudonym_is_made_once_for_vehicles_in_a_row(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f,
                     "{\"message\":\"a\",\"vin\":\"" VIN_A "\"}{\"message\":\"b\",\"vin\":\"" VIN_A
                     "\"}{\"message\":\"c\",\"vin\":\"" VIN_B "\"}");
    assert_int_equal(f->pseudonyms, 2);
    assert_event_has(f, 2, "\"vehicle_pid\":\"31"); /* '1', the last character of VIN_B */
}

static void another_vehicle_than_the_certificates_follows_the_policy(void **state)
{
    struct fixture *f = *state;
    static const char body[] =
        "{\"message\":\"a\",\"vin\":\"" VIN_B "\"}{\"message\":\"b\",\"vin\":\"" VIN_A
        "\"}{\"message\":\"c\",\"vin\":\"" VIN_B "\"}";
    f->normaliser.certificate_vin = SLICE_LITERAL(VIN_A);
    fixture_run_text(f, body);
    assert_rejected(f, 0, "vin_mismatch", "claimed VIN is not the certificate's");
    assert_event_has(f, 1, "\"wmi\":\"1M8\"");
    assert_rejected(f, 2, "vin_mismatch", "claimed VIN is not the certificate's");
    assert_int_equal(f->result.vin_mismatches, 2);

    f->normaliser.vin_policy = VIN_POLICY_REJECT;
    fixture_run_text(f, body);
    assert_int_equal(f->result.vin_mismatches, 2);

    f->normaliser.vin_policy = VIN_POLICY_FLAG;
    fixture_run_text(f, body);
    assert_event_has(f, 0,
                     "\"parse_status\":\"partial\",\"parse_notes\":[{\"code\":\"vin_mismatch\"");
    /* under the certificate's vehicle, the victim's in a column of its own: '8' and '1' are the
     * last characters of the VINs */
    assert_event_has(f, 0, "\"vehicle_pid\":\"38");
    assert_event_has(f, 0, "\"wmi\":\"1M8\"");
    assert_event_has(f, 0, "\"claimed_vehicle_pid\":\"31");
    assert_event_has(f, 1, "\"parse_status\":\"ok\"");
    assert_event_lacks(f, 1, "claimed_vehicle_pid");
    assert_int_equal(f->result.vin_mismatches, 0);
}

static void a_text_that_is_no_vin_is_quarantined_without_being_shown(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "{\"message\":\"a\",\"vin\":\"\"}{\"message\":\"a\",\"vin\":\"SECRET\"}"
                        "{\"message\":\"a\",\"vin\":\"1m8gdm9axkp042788\"}");
    assert_rejected(f, 0, "bad_vin", "17 of");
    assert_rejected(f, 1, "bad_vin", "17 of");
    assert_null(strstr(f->items[1].detail, "SECRET"));
    assert_event_has(f, 2, "\"wmi\":\"1M8\"");
}

static void check_digit_is_noted_where_it_is_compulsory(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "{\"message\":\"a\",\"vin\":\"1M8GDM9A1KP042788\"}"
                        "{\"message\":\"a\",\"vin\":\"1M8GDM9A1KP042788\"}"
                        "{\"message\":\"a\",\"vin\":\"WVWZZZ1JZXW000001\"}");
    assert_event_has(f, 0, "\"code\":\"vin_check\"");
    assert_event_has(f, 1, "\"code\":\"vin_check\"");
    assert_event_lacks(f, 2, "vin_check");
}

static void catalogue_names_and_grades_known_ids(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(
        f,
        "{\"sev_id\":103}{\"sev_id\":40000}{\"sev_id\":65535}"
        "{\"sev_id\":103,\"event_name\":\"own\",\"severity_id\":5,\"event_category\":\"backend\","
        "\"r155_threat\":[\"1.1\"]}");
    assert_event_has(f, 0,
                     "\"sev_range\":\"autosar\",\"event_name\":\"SEV_UDS_SECURITY_ACCESS_FAILED\","
                     "\"event_category\":\"diagnostic_access\"");
    assert_event_has(f, 0, "\"severity_id\":3");
    assert_event_has(f, 0, "\"r155_threat\":[\"11.3\",\"18.3\"],\"atm_technique\":[\"ATM-T0033\"]");
    assert_event_has(
        f, 1,
        "\"sev_range\":\"oem\",\"event_name\":\"unknown:0x9C40\",\"event_category\":\"other\"");
    assert_event_has(f, 1, "\"severity_id\":0");
    assert_event_has(f, 2, "\"sev_range\":\"invalid\"");
    assert_event_has(f, 3, "\"event_name\":\"own\",\"event_category\":\"backend\"");
    assert_event_has(f, 3, "\"severity_id\":5");
    assert_event_has(f, 3, "\"r155_threat\":[\"1.1\"]");
}

static void required_fields_get_their_defaults(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "{\"message\":\"a\"}{\"message\":\"b\",\"time\":1795342500}{\"sev_id\":1}");
    assert_event_has(
        f, 0,
        "\"sensor_kind\":\"other\",\"event_name\":\"message\",\"event_category\":\"other\","
        "\"count\":1,\"time_source\":\"none\",\"time_quality\":\"unknown\","
        "\"severity\":\"unknown\",\"severity_id\":0,\"parse_status\":\"ok\"");
    assert_event_has(f, 1,
                     "\"time_source\":\"rtc\",\"time_quality\":\"unknown\",\"clock_skew_ms\":5000");
    assert_event_has(f, 2, "\"sensor_kind\":\"idsm\"");
}

static void context_data_of_a_known_layout_fill_columns(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(f, "{\"sev_id\":103,\"context_raw\":\"JwL/////DoA=\"}"
                        "{\"sev_id\":103,\"context_raw\":\"JwL/////DoA=\",\"context_version\":2}"
                        "{\"sev_id\":103,\"context_raw\":\"JwI=\"}"
                        "{\"sev_id\":103,\"context_raw\":\"JwL/////DoA=\",\"uds_sid\":1}");
    assert_event_has(f, 0, "\"uds_sid\":39,\"uds_sub\":2,\"uds_client_sa\":3712");
    assert_event_lacks(f, 0, "uds_did");
    assert_event_lacks(f, 1, "uds_sid");
    assert_event_lacks(f, 2, "uds_sid");
    assert_event_has(f, 3, "\"uds_sid\":1");
}

static struct slice key_of(const struct fixture *f, size_t i)
{
    static const char name[] = "\"dedup_key\":\"";
    return slice_make(strstr(f->items[i].json, name) + sizeof name - 1, 32);
}

static void dedup_key_follows_id_then_time_then_nothing(void **state)
{
    struct fixture *f = *state;
    fixture_run_text(
        f, "{\"id\":\"1\",\"message\":\"a\"}\n{\"time\":1,\"message\":\"a\"}\n"
           "{\"time\":1,\"message\":\"b\"}\n{\"time\":1,\"message\":\"a\"}\n"
           "{\"message\":\"a\"}\n{\"message\":\"a\"}\n{\"vehicle_seq\":1,\"message\":\"a\"}\n"
           "{\"vehicle_seq\":1,\"message\":\"a\"}\n");
    assert_int_equal(f->result.accepted, 8); /* only ids make duplicates */
    assert_false(slice_equal(key_of(f, 1), key_of(f, 2)));
    assert_true(slice_equal(key_of(f, 1), key_of(f, 3)));
    assert_false(slice_equal(key_of(f, 4), key_of(f, 5)));
    assert_true(slice_equal(key_of(f, 6), key_of(f, 7)));
}

static void dedup_key_knows_tenant_and_vehicle(void **state)
{
    struct fixture *f = *state;
    char first[33] = {0};
    fixture_run_text(
        f,
        "{\"id\":\"1\",\"message\":\"a\"}{\"id\":\"1\",\"message\":\"a\",\"vin\":\"" VIN_A "\"}");
    memcpy(first, key_of(f, 0).data, 32);
    assert_false(slice_equal_text(key_of(f, 1), first));
    f->normaliser.tenant_id = SLICE_LITERAL("other");
    fixture_run_text(f, "{\"id\":\"1\",\"message\":\"a\"}");
    assert_false(slice_equal_text(key_of(f, 0), first));
    f->normaliser.tenant_id = SLICE_LITERAL("demo");
    fixture_run_text(f, "{\"message\":\"b\",\"id\":\"1\"}");
    assert_true(slice_equal_text(key_of(f, 0), first));
}

/* Ids of two senders are two events; ids of one vehicle are one, whoever sends it. */
static void dedup_key_knows_the_sender_where_there_is_no_vehicle(void **state)
{
    struct fixture *f = *state;
    static const char body[] =
        "{\"id\":\"1\",\"message\":\"a\"}{\"id\":\"1\",\"message\":\"a\",\"vin\":\"" VIN_A "\"}"
        "{\"time\":1,\"message\":\"a\"}";
    char longest[2][301], keys[5][3][33] = {0};
    memset(longest, 'x', sizeof longest);
    longest[0][300] = longest[1][300] = '\0';
    longest[1][299] = 'y';
    const char *const senders[] = {"gateway a", "gateway b", "", longest[0], longest[1]};
    for (int s = 0; s < 5; s++) {
        f->normaliser.sender = slice_from_text(senders[s]);
        fixture_run_text(f, body);
        for (size_t i = 0; i < 3; i++)
            memcpy(keys[s][i], key_of(f, i).data, 32);
    }
    for (int a = 0; a < 5; a++)
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(keys[a][0], keys[b][0]);
            assert_string_equal(keys[a][1], keys[b][1]);
            assert_string_not_equal(keys[a][2], keys[b][2]);
        }
    f->normaliser.sender = SLICE_LITERAL("gateway a");
    fixture_run_text(f, body);
    assert_true(slice_equal_text(key_of(f, 0), keys[0][0])); /* sent again */
    f->normaliser.sender = SLICE_EMPTY;
}

/* A record of 300 bytes enters by its hash; one byte still makes the difference. */
static void dedup_key_sees_all_of_a_long_record(void **state)
{
    struct fixture *f = *state;
    char body[2][400];
    for (int i = 0; i < 2; i++)
        snprintf(body[i], sizeof body[i], "{\"time\":1,\"message\":\"%0300d\"}", i);
    fixture_run_text(f, body[0]);
    char first[33] = {0};
    memcpy(first, key_of(f, 0).data, 32);
    fixture_run_text(f, body[1]);
    assert_false(slice_equal_text(key_of(f, 0), first));
    fixture_run_text(f, body[0]);
    assert_true(slice_equal_text(key_of(f, 0), first));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(vehicle_comes_from_record_header_or_certificate),
        fixture_test(a_pseudonym_is_made_once_for_vehicles_in_a_row),
        fixture_test(another_vehicle_than_the_certificates_follows_the_policy),
        fixture_test(a_text_that_is_no_vin_is_quarantined_without_being_shown),
        fixture_test(check_digit_is_noted_where_it_is_compulsory),
        fixture_test(catalogue_names_and_grades_known_ids),
        fixture_test(required_fields_get_their_defaults),
        fixture_test(context_data_of_a_known_layout_fill_columns),
        fixture_test(dedup_key_follows_id_then_time_then_nothing),
        fixture_test(dedup_key_knows_tenant_and_vehicle),
        fixture_test(dedup_key_knows_the_sender_where_there_is_no_vehicle),
        fixture_test(dedup_key_sees_all_of_a_long_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
