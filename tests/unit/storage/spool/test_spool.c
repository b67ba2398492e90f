/* The spool as its users see it: records come back as they went in, across restarts. */
#include "tests/support/spool_fixture.h"

static void records_come_back_byte_for_byte_in_order(void **state)
{
    struct spool_fixture *f = *state;
    fixture_open(f);
    fixture_put_many(f, 50);
    struct spool_reader *reader;
    assert_int_equal(spool_reader_open(f->spool, 0, &reader), STATUS_OK);
    uint64_t events = 0;
    for (uint64_t n = 1; n <= 50; n++) {
        struct batch_record r;
        assert_int_equal(spool_reader_next(reader, &r), STATUS_OK);
        assert_true(fixture_is_batch(&r, n));
        assert_int_equal(r.meta.position, n);
        assert_int_equal(r.meta.events_before, events);
        assert_true(r.meta.ingested_ns > 0);
        events += r.meta.accepted + r.meta.quarantined;
    }
    struct batch_record r;
    assert_int_equal(spool_reader_next(reader, &r), STATUS_END);
    spool_reader_close(reader);
    struct spool_stats stats;
    spool_stats(f->spool, &stats);
    assert_int_equal(stats.events, events);
    assert_int_equal(stats.position, 50);
    assert_int_equal(stats.first_position, 1);
}

static void reader_starts_after_the_position_it_is_given(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 16384;
    fixture_open(f);
    fixture_put_many(f, 100);
    for (uint64_t from = 0; from <= 100; from += 7) {
        struct spool_reader *reader;
        struct batch_record r;
        assert_int_equal(spool_reader_open(f->spool, from, &reader), STATUS_OK);
        assert_int_equal(spool_reader_next(reader, &r), STATUS_OK);
        assert_int_equal(r.meta.position, from + 1);
        spool_reader_close(reader);
    }
}

static void live_reader_sees_appends_across_segments(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 10000;
    fixture_open(f);
    struct spool_reader *reader;
    struct batch_record r;
    assert_int_equal(spool_reader_open(f->spool, 0, &reader), STATUS_OK);
    assert_int_equal(spool_reader_next(reader, &r), STATUS_END);
    for (uint64_t n = 1; n <= 60; n++) {
        assert_false(spool_reader_wait(reader, 0));
        fixture_put_many(f, 1);
        assert_true(spool_reader_wait(reader, NS_PER_S));
        assert_int_equal(spool_reader_next(reader, &r), STATUS_OK);
        assert_true(fixture_is_batch(&r, n));
        assert_int_equal(spool_reader_next(reader, &r), STATUS_END);
    }
    struct spool_stats stats;
    spool_stats(f->spool, &stats);
    assert_true(stats.segments > 5);
    spool_reader_close(reader);
}

static void peek_tells_the_next_record_and_skip_passes_it(void **state)
{
    struct spool_fixture *f = *state;
    fixture_open(f);
    fixture_put_many(f, 4);
    struct spool_reader *reader;
    assert_int_equal(spool_reader_open(f->spool, 0, &reader), STATUS_OK);
    uint64_t position;
    uint32_t events;
    struct batch_record r;
    assert_int_equal(spool_reader_peek(reader, &position, &events), STATUS_OK);
    assert_int_equal(position, 1);
    assert_int_equal(events, 1 % 5 + 1 + 1 % 3);
    assert_int_equal(spool_reader_next(reader, &r), STATUS_OK);
    assert_true(fixture_is_batch(&r, 1));
    assert_int_equal(spool_reader_peek(reader, &position, &events), STATUS_OK);
    spool_reader_skip(reader);
    assert_int_equal(spool_reader_next(reader, &r), STATUS_OK);
    assert_true(fixture_is_batch(&r, 3));
    spool_reader_close(reader);
}

static void wake_ends_a_wait_without_a_record(void **state)
{
    struct spool_fixture *f = *state;
    fixture_open(f);
    struct spool_reader *reader;
    assert_int_equal(spool_reader_open(f->spool, 0, &reader), STATUS_OK);
    spool_wake(f->spool);
    assert_false(spool_reader_wait(reader, 3600 * NS_PER_S));
    spool_reader_close(reader);
}

