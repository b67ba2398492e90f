/* test_feed_spool.c: what a lane reads of a live spool, with a spool in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/log/log.h"
#include "storage/sinks/feed/feed_spool.h"
#include "tests/support/fake_spool.h"

static struct spool *spool;
static struct feed_spool feed;
static _Atomic bool stopping;
static unsigned moves;
static spool_cursor_t cursor;
static metric_t missed;

static void on_moved(void *arg)
{
    assert_ptr_equal(arg, &feed);
    moves++;
}

static void make_feed(unsigned lane, unsigned lanes)
{
    feed_spool_init(&feed, &(struct feed_spool_options){.spool = spool,
                                                        .sink = "fake",
                                                        .lane = lane,
                                                        .lanes = lanes,
                                                        .cursor = cursor,
                                                        .stopping = &stopping,
                                                        .missed = missed,
                                                        .moved = on_moved,
                                                        .arg = &feed});
}

static int setup(void **state)
{
    (void)state;
    uint64_t position;
    log_configure(LOG_ERROR + 1, LOG_JSON);
    spool = fake_spool_create();
    missed = metric_series(METRIC_vsocd_sink_missed_batches_total, "sink=\"fake\"");
    moves = 0;
    stopping = false;
    assert_int_equal(spool_cursor_open(spool, "fake.0of1", &cursor, &position), STATUS_OK);
    make_feed(0, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    feed_spool_close(&feed);
    fake_spool_destroy(spool);
    return 0;
}

static void append(unsigned batches)
{
    for (unsigned i = 0; i < batches; i++)
        fake_spool_append(spool, 4, false);
}

/* The next record is the one at this position; it is taken. */
static void take(uint64_t position)
{
    struct feed_item item;
    struct batch_record record;
    assert_int_equal(feed_peek(&feed.feed, &item), FEED_ITEM);
    assert_int_equal(item.position, position);
    assert_int_equal(item.events, 4);
    assert_int_equal(feed_next(&feed.feed, &record), FEED_ITEM);
    assert_int_equal(record.meta.position, position);
}

static void assert_none(enum feed_status status)
{
    struct feed_item item;
    assert_int_equal(feed_peek(&feed.feed, &item), status);
}

static void position_moves_behind_what_was_committed(void **state)
{
    (void)state;
    append(3);
    take(1);
    take(2);
    assert_int_equal(feed.position, 0);
    assert_int_equal(feed_commit(&feed.feed), STATUS_OK);
    assert_int_equal(feed.position, 2);
    assert_int_equal(feed.events, 8);
    assert_int_equal(spool->cursors[cursor].position, 2);
    assert_int_equal(moves, 1);
    take(3);
    assert_none(FEED_NONE);
    assert_int_equal(feed.position, 2); /* the third is not on the other side */
}

static void record_that_was_only_looked_at_is_held_back(void **state)
{
    (void)state;
    struct feed_item item;
    append(2);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(feed_peek(&feed.feed, &item), FEED_ITEM);
        assert_int_equal(item.position, 1);
    }
    assert_int_equal(feed_commit(&feed.feed), STATUS_OK);
    assert_int_equal(feed.position, 0);
    take(1);
}

static void record_that_was_given_back_comes_again(void **state)
{
    (void)state;
    append(3);
    take(1);
    take(2);
    feed_give_back(&feed.feed, STATUS_VERSION);
    assert_int_equal(feed.feed.status, STATUS_VERSION);
    assert_non_null(strstr(feed.feed.problem.text, "after position 1"));
    assert_int_equal(feed_commit(&feed.feed), STATUS_OK);
    assert_int_equal(feed.position, 1);
    assert_int_equal(feed.events, 4);
    take(2);
    take(3);
}

static void lane_gets_its_own_and_passes_over_others(void **state)
{
    (void)state;
    append(8);
    make_feed(1, 3);
    take(1);
    take(4);
    take(7);
    assert_none(FEED_NONE);
    assert_int_equal(feed.position, 0);
    assert_int_equal(feed_commit(&feed.feed), STATUS_OK);
    assert_int_equal(feed.position, 8); /* and the other's behind its last */
    assert_int_equal(feed.events, 32);
    append(1);
    assert_none(FEED_NONE);
    assert_int_equal(feed.position, 9); /* nothing is given: others' are no reason to stay */
    append(1);
    take(10);
}

static void record_that_changed_on_disk_is_counted_and_passed(void **state)
{
    (void)state;
    struct feed_item item;
    struct batch_record record;
    double before = metric_value(missed);
    append(3);
    spool->records[1].corrupt = true;
    take(1);
    assert_int_equal(feed_peek(&feed.feed, &item), FEED_ITEM);
    assert_int_equal(feed_next(&feed.feed, &record), FEED_UNDECODABLE);
    take(3);
    assert_true(metric_value(missed) - before == 1);
    assert_int_equal(feed_commit(&feed.feed), STATUS_OK);
    assert_int_equal(feed.position, 3);
}

static void gap_is_counted_once_however_often_it_is_looked_at(void **state)
{
    (void)state;
    struct feed_item item;
    double before = metric_value(missed);
    append(4);
    take(1);
    spool->records[1].gone = spool->records[2].gone = true;
    for (int i = 0; i < 3; i++)
        assert_int_equal(feed_peek(&feed.feed, &item), FEED_ITEM);
    take(4);
    assert_true(metric_value(missed) - before == 2);
}

static void stop_is_said_when_all_is_read_that_was_durable_before(void **state)
{
    (void)state;
    append(1);
    stopping = true;
    take(1);
    assert_none(FEED_STOPPING);
    assert_false(feed_wait(&feed.feed, 3600 * NS_PER_S)); /* at once */
}

static void spool_that_can_not_be_read_is_read_again_where_it_stopped(void **state)
{
    (void)state;
    append(2);
    take(1);
    spool->fail_reading = true;
    assert_none(FEED_FAILED);
    assert_int_equal(feed.feed.status, STATUS_IO);
    assert_non_null(strstr(feed.feed.problem.text, "can't be read after position 1"));
    spool->fail_reading = false;
    take(2);
}

static void moved_feed_forgets_what_it_gave(void **state)
{
    (void)state;
    append(6);
    take(1);
    take(2);
    feed_spool_move(&feed, 4);
    assert_int_equal(feed.position, 4);
    assert_false(feed.events_known);
    take(5);
    assert_true(feed.events_known);
    assert_int_equal(feed.events, 16);
    feed_spool_move(&feed, 2);
    assert_int_equal(feed.position, 2);
    take(3);
}

static void share_of_a_lane_between_two_positions(void **state)
{
    (void)state;
    for (unsigned lane = 0; lane < 3; lane++) {
        make_feed(lane, 3);
        for (uint64_t after = 0; after < 8; after++)
            for (uint64_t to = 0; to < 12; to++) {
                bool owns = false;
                for (uint64_t p = after + 1; p <= to; p++)
                    owns = owns || p % 3 == lane;
                assert_true(feed_spool_owns_between(&feed, after, to) == owns);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(position_moves_behind_what_was_committed),
        TEST(record_that_was_only_looked_at_is_held_back),
        TEST(record_that_was_given_back_comes_again),
        TEST(lane_gets_its_own_and_passes_over_others),
        TEST(record_that_changed_on_disk_is_counted_and_passed),
        TEST(gap_is_counted_once_however_often_it_is_looked_at),
        TEST(stop_is_said_when_all_is_read_that_was_durable_before),
        TEST(spool_that_can_not_be_read_is_read_again_where_it_stopped),
        TEST(moved_feed_forgets_what_it_gave),
        TEST(share_of_a_lane_between_two_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
