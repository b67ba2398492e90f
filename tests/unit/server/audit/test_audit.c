/* test_audit.c: records reach the spool, once each and in order; what must be durable first is, or
 * is refused; nothing is lost while the spool takes none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/timex.h>

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

static struct timex kernel;
static int kernel_state;

static int fake_adjtimex(struct timex *timex)
{
    assert_int_equal(timex->modes, 0); /* nothing is set */
    *timex = kernel;
    return kernel_state;
}

static void fake_clocks(void)
{
    clock_fake(fake_wall, fake_monotonic);
    audit_clock_fake(fake_adjtimex);
    wall_ns = 1764482400 * NS_PER_S;
    monotonic_ns = 5 * NS_PER_S;
    kernel = (struct timex){.status = STA_PLL | STA_NANO,
                            .offset = -250,
                            .maxerror = 1500,
                            .esterror = 20,
                            .freq = 65536 * 3,
                            .tai = 37};
    kernel_state = TIME_OK;
}

static void real_clocks(void)
{
    clock_fake(NULL, NULL);
    audit_clock_fake(NULL);
}

static const char *look_after(struct audit_clock *clock, int64_t wall, int64_t monotonic)
{
    struct audit_clock_news news;
    wall_ns += wall;
    monotonic_ns += monotonic;
    audit_clock_look(clock, &news);
    assert_true(news.after_ns == news.before_ns);
    return news.reason;
}

static void clock_that_was_set_is_noticed_and_one_that_drifts_is_not(void **state)
{
    (void)state;
    struct audit_clock clock;
    struct audit_clock_news news;
    fake_clocks();
    audit_clock_init(&clock);
    for (unsigned i = 0; i < 100; i++) /* slewed */
        assert_null(look_after(&clock, NS_PER_S + NS_PER_MS, NS_PER_S));
    /* The machine was asleep, or the thread stopped: no step, although it was slewed meanwhile. */
    assert_null(look_after(&clock, 1800 * NS_PER_S + 900 * NS_PER_MS, 1800 * NS_PER_S));
    wall_ns -= 3600 * NS_PER_S;
    audit_clock_look(&clock, &news);
    assert_true(news.after_ns - news.before_ns == -3600 * NS_PER_S);
    assert_null(news.reason);
    assert_null(look_after(&clock, 0, 0));
    real_clocks();
}

static void state_of_the_clock_is_due_each_hour_and_at_changes(void **state)
{
    (void)state;
    struct audit_clock clock;
    fake_clocks();
    audit_clock_init(&clock);
    assert_null(look_after(&clock, 3599 * NS_PER_S, 3599 * NS_PER_S));
    assert_string_equal(look_after(&clock, NS_PER_S, NS_PER_S), "hourly");
    assert_null(look_after(&clock, NS_PER_S, NS_PER_S));
    kernel_state = TIME_ERROR;
    kernel.status |= STA_UNSYNC;
    assert_string_equal(look_after(&clock, NS_PER_S, NS_PER_S), "synchronisation lost");
    assert_null(look_after(&clock, 3599 * NS_PER_S, 3599 * NS_PER_S));
    kernel_state = TIME_OK;
    kernel.status &= ~STA_UNSYNC;
    assert_string_equal(look_after(&clock, NS_PER_S, NS_PER_S), "synchronisation gained");
    real_clocks();
}

static const struct audit_field *field_of(const struct audit_field *fields, enum audit_field_id id)
{
    for (size_t i = 0; i < AUDIT_CLOCK_FIELDS; i++)
        if (fields[i].id == id)
            return &fields[i];
    fail_msg("the field is missing");
    return NULL;
}

static void what_the_kernel_says_of_the_clock_becomes_fields(void **state)
{
    (void)state;
    struct audit_clock_state now;
    struct audit_field fields[AUDIT_CLOCK_FIELDS];
    char text[2][AUDIT_CLOCK_TEXT];
    fake_clocks();
    audit_clock_state(&now);
    audit_clock_fields(&now, text, fields);
    assert_true(slice_equal_text(field_of(fields, AUDIT_FIELD_clock_state)->text, "synchronised"));
    assert_true(slice_equal_text(field_of(fields, AUDIT_FIELD_clock_offset_ns)->text, "-250"));
    assert_true(slice_equal_text(field_of(fields, AUDIT_FIELD_clock_frequency_ppb)->text, "3000"));
    assert_true(field_of(fields, AUDIT_FIELD_clock_max_error_us)->number == 1500);
    assert_true(field_of(fields, AUDIT_FIELD_clock_error_us)->number == 20);
    assert_true(field_of(fields, AUDIT_FIELD_tai_offset_s)->number == 37);
    kernel.status = STA_PLL; /* without the bit of nanoseconds: microseconds */
    audit_clock_state(&now);
    assert_true(now.offset_ns == -250000);
    kernel_state = -1; /* not allowed */
    audit_clock_state(&now);
    assert_true(!now.known && !now.synchronised);
    audit_clock_fields(&now, text, fields);
    assert_true(slice_equal_text(field_of(fields, AUDIT_FIELD_clock_state)->text, "unknown"));
    real_clocks();
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
        T(state_of_the_clock_is_due_each_hour_and_at_changes),
        T(what_the_kernel_says_of_the_clock_becomes_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
