/* The cursor file: the newest whole slot counts, damage means absent, never a wrong position. */
#include "tests/support/spool_fixture.h"

#include "storage/spool/spool_cursor.h"

static char *cursor_path(struct spool_fixture *f)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/" SPOOL_CURSOR_FILE, f->dir);
    return path;
}

static struct spool_cursor_table table_at(uint64_t position)
{
    struct spool_cursor_table t = {.count = 2};
    memset(t.spool_uid, 7, UUID_BYTES);
    snprintf(t.entries[0].name, sizeof t.entries[0].name, "kafka/0");
    t.entries[0].position = position;
    snprintf(t.entries[1].name, sizeof t.entries[1].name, "postgres/1");
    t.entries[1].position = position + 1;
    return t;
}

static int store_times(struct spool_fixture *f, unsigned times)
{
    int dir_fd = open(f->dir, O_RDONLY | O_DIRECTORY), fd;
    assert_int_equal(spool_cursor_create(dir_fd, &fd), STATUS_OK);
    struct spool_cursor_table t = table_at(0);
    for (unsigned i = 1; i <= times; i++) {
        t.entries[0].position = i * 10;
        assert_int_equal(spool_cursor_store(fd, &t), STATUS_OK);
    }
    close(fd);
    return dir_fd;
}

static void newest_slot_is_read_back(void **state)
{
    struct spool_fixture *f = *state;
    for (unsigned times = 1; times < 6; times++) {
        unlink(cursor_path(f));
        int dir_fd = store_times(f, times);
        struct spool_cursor_table t;
        assert_int_equal(spool_cursor_load(dir_fd, &t), STATUS_OK);
        assert_int_equal(t.count, 2);
        assert_int_equal(t.generation, times);
        assert_int_equal(t.entries[0].position, times * 10);
        assert_string_equal(t.entries[1].name, "postgres/1");
        close(dir_fd);
    }
}

static void damaged_byte_anywhere_gives_the_other_slot(void **state)
{
    struct spool_fixture *f = *state;
    int dir_fd = store_times(f, 2); /* slot 1: generation 1, slot 0: generation 2 */
    size_t size;
    uint8_t *bytes = fixture_load(cursor_path(f), &size);
    assert_int_equal(size, 16384);
    for (size_t at = 0; at < size; at += at % 8192 < 256 ? 1 : 97) {
        bytes[at] ^= 0x40;
        fixture_store(cursor_path(f), bytes, size);
        bytes[at] ^= 0x40;
        struct spool_cursor_table t;
        assert_int_equal(spool_cursor_load(dir_fd, &t), STATUS_OK);
        assert_int_equal(t.entries[0].position, at < 8192 ? 10 : 20);
    }
    free(bytes);
    close(dir_fd);
}

static void missing_empty_short_or_foreign_file_is_absent(void **state)
{
    struct spool_fixture *f = *state;
    int dir_fd = open(f->dir, O_RDONLY | O_DIRECTORY);
    struct spool_cursor_table t;
    assert_int_equal(spool_cursor_load(dir_fd, &t), STATUS_NOT_FOUND);
    static const uint8_t zeros[16384];
    for (size_t size = 0; size <= sizeof zeros; size += 4096) {
        fixture_store(cursor_path(f), zeros, size);
        assert_int_equal(spool_cursor_load(dir_fd, &t), STATUS_NOT_FOUND);
    }
    close(dir_fd);
}

static void lost_cursor_file_starts_readers_at_the_oldest_record(void **state)
{
    struct spool_fixture *f = *state;
    spool_cursor_t cursor;
    uint64_t position;
    fixture_open(f);
    assert_int_equal(spool_cursor_open(f->spool, "kafka", &cursor, &position), STATUS_OK);
    fixture_put_many(f, 5);
    spool_cursor_advance(f->spool, cursor, 5);
    fixture_close(f);
    fixture_store(cursor_path(f), "", 0);
    fixture_open(f);
    assert_int_equal(spool_cursor_open(f->spool, "kafka", &cursor, &position), STATUS_OK);
    assert_int_equal(position, 0);
}

