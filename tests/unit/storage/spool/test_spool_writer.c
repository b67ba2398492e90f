/* The writer: one sync for many batches, no OK without one, failures that are final and lack of
 * space that is not. */
/* wrap: pwritev pread fdatasync fallocate */
#include "tests/support/spool_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>

#include "storage/spool/spool_cursor.h"

ssize_t __real_pwritev(int fd, const struct iovec *iov, int count, off_t offset);
ssize_t __wrap_pwritev(int fd, const struct iovec *iov, int count, off_t offset);
ssize_t __real_pread(int fd, void *to, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *to, size_t size, off_t offset);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_fallocate(int fd, int mode, off_t offset, off_t len);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);

/* errno for the next calls; 0: the real one. */
static atomic_int write_error, read_error, sync_error, allocate_error;
static atomic_uint syncs;
static atomic_long sync_takes_ns; /* a disk's time, for spools in memory */
static atomic_size_t write_most;  /* most bytes one pwritev takes; 0: all */
/* Byte count of segment data known to be synced, to see that no verdict comes before its sync. */
static atomic_ulong bytes_written, bytes_synced;

ssize_t __wrap_pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
    if (atomic_load(&write_error)) {
        errno = atomic_load(&write_error);
        return -1;
    }
    size_t most = atomic_load(&write_most);
    ssize_t n = 0;
    if (most)
        n = pwrite(fd, iov[0].iov_base, iov[0].iov_len < most ? iov[0].iov_len : most, offset);
    else
        n = __real_pwritev(fd, iov, count, offset);
    if (n > 0)
        atomic_fetch_add(&bytes_written, (unsigned long)n);
    return n;
}

ssize_t __wrap_pread(int fd, void *to, size_t size, off_t offset)
{
    if (atomic_load(&read_error)) {
        errno = atomic_load(&read_error);
        return -1;
    }
    return __real_pread(fd, to, size, offset);
}

int __wrap_fdatasync(int fd)
{
    unsigned long written = atomic_load(&bytes_written);
    atomic_fetch_add(&syncs, 1);
    if (atomic_load(&sync_error)) {
        errno = atomic_load(&sync_error);
        return -1;
    }
    nanosleep(&(struct timespec){.tv_nsec = atomic_load(&sync_takes_ns)}, NULL);
    int rc = __real_fdatasync(fd);
    if (rc == 0)
        atomic_store(&bytes_synced, written);
    return rc;
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
    if (atomic_load(&allocate_error)) {
        errno = atomic_load(&allocate_error);
        return -1;
    }
    return __real_fallocate(fd, mode, offset, len);
}

static int setup(void **state)
{
    atomic_store(&write_error, 0);
    atomic_store(&sync_error, 0);
    atomic_store(&allocate_error, 0);
    atomic_store(&sync_takes_ns, 0);
    atomic_store(&syncs, 0);
    atomic_store(&write_most, 0);
    return fixture_setup(state);
}

#define SUBMITTERS 8
#define EACH       200

static void *submit_each(void *arg)
{
    struct spool_fixture *f = arg;
    struct mailbox replies;
    if (mailbox_init(&replies, false) != STATUS_OK)
        return NULL;
    for (uint64_t i = 0; i < EACH; i++) {
        struct batch *b = fixture_batch(f, i + 1);
        b->reply_to = &replies;
        if (spool_submit(f->spool, &b) != STATUS_OK)
            break;
        struct mail *mail = mailbox_wait(&replies, -1);
        if (batch_from_mail(mail)->verdict != STATUS_OK)
            break;
        batch_destroy(batch_from_mail(mail));
    }
    mailbox_fini(&replies);
    return NULL;
}

