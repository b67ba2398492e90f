/* What stays and what goes: retention, evidence, and what people are told of a full disk. */
/* wrap: fallocate pwrite fstatvfs */
#include "tests/support/spool_fixture.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/statvfs.h>

#include "core/metrics/metrics.h"
#include "storage/spool/spool_eviction.h"

#define ENTRY_BYTES 160 /* of the file of evictions */

int __real_fallocate(int fd, int mode, off_t offset, off_t len);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);
ssize_t __real_pwrite(int fd, const void *bytes, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset);
int __real_fstatvfs(int fd, struct statvfs *fs);
int __wrap_fstatvfs(int fd, struct statvfs *fs);

/* errno for the next calls; 0: the real one. */
static atomic_int allocate_error, eviction_error;

/* What the file system says while it is set. */
static struct statvfs said;
static atomic_bool says;

static void fixture_statvfs(struct statvfs fs)
{
    atomic_store(&says, false);
    said = fs;
    atomic_store(&says, true);
}

int __wrap_fstatvfs(int fd, struct statvfs *fs)
{
    if (!atomic_load(&says))
        return __real_fstatvfs(fd, fs);
    *fs = said;
    return 0;
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    if (atomic_load(&eviction_error) && size == ENTRY_BYTES) {
        errno = atomic_load(&eviction_error);
        return -1;
    }
    return __real_pwrite(fd, bytes, size, offset);
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
    atomic_store(&allocate_error, 0);
    atomic_store(&eviction_error, 0);
    atomic_store(&says, false);
    return fixture_setup(state);
}

static enum spool_full fixture_full_for(struct spool_fixture *f)
{
    struct spool_stats stats;
    spool_stats(f->spool, &stats);
    return stats.full_for;
}

/* Clocks of the retention tests: time that passed, and what the wall clock was set forward by. */
static atomic_long passed_s, set_s;

static int64_t real_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t fake_monotonic(void)
{
    return real_ns(CLOCK_MONOTONIC) + atomic_load(&passed_s) * NS_PER_S;
}

static int64_t fake_wall(void)
{
    return real_ns(CLOCK_REALTIME) + (atomic_load(&passed_s) + atomic_load(&set_s)) * NS_PER_S;
}

static uint64_t first_kept(struct spool_fixture *f)
{
    struct spool_stats stats;
    spool_stats(f->spool, &stats);
    return stats.first_position;
}

/* 21 or more records in several segments that all sinks have passed up to 20. */
static void fixture_put_evidence(struct spool_fixture *f, int64_t retention_s)
{
    f->options.segment_bytes = 9600;
    f->options.evidence_ns = retention_s * NS_PER_S;
    f->options.evidence_bytes = UINT64_MAX;
    atomic_store(&passed_s, 0);
    atomic_store(&set_s, 0);
    clock_fake(fake_wall, fake_monotonic);
    fixture_open(f);
    spool_cursor_t cursor;
    uint64_t position;
    assert_int_equal(spool_cursor_open(f->spool, "kafka", &cursor, &position), STATUS_OK);
    spool_cursors_settle(f->spool);
    fixture_put_many(f, 20);
    spool_cursor_advance(f->spool, cursor, 20);
    UNTIL(fixture_put(f) == STATUS_OK && first_kept(f) == 1 && f->made > 60);
}

static void evidence_keeps_passed_segments_for_its_time(void **state)
{
    struct spool_fixture *f = *state;
    fixture_put_evidence(f, 100);
    atomic_store(&passed_s, 101);
    UNTIL(fixture_put(f) == STATUS_OK && first_kept(f) > 12);
    assert_true(first_kept(f) <= 21); /* what the cursor has not passed stays */
}

/* Lets the writer look at its clocks. */
static void pass(struct spool_fixture *f, long seconds)
{
    for (long step = seconds / 5, n = 0; n < 5; n++) {
        atomic_fetch_add(&passed_s, step);
        uint32_t made = f->made;
        UNTIL(fixture_put(f) == STATUS_OK && f->made > made + 3);
    }
}

static void clock_that_jumps_ahead_removes_no_evidence(void **state)
{
    struct spool_fixture *f = *state;
    fixture_put_evidence(f, 90 * 24 * 3600);
    pass(f, 7200);
    atomic_store(&set_s, 91 * 24 * 3600);
    pass(f, 3000);
    assert_int_equal(first_kept(f), 1);
    atomic_store(&set_s, 0);
    pass(f, 7200);
    assert_int_equal(first_kept(f), 1);
    atomic_store(&set_s, 91 * 24 * 3600); /* and stays: then that is the time */
    pass(f, 3000);
    pass(f, 3000);
    UNTIL(fixture_put(f) == STATUS_OK && first_kept(f) > 12);
}

