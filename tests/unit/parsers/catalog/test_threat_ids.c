#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "parsers/catalog/threat_ids.h"

/* 67 ids; 22.1 and 22.2 are the same one in two editions. */
static void annex_5_has_its_ids(void **state)
{
    size_t found = 0;
    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        char id[32];
        snprintf(id, sizeof id, "%u.%u", i / 100, i % 100);
        found += threat_id_is_r155(slice_from_text(id));
    }
    assert_int_equal(found, 68);
    assert_true(threat_id_is_r155(SLICE_LITERAL("32.1")));
    assert_false(threat_id_is_r155(SLICE_LITERAL("14.1")));
}

static void the_matrix_has_its_techniques(void **state)
{
    size_t found = 0;
    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        char id[32];
        snprintf(id, sizeof id, "ATM-T%04u", i);
        found += threat_id_is_atm(slice_from_text(id));
    }
    assert_int_equal(found, 75);
    assert_false(threat_id_is_atm(SLICE_LITERAL("ATM-T0056")));
    assert_false(threat_id_is_atm(SLICE_LITERAL("T0001")));
}

static void what_else_stands_in_the_lists_is_no_id(void **state)
{
    static const char *const texts[] = {"",
                                        "id",
                                        "#",
                                        "1",
                                        "1.1,4.3.1",
                                        "1.1 ",
                                        "ATM-T0001,TA0001",
                                        "# Auto-ISAC Automotive Threat Matrix: the techniques"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_false(threat_id_is_r155(slice_from_text(texts[i])));
        assert_false(threat_id_is_atm(slice_from_text(texts[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(annex_5_has_its_ids),
        cmocka_unit_test(the_matrix_has_its_techniques),
        cmocka_unit_test(what_else_stands_in_the_lists_is_no_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
