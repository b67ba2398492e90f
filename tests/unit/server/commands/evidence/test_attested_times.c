/* test_attested_times.c: since when a record is attested. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/commands/evidence/attested_times.h"

static void the_earliest_token_over_a_head_with_the_leaf_counts(void **state)
{
    (void)state;
    struct attested_times times = {0};
    assert_int_equal(attested_times_of(&times, 0), 0);
    /* A token over a larger head may be earlier: the smaller one was stamped late. */
    static const struct attested_time tokens[] = {{20, 300}, {5, 100}, {10, 400}, {10, 350}};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(attested_times_add(&times, tokens[i].size, tokens[i].time_ns), STATUS_OK);
    assert_int_equal(attested_times_of(&times, 0), 100);
    assert_int_equal(attested_times_of(&times, 4), 100);
    assert_int_equal(attested_times_of(&times, 5), 300); /* in no head of 5 leaves */
    assert_int_equal(attested_times_of(&times, 19), 300);
    assert_int_equal(attested_times_of(&times, 20), 0);
    attested_times_fini(&times);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_token_over_a_head_with_the_leaf_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
