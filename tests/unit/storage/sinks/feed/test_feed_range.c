/* test_feed_range.c: what a replay reads of a spool directory that a running server may be at. */
#include "tests/support/spool_fixture.h"

#include "storage/sinks/feed/feed_range.h"

static struct feed_range feed;

static int setup(void **state)
{
    int result = fixture_setup(state);
    fixture_open(*state);
    fixture_put_many(*state, 6);
    return result;
}

static int teardown(void **state)
{
    feed_range_close(&feed);
    return fixture_teardown(state);
}

static void start(const struct spool_fixture *f, uint64_t from, uint64_t to)
{
    feed_range_close(&feed);
    feed_range_init(&feed, f->dir, from, to, false);
}

static void take(uint64_t position)
{
    struct feed_item item;
    struct batch_record record;
    assert_int_equal(feed_peek(&feed.feed, &item), FEED_ITEM);
    assert_int_equal(item.position, position);
    assert_int_equal(feed_next(&feed.feed, &record), FEED_ITEM);
    assert_true(fixture_is_batch(&record, position));
    assert_int_equal(item.events, record.meta.accepted + record.meta.quarantined);
}

static void assert_end(void)
{
    struct feed_item item;
    assert_int_equal(feed_peek(&feed.feed, &item), FEED_END);
    assert_false(feed_wait(&feed.feed, 3600 * NS_PER_S)); /* at once */
}

static void range_has_both_its_ends_and_nothing_beside_it(void **state)
{
    start(*state, 2, 4);
    for (uint64_t position = 2; position <= 4; position++)
        take(position);
    assert_end();
    start(*state, 0, UINT64_MAX);
    for (uint64_t position = 1; position <= 6; position++)
        take(position);
    assert_end();
    start(*state, 7, 9);
    assert_end();
}

static void committed_records_are_counted(void **state)
{
    start(*state, 1, 6);
    take(1);
    take(2);
    assert_int_equal(feed.loaded.batches, 0);
    assert_int_equal(feed_commit(&feed.feed), STATUS_OK);
    take(3);
    assert_int_equal(feed.loaded.batches, 2);
    assert_int_equal(feed.loaded.events, 2 + 1 + 3 + 2); /* accepted and quarantined of the two */
}

static void record_that_was_given_back_comes_again(void **state)
{
    start(*state, 2, 3);
    take(2);
    feed_give_back(&feed.feed, STATUS_VERSION);
    assert_int_equal(feed.feed.status, STATUS_VERSION);
    assert_non_null(strstr(feed.feed.problem.text, "run the vsocd that wrote it"));
    assert_int_equal(feed_commit(&feed.feed), STATUS_OK);
    assert_int_equal(feed.loaded.batches, 0);
    assert_int_equal(feed.loaded.events, 0);
    take(2);
    take(3);
    assert_end();
}

static void damaged_record_is_passed_and_counted(void **state)
{
    struct spool_fixture *f = *state;
    struct feed_item item;
    struct batch_record record;
    fixture_close(f);
    const char *path = fixture_segment(f, 1);
    int fd = open(path, O_RDWR);
    uint8_t body[128];
    static uint8_t segment[1 << 20];
    ssize_t size = pread(fd, segment, sizeof segment, 0);
    assert_true(size > 0);
    fixture_fill(body, fixture_body_bytes(3), 3);
    uint8_t *at = memmem(segment, (size_t)size, body, fixture_body_bytes(3));
    assert_non_null(at);
    assert_int_equal(pwrite(fd, "?!", 2, at - segment), 2);
    close(fd);
    start(f, 1, 6);
    take(1);
    take(2);
    enum feed_status status = feed_peek(&feed.feed, &item);
    if (status == FEED_ITEM)
        status = feed_next(&feed.feed, &record);
    assert_int_equal(status, FEED_UNDECODABLE);
    take(4);
    assert_int_equal(feed.damaged, 1);
    feed_give_back(&feed.feed, STATUS_NO_MEMORY); /* the reader is opened again */
    take(4);
    assert_int_equal(feed.damaged, 1);
}

static void directory_that_is_not_there_is_a_failure_with_its_name(void **state)
{
    (void)state;
    struct feed_item item;
    feed_range_init(&feed, "/nowhere/spool", 1, 2, false);
    assert_int_equal(feed_peek(&feed.feed, &item), FEED_FAILED);
    assert_int_equal(feed.feed.status, STATUS_NOT_FOUND);
    assert_non_null(strstr(feed.feed.problem.text, "/nowhere/spool: can't be read"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(range_has_both_its_ends_and_nothing_beside_it),
        TEST(committed_records_are_counted),
        TEST(record_that_was_given_back_comes_again),
        TEST(damaged_record_is_passed_and_counted),
        TEST(directory_that_is_not_there_is_a_failure_with_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
