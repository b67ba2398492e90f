/* test_progress.c: what counts as moving on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/clock.h"
#include "server/net/progress.h"

#define S NS_PER_S

static const struct progress_limits limits = {30 * S, 10 * S, 1024};

static void silence_is_a_stall_however_much_came_before(void **state)
{
    struct progress p;
    (void)state;
    progress_start(&p, 100 * S, 0);
    progress_note(&p, 101 * S, 8 << 20);
    for (int64_t now = 102; now < 111; now++)
        assert_int_equal(progress_judge(&p, &limits, now * S), PROGRESS_GOOD);
    assert_int_equal(progress_judge(&p, &limits, 111 * S), PROGRESS_STALLED);
}

static void each_window_has_the_least_rate_to_itself(void **state)
{
    struct progress p;
    uint64_t bytes = 1 << 20;
    (void)state;
    progress_start(&p, 0, 0);
    progress_note(&p, 1, bytes);
    for (int64_t now = 1; now < 20; now++) {
        progress_note(&p, now * S, ++bytes);
        assert_int_equal(progress_judge(&p, &limits, now * S), PROGRESS_GOOD);
    }
    progress_note(&p, 20 * S, ++bytes);
    assert_int_equal(progress_judge(&p, &limits, 20 * S), PROGRESS_SLOW);
}

static void who_keeps_the_rate_ends_with_the_total(void **state)
{
    struct progress p;
    (void)state;
    progress_start(&p, 0, 0);
    for (int64_t now = 1; now < 30; now++) {
        progress_note(&p, now * S, (uint64_t)now * 2000);
        assert_int_equal(progress_judge(&p, &limits, now * S), PROGRESS_GOOD);
    }
    progress_note(&p, 30 * S, 60000);
    assert_int_equal(progress_judge(&p, &limits, 30 * S), PROGRESS_LATE);
}

static void without_a_rate_any_byte_is_progress(void **state)
{
    const struct progress_limits any = {300 * S, 10 * S, 0};
    struct progress p;
    (void)state;
    progress_start(&p, 0, 0);
    for (int64_t now = 9; now < 290; now += 9) {
        progress_note(&p, now * S, (uint64_t)now);
        assert_int_equal(progress_judge(&p, &any, now * S), PROGRESS_GOOD);
    }
    assert_int_equal(progress_judge(&p, &any, 300 * S), PROGRESS_STALLED);
}

static void window_is_no_longer_than_the_total(void **state)
{
    const struct progress_limits shorter = {3 * S, 10 * S, 1024};
    struct progress p;
    (void)state;
    progress_start(&p, 0, 0);
    progress_note(&p, S, 10);
    assert_int_equal(progress_judge(&p, &shorter, 2 * S), PROGRESS_GOOD);
    assert_int_equal(progress_judge(&p, &shorter, 3 * S), PROGRESS_SLOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_is_a_stall_however_much_came_before),
        cmocka_unit_test(each_window_has_the_least_rate_to_itself),
        cmocka_unit_test(who_keeps_the_rate_ends_with_the_total),
        cmocka_unit_test(without_a_rate_any_byte_is_progress),
        cmocka_unit_test(window_is_no_longer_than_the_total),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
