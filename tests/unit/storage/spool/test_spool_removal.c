/* Removals of a spool that has a tree: each is a record, durable before its segment goes. */
/* wrap: unlinkat */
#include "tests/support/spool_fixture.h"

#include <errno.h>
#include <stdatomic.h>

#include "storage/spool/retire/retirement.h"

int __real_unlinkat(int fd, const char *name, int flags);
int __wrap_unlinkat(int fd, const char *name, int flags);

static atomic_bool unlink_fails;
static atomic_uint unlink_failures;
static atomic_uint_least64_t head_size;

int __wrap_unlinkat(int fd, const char *name, int flags)
{
    size_t size = strlen(name);
    if (!atomic_load(&unlink_fails) || size < 4 || strcmp(name + size - 4, ".seg") != 0)
        return __real_unlinkat(fd, name, flags);
    atomic_fetch_add(&unlink_failures, 1);
    errno = EIO;
    return -1;
}

static uint64_t newest_head(void *arg, uint8_t *root)
{
    (void)arg;
    memset(root, 7, SHA256_BYTES);
    return atomic_load(&head_size);
}

static int setup(void **state)
{
    atomic_store(&unlink_fails, false);
    atomic_store(&unlink_failures, 0);
    atomic_store(&head_size, UINT64_MAX / 4);
    return fixture_setup(state);
}

static void open_with_tree(struct spool_fixture *f)
{
    const struct spool_tree tree = {newest_head, NULL, "vsocd-0"};
    assert_int_equal(spool_open(&f->options, NULL, NULL, &f->spool, &f->problem), STATUS_OK);
    spool_record_removals(f->spool, &tree);
    assert_int_equal(spool_start(f->spool), STATUS_OK);
    spool_cursors_settle(f->spool);
}

static uint64_t first_kept(struct spool_fixture *f)
{
    struct spool_stats stats;
    spool_stats(f->spool, &stats);
    return stats.first_position;
}

static void evict_above(struct spool_fixture *f, uint64_t bytes)
{
    f->options.segment_bytes = 20000;
    f->options.evidence_ns = INT64_MAX;
    f->options.evidence_bytes = bytes;
    f->options.evict = true;
}

struct on_record {
    unsigned records;
    uint64_t next, next_leaf; /* what the next removal must begin with; 0: any */
    struct retirement last;
};

static void take(struct on_record *r, const struct batch_record *record)
{
    assert_int_equal(retirement_read(record->body, &r->last), STATUS_OK);
    assert_true(r->last.last < record->meta.position);
    if (r->next)
        assert_int_equal(r->last.first, r->next);
    if (r->next)
        assert_int_equal(r->last.first_leaf, r->next_leaf);
    assert_int_equal(r->last.records, r->last.last - r->last.first + 1);
    assert_int_equal(r->last.leaves, r->last.records);
    assert_int_equal(r->last.root[0], 7);
    r->next = r->last.last + 1;
    r->next_leaf = r->last.first_leaf + r->last.leaves;
    r->records++;
}

/* All removals on record in what is left of the spool; each record is also whole. */
static struct on_record read_records(struct spool_fixture *f)
{
    struct on_record r = {0};
    struct spool_reader *reader;
    struct batch_record record;
    enum status status = spool_reader_open_dir(f->dir, 0, &reader);
    while (status == STATUS_OK) {
        status = spool_reader_next(reader, &record);
        if (status == STATUS_OK && record.meta.kind == BATCH_KIND_RETIREMENT)
            take(&r, &record);
    }
    assert_int_equal(status, STATUS_END);
    spool_reader_close(reader);
    return r;
}

static void each_removal_is_a_record(void **state)
{
    struct spool_fixture *f = *state;
    evict_above(f, 3 * 20000);
    open_with_tree(f);
    fixture_put_many(f, 150);
    UNTIL(first_kept(f) > 40);
    fixture_close(f);
    struct on_record r = read_records(f);
    assert_true(r.records > 0);
    assert_int_equal(r.last.cause, RETIREMENT_MAX_BYTES);
    open_with_tree(f);
    assert_int_equal(first_kept(f), r.next);
}

static void no_segment_goes_that_no_head_covers(void **state)
{
    struct spool_fixture *f = *state;
    atomic_store(&head_size, 5);
    evict_above(f, 20000);
    open_with_tree(f);
    fixture_put_many(f, 100);
    fixture_close(f);
    assert_int_equal(read_records(f).records, 0);
    open_with_tree(f);
    assert_int_equal(first_kept(f), 1);
    atomic_store(&head_size, UINT64_MAX / 4);
    UNTIL(first_kept(f) > 20);
}

/* The record is there, the segment too: it goes later, and is not on record again. */
static void removal_that_failed_is_on_record_once(void **state)
{
    struct spool_fixture *f = *state;
    evict_above(f, 2 * 20000);
    atomic_store(&unlink_fails, true);
    open_with_tree(f);
    fixture_put_many(f, 100);
    UNTIL(atomic_load(&unlink_failures) > 1);
    fixture_close(f);
    assert_int_equal(read_records(f).records, 1);
    open_with_tree(f);
    UNTIL(atomic_load(&unlink_failures) > 3);
    assert_int_equal(first_kept(f), 1);
    atomic_store(&unlink_fails, false);
    UNTIL(first_kept(f) > 1);
    fixture_close(f);
    (void)read_records(f); /* the ranges follow one another */
}

/* spool.max_bytes is reached: the record of the removal that makes room has its own. */
static void removal_for_room_is_on_record(void **state)
{
    struct spool_fixture *f = *state;
    evict_above(f, UINT64_MAX);
    f->options.max_bytes = 100000;
    open_with_tree(f);
    fixture_put_many(f, 300);
    assert_true(first_kept(f) > 100);
    fixture_close(f);
    struct on_record r = read_records(f);
    assert_true(r.records > 0);
    assert_int_equal(r.last.cause, RETIREMENT_ROOM);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_removal_is_a_record),
        TEST(no_segment_goes_that_no_head_covers),
        TEST(removal_that_failed_is_on_record_once),
        TEST(removal_for_room_is_on_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
