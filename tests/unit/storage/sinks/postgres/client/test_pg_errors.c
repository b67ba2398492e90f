/* test_pg_errors.c: which SQLSTATE is retried, blamed on an event, or told to a person. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "storage/sinks/postgres/client/pg_errors.h"

static void assert_all(const char *const *states, enum pg_error_class class)
{
    for (; *states; states++)
        if (pg_error_classify(*states) != class)
            fail_msg("%s is in the wrong class", *states);
}

static void failovers_and_shortages_are_tried_again(void **state)
{
    (void)state;
    static const char *const states[] = {"08000", "08003", "08006", "08001", "08004", "57P01",
                                         "57P02", "57P03", "57014", "53000", "53100", "53200",
                                         "53300", "40001", "40P01", "25006", "25P03", "55P03",
                                         "55006", "58030", NULL};
    assert_all(states, PG_ERROR_LATER);
}

static void lost_connection_is_tried_again(void **state)
{
    (void)state;
    assert_int_equal(pg_error_classify(NULL), PG_ERROR_LATER);
    assert_int_equal(pg_error_classify(""), PG_ERROR_LATER);
    assert_null(pg_error_advice(""));
}

static void bad_values_are_blamed_on_an_event(void **state)
{
    (void)state;
    static const char *const states[] = {"22001", "22003", "22021", "22P03", "22P05",
                                         "23502", "23505", "23514", "54000", NULL};
    assert_all(states, PG_ERROR_DATA);
}

static void missing_schema_rights_and_logins_are_told_with_advice(void **state)
{
    (void)state;
    static const char *const states[] = {"42P01", "42703", "42501", "28P01", "28000", "3D000",
                                         "3F000", "0A000", "08P01", "XX000", NULL};
    assert_all(states, PG_ERROR_BROKEN);
    for (const char *const *s = states; *s; s++)
        assert_non_null(pg_error_advice(*s));
    assert_non_null(strstr(pg_error_advice("42P01"), "vsocd migrate"));
    assert_non_null(strstr(pg_error_advice("28P01"), "sinks.postgres.dsn"));
}

static void unknown_state_is_told_to_a_person(void **state)
{
    (void)state;
    assert_int_equal(pg_error_classify("ZZ999"), PG_ERROR_BROKEN);
}

static void missing_partition_is_told_from_a_violated_check(void **state)
{
    (void)state;
    struct pg_error partition = {.sqlstate = "23514"};
    struct pg_error check = {.sqlstate = "23514", .constraint = "events_severity_check"};
    struct pg_error null = {.sqlstate = "23502"};
    assert_true(pg_error_no_partition(&partition));
    assert_false(pg_error_no_partition(&check));
    assert_false(pg_error_no_partition(&null));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failovers_and_shortages_are_tried_again),
        cmocka_unit_test(lost_connection_is_tried_again),
        cmocka_unit_test(bad_values_are_blamed_on_an_event),
        cmocka_unit_test(missing_schema_rights_and_logins_are_told_with_advice),
        cmocka_unit_test(unknown_state_is_told_to_a_person),
        cmocka_unit_test(missing_partition_is_told_from_a_violated_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
