/* Start-up after crashes and damage: what is whole comes back unaltered, what is not is kept aside,
 * and positions never repeat. */
#include "tests/support/spool_fixture.h"

#include "storage/spool/spool_cursor.h"

/* Reads all of the open spool; each record must be one of those put in. Returns how many, *corrupt:
 * how often the reader told of damage. */
static unsigned read_all(struct spool_fixture *f, unsigned *corrupt)
{
    struct spool_reader *reader;
    struct batch_record r;
    unsigned n = 0, steps = 0;
    uint64_t last = 0;
    *corrupt = 0;
    assert_int_equal(spool_reader_open(f->spool, 0, &reader), STATUS_OK);
    for (enum status s; (s = spool_reader_next(reader, &r)) != STATUS_END;) {
        assert_true(++steps < 10000);
        if (s == STATUS_CORRUPT) {
            (*corrupt)++;
            continue;
        }
        assert_int_equal(s, STATUS_OK);
        assert_true(r.meta.position > last);
        assert_true(fixture_is_batch(&r, (uint64_t)r.meta.received_ns));
        last = r.meta.position;
        n++;
    }
    spool_reader_close(reader);
    return n;
}

/* Offset behind the last record of a segment's bytes. */
static size_t used_bytes(const uint8_t *bytes, size_t size)
{
    while (size && !bytes[size - 1])
        size--;
    return (size + 7) / 8 * 8;
}

static void torn_tail_at_every_byte_of_the_last_record_is_cut(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 16384;
    fixture_open(f);
    fixture_put_many(f, 3);
    fixture_close(f);
    size_t size, unused;
    const char *path = fixture_segment(f, 1);
    uint8_t *three = fixture_load(path, &size);
    size_t begin = used_bytes(three, size);
    fixture_open(f);
    fixture_put_many(f, 1);
    fixture_close(f);
    uint8_t *four = fixture_load(path, &unused);
    size_t end = used_bytes(four, size);
    assert_true(end > begin + SPOOL_RECORD_HEADER_BYTES);
    size_t last_byte = end; /* behind it there is only padding */
    while (!four[last_byte - 1])
        last_byte--;
    for (size_t cut = begin; cut < end; cut++) {
        uint8_t *torn = malloc(size);
        assert_non_null(torn);
        memcpy(torn, four, cut);
        memset(torn + cut, 0, size - cut);
        fixture_remove_tree(f->dir);
        assert_int_equal(mkdir(f->dir, 0750), 0);
        fixture_store(path, torn, size);
        free(torn);
        fixture_open(f);
        struct spool_stats stats;
        spool_stats(f->spool, &stats);
        assert_int_equal(stats.position, 3 + (cut >= last_byte));
        assert_int_equal(stats.corrupt_segments, 0);
        f->made = 9;
        fixture_put_many(f, 1);
        unsigned corrupt;
        assert_int_equal(read_all(f, &corrupt), 4 + (cut >= last_byte));
        assert_int_equal(corrupt, 0);
        fixture_close(f);
    }
    free(three);
    free(four);
}

static void damage_last_record(struct spool_fixture *f)
{
    size_t size;
    const char *path = fixture_segment(f, 1);
    uint8_t *bytes = fixture_load(path, &size);
    bytes[used_bytes(bytes, size) - 9] ^= 1;
    fixture_store(path, bytes, size);
    free(bytes);
}

/* True when a reader that begins behind `after` misses records. */
static bool misses_any(struct spool_fixture *f, uint64_t after)
{
    struct spool_reader *reader;
    uint64_t position;
    uint32_t events;
    bool misses = false;
    assert_int_equal(spool_reader_open(f->spool, after, &reader), STATUS_OK);
    while (spool_reader_peek(reader, &position, &events) == STATUS_OK) {
        misses = misses || spool_reader_misses(reader);
        spool_reader_skip(reader);
    }
    spool_reader_close(reader);
    return misses;
}

/* Nor is that of the record that was written after it and is torn, too. A reader misses nothing
 * there. */
static void position_of_a_torn_record_is_not_given_again(void **state)
{
    struct spool_fixture *f = *state;
    fixture_open(f);
    fixture_put_many(f, 4);
    for (uint64_t next = 5; next < 8; next++) {
        fixture_close(f);
        damage_last_record(f);
        fixture_open(f);
        struct batch *b = fixture_batch(f, next);
        assert_int_equal(spool_submit(f->spool, &b), STATUS_OK);
        uint64_t position;
        assert_int_equal(fixture_verdict_of(f, &position), STATUS_OK);
        assert_int_equal(position, next);
        assert_int_equal(fixture_files_in(f, "corrupt"), next - 4); /* the tails are kept */
        assert_false(misses_any(f, 0));
        assert_false(misses_any(f, 3));
    }
}