static void evidence_is_cut_at_its_bytes(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 9600;
    f->options.evidence_ns = INT64_MAX;
    f->options.evidence_bytes = 3 * 9600;
    f->options.evict = true;
    fixture_open(f);
    spool_cursors_settle(f->spool);
    fixture_put_many(f, 40);
    struct spool_stats stats;
    UNTIL((spool_stats(f->spool, &stats), stats.bytes <= 4 * 9600 + 9600));
    assert_true(stats.bytes >= 2 * 9600);
}

/* Sums up what is on record; next: the position that must come. */
struct on_record {
    uint64_t next, batches, entries;
    enum spool_eviction_cause cause;
};

static void sum_up(void *arg, const struct spool_eviction *e)
{
    struct on_record *r = arg;
    assert_int_equal(e->first, r->next);
    assert_true(e->last >= e->first && e->newest_ns >= e->oldest_ns && e->file_bytes > 0);
    assert_int_equal(e->batches, e->last - e->first + 1);
    assert_true(e->events >= e->batches);
    r->next = e->last + 1;
    r->batches += e->batches;
    r->entries++;
    r->cause = e->cause;
}

static struct on_record read_record(struct spool_fixture *f)
{
    struct on_record r = {.next = 1};
    uint64_t damaged;
    int fd = open(f->dir, O_RDONLY | O_DIRECTORY);
    assert_int_equal(spool_eviction_read(fd, sum_up, &r, &damaged), STATUS_OK);
    close(fd);
    assert_int_equal(damaged, 0);
    return r;
}

/* All that went inside its retention is on record, also after a restart, and counted. */
static void evicted_evidence_is_on_record(void **state)
{
    struct spool_fixture *f = *state;
    metric_t counter = metric_series(METRIC_vsocd_evidence_evicted_batches_total, "");
    double before = metric_value(counter);
    f->options.segment_bytes = 9600;
    f->options.evidence_ns = INT64_MAX;
    f->options.evidence_bytes = 2 * 9600;
    f->options.evict = true;
    fixture_open(f);
    spool_cursors_settle(f->spool);
    fixture_put_many(f, 40);
    UNTIL(first_kept(f) > 20);
    fixture_close(f);
    struct on_record r = read_record(f);
    assert_true(metric_value(counter) - before == (double)r.batches);
    assert_int_equal(r.cause, SPOOL_EVICTED_BYTES);
    fixture_open(f);
    assert_int_equal(first_kept(f), r.next);
    spool_cursors_settle(f->spool);
    fixture_put_many(f, 40);
    UNTIL(first_kept(f) > 60);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(first_kept(f), read_record(f).next);
}

/* spool.max_bytes is reached: with evict, evidence makes room at once. */
static void evidence_makes_room_for_new_batches_when_it_may(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 9600;
    f->options.max_bytes = 40000;
    f->options.evidence_ns = INT64_MAX;
    f->options.evidence_bytes = UINT64_MAX;
    f->options.evict = true;
    fixture_open(f);
    spool_cursors_settle(f->spool);
    fixture_put_many(f, 60);
    assert_int_equal(read_record(f).cause, SPOOL_EVICTED_ROOM);
    assert_int_equal(read_record(f).next, first_kept(f));
}

/* No entry, no eviction. */
static void evidence_that_cannot_be_put_on_record_stays(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 9600;
    f->options.max_bytes = 40000;
    f->options.evidence_ns = INT64_MAX;
    f->options.evidence_bytes = UINT64_MAX;
    f->options.evict = true;
    fixture_open(f);
    spool_cursors_settle(f->spool);
    atomic_store(&eviction_error, ENOSPC);
    enum status status;
    while ((status = fixture_put(f)) == STATUS_OK)
        ;
    assert_int_equal(status, STATUS_NO_SPACE);
    assert_int_equal(first_kept(f), 1);
    atomic_store(&eviction_error, 0);
    struct spool_stats stats;
    UNTIL((spool_stats(f->spool, &stats), !stats.full));
    fixture_put_many(f, 3);
    assert_true(first_kept(f) > 1);
}

/* The promise: nothing inside its retention goes; new batches are refused until it ages. */
static void evidence_at_its_bytes_refuses_until_it_is_old(void **state)
{
    struct spool_fixture *f = *state;
    struct spool_stats stats;
    f->options.segment_bytes = 9600;
    f->options.evidence_ns = 100 * NS_PER_S;
    f->options.evidence_bytes = 3 * 9600;
    atomic_store(&passed_s, 0);
    atomic_store(&set_s, 0);
    clock_fake(fake_wall, fake_monotonic);
    fixture_open(f);
    spool_cursors_settle(f->spool);
    enum status status;
    while ((status = fixture_put(f)) == STATUS_OK)
        assert_true(f->made < 1000);
    assert_int_equal(status, STATUS_NO_SPACE);
    spool_stats(f->spool, &stats);
    assert_true(stats.full);
    assert_int_equal(stats.full_for, SPOOL_FULL_EVIDENCE);
    assert_int_equal(spool_full_code(stats.full_for), REFUSAL_evidence_full);
    assert_non_null(strstr(spool_full_reason(stats.full_for), "evidence.when_full"));
    assert_null(strstr(spool_full_reason(stats.full_for), "sinks back"));
    assert_int_equal(stats.first_position, 1);
    assert_true(stats.evidence_bytes <= 3 * 9600 + 9600);
    atomic_store(&passed_s, 101);
    UNTIL((spool_stats(f->spool, &stats), !stats.full));
    fixture_put_many(f, 3);
    assert_int_equal(read_record(f).entries, 0); /* they were old: none was evicted */
}

