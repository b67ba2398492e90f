/* test_object.c: what a callback makes of its `void *`. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/object.h"

#define THING_MAGIC 0x5448494eU

struct thing {
    unsigned magic;
    int value;
};

OBJECT_CAST(thing, THING_MAGIC)

static void argument_is_the_object_that_was_given(void **state)
{
    (void)state;
    struct thing thing = {.magic = THING_MAGIC, .value = 7};
    assert_int_equal(thing_cast(&thing)->value, 7);
}

static void assert_cast_ends_the_process(void *arg)
{
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        (void)thing_cast(arg);
        _exit(0);
    }
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFSIGNALED(result));
    assert_int_equal(WTERMSIG(result), SIGABRT);
}

static void null_another_object_and_an_ended_one_end_the_process(void **state)
{
    (void)state;
    struct thing other = {.magic = THING_MAGIC + 1}, ended = {.magic = THING_MAGIC};
    object_end(&ended.magic);
    assert_cast_ends_the_process(NULL);
    assert_cast_ends_the_process(&other);
    assert_cast_ends_the_process(&ended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(argument_is_the_object_that_was_given),
        cmocka_unit_test(null_another_object_and_an_ended_one_end_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
