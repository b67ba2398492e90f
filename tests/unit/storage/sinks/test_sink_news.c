/* test_sink_news.c: which of the lanes' attempts are news of the sink. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "storage/sinks/sink_lane.h"
#include "storage/sinks/sink_news.h"

static struct sink_runner *runner;

static int setup(void **state)
{
    (void)state;
    runner = calloc(1, sizeof *runner + 2 * sizeof runner->lanes[0]);
    if (!runner)
        return 1;
    runner->lane_count = 2;
    for (unsigned i = 0; i < 2; i++) {
        runner->lanes[i].runner = runner;
        runner->lanes[i].up = true;
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(runner);
    return 0;
}

/* The lane is down for this reason: is that a line of the log? */
static bool is_news(unsigned lane, const char *problem)
{
    return sink_news_note(&runner->lanes[lane], false, problem).problem;
}

static bool is_back(unsigned lane)
{
    return sink_news_note(&runner->lanes[lane], true, "").back;
}

static void problem_of_all_lanes_is_news_once(void **state)
{
    (void)state;
    assert_true(is_news(0, "refused"));
    assert_false(is_news(1, "refused"));
    assert_false(is_news(0, "refused"));
}

static void problem_is_no_news_again_while_another_lane_is_down(void **state)
{
    (void)state;
    assert_true(is_news(0, "ended"));
    assert_true(is_news(1, "no table"));
    assert_false(is_back(0));
    assert_false(is_news(0, "ended"));
    assert_false(is_back(0));
    assert_false(is_news(1, "ended"));
}

static void what_a_lane_logged_is_no_news_of_another(void **state)
{
    (void)state;
    assert_true(is_news(0, "ended"));
    assert_false(is_news(1, "ended"));
    assert_true(is_news(0, "no table"));
    assert_false(is_news(0, "ended"));
    assert_false(is_news(1, "no table"));
}

static void problem_that_returns_after_another_is_news(void **state)
{
    (void)state;
    assert_true(is_news(0, "refused"));
    assert_true(is_news(0, "no table"));
    assert_true(is_news(0, "refused"));
}

static void sink_is_back_when_all_lanes_are_and_then_everything_is_news(void **state)
{
    (void)state;
    assert_true(is_news(0, "refused"));
    assert_false(is_news(1, "refused"));
    assert_false(is_back(1));
    assert_true(is_back(0));
    assert_false(is_back(0));
    assert_true(is_news(1, "refused"));
}

static void outage_knows_the_oldest_batch_that_waited(void **state)
{
    (void)state;
    runner->lanes[0].loader.waiting_since_ns = 50;
    runner->lanes[1].loader.waiting_since_ns = 40;
    assert_true(is_news(0, "refused"));
    assert_false(is_news(1, "refused"));
    (void)sink_news_note(&runner->lanes[0], true, "");
    struct sink_news news = sink_news_note(&runner->lanes[1], true, "");
    assert_true(news.back && news.all_up && news.waiting_since_ns == 40 && news.down_ns >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(problem_of_all_lanes_is_news_once, setup, teardown),
        cmocka_unit_test_setup_teardown(problem_is_no_news_again_while_another_lane_is_down, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_a_lane_logged_is_no_news_of_another, setup, teardown),
        cmocka_unit_test_setup_teardown(problem_that_returns_after_another_is_news, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(sink_is_back_when_all_lanes_are_and_then_everything_is_news,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(outage_knows_the_oldest_batch_that_waited, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
