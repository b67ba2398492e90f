/* Records of version 2: kinds, leaf indexes over restarts, heads, parts that can't be read; and a
 * spool of version 1 that goes on in a new segment. */
#include "tests/support/spool_fixture.h"

static struct batch *other_kind(struct spool_fixture *f, uint8_t kind)
{
    struct batch *b = batch_create(4096);
    assert_non_null(b);
    const char *text = arena_format(&b->arena, "{\"kind\":%d}", kind);
    b->body = arena_alloc(&b->arena, sizeof *b->body);
    b->body[0] = slice_from_text(text);
    b->body_count = 1;
    b->meta.kind = kind;
    b->meta.inflated_bytes = b->body[0].size;
    uuid7_make(clock_wall_ns(), b->meta.batch_uid);
    b->reply_to = &f->replies;
    return b;
}

static void put_kind(struct spool_fixture *f, uint8_t kind)
{
    struct batch *b = other_kind(f, kind);
    assert_int_equal(spool_submit(f->spool, &b), STATUS_OK);
    assert_int_equal(fixture_verdict_of(f, NULL), STATUS_OK);
}

static void records_of_all_kinds_are_read_with_their_leaf_index(void **state)
{
    struct spool_fixture *f = *state;
    struct batch_record r;
    struct spool_reader *reader;
    f->keys.encrypts = true;
    fixture_open(f);
    fixture_put_many(f, 1);
    for (uint8_t kind = BATCH_KIND_AUDIT; kind <= BATCH_KIND_MAX; kind++)
        put_kind(f, kind);
    fixture_close(f);
    fixture_open(f);
    fixture_put_many(f, 1);
    assert_int_equal(spool_reader_open(f->spool, 0, &reader), STATUS_OK);
    for (uint64_t n = 0; n < 6; n++) {
        assert_int_equal(spool_reader_next(reader, &r), STATUS_OK);
        assert_int_equal(r.meta.version, 2);
        assert_int_equal(r.meta.leaf_index, n);
        assert_int_equal(r.meta.kind, n == 5 ? BATCH_KIND_EVENTS : n + 1);
        assert_int_equal(r.state, SEAL_OPEN);
        assert_false(r.sealed);
        assert_true(!batch_is_events(&r.meta) || fixture_is_batch(&r, n == 0 ? 1 : 2));
        assert_true(batch_is_events(&r.meta) || (r.body.data[0] == '{' && !r.events.size));
    }
    spool_reader_close(reader);
    struct spool_stats stats;
    spool_stats(f->spool, &stats);
    assert_int_equal(stats.leaves, 6);
}

static void leaf_index_goes_on_with_and_without_indexes(void **state)
{
    struct spool_fixture *f = *state;
    struct spool_stats stats;
    f->options.segment_bytes = 12000;
    for (uint64_t start = 0; start < 6; start++) {
        fixture_open(f);
        spool_stats(f->spool, &stats);
        assert_int_equal(stats.leaves, 30 * start);
        fixture_put_many(f, 30);
        fixture_close(f);
        for (size_t n = 0; start % 2 && fixture_nth_segment(f, n); n++) {
            char path[600];
            const char *segment = fixture_nth_segment(f, n);
            snprintf(path, sizeof path, "%.*s.idx", (int)strlen(segment) - 4, segment);
            unlink(path);
        }
    }
    fixture_open(f);
    fixture_close(f); /* its last segment is opened again, and its index is made again */
    fixture_open(f);
    spool_stats(f->spool, &stats);
    assert_int_equal(stats.leaves, 180);
}

static void leaf_index_can_be_raised_before_the_start(void **state)
{
    struct spool_fixture *f = *state;
    struct batch_meta meta;
    struct spool_reader *reader;
    assert_int_equal(spool_open(&f->options, NULL, NULL, &f->spool, &f->problem), STATUS_OK);
    spool_raise_leaves(f->spool, 100);
    spool_raise_leaves(f->spool, 50);
    assert_int_equal(spool_start(f->spool), STATUS_OK);
    fixture_put_many(f, 2);
    assert_int_equal(spool_reader_open(f->spool, 0, &reader), STATUS_OK);
    spool_reader_heads_only(reader);
    for (uint64_t n = 100; n < 102; n++) {
        assert_int_equal(spool_reader_next_head(reader, &meta), STATUS_OK);
        assert_int_equal(meta.leaf_index, n);
        assert_true(slice_equal_text(meta.tenant, "oem"));
    }
    assert_int_equal(spool_reader_next_head(reader, &meta), STATUS_END);
    spool_reader_close(reader);
}

