/* test_file_log.c: what is committed stays, what is not is cut, and a rotation that a crash broke
 * off is finished. Crashes are played by putting the files into the state they leave behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log/log.h"
#include "storage/sinks/file/file_log.h"

static char dir[64], path[96];
static const uint8_t uid[UUID_BYTES] = {1, 2, 3};
static struct file_log file;

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/vsocd-file-log-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/events.ndjson", dir);
    log_configure(LOG_ERROR, LOG_JSON);
    file_log_init(&file, path, 0, 2, uid);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    file_log_close(&file);
    snprintf(command, sizeof command, "rm -r '%s'", dir);
    return system(command);
}

static const char *name_of(const char *suffix)
{
    static char name[160];
    snprintf(name, sizeof name, "%s%s", path, suffix);
    return name;
}

static void put(const char *suffix, const char *text)
{
    FILE *f = fopen(name_of(suffix), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static const char *get(const char *suffix)
{
    static char text[4096];
    FILE *f = fopen(name_of(suffix), "r");
    if (!f)
        return "(none)";
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

static void reopen(void)
{
    file_log_close(&file);
    file_log_init(&file, path, file.rotate_bytes, file.keep, uid);
    assert_int_equal(file_log_open(&file), STATUS_OK);
}

static void append(const char *text)
{
    assert_int_equal(file_log_append(&file, slice_from_text(text)), STATUS_OK);
}

static void load(const char *text, uint64_t position)
{
    append(text);
    struct sink_position end = {true, position, {(uint8_t)position}};
    assert_int_equal(file_log_commit(&file, &end), STATUS_OK);
}

static void new_file_has_no_position(void **state)
{
    (void)state;
    reopen();
    assert_false(file.there.known);
    assert_string_equal(get(""), "");
}

static void committed_load_and_position_are_there_after_a_restart(void **state)
{
    (void)state;
    reopen();
    load("a\n", 7);
    load("b\n", 9);
    reopen();
    assert_true(file.there.known);
    assert_int_equal(file.there.position, 9);
    assert_int_equal(file.there.batch_uid[0], 9);
    assert_string_equal(get(""), "a\nb\n");
}

static void load_that_was_not_committed_is_cut_off(void **state)
{
    (void)state;
    reopen();
    load("a\n", 7);
    append("half a lo");
    reopen();
    assert_int_equal(file.there.position, 7);
    assert_string_equal(get(""), "a\n");
    load("b\n", 8);
    assert_string_equal(get(""), "a\nb\n");
}

static void first_load_that_was_not_committed_is_cut_off_too(void **state)
{
    (void)state;
    put("", "older\n");
    reopen();
    append("half a lo");
    reopen();
    assert_false(file.there.known);
    assert_string_equal(get(""), "older\n");
}

static void file_of_somebody_else_is_added_to(void **state)
{
    (void)state;
    put("", "older\n");
    reopen();
    assert_false(file.there.known);
    load("a\n", 1);
    assert_string_equal(get(""), "older\na\n");
}

static void file_cut_by_somebody_else_goes_on_at_its_end(void **state)
{
    (void)state;
    reopen();
    load("a long line\n", 7);
    put("", "");
    reopen();
    assert_int_equal(file.there.position, 7);
    load("b\n", 8);
    assert_string_equal(get(""), "b\n");
}

static void position_of_another_spool_is_not_known_but_its_tail_is_cut(void **state)
{
    (void)state;
    static const uint8_t other[UUID_BYTES] = {9};
    reopen();
    load("a\n", 7);
    append("tail");
    file_log_close(&file);
    file_log_init(&file, path, 0, 2, other);
    assert_int_equal(file_log_open(&file), STATUS_OK);
    assert_false(file.there.known);
    assert_string_equal(get(""), "a\n");
}

static void file_has_one_writer_and_the_next_goes_on_where_it_ended(void **state)
{
    (void)state;
    struct file_log other;
    file_log_init(&other, path, 0, 2, uid);
    assert_int_equal(file_log_open(&other), STATUS_OK);
    assert_int_equal(file_log_open(&file), STATUS_BUSY);
    assert_non_null(strstr(file.reason, "another process"));
    assert_int_equal(file_log_append(&other, SLICE_LITERAL("a\n")), STATUS_OK);
    assert_int_equal(file_log_commit(&other, &(struct sink_position){true, 7, {7}}), STATUS_OK);
    file_log_close(&other);
    assert_int_equal(file_log_open(&file), STATUS_OK);
    assert_int_equal(file.there.position, 7);
    assert_string_equal(get(""), "a\n");
}

static void damaged_position_file_is_refused_with_advice(void **state)
{
    (void)state;
    put(".position", "vsocd-file-position 1\nspool zzz\n");
    assert_int_equal(file_log_open(&file), STATUS_CORRUPT);
    assert_non_null(strstr(file.reason, "is damaged"));
    put(".position", "");
    assert_int_equal(file_log_open(&file), STATUS_CORRUPT);
}

static void missing_directory_is_named(void **state)
{
    (void)state;
    file_log_init(&file, "/nonexistent/events", 0, 2, uid);
    assert_int_equal(file_log_open(&file), STATUS_NOT_FOUND);
    assert_non_null(strstr(file.reason, "/nonexistent/events: No such file"));
}

static void full_disk_is_no_space(void **state)
{
    (void)state;
    file_log_init(&file, "/dev/full", 0, 2, uid);
    file.fd = open("/dev/full", O_WRONLY);
    assert_int_equal(file_log_append(&file, SLICE_LITERAL("x")), STATUS_NO_SPACE);
    assert_non_null(strstr(file.reason, "No space left"));
}

static void large_file_is_rotated_and_the_oldest_dropped(void **state)
{
    (void)state;
    file.rotate_bytes = 4;
    reopen();
    load("a\n", 1);
    assert_string_equal(get(".1"), "(none)");
    load("b\n", 2);
    assert_string_equal(get(""), "");
    assert_string_equal(get(".1"), "a\nb\n");
    load("cccc\n", 3);
    load("dddd\n", 4);
    assert_string_equal(get(".1"), "dddd\n");
    assert_string_equal(get(".2"), "cccc\n");
    assert_string_equal(get(".3"), "(none)");
    reopen();
    assert_int_equal(file.there.position, 4);
    assert_int_equal(file.size, 0);
}

/* Each state a crash can leave between "rotating 1" and "rotating 0". */
static void broken_off_rotation_is_finished(void **state)
{
    (void)state;
    static const char *const before[][3] = {
        {"new\n", "mid\n", "old\n"}, /* nothing renamed yet */
        {"new\n", NULL, "mid\n"},    /* .1 is .2 */
        {NULL, "new\n", "mid\n"},    /* the file is .1 */
        {"", "new\n", "mid\n"},      /* and a new one made */
    };
    static const char *const names[] = {"", ".1", ".2"};
    for (size_t i = 0; i < 4; i++) {
        file_log_close(&file);
        file_log_init(&file, path, 4, 2, uid);
        for (size_t k = 0; k < 3; k++) {
            unlink(name_of(names[k]));
            if (before[i][k])
                put(names[k], before[i][k]);
        }
        put(".position", "vsocd-file-position 1\nspool 01020300-0000-0000-0000-000000000000\n"
                         "position 5\nbatch 04050600-0000-0000-0000-000000000000\nsize 4\n"
                         "rotating 1\n");
        reopen();
        assert_int_equal(file.there.position, 5);
        assert_string_equal(get(""), "");
        assert_string_equal(get(".1"), "new\n");
        assert_string_equal(get(".2"), "mid\n");
        assert_non_null(strstr(get(".position"), "size 0\nrotating 0\n"));
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(new_file_has_no_position),
        TEST(committed_load_and_position_are_there_after_a_restart),
        TEST(load_that_was_not_committed_is_cut_off),
        TEST(first_load_that_was_not_committed_is_cut_off_too),
        TEST(file_of_somebody_else_is_added_to),
        TEST(file_cut_by_somebody_else_goes_on_at_its_end),
        TEST(position_of_another_spool_is_not_known_but_its_tail_is_cut),
        TEST(file_has_one_writer_and_the_next_goes_on_where_it_ended),
        TEST(damaged_position_file_is_refused_with_advice),
        TEST(missing_directory_is_named),
        TEST(full_disk_is_no_space),
        TEST(large_file_is_rotated_and_the_oldest_dropped),
        TEST(broken_off_rotation_is_finished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