/* What is full, and of what: where statvfs and errno point. */
static void assert_full_for(struct spool_fixture *f, enum spool_full expected, const char *words)
{
    struct spool_stats stats;
    spool_stats(f->spool, &stats);
    assert_true(stats.full);
    assert_int_equal(stats.full_for, expected);
    if (!strstr(spool_full_reason(stats.full_for), words))
        fail_msg("'%s' is not in '%s'", words, spool_full_reason(stats.full_for));
}

static void put_until_full(struct spool_fixture *f)
{
    enum status status;
    while ((status = fixture_put(f)) == STATUS_OK)
        assert_true(f->made < 1000);
    assert_int_equal(status, STATUS_NO_SPACE);
}

static void disk_that_others_fill_is_not_said_to_be_full_of_evidence(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 9600;
    f->options.evidence_ns = INT64_MAX;
    f->options.evidence_bytes = UINT64_MAX;
    fixture_open(f);
    spool_cursors_settle(f->spool);
    fixture_put_many(f, 20); /* most of the spool is evidence */
    fixture_statvfs(
        (struct statvfs){.f_frsize = 4096, .f_blocks = 1000000, .f_files = 1000, .f_favail = 10});
    put_until_full(f);
    assert_full_for(f, SPOOL_FULL_OTHERS, "files that do not belong to the spool");
    fixture_statvfs(
        (struct statvfs){.f_frsize = 4096, .f_blocks = 10, .f_files = 1000, .f_favail = 10});
    UNTIL(fixture_full_for(f) == SPOOL_FULL_EVIDENCE);
}

static void disk_without_inodes_is_said_to_lack_inodes(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 9600;
    fixture_open(f);
    fixture_statvfs((struct statvfs){
        .f_frsize = 4096, .f_blocks = 1000, .f_bfree = 900, .f_bavail = 900, .f_files = 1000});
    atomic_store(&allocate_error, ENOSPC);
    put_until_full(f);
    assert_full_for(f, SPOOL_FULL_INODES, "no free inode");
}

static void quota_is_told_from_a_full_disk(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 9600;
    fixture_open(f);
    fixture_statvfs(
        (struct statvfs){.f_frsize = 4096, .f_blocks = 1000, .f_bfree = 900, .f_bavail = 900});
    atomic_store(&allocate_error, EDQUOT);
    put_until_full(f);
    assert_full_for(f, SPOOL_FULL_LIMIT, "quota");
}

static void file_system_that_reports_no_blocks_is_not_full(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 9600;
    f->options.reserve_bytes = 1 << 20;
    fixture_statvfs((struct statvfs){.f_frsize = 4096});
    fixture_open(f);
    fixture_put_many(f, 40);
}

static void cursor_nobody_opens_holds_segments_until_settled(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = 9600;
    fixture_open(f);
    spool_cursor_t cursor;
    uint64_t position;
    assert_int_equal(spool_cursor_open(f->spool, "gone", &cursor, &position), STATUS_OK);
    assert_int_equal(spool_cursor_open(f->spool, "kept", &cursor, &position), STATUS_OK);
    fixture_put_many(f, 20);
    spool_cursor_advance(f->spool, cursor, 17);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(spool_cursor_open(f->spool, "kept", &cursor, &position), STATUS_OK);
    assert_int_equal(position, 17);
    fixture_put_many(f, 5);
    assert_int_equal(first_kept(f), 1);
    spool_cursors_settle(f->spool);
    UNTIL(first_kept(f) > 10);
    assert_true(first_kept(f) <= 18);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(evidence_keeps_passed_segments_for_its_time),
        TEST(clock_that_jumps_ahead_removes_no_evidence),
        TEST(evidence_is_cut_at_its_bytes),
        TEST(evicted_evidence_is_on_record),
        TEST(evidence_makes_room_for_new_batches_when_it_may),
        TEST(evidence_that_cannot_be_put_on_record_stays),
        TEST(evidence_at_its_bytes_refuses_until_it_is_old),
        TEST(disk_that_others_fill_is_not_said_to_be_full_of_evidence),
        TEST(disk_without_inodes_is_said_to_lack_inodes),
        TEST(quota_is_told_from_a_full_disk),
        TEST(file_system_that_reports_no_blocks_is_not_full),
        TEST(cursor_nobody_opens_holds_segments_until_settled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
