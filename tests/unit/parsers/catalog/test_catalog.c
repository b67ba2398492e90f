#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/writer.h"
#include "parsers/catalog/catalog.h"

struct fixture {
    struct catalog *catalog;
    struct registry *registry;
    struct event event;
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){catalog_create_builtin(), registry_create(), {.set = {0}}};
    *state = &f;
    return f.catalog && f.registry ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    catalog_destroy(f->catalog);
    registry_destroy(f->registry);
    return 0;
}

static void add(struct fixture *f, const char *csv)
{
    struct catalog_mistakes mistakes;
    enum status status = catalog_add_csv(f->catalog, slice_from_text(csv), f->registry, &mistakes);
    if (mistakes.count)
        fail_msg("line %zu: %s", mistakes.items[0].line, mistakes.items[0].text);
    assert_int_equal(status, STATUS_OK);
}

static const struct catalog_entry *sev(struct fixture *f, int64_t sev_id)
{
    event_clear(&f->event);
    EVENT_SET(&f->event, sev_id, sev_id);
    return catalog_find_sev(f->catalog, SLICE_EMPTY, &f->event);
}

/* Name of the row for "x" of dlt, "" when there is none. */
static const char *name_for(struct fixture *f, const char *tenant)
{
    static char name[64];
    const struct catalog_entry *e = catalog_find(
        f->catalog, slice_from_text(tenant), SLICE_LITERAL("dlt"), SLICE_LITERAL("x"), &f->event);
    snprintf(name, sizeof name, "%.*s", e ? (int)e->name.size : 0,
             e ? (const char *)e->name.data : "");
    return name;
}

static void published_ids_are_built_in(void **state)
{
    struct fixture *f = *state;
    const struct catalog_entry *e = sev(f, 103);
    assert_non_null(e);
    assert_true(slice_equal_text(e->name, "SEV_UDS_SECURITY_ACCESS_FAILED"));
    assert_non_null(e->layout);
    assert_int_equal(e->r155_threat.count, 2);
    static const int64_t unused[] = {49, 64, 76, 78, 108, 109, 124, 126, 131, 132, 134, 65535};
    for (size_t i = 0; i < sizeof unused / sizeof *unused; i++)
        assert_null(sev(f, unused[i]));
    for (int64_t id = 110; id <= 123; id++)
        assert_non_null(sev(f, id));
    e = catalog_find(f->catalog, SLICE_EMPTY, SLICE_LITERAL("*"),
                     SLICE_LITERAL("SECOC_SEV_MAC_VERIFICATION_FAILED"), &f->event);
    assert_true(slice_equal_text(e->category, "message_authentication"));
}

static void a_file_adds_and_replaces(void **state)
{
    struct fixture *f = *state;
    size_t before = catalog_count(f->catalog);
    add(f, "# ours\r\n\r\nid,name,category,severity,r155,atm\r\n"
           "0x8001,\"OEM_DOOR, \"\"left\"\"\",physical,4,32.1,\r\n"
           "103,RENAMED,other,99,,ATM-T0033  ATM-T0050");
    const struct catalog_entry *e = sev(f, 0x8001);
    assert_true(slice_equal_text(e->name, "OEM_DOOR, \"left\""));
    assert_int_equal(e->severity_id, 4);
    assert_int_equal(e->r155_threat.count, 1);
    assert_int_equal(e->atm_technique.count, 0);
    e = sev(f, 103);
    assert_true(slice_equal_text(e->name, "RENAMED"));
    assert_int_equal(e->atm_technique.count, 2);
    assert_true(slice_equal_text(e->atm_technique.items[1], "ATM-T0050"));
    assert_null(e->layout);
    assert_int_equal(catalog_count(f->catalog), before + 1);
    add(f, "id,name,category,severity\n0x8001,AGAIN,physical,4\n");
    assert_true(slice_equal_text(sev(f, 0x8001)->name, "AGAIN"));
    assert_int_equal(catalog_count(f->catalog), before + 1);
}

