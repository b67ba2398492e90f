#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "parsers/catalog.h"

#define TITLES "sev_id,name,category,severity,layout,r155,atm\n"

static int setup(void **state)
{
    *state = catalog_create_builtin();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    catalog_destroy(*state);
    return 0;
}

static void published_ids_are_built_in(void **state)
{
    const struct catalog_entry *e = catalog_find(*state, 103);
    assert_non_null(e);
    assert_true(slice_equal_text(e->name, "SEV_UDS_SECURITY_ACCESS_FAILED"));
    assert_true(slice_equal_text(e->layout, "uds"));
    assert_int_equal(e->r155_threat.count, 2);
    static const int64_t unused[] = {49,  64,  76,  78,  108, 109,   124,
                                     126, 131, 132, 134, -1,  65535, 70000};
    for (size_t i = 0; i < sizeof unused / sizeof *unused; i++)
        assert_null(catalog_find(*state, unused[i]));
    for (int64_t id = 110; id <= 123; id++)
        assert_non_null(catalog_find(*state, id));
}

static void a_file_adds_and_replaces(void **state)
{
    struct catalog_error error;
    struct slice csv = SLICE_LITERAL("# ours\r\n\r\n" TITLES "0x8001,OEM_DOOR,physical,4,,32.1,\r\n"
                                     "103,RENAMED,other,99,,,ATM-T0033 ATM-T0050");
    assert_int_equal(catalog_add_csv(*state, csv, &error), STATUS_OK);
    const struct catalog_entry *e = catalog_find(*state, 0x8001);
    assert_true(slice_equal_text(e->name, "OEM_DOOR"));
    assert_int_equal(e->severity_id, 4);
    assert_int_equal(e->r155_threat.count, 1);
    assert_int_equal(e->atm_technique.count, 0);
    e = catalog_find(*state, 103);
    assert_true(slice_equal_text(e->name, "RENAMED"));
    assert_int_equal(e->atm_technique.count, 2);
    assert_true(slice_equal_text(e->atm_technique.items[1], "ATM-T0050"));
}

static void a_mistake_is_named_by_line_and_column_and_changes_nothing(void **state)
{
    static const struct {
        const char *csv, *detail;
        size_t line, column;
    } cases[] = {
        {"", "the first line must be", 1, 1},
        {"id,name\n", "the first line must be", 1, 1},
        {TITLES "103,X,other,0,,,\n5,x,nothing,0,,,\n", "no such category", 3, 5},
        {TITLES "65535,x,other,0,,,\n", "sev_id must be", 2, 1},
        {TITLES "x,x,other,0,,,\n", "sev_id must be", 2, 1},
        {TITLES "0x,x,other,0,,,\n", "sev_id must be", 2, 1},
        {TITLES "1,x,other,7,,,\n", "severity must be", 2, 11},
        {TITLES "1,,other,1,,,\n", "name must have", 2, 3},
        {TITLES "1,x,other,1,,\n", "a line has 7 fields", 2, 1},
        {TITLES "1,x,other,1,,,,\n", "a line has 7 fields", 2, 1},
        {TITLES "1,\"x\",other,1,,,\n", "without quotes", 2, 1},
        {TITLES "1,x,other,1,,12345678901234567,\n", "at most 16", 2, 14},
        {TITLES "1,x,other,1,123456789012345678901234567890123,,\n", "at most 32", 2, 13},
        {TITLES "1,x,other,1,,,\n# c\n1,y,other,1,,,\n", "stands twice", 4, 1},
        {"\xff", "not UTF-8", 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct catalog_error error;
        assert_int_equal(catalog_add_csv(*state, slice_from_text(cases[i].csv), &error),
                         STATUS_MALFORMED);
        assert_non_null(strstr(error.detail, cases[i].detail));
        assert_int_equal(error.line, cases[i].line);
        assert_int_equal(error.column, cases[i].column);
        assert_true(slice_starts_with(catalog_find(*state, 103)->name, "SEV_UDS"));
        assert_null(catalog_find(*state, 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(published_ids_are_built_in, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_adds_and_replaces, setup, teardown),
        cmocka_unit_test_setup_teardown(a_mistake_is_named_by_line_and_column_and_changes_nothing,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
