#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "parsers/catalog/catalog.h"
#include "parsers/registry/registry.h"

#define TITLES "format,id,name,category,severity,layout,r155,atm\n"

static struct registry *registry;

static int setup(void **state)
{
    (void)state;
    registry = registry_create();
    return registry ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    registry_destroy(registry);
    return 0;
}

static enum status read_csv(struct slice csv, struct catalog_mistakes *mistakes)
{
    struct catalog *catalog = catalog_create_builtin();
    enum status status = catalog_add_csv(catalog, csv, registry, mistakes);
    catalog_destroy(catalog);
    return status;
}

static void a_mistake_is_named_by_line_and_column(void **state)
{
    static const struct {
        const char *csv, *text;
        size_t line, column;
    } cases[] = {
        {"", "first line must name columns", 1, 1},
        {"# only a comment\n", "first line must name columns", 1, 1},
        {"name\nx\n", "first line must name columns", 1, 1},
        {"id,nmae\n", "first line must name columns", 1, 4},
        {"id,name,id\n", "column occurs twice", 1, 9},
        {TITLES ",103,X,other,0,,,\n,5,x,nothing,0,,,\n", "no such category", 3, 6},
        {TITLES ",65535,x,other,0,,,\n", "without a format, id is a sev_id", 2, 2},
        {TITLES ",x,x,other,0,,,\n", "without a format, id is a sev_id", 2, 2},
        {TITLES ",0x,x,other,0,,,\n", "without a format, id is a sev_id", 2, 2},
        {TITLES ",99999999999999999999,x,other,0,,,\n", "id is a sev_id", 2, 2},
        {TITLES "nosuch,1,x,,,,,\n", "no such format", 2, 1},
        {TITLES "eve,,x,,,,,\n", "id must have", 2, 5},
        {TITLES ",1,x,other,7,,,\n", "severity must be", 2, 12},
        {TITLES ",1,,other,1,,,\n", "needs name, category and severity", 2, 1},
        {TITLES ",1,x,,1,,,\n", "needs name, category and severity", 2, 1},
        {TITLES "eve,1:1,,,,,,\n", "says nothing", 2, 1},
        {TITLES ",1,x,other,1,,\n", "the line has 7 fields, the first one 8", 2, 1},
        {TITLES ",1,x,other,1,,,,\n", "the line has 9 fields", 2, 1},
        {TITLES ",1,\"x,other,1,,,\n", "quote is not closed", 2, 4},
        {TITLES ",1,\"x\"y,other,1,,,\n", "comma must follow", 2, 7},
        {TITLES ",1,x\"y,other,1,,,\n", "quote occurs in a field", 2, 5},
        {TITLES ",1,x,other,1,,11.5,\n", "no such UN R155", 2, 15},
        {TITLES ",1,x,other,1,,id,\n", "no such UN R155", 2, 15},
        {TITLES ",1,x,other,1,,11.1 99.1,\n", "no such UN R155", 2, 15},
        {TITLES ",1,x,other,1,,\"1.1,4.3.1\",\n", "no such UN R155", 2, 15},
        {TITLES ",1,x,other,1,,,ATM-T0056\n", "no such ATM", 2, 16},
        {TITLES ",1,x,other,1,,,id\n", "no such ATM", 2, 16},
        {TITLES ",1,x,other,1,nosuch,,\n", "no layout row before", 2, 14},
        {TITLES ",1,x,other,1,can_id:u8 nosuch:u8,,\n", "no such column", 2, 24},
        {TITLES "layout,l,,,,,,\n", "needs a layout", 2, 1},
        {TITLES "layout,l,x,,,can_id:u8,,\n", "a layout row has", 2, 1},
        {TITLES ",1,x,other,1,,,\n# c\n,0x1,y,other,1,,,\n", "line 2 says the same id", 4, 1},
        {"id,instance\n1,1024\n", "instance must be", 2, 3},
        {"id,software\n1,*\n", "its beginning and *", 2, 3},
        {"id,context_version\n1,32768\n", "context_version must be", 2, 3},
        {TITLES ",1,\xff,other,1,,,\n", "not UTF-8", 2, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct catalog_mistakes mistakes;
        if (read_csv(slice_from_text(cases[i].csv), &mistakes) != STATUS_MALFORMED)
            fail_msg("%s\nwas taken", cases[i].csv);
        const struct catalog_mistake *m = &mistakes.items[0];
        if (!strstr(m->text, cases[i].text) || m->line != cases[i].line ||
            m->column != cases[i].column)
            fail_msg("%s\ngave %zu:%zu: %s", cases[i].csv, m->line, m->column, m->text);
    }
}

static void every_mistake_is_named(void **state)
{
    struct catalog_mistakes mistakes;
    (void)state;
    assert_int_equal(read_csv(SLICE_LITERAL(TITLES ",1,x,nothing,7,,0.0,\n"
                                                   ",2,x,other,1,,,\n"
                                                   ",2,x,other,1,,,\n"
                                                   "short\n"
                                                   ",3,\"\n"),
                              &mistakes),
                     STATUS_MALFORMED);
    assert_int_equal(mistakes.count, 6);
    static const size_t lines[] = {2, 2, 2, 4, 5, 6};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(mistakes.items[i].line, lines[i]);
}

static void mistakes_beyond_what_is_kept_are_counted(void **state)
{
    struct catalog_mistakes mistakes;
    char csv[1024] = "id\n", *end = csv + strlen(csv);
    (void)state;
    for (size_t i = 0; i < 100; i++)
        end = stpcpy(end, "x\n");
    assert_int_equal(read_csv(slice_from_text(csv), &mistakes), STATUS_MALFORMED);
    assert_int_equal(mistakes.count, 100);
    assert_int_equal(mistakes.items[CATALOG_MISTAKES - 1].line, CATALOG_MISTAKES + 1);
}

static void an_id_has_a_bounded_number_of_rows(void **state)
{
    struct catalog_mistakes mistakes;
    static char csv[16384] = "format,id,name,ecu\n";
    char *end = csv + strlen(csv);
    (void)state;
    for (size_t i = 0; i < 257; i++)
        end += snprintf(end, 32, "dlt,x,n,ECU%zu\n", i);
    assert_int_equal(read_csv(slice_from_text(csv), &mistakes), STATUS_MALFORMED);
    assert_int_equal(mistakes.count, 1);
    assert_int_equal(mistakes.items[0].line, 258);
}

static void columns_come_in_any_order_behind_a_mark(void **state)
{
    struct catalog_mistakes mistakes;
    (void)state;
    assert_int_equal(
        read_csv(SLICE_LITERAL("\xEF\xBB\xBFseverity,name,id,category\n1,x,0x9000,other\n"),
                 &mistakes),
        STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mistake_is_named_by_line_and_column),
        cmocka_unit_test(every_mistake_is_named),
        cmocka_unit_test(mistakes_beyond_what_is_kept_are_counted),
        cmocka_unit_test(an_id_has_a_bounded_number_of_rows),
        cmocka_unit_test(columns_come_in_any_order_behind_a_mark),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
