#include "pipeline_fixture.h"

/* Rows over the built-in ones. */
static void add(struct fixture *f, const char *csv)
{
    struct catalog_mistakes mistakes;
    enum status status = catalog_add_csv(f->catalog, slice_from_text(csv), NULL, &mistakes);
    if (mistakes.count)
        fail_msg("line %zu: %s", mistakes.items[0].line, mistakes.items[0].text);
    assert_int_equal(status, STATUS_OK);
}

static void run_as(struct fixture *f, const struct parser *parser, const char *body)
{
    f->options.parser = parser;
    fixture_run_text(f, body);
}

#define ALERT                                                                                      \
    "{\"timestamp\":\"2026-11-22T10:15:02.250000+0000\",\"event_type\":\"alert\",\"alert\":{"      \
    "\"gid\":1,\"signature_id\":7,\"rev\":3,\"signature\":\"seven\",\"category\":\"Web\","         \
    "\"severity\":3}}"

static void the_most_special_id_of_a_record_counts(void **state)
{
    struct fixture *f = *state;
    run_as(f, &parser_eve, ALERT);
    assert_event_has(f, 0, "\"event_category\":\"network_anomaly\"");
    add(f, "format,id,category\n*,seven,backend\n");
    run_as(f, &parser_eve, ALERT);
    assert_event_has(f, 0, "\"event_category\":\"backend\"");
    add(f, "format,id,category\neve,category:Web,other\n");
    run_as(f, &parser_eve, ALERT);
    assert_event_has(f, 0, "\"event_category\":\"other\"");
    add(f, "format,id,category\neve,seven,physical\n");
    run_as(f, &parser_eve, ALERT);
    assert_event_has(f, 0, "\"event_category\":\"physical\"");
    add(f, "format,id,category\neve,1:7,diagnostic_access\n");
    run_as(f, &parser_eve, ALERT);
    assert_event_has(f, 0, "\"event_category\":\"diagnostic_access\"");
}

static void a_translated_severity_is_replaced_and_its_source_kept(void **state)
{
    struct fixture *f = *state;
    add(f, "format,id,severity,name\neve,1:7,5,renamed\ncef,V|P|9,4,renamed\nleef,V|P|9,1,renamed\n"
           "syslog,login,6,renamed\n");
    run_as(f, &parser_eve, ALERT);
    assert_event_has(f, 0, "\"event_name\":\"seven\"");
    assert_event_has(f, 0, "\"severity_id\":5,\"severity_source\":\"3\"");
    run_as(f, &parser_cef, "CEF:0|V|P|1|9|nine|2|cat=physical");
    assert_event_has(f, 0, "\"event_name\":\"nine\",\"event_category\":\"physical\"");
    assert_event_has(f, 0, "\"severity_id\":4,\"severity_source\":\"2\"");
    run_as(f, &parser_leef, "LEEF:1.0|V|P|1|9|sev=9");
    assert_event_has(f, 0, "\"event_name\":\"renamed\""); /* it had its id for a name */
    assert_event_has(f, 0, "\"severity_id\":1,\"severity_source\":\"9\"");
    run_as(f, &parser_syslog, "<34>1 - h a - login - hi");
    assert_event_has(f, 0, "\"event_name\":\"login\"");
    assert_event_has(f, 0, "\"severity_id\":6,\"severity_source\":\"");
}

static void what_a_native_event_says_stays(void **state)
{
    struct fixture *f = *state;
    add(f, "format,id,category,severity,r155,atm\n"
           "vsoc_json,door,physical,4,32.1,ATM-T0016\n");
    run_as(f, &parser_vsoc_json,
           "{\"event_name\":\"door\"}{\"event_name\":\"door\",\"severity_id\":1,"
           "\"event_category\":\"mine\",\"r155_threat\":[\"1.1\"]}");
    assert_event_has(f, 0, "\"event_category\":\"physical\"");
    assert_event_has(f, 0, "\"severity_id\":4");
    assert_event_has(f, 1, "\"event_category\":\"mine\"");
    assert_event_has(f, 1, "\"severity_id\":1");
    assert_event_has(f, 1, "\"r155_threat\":[\"1.1\"],\"atm_technique\":[\"ATM-T0016\"]");
}