static void restart_keeps_positions_event_counts_and_uid(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 10000;
    struct spool_stats before, after;
    for (int round = 0; round < 5; round++) {
        fixture_open(f);
        spool_stats(f->spool, &after);
        if (round) {
            assert_int_equal(after.position, before.position);
            assert_int_equal(after.events, before.events);
            assert_memory_equal(after.spool_uid, before.spool_uid, UUID_BYTES);
            assert_int_equal(after.corrupt_segments, 0);
        }
        fixture_put_many(f, 13);
        spool_stats(f->spool, &before);
        assert_int_equal(before.position, 13 * (round + 1));
        fixture_close(f);
    }
    struct spool_reader *reader;
    assert_int_equal(spool_reader_open_dir(f->dir, 0, &reader), STATUS_OK);
    struct batch_record r;
    uint8_t previous[SHA256_BYTES] = {0};
    for (uint64_t n = 1; n <= 65; n++) {
        assert_int_equal(spool_reader_next(reader, &r), STATUS_OK);
        assert_true(fixture_is_batch(&r, n));
        assert_memory_not_equal(r.meta.chain_hash, previous, SHA256_BYTES);
        memcpy(previous, r.meta.chain_hash, SHA256_BYTES);
    }
    assert_int_equal(spool_reader_next(reader, &r), STATUS_END);
    spool_reader_close(reader);
}

static void count_record(void *arg, const struct batch_meta *meta)
{
    uint64_t *seen = arg;
    (*seen)++;
    assert_int_equal(meta->position, *seen);
    assert_int_equal(meta->key[0], (uint8_t)*seen);
    assert_int_equal(meta->key[7], (uint8_t)*seen);
    assert_true(meta->offset >= SPOOL_SEGMENT_HEADER_BYTES);
}

static void open_tells_every_record_oldest_first(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 10000;
    fixture_open(f);
    fixture_put_many(f, 70);
    fixture_close(f);
    uint64_t seen = 0;
    assert_int_equal(spool_open(&f->options, count_record, &seen, &f->spool, &f->problem),
                     STATUS_OK);
    assert_int_equal(seen, 70);
}

static void oversize_batch_gets_a_segment_of_its_own(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 32768;
    fixture_open(f);
    fixture_put_many(f, 3);
    struct batch *big = fixture_batch_sized(f, 99, 300000);
    assert_int_equal(spool_submit(f->spool, &big), STATUS_OK);
    assert_null(big);
    uint64_t position;
    assert_int_equal(fixture_verdict_of(f, &position), STATUS_OK);
    assert_int_equal(position, 4);
    fixture_put_many(f, 1);
    struct spool_reader *reader;
    struct batch_record r;
    assert_int_equal(spool_reader_open(f->spool, 3, &reader), STATUS_OK);
    assert_int_equal(spool_reader_next(reader, &r), STATUS_OK);
    assert_int_equal(r.body.size, 300000);
    uint8_t digest[SHA256_BYTES];
    assert_int_equal(r.state, SEAL_OPEN);
    seal_commit(r.seed, SEAL_BODY, r.body, digest);
    assert_memory_equal(digest, r.meta.body_commitment, SHA256_BYTES);
    assert_int_equal(spool_reader_next(reader, &r), STATUS_OK);
    assert_true(fixture_is_batch(&r, 4));
    spool_reader_close(reader);
    struct spool_stats stats;
    spool_stats(f->spool, &stats);
    assert_int_equal(stats.segments, 3);
}

static void batch_over_max_bytes_is_refused_and_stays_the_callers(void **state)
{
    struct spool_fixture *f = *state;
    f->options.max_bytes = 100000;
    f->options.segment_bytes = 50000;
    fixture_open(f);
    struct batch *big = fixture_batch_sized(f, 1, 100000);
    assert_int_equal(spool_submit(f->spool, &big), STATUS_TOO_LARGE);
    assert_non_null(big);
    batch_destroy(big);
    fixture_put_many(f, 1);
}

static void second_opener_finds_the_spool_locked(void **state)
{
    struct spool_fixture *f = *state;
    fixture_open(f);
    struct spool *other = NULL;
    assert_int_equal(spool_open(&f->options, NULL, NULL, &other, &f->problem), STATUS_LOCKED);
    assert_null(other);
    assert_non_null(strstr(f->problem.text, "another vsocd"));
    fixture_close(f);
    fixture_open(f);
}

