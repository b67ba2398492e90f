/* test_problem.c: the text of a problem. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/log/problem.h"

static void last_sentence_stays(void **state)
{
    (void)state;
    struct problem problem;
    problem_say(&problem, "%s: %d", "first and longer", 1);
    problem_say(&problem, "file %s", "x");
    assert_string_equal(problem.text, "file x");
}

static void long_sentence_is_cut_and_ends(void **state)
{
    (void)state;
    struct {
        struct problem problem;
        char behind;
    } room = {.behind = '!'};
    char text[2 * PROBLEM_BYTES];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    problem_say(&room.problem, "%s", text);
    assert_int_equal(strlen(room.problem.text), PROBLEM_BYTES - 1);
    assert_int_equal(room.behind, '!');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_sentence_stays),
        cmocka_unit_test(long_sentence_is_cut_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