/* Flips a bit at each offset of a small spool of two segments: start never fails or loops, no
 * altered record is delivered, and at most the records that stand on the bit are lost. */
static void no_single_bit_flip_alters_or_loses_more_than_one_record(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 10700;
    fixture_open(f);
    fixture_put_many(f, 6);
    fixture_close(f);
    assert_null(fixture_nth_segment(f, 2));
    size_t size[2];
    uint8_t *bytes[2];
    char paths[2][512];
    for (size_t i = 0; i < 2; i++) {
        snprintf(paths[i], sizeof paths[i], "%s", fixture_nth_segment(f, i));
        bytes[i] = fixture_load(paths[i], &size[i]);
    }
    for (size_t i = 0; i < 2; i++)
        for (size_t at = 0; at < size[i]; at += at >= 128 && at < 4096 - 8 ? 61
                                                : at < 8192                ? 1
                                                                           : 3) {
            if (at > 4096 + 128 && at < 8192 - 8)
                at += 61;
            fixture_remove_tree(f->dir);
            assert_int_equal(mkdir(f->dir, 0750), 0);
            fixture_store(paths[!i], bytes[!i], size[!i]);
            bytes[i][at] ^= (uint8_t)(1u << at % 8);
            fixture_store(paths[i], bytes[i], size[i]);
            bytes[i][at] ^= (uint8_t)(1u << at % 8);
            fixture_open(f);
            unsigned corrupt;
            unsigned n = read_all(f, &corrupt);
            assert_true(n == 5 || n == 6);
            assert_int_equal(corrupt, 0);
            f->made = 40;
            fixture_put_many(f, 1);
            assert_int_equal(read_all(f, &corrupt), n + 1);
            fixture_close(f);
            if (n == 5 && fixture_files_in(f, "corrupt") != 1)
                fail_msg("damage at %s+%zu was not kept", paths[i], at);
        }
    free(bytes[0]);
    free(bytes[1]);
}

static void damaged_segment_is_salvaged_once_and_its_original_kept(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 16384;
    fixture_open(f);
    fixture_put_many(f, 60);
    fixture_close(f);
    size_t size, kept_size;
    uint8_t *bytes = fixture_load(fixture_segment(f, 1), &size);
    for (size_t at = 9000; at < 9100; at++)
        bytes[at] ^= 0x5a;
    fixture_store(fixture_segment(f, 1), bytes, size);
    unsigned left = 0, corrupt;
    for (int start = 0; start < 3; start++) {
        struct spool_stats stats;
        fixture_open(f);
        spool_stats(f->spool, &stats);
        assert_int_equal(stats.corrupt_segments, start == 0 ? 1 : 0);
        assert_int_equal(stats.position, 60);
        unsigned n = read_all(f, &corrupt);
        assert_true(n < 60 && n >= 58);
        assert_true(start == 0 || n == left);
        left = n;
        fixture_close(f);
        assert_int_equal(fixture_files_in(f, "corrupt"), 1);
    }
    char kept[600];
    snprintf(kept, sizeof kept, "%s/corrupt/%020d.seg", f->dir, 1);
    uint8_t *original = fixture_load(kept, &kept_size);
    assert_int_equal(kept_size, size);
    assert_memory_equal(original, bytes, size);
    free(original);
    free(bytes);
}

static void records_behind_damage_in_the_last_segment_are_found_again(void **state)
{
    struct spool_fixture *f = *state;
    fixture_open(f);
    fixture_put_many(f, 20);
    fixture_close(f);
    size_t size;
    uint8_t *bytes = fixture_load(fixture_segment(f, 1), &size);
    memset(bytes + 9000, 0, 700);
    fixture_store(fixture_segment(f, 1), bytes, size);
    free(bytes);
    fixture_open(f);
    struct spool_stats stats;
    spool_stats(f->spool, &stats);
    assert_int_equal(stats.position, 20);
    assert_int_equal(stats.corrupt_segments, 1);
    unsigned corrupt, n = read_all(f, &corrupt);
    assert_true(n >= 16 && n < 20);
    f->made = 20;
    fixture_put_many(f, 5);
    assert_int_equal(read_all(f, &corrupt), n + 5);
}