static void an_event_id_goes_before_a_name(void **state)
{
    struct fixture *f = *state;
    add(f, "format,id,name,category,severity\n,0x8001,N,other,1\nvsoc_json,door,,physical,4\n");
    run_as(f, &parser_vsoc_json, "{\"sev_id\":32769,\"event_name\":\"door\"}");
    assert_event_has(f, 0, "\"event_name\":\"door\",\"event_category\":\"other\"");
}

static void autosar_names_without_numbers_are_known_in_any_format(void **state)
{
    struct fixture *f = *state;
    run_as(f, &parser_vsoc_json,
           "{\"event_name\":\"SECOC_SEV_MAC_VERIFICATION_FAILED\"}"
           "{\"event_name\":\"SECOC_SEV_MAC_VERIFICATION_FAILED\",\"sev_id\":40000}");
    assert_event_has(f, 0, "\"event_category\":\"message_authentication\"");
    assert_event_has(f, 1, "\"event_category\":\"message_authentication\"");
    run_as(f, &parser_syslog, "<134>1 - h a - CANIF_SEV_ERRORSTATE_BUSOFF - hi");
    assert_event_has(f, 0, "\"r155_threat\":[\"24.1\"]");
}

static void payloads_of_message_ids_are_laid_out(void **state)
{
    /* COVESA DLT, protocol version 1, little-endian, ECU id, no extended header. */
    static const uint8_t message[] = {0x24, 0, 0, 17, 'G', 'W',  '-',  '3', 0x2A,
                                      0,    0, 0, 7,  1,   0x34, 0x12, 0xFF};
    struct fixture *f = *state;
    add(f, "format,id,name,category,severity,layout,ecu\n"
           "dlt,message:0x0000002a,FLASH,software_update,2,"
           "context.session:u16le pdu_id:u16le context.rest:hex1,GW-3\n");
    f->options.parser = &parser_dlt;
    fixture_run(f, message, sizeof message);
    assert_event_has(f, 0, "\"event_name\":\"FLASH\",\"event_category\":\"software_update\"");
    assert_event_has(f, 0, "\"pdu_id\":4660");
    assert_event_has(f, 0, "\"context\":{\"session\":263,\"rest\":\"ff\"}");
}

static void rows_of_other_tenants_do_not_count(void **state)
{
    struct fixture *f = *state;
    add(f, "id,name,category,severity,tenant\n103,OURS,other,1,demo\n103,THEIRS,other,1,x\n");
    run_as(f, &parser_vsoc_json, "{\"sev_id\":103}");
    assert_event_has(f, 0, "\"event_name\":\"OURS\"");
    f->normaliser.tenant_id = SLICE_LITERAL("y");
    run_as(f, &parser_vsoc_json, "{\"sev_id\":103}");
    assert_event_has(f, 0, "\"event_name\":\"SEV_UDS_SECURITY_ACCESS_FAILED\"");
}

static void ids_without_a_row_are_counted(void **state)
{
    struct fixture *f = *state;
    struct catalog_unknown_list list;
    struct catalog_unknown *unknown = catalog_unknown_create();
    f->normaliser.unknown = unknown;
    run_as(f, &parser_vsoc_json, "{\"sev_id\":103}{\"sev_id\":40000}{\"event_name\":\"x\"}");
    run_as(f, &parser_eve, ALERT);
    assert_int_equal(catalog_unknown_list(&unknown, 1, &list), STATUS_OK);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.total, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(slice_equal_text(list.items[i].tenant, "demo"));
        assert_true(
            slice_equal_text(list.items[i].id, list.items[i].format.size ? "1:7" : "0x9C40"));
    }
    catalog_unknown_list_fini(&list);
    catalog_unknown_destroy(unknown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(the_most_special_id_of_a_record_counts),
        fixture_test(a_translated_severity_is_replaced_and_its_source_kept),
        fixture_test(what_a_native_event_says_stays),
        fixture_test(an_event_id_goes_before_a_name),
        fixture_test(autosar_names_without_numbers_are_known_in_any_format),
        fixture_test(payloads_of_message_ids_are_laid_out),
        fixture_test(rows_of_other_tenants_do_not_count),
        fixture_test(ids_without_a_row_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
