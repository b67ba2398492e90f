/* test_fiber.c: calls that are left in the middle and gone on with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/ingest/fiber.h"

struct counting {
    struct fiber *fiber;
    unsigned count, until;
    size_t stack_bytes; /* used beside */
};

static void count(void *arg)
{
    struct counting *c = arg;
    volatile char *room = __builtin_alloca(c->stack_bytes + 1);
    memset((char *)(uintptr_t)room, 7, c->stack_bytes + 1);
    while (c->count < c->until) {
        c->count++;
        fiber_yield(c->fiber);
        assert_int_equal(room[c->stack_bytes], 7);
    }
}

static void a_call_goes_on_where_it_yielded(void **state)
{
    (void)state;
    struct counting c = {.fiber = fiber_create(), .until = 5};
    assert_non_null(c.fiber);
    fiber_start(c.fiber, count, &c);
    for (unsigned i = 1; i <= 5; i++) {
        assert_false(fiber_resume(c.fiber));
        assert_int_equal(c.count, i);
    }
    assert_true(fiber_resume(c.fiber));
    fiber_destroy(c.fiber);
}

static void a_fiber_is_used_again(void **state)
{
    (void)state;
    struct fiber *fiber = fiber_create();
    for (unsigned i = 0; i < 100; i++) {
        struct counting c = {.fiber = fiber, .until = i % 3};
        fiber_start(fiber, count, &c);
        unsigned resumed = 0;
        while (!fiber_resume(fiber))
            resumed++;
        assert_int_equal(resumed, i % 3);
    }
    fiber_destroy(fiber);
}

/* More calls than the thread sanitizer can count frames: none may be left behind by a call. */
static void a_fiber_runs_any_number_of_calls(void **state)
{
    (void)state;
    struct counting c = {.fiber = fiber_create()};
    for (unsigned i = 0; i < 70000; i++) {
        c.until = c.count + 1;
        fiber_start(c.fiber, count, &c);
        assert_false(fiber_resume(c.fiber));
        assert_true(fiber_resume(c.fiber));
    }
    assert_int_equal(c.count, 70000);
    fiber_destroy(c.fiber);
}

static void fibers_take_turns(void **state)
{
    (void)state;
    struct counting c[8];
    for (size_t i = 0; i < 8; i++) {
        c[i] = (struct counting){
            .fiber = fiber_create(), .until = (unsigned)i, .stack_bytes = 50000 * i};
        fiber_start(c[i].fiber, count, &c[i]);
    }
    for (unsigned turn = 0; turn < 8; turn++)
        for (size_t i = turn; i < 8; i++)
            assert_int_equal(fiber_resume(c[i].fiber), i == turn);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(c[i].count, i);
        fiber_destroy(c[i].fiber);
    }
}

static void a_stack_is_as_large_as_promised(void **state)
{
    (void)state;
    struct counting c = {
        .fiber = fiber_create(), .until = 1, .stack_bytes = FIBER_STACK_BYTES - 65536};
    fiber_start(c.fiber, count, &c);
    assert_false(fiber_resume(c.fiber));
    assert_true(fiber_resume(c.fiber));
    fiber_destroy(c.fiber);
    fiber_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_goes_on_where_it_yielded),  cmocka_unit_test(a_fiber_is_used_again),
        cmocka_unit_test(a_fiber_runs_any_number_of_calls), cmocka_unit_test(fibers_take_turns),
        cmocka_unit_test(a_stack_is_as_large_as_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
