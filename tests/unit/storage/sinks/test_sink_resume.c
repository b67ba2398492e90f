/* test_sink_resume.c: where a lane goes on when the sink, the spool or both have come back as
 * others than they were. */
#include "tests/support/sink_side.h"

/* The other side has committed what the spool has there. */
static void set_position(unsigned lane, uint64_t position)
{
    struct sink_position *there = &side.lanes[lane];
    *there = (struct sink_position){.known = true, .position = position};
    memcpy(there->batch_uid, spool->records[position - 1].meta.batch_uid, UUID_BYTES);
}

/* The other side has committed batches that this spool does not have: it was restored. */
static void set_foreign_position(unsigned lane, uint64_t position)
{
    side.lanes[lane] = (struct sink_position){true, position, {0xf0}};
}

static void load_whose_answer_was_lost_is_not_sent_again(void **state)
{
    (void)state;
    side.commit_and_fail = true;
    append(3, 4);
    start();
    append(7, 4);
    await_position(10);
    assert_copies(1, 10, 4, 1);
}

static void restart_goes_on_where_it_was(void **state)
{
    (void)state;
    append(10, 4);
    start();
    await_position(10);
    stop();
    side.lanes[0].known = false; /* the local cursor alone */
    start();
    assert_int_equal(sink_runner_position(runner), 10);
    append(10, 4);
    await_position(20);
    assert_copies(1, 20, 4, 1);
}

static void sink_restored_from_an_older_dump_gets_the_rest_again(void **state)
{
    (void)state;
    append(10, 4);
    start();
    await_position(10);
    stop();
    set_position(0, 4);
    spool->first = 3;
    start();
    append(1, 4);
    await_position(11);
    assert_copies(1, 4, 4, 1);
    assert_copies(5, 10, 4, 2);
    assert_copies(11, 11, 4, 1);
}

static void what_a_restored_sink_needs_again_is_kept(void **state)
{
    (void)state;
    append(10, 4);
    start();
    await_position(10);
    stop();
    set_position(0, 4);
    side.fail_delivers = UINT_MAX;
    start();
    char problem[512];
    await_up(false, problem);
    uint64_t highest = 0;
    pthread_mutex_lock(&spool->lock);
    for (unsigned i = 0; i < spool->cursor_count; i++)
        if (spool->cursors[i].position > highest)
            highest = spool->cursors[i].position;
    pthread_mutex_unlock(&spool->lock);
    assert_int_equal(highest, 4);
}

static void sink_that_is_ahead_is_believed(void **state)
{
    (void)state;
    append(10, 4);
    set_position(0, 6);
    start();
    await_position(10);
    assert_copies(1, 6, 4, 0);
    assert_copies(7, 10, 4, 1);
}

static void sink_ahead_of_the_whole_spool_does_not_swallow_new_batches(void **state)
{
    (void)state;
    append(2, 4);
    set_foreign_position(0, 1000);
    start();
    await_position(2);
    append(2, 4);
    await_position(4);
    assert_copies(3, 4, 4, 1);
}

static void batches_after_a_restored_spool_survive_a_lost_connection(void **state)
{
    (void)state;
    append(2, 4);
    set_foreign_position(0, 1000);
    start();
    await_position(2);
    pthread_mutex_lock(&side.lock);
    side.fail_delivers = 2;
    set_foreign_position(0, 1000);
    pthread_mutex_unlock(&side.lock);
    append(4, 4);
    await_position(6);
    assert_copies(3, 6, 4, 1);
}

static void batches_after_a_restored_spool_survive_a_sink_that_was_down(void **state)
{
    (void)state;
    append(2, 4);
    set_foreign_position(0, 4);
    side.fail_connects = UINT_MAX;
    start();
    append(4, 4);
    char problem[512];
    await_up(false, problem);
    pthread_mutex_lock(&side.lock);
    side.fail_connects = 0;
    pthread_mutex_unlock(&side.lock);
    await_position(6);
    assert_copies(1, 6, 4, 1);
}

static void position_of_a_restored_spool_is_not_taken_for_the_load_in_hand(void **state)
{
    (void)state;
    set_foreign_position(0, 4);
    side.fail_delivers = 3;
    append(2, 4);
    side.fail_connects = UINT_MAX;
    start();
    append(2, 4);
    char problem[512];
    await_up(false, problem);
    pthread_mutex_lock(&side.lock);
    side.fail_connects = 0;
    pthread_mutex_unlock(&side.lock);
    await_position(4);
    assert_copies(1, 4, 4, 1);
}