static void many_submitters_share_syncs(void **state)
{
    struct spool_fixture *f = *state;
    f->options.commit_interval_ns = NS_PER_MS;
    fixture_open(f);
    atomic_store(&syncs, 0);
    atomic_store(&sync_takes_ns, NS_PER_MS);
    pthread_t threads[SUBMITTERS];
    for (int i = 0; i < SUBMITTERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, submit_each, f), 0);
    for (int i = 0; i < SUBMITTERS; i++)
        pthread_join(threads[i], NULL);
    struct spool_stats stats;
    spool_stats(f->spool, &stats);
    assert_int_equal(stats.position, SUBMITTERS * EACH);
    assert_int_equal(stats.queued_batches, 0);
    assert_int_equal(stats.queued_bytes, 0);
    print_message("%u syncs for %d batches\n", atomic_load(&syncs), SUBMITTERS * EACH);
    assert_true(atomic_load(&syncs) < SUBMITTERS * EACH / 2);
}

static void queued_batches_go_with_one_sync(void **state)
{
    struct spool_fixture *f = *state;
    assert_int_equal(spool_open(&f->options, NULL, NULL, &f->spool, &f->problem), STATUS_OK);
    for (int i = 0; i < 1000; i++) {
        struct batch *b = fixture_batch(f, ++f->made);
        assert_int_equal(spool_submit(f->spool, &b), STATUS_OK);
    }
    atomic_store(&syncs, 0);
    assert_int_equal(spool_start(f->spool), STATUS_OK);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(fixture_verdict_of(f, NULL), STATUS_OK);
    assert_true(atomic_load(&syncs) <= 3); /* cursors may take one */
}

static void no_verdict_is_ok_before_its_bytes_are_synced(void **state)
{
    struct spool_fixture *f = *state;
    fixture_open(f);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(fixture_put(f), STATUS_OK);
        assert_true(atomic_load(&bytes_synced) == atomic_load(&bytes_written));
    }
}

static void short_writes_are_continued(void **state)
{
    struct spool_fixture *f = *state;
    fixture_open(f);
    atomic_store(&write_most, 7);
    fixture_put_many(f, 10);
    fixture_close(f);
    fixture_open(f);
    struct spool_reader *reader;
    struct batch_record r;
    assert_int_equal(spool_reader_open(f->spool, 0, &reader), STATUS_OK);
    for (uint64_t n = 1; n <= 10; n++) {
        assert_int_equal(spool_reader_next(reader, &r), STATUS_OK);
        assert_true(fixture_is_batch(&r, n));
    }
    spool_reader_close(reader);
}