static void both_headers_lost_still_gives_the_records(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 9216;
    fixture_open(f);
    fixture_put_many(f, 6);
    fixture_close(f);
    size_t size;
    uint8_t *bytes = fixture_load(fixture_segment(f, 1), &size);
    memset(bytes, 0xff, SPOOL_SEGMENT_HEADER_BYTES);
    fixture_store(fixture_segment(f, 1), bytes, size);
    free(bytes);
    fixture_open(f);
    unsigned corrupt;
    assert_int_equal(read_all(f, &corrupt), 6);
}

static void body_that_poses_as_a_record_is_never_taken_for_one(void **state)
{
    struct spool_fixture *f = *state;
    fixture_open(f);
    fixture_put_many(f, 1);
    fixture_close(f);
    size_t size;
    uint8_t *bytes = fixture_load(fixture_segment(f, 1), &size);
    size_t record = used_bytes(bytes, size) - SPOOL_SEGMENT_HEADER_BYTES;
    fixture_remove_tree(f->dir);
    /* A whole record of another spool stands in the body, at each alignment. */
    fixture_open(f);
    struct batch *b = fixture_batch_sized(f, 77, record + 64);
    uint8_t *body = arena_alloc(&b->arena, record + 64);
    memset(body, 0, record + 64);
    memcpy(body + 16, bytes + SPOOL_SEGMENT_HEADER_BYTES, record);
    b->body[0] = slice_make(body, record + 64);
    b->body_count = 1;
    assert_int_equal(spool_submit(f->spool, &b), STATUS_OK);
    assert_int_equal(fixture_verdict_of(f, NULL), STATUS_OK);
    f->made = 1;
    fixture_put_many(f, 1);
    fixture_close(f);
    free(bytes);
    bytes = fixture_load(fixture_segment(f, 1), &size);
    bytes[SPOOL_SEGMENT_HEADER_BYTES + 30] ^= 1; /* damages the first record's header */
    fixture_store(fixture_segment(f, 1), bytes, size);
    free(bytes);
    fixture_open(f);
    struct spool_reader *reader;
    struct batch_record r;
    assert_int_equal(spool_reader_open(f->spool, 0, &reader), STATUS_OK);
    assert_int_equal(spool_reader_next(reader, &r), STATUS_OK);
    assert_int_equal(r.meta.position, 2);
    assert_true(fixture_is_batch(&r, 2));
    spool_reader_close(reader);
}

static void empty_foreign_and_half_made_files_do_not_stop_the_start(void **state)
{
    struct spool_fixture *f = *state;
    fixture_open(f);
    fixture_put_many(f, 5);
    fixture_close(f);
    char path[512];
    fixture_store(fixture_segment(f, 77), "", 0);
    fixture_store(fixture_segment(f, 78), "garbage", 7);
    snprintf(path, sizeof path, "%s/%020d.seg.new", f->dir, 99);
    fixture_store(path, "half", 4);
    snprintf(path, sizeof path, "%s/notes.txt", f->dir);
    fixture_store(path, "mine", 4);
    fixture_open(f);
    unsigned corrupt;
    assert_int_equal(read_all(f, &corrupt), 5);
    struct spool_stats stats;
    spool_stats(f->spool, &stats);
    assert_int_equal(stats.corrupt_segments, 2);
    assert_int_equal(fixture_files_in(f, "corrupt"), 2);
    assert_int_equal(access(path, F_OK), 0);
    struct batch *b = fixture_batch(f, 6);
    assert_int_equal(spool_submit(f->spool, &b), STATUS_OK);
    uint64_t position;
    assert_int_equal(fixture_verdict_of(f, &position), STATUS_OK);
    assert_true(position > 78); /* what the lost segment may have held is not given again */
}

static void positions_of_a_lost_segment_stay_used_over_more_restarts(void **state)
{
    struct spool_fixture *f = *state;
    fixture_open(f);
    fixture_put_many(f, 5);
    fixture_close(f);
    static const uint8_t zeros[12000];
    fixture_store(fixture_segment(f, 1), zeros, sizeof zeros);
    for (int i = 0; i < 3; i++) {
        fixture_open(f);
        fixture_close(f);
    }
    fixture_open(f);
    struct batch *b = fixture_batch(f, 6);
    assert_int_equal(spool_submit(f->spool, &b), STATUS_OK);
    uint64_t position;
    assert_int_equal(fixture_verdict_of(f, &position), STATUS_OK);
    assert_true(position > 5);
}