static void batches_under_positions_that_a_sink_has_had_from_elsewhere_are_delivered(void **state)
{
    (void)state;
    append(10, 4); /* outgrown before the process started */
    set_foreign_position(0, 6);
    start();
    await_position(10);
    assert_copies(1, 10, 4, 1);
    assert_memory_equal(side.lanes[0].batch_uid, spool->records[9].meta.batch_uid, UUID_BYTES);
}

static void each_lane_has_its_own_history(void **state)
{
    (void)state;
    options.lanes = 2;
    append(10, 4);
    set_position(0, 4); /* ahead, for its load's answer was lost; the last batch is the other's */
    set_foreign_position(1, 7);
    start();
    append(1, 4);
    await_position(11);
    for (uint64_t p = 2; p <= 4; p += 2)
        assert_copies(p, p, 4, 0);
    for (uint64_t p = 1; p <= 11; p += p < 5 ? 2 : 1)
        assert_copies(p, p, 4, 1);
}

static void a_lanes_position_is_of_its_own_last_batch(void **state)
{
    (void)state;
    options.lanes = 2;
    append(9, 4);
    start();
    await_position(9);
    stop();
    assert_int_equal(side.lanes[0].position, 8);
    assert_int_equal(side.lanes[1].position, 9);
    start();
    append(2, 4);
    await_position(11);
    assert_copies(1, 11, 4, 1);
}

static void sink_restored_after_the_spool_was_gets_all_again(void **state)
{
    (void)state;
    append(10, 4);
    start();
    await_position(10);
    stop();
    set_foreign_position(0, 8); /* it may lack any of them */
    start();
    append(1, 4);
    await_position(11);
    assert_copies(1, 10, 4, 2);
    assert_copies(11, 11, 4, 1);
}

static void position_whose_batch_is_gone_or_damaged_is_believed(void **state)
{
    (void)state;
    append(10, 4);
    set_foreign_position(0, 6);
    spool->records[5].corrupt = true;
    start();
    await_position(10);
    stop();
    assert_copies(1, 6, 4, 0);
    assert_copies(7, 10, 4, 1);
    set_foreign_position(0, 8);
    spool->records[7].gone = true;
    start();
    append(1, 4);
    await_position(11);
    assert_copies(7, 8, 4, 1);
    assert_copies(9, 10, 4, 2);
}

static void position_that_cannot_be_looked_at_waits(void **state)
{
    (void)state;
    char problem[512];
    append(10, 4);
    set_position(0, 6);
    spool->fail_reading = true;
    start();
    await_up(false, problem);
    assert_non_null(strstr(problem, "spool can't be read after position"));
    pthread_mutex_lock(&spool->lock);
    spool->fail_reading = false;
    pthread_mutex_unlock(&spool->lock);
    await_position(10);
    assert_copies(1, 6, 4, 0);
    assert_copies(7, 10, 4, 1);
}

static void changed_number_of_lanes_starts_where_all_were(void **state)
{
    (void)state;
    options.lanes = 4;
    append(20, 2);
    start();
    await_position(20);
    stop();
    for (unsigned lanes = 1; lanes <= 3; lanes++) {
        for (unsigned i = 0; i < LANES_MAX; i++)
            side.lanes[i].position = i * 3; /* left over from some other sharing out */
        options.lanes = lanes;
        start();
        append(10, 2);
        await_position(20 + 10 * lanes);
        stop();
    }
    assert_copies(1, 50, 2, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(load_whose_answer_was_lost_is_not_sent_again),
        TEST(restart_goes_on_where_it_was),
        TEST(sink_restored_from_an_older_dump_gets_the_rest_again),
        TEST(what_a_restored_sink_needs_again_is_kept),
        TEST(sink_that_is_ahead_is_believed),
        TEST(sink_ahead_of_the_whole_spool_does_not_swallow_new_batches),
        TEST(batches_after_a_restored_spool_survive_a_lost_connection),
        TEST(batches_after_a_restored_spool_survive_a_sink_that_was_down),
        TEST(position_of_a_restored_spool_is_not_taken_for_the_load_in_hand),
        TEST(batches_under_positions_that_a_sink_has_had_from_elsewhere_are_delivered),
        TEST(each_lane_has_its_own_history),
        TEST(a_lanes_position_is_of_its_own_last_batch),
        TEST(sink_restored_after_the_spool_was_gets_all_again),
        TEST(position_whose_batch_is_gone_or_damaged_is_believed),
        TEST(position_that_cannot_be_looked_at_waits),
        TEST(changed_number_of_lanes_starts_where_all_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