static void count_failure(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void fails_for_good(struct spool_fixture *f, atomic_int *error)
{
    atomic_int failures = 0;
    assert_int_equal(spool_open(&f->options, NULL, NULL, &f->spool, &f->problem), STATUS_OK);
    spool_on_failure(f->spool, count_failure, &failures);
    assert_int_equal(spool_start(f->spool), STATUS_OK);
    fixture_put_many(f, 3);
    atomic_store(error, EIO);
    assert_int_equal(fixture_put(f), STATUS_IO);
    atomic_store(error, 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(fixture_put(f), STATUS_IO);
    struct spool_stats stats;
    spool_stats(f->spool, &stats);
    assert_true(stats.failed);
    assert_int_equal(stats.position, 3);
    assert_int_equal(atomic_load(&failures), 1);
    struct spool_reader *reader;
    struct batch_record r;
    assert_int_equal(spool_reader_open(f->spool, 3, &reader), STATUS_OK);
    assert_int_equal(spool_reader_next(reader, &r), STATUS_END);
    spool_reader_close(reader);
}

static void failed_fdatasync_is_final_and_never_ok(void **state)
{
    fails_for_good(*state, &sync_error);
}

static void failed_write_is_final_and_never_ok(void **state)
{
    fails_for_good(*state, &write_error);
}

static void disk_full_under_a_write_refuses_and_recovers(void **state)
{
    struct spool_fixture *f = *state;
    fixture_open(f);
    fixture_put_many(f, 3);
    atomic_store(&write_error, ENOSPC);
    atomic_store(&allocate_error, ENOSPC);
    assert_int_equal(fixture_put(f), STATUS_NO_SPACE);
    assert_int_equal(fixture_put(f), STATUS_NO_SPACE);
    atomic_store(&write_error, 0);
    atomic_store(&allocate_error, 0);
    struct spool_stats stats;
    UNTIL((spool_stats(f->spool, &stats), !stats.full));
    f->made = 3;
    fixture_put_many(f, 2);
    fixture_close(f);
    fixture_open(f);
    spool_stats(f->spool, &stats);
    assert_int_equal(stats.position, 5);
    assert_int_equal(stats.corrupt_segments, 0);
}

/* The next record is read as this one. */
static void assert_next(struct spool_reader *reader, uint64_t number)
{
    struct batch_record record;
    spool_reader_wait(reader, 5 * NS_PER_S);
    assert_int_equal(spool_reader_next(reader, &record), STATUS_OK);
    assert_true(fixture_is_batch(&record, number));
}

/* The disk fills up under the first record of a segment, so that the segment stays empty. */
static void leave_an_empty_segment(struct spool_fixture *f)
{
    struct spool_stats stats;
    atomic_store(&write_error, ENOSPC);
    assert_int_equal(fixture_put(f), STATUS_NO_SPACE);
    atomic_store(&write_error, 0);
    UNTIL((spool_stats(f->spool, &stats), !stats.full));
}

static void records_behind_an_empty_segment_are_read(void **state)
{
    struct spool_fixture *f = *state;
    struct spool_reader *early, *late;
    fixture_open(f);
    leave_an_empty_segment(f);
    assert_int_equal(spool_reader_open(f->spool, 0, &early), STATUS_OK);
    struct batch_record record;
    assert_int_equal(spool_reader_next(early, &record), STATUS_END);
    fixture_put_many(f, 2);
    assert_int_equal(spool_reader_open(f->spool, 0, &late), STATUS_OK);
    for (uint64_t n = 2; n <= 3; n++) {
        assert_next(early, n);
        assert_next(late, n);
    }
    spool_reader_close(early);
    spool_reader_close(late);
}

static void record_that_cannot_be_read_now_is_read_later(void **state)
{
    struct spool_fixture *f = *state;
    struct spool_reader *reader;
    struct batch_record record;
    uint64_t position;
    uint32_t events;
    fixture_open(f);
    fixture_put_many(f, 3);
    assert_int_equal(spool_reader_open(f->spool, 0, &reader), STATUS_OK);
    assert_next(reader, 1);
    fixture_put_many(f, 3); /* not in the reader's buffer yet */
    for (uint64_t n = 2; n <= 3; n++)
        assert_next(reader, n);
    atomic_store(&read_error, EIO);
    assert_int_equal(spool_reader_peek(reader, &position, &events), STATUS_IO);
    assert_int_equal(spool_reader_next(reader, &record), STATUS_IO);
    atomic_store(&read_error, 0);
    assert_int_equal(spool_reader_peek(reader, &position, &events), STATUS_OK);
    assert_int_equal(position, 4);
    atomic_store(&read_error, EIO);
    assert_int_equal(spool_reader_next(reader, &record), STATUS_IO);
    atomic_store(&read_error, 0);
    for (uint64_t n = 4; n <= 6; n++)
        assert_next(reader, n);
    spool_reader_close(reader);
}

static void record_too_large_for_the_empty_segment_left_by_a_crash_is_read(void **state)
{
    struct spool_fixture *f = *state;
    struct spool_reader *early, *late;
    struct spool_stats stats;
    struct batch_record record;
    fixture_open(f);
    leave_an_empty_segment(f);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(spool_reader_open(f->spool, 0, &early), STATUS_OK);
    assert_int_equal(spool_reader_next(early, &record), STATUS_END);
    struct batch *large = fixture_batch_sized(f, 7, 3 << 20);
    assert_int_equal(spool_submit(f->spool, &large), STATUS_OK);
    assert_int_equal(fixture_verdict_of(f, NULL), STATUS_OK);
    assert_int_equal(spool_reader_open(f->spool, 0, &late), STATUS_OK);
    spool_reader_wait(early, 5 * NS_PER_S);
    assert_int_equal(spool_reader_next(early, &record), STATUS_OK);
    assert_int_equal(record.body.size, 3 << 20);
    assert_int_equal(spool_reader_next(late, &record), STATUS_OK);
    spool_reader_close(early);
    spool_reader_close(late);
    fixture_put_many(f, 1);
    fixture_close(f);
    fixture_open(f);
    spool_stats(f->spool, &stats);
    assert_int_equal(stats.position, 2);
    assert_int_equal(stats.corrupt_segments, 0);
}

static void disk_full_at_a_new_segment_refuses_and_recovers(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 9600;
    fixture_open(f);
    fixture_put_many(f, 3);
    atomic_store(&allocate_error, ENOSPC);
    enum status status;
    while ((status = fixture_put(f)) == STATUS_OK)
        ;
    assert_int_equal(status, STATUS_NO_SPACE);
    atomic_store(&allocate_error, 0);
    struct spool_stats stats;
    UNTIL((spool_stats(f->spool, &stats), !stats.full));
    fixture_put_many(f, 3);
    assert_int_equal(fixture_files_in(f, "corrupt"), 0);
}

static void file_system_without_preallocation_is_good_enough(void **state)
{
    struct spool_fixture *f = *state;
    atomic_store(&allocate_error, EOPNOTSUPP);
    fixture_open(f);
    fixture_put_many(f, 3);
}

static void max_bytes_refuses_until_cursors_pass(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 9600;
    f->options.max_bytes = 40000;
    fixture_open(f);
    spool_cursor_t cursor;
    uint64_t position;
    assert_int_equal(spool_cursor_open(f->spool, "kafka", &cursor, &position), STATUS_OK);
    assert_int_equal(position, 0);
    spool_cursors_settle(f->spool);
    enum status status;
    while ((status = fixture_put(f)) == STATUS_OK)
        ;
    assert_int_equal(status, STATUS_NO_SPACE);
    struct spool_stats stats;
    spool_stats(f->spool, &stats);
    assert_true(stats.full);
    assert_true(stats.bytes <= 40000);
    assert_int_equal(fixture_put(f), STATUS_NO_SPACE);
    spool_cursor_advance(f->spool, cursor, stats.position);
    UNTIL((spool_stats(f->spool, &stats), !stats.full));
    fixture_put_many(f, 3);
    spool_stats(f->spool, &stats);
    assert_true(stats.first_position > 1);
}

static void reserve_of_the_file_system_is_kept(void **state)
{
    struct spool_fixture *f = *state;
    f->options.reserve_bytes = UINT64_C(1) << 60;
    fixture_open(f);
    assert_int_equal(fixture_put(f), STATUS_NO_SPACE);
}

static void owner_that_is_gone_gets_no_verdict(void **state)
{
    struct spool_fixture *f = *state;
    fixture_open(f);
    struct mailbox gone;
    assert_int_equal(mailbox_init(&gone, false), STATUS_OK);
    mailbox_close(&gone);
    struct batch *b = fixture_batch(f, ++f->made);
    b->reply_to = &gone;
    assert_int_equal(spool_submit(f->spool, &b), STATUS_OK);
    fixture_put_many(f, 1);
    mailbox_fini(&gone);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(many_submitters_share_syncs),
        TEST(queued_batches_go_with_one_sync),
        TEST(no_verdict_is_ok_before_its_bytes_are_synced),
        TEST(short_writes_are_continued),
        TEST(failed_fdatasync_is_final_and_never_ok),
        TEST(failed_write_is_final_and_never_ok),
        TEST(disk_full_under_a_write_refuses_and_recovers),
        TEST(disk_full_at_a_new_segment_refuses_and_recovers),
        TEST(records_behind_an_empty_segment_are_read),
        TEST(record_too_large_for_the_empty_segment_left_by_a_crash_is_read),
        TEST(record_that_cannot_be_read_now_is_read_later),
        TEST(file_system_without_preallocation_is_good_enough),
        TEST(max_bytes_refuses_until_cursors_pass),
        TEST(reserve_of_the_file_system_is_kept),
        TEST(owner_that_is_gone_gets_no_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