static void many_ids_are_found_again(void **state)
{
    struct fixture *f = *state;
    struct writer csv;
    writer_init(&csv, (size_t)1 << 20);
    writer_text(&csv, "id,name,category,severity\n");
    for (unsigned id = 0x8000; id < 0x8000 + 10000; id++)
        writer_format(&csv, "%u,N%u,other,1\n", id, id);
    writer_u8(&csv, 0);
    add(f, (const char *)csv.data);
    writer_fini(&csv);
    for (unsigned id = 0x8000; id < 0x8000 + 10000; id++) {
        char name[16];
        snprintf(name, sizeof name, "N%u", id);
        assert_true(slice_equal_text(sev(f, id)->name, name));
    }
}

static void formats_have_ids_of_their_own(void **state)
{
    struct fixture *f = *state;
    add(f, "format,id,name\neve,1:2019401,scan\ncef,1:2019401,other\n");
    const struct catalog_entry *e = catalog_find(f->catalog, SLICE_EMPTY, SLICE_LITERAL("eve"),
                                                 SLICE_LITERAL("1:2019401"), &f->event);
    assert_true(slice_equal_text(e->name, "scan"));
    assert_int_equal(e->severity_id, -1);
    assert_null(catalog_find(f->catalog, SLICE_EMPTY, SLICE_LITERAL("dlt"),
                             SLICE_LITERAL("1:2019401"), &f->event));
    assert_true(catalog_has_format(f->catalog, SLICE_LITERAL("cef")));
    assert_false(catalog_has_format(f->catalog, SLICE_LITERAL("dlt")));
}

static void the_row_that_fits_most_closely_counts(void **state)
{
    struct fixture *f = *state;
    add(f, "format,id,name,tenant,ecu,instance,software,context_version\n"
           "dlt,x,begins,,,,SW-*,\n"
           "dlt,x,all,,,,,\n"
           "dlt,x,begins longer,,,,SW-2*,\n"
           "dlt,x,exact,,,,SW-2.1,\n"
           "dlt,x,version 1,,,,,1\n"
           "dlt,x,instance,,,7,,\n"
           "dlt,x,ecu,,GW-3,,,\n"
           "dlt,x,ecu and instance,,GW-3,7,,\n"
           "dlt,x,tenant's SW-9,oem a,,,SW-9,\n");
    event_clear(&f->event);
    assert_string_equal(name_for(f, "oem b"), "version 1"); /* none is said */
    EVENT_SET(&f->event, context_version, 2);
    assert_string_equal(name_for(f, "oem b"), "all");
    EVENT_SET(&f->event, sw_baseline, SLICE_LITERAL("SW-1"));
    assert_string_equal(name_for(f, "oem b"), "begins");
    EVENT_SET(&f->event, sw_baseline, SLICE_LITERAL("SW-2.2"));
    assert_string_equal(name_for(f, "oem b"), "begins longer");
    EVENT_SET(&f->event, sw_baseline, SLICE_LITERAL("SW-2.1"));
    assert_string_equal(name_for(f, "oem b"), "exact");
    EVENT_SET(&f->event, idsm_instance_id, 7);
    assert_string_equal(name_for(f, "oem b"), "instance");
    EVENT_SET(&f->event, ecu_id, SLICE_LITERAL("GW-3"));
    assert_string_equal(name_for(f, "oem b"), "ecu and instance");
    EVENT_SET(&f->event, idsm_instance_id, 8);
    assert_string_equal(name_for(f, "oem b"), "ecu");
    assert_string_equal(name_for(f, "oem a"), "ecu"); /* its own row is of other software */
    EVENT_SET(&f->event, sw_baseline, SLICE_LITERAL("SW-9"));
    assert_string_equal(name_for(f, "oem a"), "tenant's SW-9");
    assert_string_equal(name_for(f, "oem b"), "ecu");
}

static void an_id_without_a_row_for_the_event_has_none(void **state)
{
    struct fixture *f = *state;
    add(f, "format,id,name,ecu\ndlt,x,one,GW-1\n");
    event_clear(&f->event);
    assert_string_equal(name_for(f, ""), "");
    EVENT_SET(&f->event, ecu_id, SLICE_LITERAL("GW-1"));
    assert_string_equal(name_for(f, ""), "one");
}

#define catalog_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        catalog_test(published_ids_are_built_in),
        catalog_test(a_file_adds_and_replaces),
        catalog_test(many_ids_are_found_again),
        catalog_test(formats_have_ids_of_their_own),
        catalog_test(the_row_that_fits_most_closely_counts),
        catalog_test(an_id_without_a_row_for_the_event_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