static void encrypted_parts_need_their_key(void **state)
{
    struct spool_fixture *f = *state;
    struct batch_record r;
    struct spool_reader *reader;
    f->keys.encrypts = true;
    fixture_open(f);
    fixture_put_many(f, 2);
    fixture_close(f);
    size_t size;
    uint8_t *bytes = fixture_load(fixture_segment(f, 1), &size), body[128];
    fixture_fill(body, fixture_body_bytes(1), 1);
    assert_null(memmem(bytes, size, body, 16));
    free(bytes);
    assert_int_equal(spool_reader_open_dir(f->dir, 0, &reader), STATUS_OK);
    assert_int_equal(spool_reader_next(reader, &r), STATUS_OK);
    assert_true(r.sealed && r.state == SEAL_NO_KEY && r.key_id == 1 && !r.body.size);
    spool_reader_use_keys(reader, &f->keys);
    assert_int_equal(spool_reader_next(reader, &r), STATUS_OK);
    assert_true(!r.sealed && fixture_is_batch(&r, 2));
    spool_reader_close(reader);
}

static void copy_old(struct spool_fixture *f, bool empty)
{
    size_t size;
    uint8_t *bytes = fixture_load(TEST_DATA_DIR "/spool-sha256/00000000000000000001.seg", &size);
    fixture_store(fixture_segment(f, 1), bytes, empty ? SPOOL_SEGMENT_HEADER_BYTES : size);
    free(bytes);
}

static unsigned count_segments(struct spool_fixture *f)
{
    unsigned n = 0;
    while (fixture_nth_segment(f, n))
        n++;
    return n;
}

static void segment_of_version_1_is_not_continued(void **state)
{
    struct spool_fixture *f = *state;
    struct batch_record r;
    struct spool_reader *reader;
    copy_old(f, false);
    for (unsigned start = 0; start < 3; start++) {
        fixture_open(f);
        fixture_put_many(f, 1);
        fixture_close(f);
    }
    assert_int_equal(count_segments(f), 2);
    assert_int_equal(spool_reader_open_dir(f->dir, 0, &reader), STATUS_OK);
    for (uint64_t n = 1; n <= 12; n++) {
        assert_int_equal(spool_reader_next(reader, &r), STATUS_OK);
        assert_int_equal(r.meta.position, n);
        assert_int_equal(r.meta.version, n <= 9 ? 1 : 2);
        assert_true(r.meta.leaf_index == (n <= 9 ? BATCH_NO_LEAF : n - 10));
        assert_true(r.body.size && (n > 9 || r.state == SEAL_ABSENT));
    }
    assert_int_equal(spool_reader_next(reader, &r), STATUS_END);
    spool_reader_close(reader);
}

static void empty_segment_of_version_1_is_replaced(void **state)
{
    struct spool_fixture *f = *state;
    copy_old(f, true);
    fixture_open(f);
    fixture_close(f);
    assert_int_equal(count_segments(f), 1);
    fixture_open(f);
    fixture_put_many(f, 2);
    fixture_close(f);
    assert_int_equal(count_segments(f), 1);
    struct spool_stats stats;
    fixture_open(f);
    spool_stats(f->spool, &stats);
    assert_int_equal(stats.position, 2);
    assert_int_equal(stats.leaves, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_of_all_kinds_are_read_with_their_leaf_index),
        TEST(leaf_index_goes_on_with_and_without_indexes),
        TEST(leaf_index_can_be_raised_before_the_start),
        TEST(encrypted_parts_need_their_key),
        TEST(segment_of_version_1_is_not_continued),
        TEST(empty_segment_of_version_1_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
