/* How many events a transaction may have at the brokers' speed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/clock.h"
#include "storage/sinks/kafka/kafka_pace.h"

static void slow_transactions_become_smaller_and_recover(void **state)
{
    (void)state;
    struct kafka_pace pace;
    kafka_pace_init(&pace, 50000, 30 * NS_PER_S);
    assert_int_equal(pace.events, 50000);
    kafka_pace_note(&pace, 50000, 9 * NS_PER_S, true);
    assert_int_equal(pace.events, 50000);
    kafka_pace_note(&pace, 50000, 11 * NS_PER_S, true);
    assert_int_equal(pace.events, 25000);
    kafka_pace_note(&pace, 10000, 31 * NS_PER_S, false); /* the load had fewer */
    assert_int_equal(pace.events, 5000);
    kafka_pace_note(&pace, 5000, NS_PER_S / 10, false); /* failed for another reason */
    assert_int_equal(pace.events, 5000);
    for (int i = 0; i < 20; i++)
        kafka_pace_note(&pace, pace.events, 31 * NS_PER_S, false);
    assert_int_equal(pace.events, 100);
    for (int i = 0; i < 9; i++)
        kafka_pace_note(&pace, pace.events, NS_PER_S, true);
    assert_int_equal(pace.events, 50000);
    kafka_pace_init(&pace, 10, 30 * NS_PER_S);
    kafka_pace_note(&pace, 10, 31 * NS_PER_S, false);
    assert_int_equal(pace.events, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_transactions_become_smaller_and_recover),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
