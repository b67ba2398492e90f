/* test_audit.c: records reach the spool, once each and in order; what must be durable first is, or
 * is refused; nothing is lost while the spool takes none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "server/audit/audit.h"
#include "server/audit/audit_clock.h"
#include "tests/support/spool_fixture.h"

static struct problem problem;

static void start(struct spool_fixture *f)
{
    assert_int_equal(spool_open(&f->options, NULL, NULL, &f->spool, &f->problem), STATUS_OK);
    assert_int_equal(spool_start(f->spool), STATUS_OK);
    assert_int_equal(audit_start(f->spool, "one", &problem), STATUS_OK);
}

static void stop(struct spool_fixture *f)
{
    audit_stop();
    spool_stop(f->spool);
    audit_fini();
    spool_close(f->spool);
    f->spool = NULL;
}

/* Bodies of all records that hold the text. */
static unsigned count(const struct spool_fixture *f, const char *text)
{
    struct spool_reader *reader;
    struct batch_record record;
    unsigned found = 0;
    assert_int_equal(spool_reader_open_dir(f->dir, 0, &reader), STATUS_OK);
    while (spool_reader_next(reader, &record) == STATUS_OK) {
        assert_int_equal(record.meta.kind, BATCH_KIND_AUDIT);
        assert_false(record.sealed);
        found += memmem(record.body.data, record.body.size, text, strlen(text)) != NULL;
    }
    spool_reader_close(reader);
    return found;
}

static void required_record_is_durable_when_the_call_returns(void **state)
{
    struct spool_fixture *f = *state;
    const struct audit_field fields[] = {AUDIT_TEXT(hold, "h1")};
    start(f);
    assert_int_equal(audit_require(AUDIT_hold_added, fields, 1, &problem), STATUS_OK);
    assert_int_equal(count(f, "\"hold\":\"h1\""), 1);
    stop(f);
}

static void records_are_written_at_the_stop_in_their_order(void **state)
{
    struct spool_fixture *f = *state;
    char id[16];
    const struct audit_field early[] = {AUDIT_TEXT(hold, "before the start")};
    audit_record(AUDIT_hold_added, early, 1);
    start(f);
    for (unsigned i = 0; i < 200; i++) {
        snprintf(id, sizeof id, "h%u", i);
        const struct audit_field fields[] = {AUDIT_TEXT(hold, id)};
        audit_record(AUDIT_hold_added, fields, 1);
    }
    stop(f);
    assert_int_equal(count(f, "before the start"), 1);
    assert_int_equal(count(f, "\"hold\":\"h"), 200);
    struct spool_reader *reader;
    struct batch_record record;
    assert_int_equal(spool_reader_open_dir(f->dir, 1, &reader), STATUS_OK);
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(spool_reader_next(reader, &record), STATUS_OK);
        snprintf(id, sizeof id, "\"h%u\"", i);
        assert_non_null(memmem(record.body.data, record.body.size, id, strlen(id)));
    }
    spool_reader_close(reader);
}

static void nothing_is_required_of_a_log_that_is_not_there(void **state)
{
    (void)state;
    assert_int_equal(audit_require(AUDIT_hold_added, NULL, 0, &problem), STATUS_CLOSED);
    assert_non_null(strstr(problem.text, "not done"));
}

static void refused_while_full_and_kept_until_there_is_room(void **state)
{
    struct spool_fixture *f = *state;
    const struct audit_field fields[] = {AUDIT_TEXT(hold, "h1")};
    f->options.max_bytes = 1; /* no segment fits */
    start(f);
    enum status status = audit_require(AUDIT_hold_released, fields, 1, &problem);
    assert_int_not_equal(status, STATUS_OK);
    assert_non_null(strstr(problem.text, "not done"));
    audit_record(AUDIT_hold_added, fields, 1);
    audit_refused(&(struct audit_refusal){.action = "request", .code = "c", .address = "a"});
    stop(f);
    assert_int_equal(count(f, "hold"), 0);
    f->options.max_bytes = UINT64_C(1) << 30;
    start(f);
    stop(f);
    assert_int_equal(count(f, "hold_added"), 1);
    assert_int_equal(count(f, "hold_released"), 0);
}

static void refusals_of_a_flood_sum_up(void **state)
{
    struct spool_fixture *f = *state;
    start(f);
    for (unsigned i = 0; i < 10000; i++)
        audit_refused(&(struct audit_refusal){
            .action = "request", .code = "bad_token", .status = 401, .address = "10.0.0.1"});
    stop(f);
    struct spool_reader *reader;
    struct batch_record record;
    unsigned long sum = 0, lines = 0;
    assert_int_equal(spool_reader_open_dir(f->dir, 0, &reader), STATUS_OK);
    for (; spool_reader_next(reader, &record) == STATUS_OK; lines++) {
        const char *at = memmem(record.body.data, record.body.size, "\"count\":", 8);
        assert_non_null(at);
        sum += strtoul(at + 8, NULL, 10);
    }
    spool_reader_close(reader);
    assert_int_equal(sum, 10000);
    assert_true(lines <= 8);
}

static int64_t wall_ns, monotonic_ns;

static int64_t fake_wall(void)
{
    return wall_ns;
}

static int64_t fake_monotonic(void)
{
    return monotonic_ns;
}

static void clock_that_was_set_is_noticed_and_one_that_drifts_is_not(void **state)
{
    (void)state;
    struct audit_clock clock;
    struct audit_clock_step step;
    clock_fake(fake_wall, fake_monotonic);
    wall_ns = 1764482400 * NS_PER_S;
    monotonic_ns = 5 * NS_PER_S;
    audit_clock_init(&clock);
    for (unsigned i = 0; i < 100; i++) {
        wall_ns += NS_PER_S + NS_PER_MS; /* slewed */
        monotonic_ns += NS_PER_S;
        assert_false(audit_clock_look(&clock, &step));
    }
    wall_ns -= 3600 * NS_PER_S;
    assert_true(audit_clock_look(&clock, &step));
    assert_true(step.after_ns - step.before_ns == -3600 * NS_PER_S);
    assert_false(audit_clock_look(&clock, &step));
    clock_fake(NULL, NULL);
    assert_non_null(audit_clock_state().text);
}

#define T(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(required_record_is_durable_when_the_call_returns),
        T(records_are_written_at_the_stop_in_their_order),
        T(nothing_is_required_of_a_log_that_is_not_there),
        T(refused_while_full_and_kept_until_there_is_room),
        T(refusals_of_a_flood_sum_up),
        T(clock_that_was_set_is_noticed_and_one_that_drifts_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
