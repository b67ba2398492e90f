/* test_file_budget.c: who gets how many open files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/net/file_budget.h"

/* Open files of the sinks. */
#define SINKS 110

static struct config settings(void)
{
    return (struct config){.ingest_workers = "2", .limit_connections = 20000};
}

static void shares_never_exceed_the_limit(void **state)
{
    struct config c = settings();
    (void)state;
    for (uint64_t limit = 32; limit < 30000; limit++) {
        struct file_budget b = file_budget_of(&c, SINKS, limit);
        assert_true(b.connections + b.admin + b.refused + b.other <= limit);
        assert_true(b.connections >= 4 && b.admin >= 4);
        assert_true(b.connections <= c.limit_connections);
        if (limit >= 64)
            assert_true(b.other >= limit / 4 || b.other >= 200);
    }
}

static void all_connections_are_taken_where_there_is_room(void **state)
{
    struct config c = settings();
    struct file_budget b = file_budget_of(&c, SINKS, UINT64_MAX);
    (void)state;
    assert_int_equal(b.connections, 20000);
    assert_int_equal(b.needed, b.connections + b.admin + b.refused + b.other);
    assert_int_equal(file_budget_of(&c, SINKS, b.needed).connections, 20000);
    assert_int_equal(file_budget_of(&c, SINKS, b.needed - 1).connections, 19999);
}

static void sinks_and_workers_raise_the_need(void **state)
{
    struct config more = settings(), less = settings();
    (void)state;
    less.ingest_workers = "1";
    assert_true(file_budget_of(&more, SINKS, 1024).needed >
                file_budget_of(&less, 0, 1024).needed + 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_never_exceed_the_limit),
        cmocka_unit_test(all_connections_are_taken_where_there_is_room),
        cmocka_unit_test(sinks_and_workers_raise_the_need),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