static void segment_of_another_spool_is_set_aside(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 9216;
    fixture_open(f);
    fixture_put_many(f, 5);
    fixture_close(f);
    size_t size;
    uint8_t *bytes = fixture_load(fixture_segment(f, 1), &size);
    fixture_remove_tree(f->dir);
    f->made = 0;
    fixture_open(f);
    fixture_put_many(f, 9);
    fixture_close(f);
    /* Takes the place of this spool's first segment. */
    fixture_store(fixture_segment(f, 1), bytes, size);
    free(bytes);
    fixture_open(f);
    assert_int_equal(fixture_files_in(f, "corrupt"), 1);
    unsigned corrupt;
    assert_true(read_all(f, &corrupt) < 9);
    struct spool_stats stats;
    spool_stats(f->spool, &stats);
    assert_int_equal(stats.position, 9);
}

static void missing_segment_leaves_the_others_readable(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 9216;
    fixture_open(f);
    fixture_put_many(f, 10);
    fixture_close(f);
    assert_int_equal(unlink(fixture_nth_segment(f, 1)), 0);
    fixture_open(f);
    unsigned corrupt, n = read_all(f, &corrupt);
    assert_true(n > 3 && n < 10);
    assert_true(misses_any(f, 0));
    f->made = 10;
    fixture_put_many(f, 1);
}

static void newer_format_is_refused_and_left_alone(void **state)
{
    struct spool_fixture *f = *state;
    fixture_open(f);
    fixture_put_many(f, 2);
    fixture_close(f);
    size_t size, after_size;
    uint8_t *bytes = fixture_load(fixture_segment(f, 1), &size);
    for (size_t copy = 0; copy < 8192; copy += 4096) {
        bytes[copy + 8] = SPOOL_FORMAT_VERSION + 1;
        uint32_t crc = crc32c(0, slice_make(bytes + copy, 124));
        for (int i = 0; i < 4; i++)
            bytes[copy + 124 + (size_t)i] = (uint8_t)(crc >> 8 * i);
    }
    fixture_store(fixture_segment(f, 1), bytes, size);
    assert_int_equal(spool_open(&f->options, NULL, NULL, &f->spool, &f->problem), STATUS_VERSION);
    assert_null(f->spool);
    assert_non_null(strstr(f->problem.text, "newer"));
    uint8_t *after = fixture_load(fixture_segment(f, 1), &after_size);
    assert_int_equal(after_size, size);
    assert_memory_equal(after, bytes, size);
    free(after);
    free(bytes);
}

static void positions_stay_above_what_cursors_have_heard_of(void **state)
{
    struct spool_fixture *f = *state;
    fixture_open(f);
    fixture_put_many(f, 3);
    spool_cursor_t cursor;
    uint64_t position;
    assert_int_equal(spool_cursor_open(f->spool, "postgres/0", &cursor, &position), STATUS_OK);
    spool_cursor_advance(f->spool, cursor, 41);
    fixture_put_many(f, 1);
    fixture_close(f);
    assert_int_equal(unlink(fixture_segment(f, 1)), 0);
    fixture_open(f);
    struct batch *b = fixture_batch(f, 5);
    assert_int_equal(spool_submit(f->spool, &b), STATUS_OK);
    assert_int_equal(fixture_verdict_of(f, &position), STATUS_OK);
    assert_int_equal(position, 42);
    fixture_close(f);
    fixture_open(f);
    b = fixture_batch(f, 6);
    assert_int_equal(spool_submit(f->spool, &b), STATUS_OK);
    assert_int_equal(fixture_verdict_of(f, &position), STATUS_OK);
    assert_int_equal(position, 43);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(torn_tail_at_every_byte_of_the_last_record_is_cut),
        TEST(position_of_a_torn_record_is_not_given_again),
        TEST(no_single_bit_flip_alters_or_loses_more_than_one_record),
        TEST(damaged_segment_is_salvaged_once_and_its_original_kept),
        TEST(records_behind_damage_in_the_last_segment_are_found_again),
        TEST(both_headers_lost_still_gives_the_records),
        TEST(body_that_poses_as_a_record_is_never_taken_for_one),
        TEST(empty_foreign_and_half_made_files_do_not_stop_the_start),
        TEST(positions_of_a_lost_segment_stay_used_over_more_restarts),
        TEST(segment_of_another_spool_is_set_aside),
        TEST(missing_segment_leaves_the_others_readable),
        TEST(newer_format_is_refused_and_left_alone),
        TEST(positions_stay_above_what_cursors_have_heard_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