static void submit_after_stop_is_closed_and_queued_batches_are_committed(void **state)
{
    struct spool_fixture *f = *state;
    fixture_open(f);
    for (int i = 0; i < 200; i++) {
        struct batch *b = fixture_batch(f, ++f->made);
        assert_int_equal(spool_submit(f->spool, &b), STATUS_OK);
    }
    spool_stop(f->spool);
    for (int i = 0; i < 200; i++)
        assert_int_equal(fixture_verdict_of(f, NULL), STATUS_OK);
    struct batch *late = fixture_batch(f, 1);
    assert_int_equal(spool_submit(f->spool, &late), STATUS_CLOSED);
    batch_destroy(late);
}

static void queue_over_its_limit_is_busy(void **state)
{
    struct spool_fixture *f = *state;
    f->options.queue_batches = 3;
    assert_int_equal(spool_open(&f->options, NULL, NULL, &f->spool, &f->problem), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        struct batch *b = fixture_batch(f, ++f->made);
        assert_int_equal(spool_submit(f->spool, &b), STATUS_OK);
    }
    struct batch *over = fixture_batch(f, 4);
    assert_int_equal(spool_submit(f->spool, &over), STATUS_BUSY);
    batch_destroy(over);
    assert_int_equal(spool_start(f->spool), STATUS_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(fixture_verdict_of(f, NULL), STATUS_OK);
    fixture_put_many(f, 1);
}

static void put_large(struct spool_fixture *f, unsigned n)
{
    while (n--) {
        struct batch *b = fixture_batch_sized(f, ++f->made, 50000);
        assert_int_equal(spool_submit(f->spool, &b), STATUS_OK);
        assert_int_equal(fixture_verdict_of(f, NULL), STATUS_OK);
    }
}

/* What a reader of another process reads ahead ends in the middle of what the writer is at. When it
 * gets there, that record and more behind it are whole. */
static void what_was_half_written_when_it_was_read_ahead_is_no_damage(void **state)
{
    struct spool_fixture *f = *state;
    struct spool_reader *reader;
    struct batch_record r;
    size_t size;
    f->options.segment_bytes = UINT64_C(8) << 20;
    f->options.max_bytes = UINT64_C(64) << 20;
    fixture_open(f);
    put_large(f, 60);
    fixture_close(f);
    char path[512];
    snprintf(path, sizeof path, "%s", fixture_segment(f, 1));
    uint8_t *bytes = fixture_load(path, &size), *half = fixture_load(path, &size);
    memset(half + 600000, 0, size - 600000);
    fixture_store(path, half, size);
    assert_int_equal(spool_reader_open_dir(f->dir, 0, &reader), STATUS_OK);
    for (uint64_t n = 1; n <= 60; n++) {
        assert_int_equal(spool_reader_next(reader, &r), STATUS_OK);
        assert_int_equal(r.meta.position, n);
        if (n == 1)
            fixture_store(path, bytes, size);
    }
    assert_int_equal(spool_reader_next(reader, &r), STATUS_END);
    spool_reader_close(reader);
    free(half);
    free(bytes);
}

static void path_that_is_no_directory_is_refused_with_advice(void **state)
{
    struct spool_fixture *f = *state;
    char path[300];
    snprintf(path, sizeof path, "%s/file", f->dir);
    fixture_store(path, "x", 1);
    f->options.dir = path;
    struct spool *spool = NULL;
    assert_int_equal(spool_open(&f->options, NULL, NULL, &spool, &f->problem), STATUS_REFUSED);
    assert_true(f->problem.text[0]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(records_come_back_byte_for_byte_in_order),
        TEST(reader_starts_after_the_position_it_is_given),
        TEST(live_reader_sees_appends_across_segments),
        TEST(peek_tells_the_next_record_and_skip_passes_it),
        TEST(wake_ends_a_wait_without_a_record),
        TEST(restart_keeps_positions_event_counts_and_uid),
        TEST(open_tells_every_record_oldest_first),
        TEST(oversize_batch_gets_a_segment_of_its_own),
        TEST(batch_over_max_bytes_is_refused_and_stays_the_callers),
        TEST(second_opener_finds_the_spool_locked),
        TEST(submit_after_stop_is_closed_and_queued_batches_are_committed),
        TEST(queue_over_its_limit_is_busy),
        TEST(what_was_half_written_when_it_was_read_ahead_is_no_damage),
        TEST(path_that_is_no_directory_is_refused_with_advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
