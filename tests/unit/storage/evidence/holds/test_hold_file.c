/* The file of legal holds: lines that are added are read; changed and torn ones are not. */
#include "tests/support/spool_fixture.h"

#include <sys/file.h>

#include "storage/evidence/holds/hold_file.h"

static struct hold example(uint8_t number)
{
    struct hold h = {.kind = HOLD_VEHICLE, .added_ns = 5, .until_ns = INT64_MAX};
    memset(h.id, number, sizeof h.id);
    memset(h.vehicle_pid, 0xab, sizeof h.vehicle_pid);
    snprintf(h.reason, sizeof h.reason, "case \"%d\" \xe2\x80\x93 court", number);
    snprintf(h.by, sizeof h.by, "auditor (1000)");
    return h;
}

static void file_path(const struct spool_fixture *f, char path[400])
{
    snprintf(path, 400, "%s/" HOLDS_FILE, f->dir);
}

static void test_holds_are_added_and_released(void **state)
{
    struct spool_fixture *f = *state;
    struct hold a = example(1), b = example(2), c = example(3);
    struct holds holds;
    struct problem problem;
    b.kind = HOLD_BATCH;
    memset(b.batch_uid, 7, sizeof b.batch_uid);
    c.kind = HOLD_TIME;
    c.from_ns = -10;
    c.to_ns = 10;
    c.until_ns = 1000;
    assert_int_equal(holds_read(f->dir, &holds, &problem), STATUS_OK);
    assert_int_equal(holds.count, 0);
    assert_int_equal(holds_add(f->dir, &a, &problem), STATUS_OK);
    assert_int_equal(holds_add(f->dir, &b, &problem), STATUS_OK);
    assert_int_equal(holds_add(f->dir, &c, &problem), STATUS_OK);
    snprintf(a.release_reason, sizeof a.release_reason, "over");
    snprintf(a.released_by, sizeof a.released_by, "me");
    a.released_ns = 77;
    assert_int_equal(holds_release(f->dir, &a, &problem), STATUS_OK);
    assert_int_equal(holds_read(f->dir, &holds, &problem), STATUS_OK);
    assert_int_equal(holds.count, 3);
    assert_int_equal(holds.damaged, 0);
    assert_true(holds.items[0].released && holds.items[0].released_ns == 77);
    assert_string_equal(holds.items[0].reason, a.reason);
    assert_memory_equal(holds.items[0].vehicle_pid, a.vehicle_pid, HOLD_PID_BYTES);
    assert_memory_equal(holds.items[1].batch_uid, b.batch_uid, UUID_BYTES);
    assert_true(hold_is_active(&holds.items[1], INT64_MAX - 1));
    assert_true(hold_is_active(&holds.items[2], 999) && !hold_is_active(&holds.items[2], 1000));
    assert_int_equal(holds.items[2].from_ns, -10);
    assert_ptr_equal(holds_find(&holds, b.id), &holds.items[1]);
    holds_fini(&holds);
}

static void test_torn_line_is_cut_and_changed_one_is_counted(void **state)
{
    struct spool_fixture *f = *state;
    struct hold a = example(1), b = example(2);
    struct holds holds;
    struct problem problem;
    char path[400];
    file_path(f, path);
    assert_int_equal(holds_add(f->dir, &a, &problem), STATUS_OK);
    int fd = open(path, O_RDWR | O_APPEND);
    assert_int_equal(write(fd, "0123 torn", 9), 9);
    assert_int_equal(holds_read(f->dir, &holds, &problem), STATUS_OK);
    assert_true(holds.count == 1 && !holds.damaged);
    holds_fini(&holds);
    assert_int_equal(holds_add(f->dir, &b, &problem), STATUS_OK);
    assert_int_equal(holds_read(f->dir, &holds, &problem), STATUS_OK);
    assert_true(holds.count == 2 && !holds.damaged);
    holds_fini(&holds);
    close(fd);
    fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, "x", 1, 40), 1);
    assert_int_equal(holds_read(f->dir, &holds, &problem), STATUS_OK);
    assert_true(holds.count == 1 && holds.damaged == 1);
    holds_fini(&holds);
    close(fd);
}

static void test_no_hold_is_added_while_a_segment_is_removed(void **state)
{
    struct spool_fixture *f = *state;
    int remover, other;
    uint64_t bytes;
    assert_int_equal(holds_open(f->dir, &remover), STATUS_OK);
    assert_int_equal(holds_open(f->dir, &other), STATUS_OK);
    assert_int_equal(holds_begin(remover, &bytes), STATUS_OK);
    assert_int_equal(bytes, 0);
    assert_int_not_equal(flock(other, LOCK_EX | LOCK_NB), 0);
    holds_end(remover);
    assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(holds_begin(remover, &bytes), STATUS_BUSY);
    close(remover);
    close(other);
}

static void test_line_that_could_not_be_read_back_is_not_written(void **state)
{
    struct spool_fixture *f = *state;
    struct hold a = example(1), b = example(2);
    struct holds holds;
    struct problem problem;
    assert_int_equal(holds_add(f->dir, &a, &problem), STATUS_OK);
    snprintf(b.reason, sizeof b.reason, "Beh\xf6rde");
    assert_int_equal(holds_add(f->dir, &b, &problem), STATUS_REFUSED);
    assert_int_equal(holds_read(f->dir, &holds, &problem), STATUS_OK);
    assert_true(holds.count == 1 && !holds.damaged);
    holds_fini(&holds);
}

static void test_replaced_file_is_not_the_current_one(void **state)
{
    struct spool_fixture *f = *state;
    char path[400], copy[410];
    int fd, other;
    file_path(f, path);
    snprintf(copy, sizeof copy, "%s.copy", path);
    assert_int_equal(holds_open(f->dir, &fd), STATUS_OK);
    assert_true(holds_is_current(f->dir, fd));
    other = open(copy, O_RDWR | O_CREAT, 0600);
    assert_int_equal(rename(copy, path), 0);
    assert_false(holds_is_current(f->dir, fd));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(holds_open_there(f->dir, &fd), STATUS_NOT_FOUND);
    close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_holds_are_added_and_released, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_torn_line_is_cut_and_changed_one_is_counted,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_line_that_could_not_be_read_back_is_not_written,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_replaced_file_is_not_the_current_one, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_no_hold_is_added_while_a_segment_is_removed,
                                        fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