static void cursors_survive_a_restart_and_never_go_back(void **state)
{
    struct spool_fixture *f = *state;
    spool_cursor_t cursor, same;
    uint64_t position;
    fixture_open(f);
    fixture_put_many(f, 5);
    assert_int_equal(spool_cursor_open(f->spool, "kafka", &cursor, &position), STATUS_OK);
    spool_cursor_advance(f->spool, cursor, 4);
    spool_cursor_advance(f->spool, cursor, 2);
    assert_int_equal(spool_cursor_open(f->spool, "kafka", &same, &position), STATUS_OK);
    assert_int_equal(cursor, same);
    assert_int_equal(position, 4);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(spool_cursor_open(f->spool, "kafka", &cursor, &position), STATUS_OK);
    assert_int_equal(position, 4);
}

/* Sinks deliver on after the writer has stopped. */
static void cursor_moved_after_the_writer_stopped_is_kept(void **state)
{
    struct spool_fixture *f = *state;
    spool_cursor_t cursor;
    uint64_t position;
    fixture_open(f);
    assert_int_equal(spool_cursor_open(f->spool, "kafka", &cursor, &position), STATUS_OK);
    fixture_put_many(f, 5);
    spool_stop(f->spool);
    spool_cursor_advance(f->spool, cursor, 5);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(spool_cursor_open(f->spool, "kafka", &cursor, &position), STATUS_OK);
    assert_int_equal(position, 5);
}

static void returned_cursor_stays_where_it_was_put(void **state)
{
    struct spool_fixture *f = *state;
    spool_cursor_t cursor;
    uint64_t position;
    fixture_open(f);
    fixture_put_many(f, 5);
    assert_int_equal(spool_cursor_open(f->spool, "kafka", &cursor, &position), STATUS_OK);
    spool_cursor_advance(f->spool, cursor, 4);
    spool_cursor_return(f->spool, cursor, 2);
    spool_cursor_return(f->spool, cursor, 3);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(spool_cursor_open(f->spool, "kafka", &cursor, &position), STATUS_OK);
    assert_int_equal(position, 2);
    assert_int_equal(fixture_put(f), STATUS_OK);
    struct spool_stats stats;
    spool_stats(f->spool, &stats);
    assert_int_equal(stats.position, 6);
}

static void too_many_or_too_long_names_are_refused(void **state)
{
    struct spool_fixture *f = *state;
    spool_cursor_t cursor;
    uint64_t position;
    char name[80];
    fixture_open(f);
    for (int i = 0; i < SPOOL_CURSOR_MAX; i++) {
        snprintf(name, sizeof name, "sink/%d", i);
        assert_int_equal(spool_cursor_open(f->spool, name, &cursor, &position), STATUS_OK);
    }
    assert_int_equal(spool_cursor_open(f->spool, "more", &cursor, &position), STATUS_TOO_MANY);
    memset(name, 'x', sizeof name);
    name[SPOOL_CURSOR_NAME_BYTES] = '\0';
    assert_int_equal(spool_cursor_open(f->spool, name, &cursor, &position), STATUS_TOO_LARGE);
    assert_int_equal(spool_cursor_open(f->spool, "", &cursor, &position), STATUS_TOO_LARGE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(newest_slot_is_read_back),
        TEST(damaged_byte_anywhere_gives_the_other_slot),
        TEST(missing_empty_short_or_foreign_file_is_absent),
        TEST(lost_cursor_file_starts_readers_at_the_oldest_record),
        TEST(cursors_survive_a_restart_and_never_go_back),
        TEST(cursor_moved_after_the_writer_stopped_is_kept),
        TEST(returned_cursor_stays_where_it_was_put),
        TEST(too_many_or_too_long_names_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
