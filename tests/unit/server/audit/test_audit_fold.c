/* test_audit_fold.c: refusals are folded by sender and reason, due once a minute, and every one is
 * counted exactly, also when there are more senders than room. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "server/audit/audit_fold.h"

static struct {
    struct audit_folded last;
    unsigned lines, others;
    uint64_t sum;
    bool fails;
} out;

/* A round of the audit thread: takes what is due, and settles it unless writing fails. */
static bool flush(struct audit_fold *fold, int64_t now_ns, bool all)
{
    struct audit_fold_walk walk = {0};
    struct audit_folded record;
    while (audit_fold_next(fold, &walk, now_ns, all, &record)) {
        if (out.fails)
            return false;
        out.last = record;
        out.lines++;
        out.others += strcmp(record.address, "(others)") == 0;
        out.sum += record.count;
        audit_fold_settle(fold, &record, now_ns);
    }
    audit_fold_forget_idle(fold, now_ns);
    return true;
}

static void add(struct audit_fold *fold, const char *address, const char *code, int64_t now_ns)
{
    audit_fold_add(fold,
                   &(struct audit_refusal){.action = "request",
                                           .code = code,
                                           .status = 401,
                                           .address = address,
                                           .credential = SLICE_LITERAL("token:gw")},
                   now_ns);
}

static int setup(void **state)
{
    memset(&out, 0, sizeof out);
    return (*state = audit_fold_create()) ? 0 : -1;
}

static int teardown(void **state)
{
    audit_fold_destroy(*state);
    return 0;
}

static void one_sender_and_reason_is_one_line(void **state)
{
    for (int64_t i = 0; i < 1000; i++)
        add(*state, "10.0.0.1", "bad_token", 5 + i);
    add(*state, "10.0.0.1", "revoked", 2000);
    add(*state, "10.0.0.2", "bad_token", 3000);
    assert_true(flush(*state, NS_PER_S, false));
    assert_int_equal(out.lines, 3);
    assert_int_equal(out.sum, 1002);
}

static void record_says_when_who_and_why(void **state)
{
    add(*state, "10.0.0.1", "bad_token", 5);
    add(*state, "10.0.0.1", "bad_token", 9);
    assert_true(flush(*state, NS_PER_S, false));
    assert_int_equal(out.last.count, 2);
    assert_int_equal(out.last.first_ns, 5);
    assert_int_equal(out.last.last_ns, 9);
    assert_int_equal(out.last.status, 401);
    assert_string_equal(out.last.code, "bad_token");
    assert_string_equal(out.last.credential, "token:gw");
}

static void repeats_are_due_a_minute_later(void **state)
{
    add(*state, "10.0.0.1", "bad_token", 1);
    assert_true(flush(*state, NS_PER_S, false));
    add(*state, "10.0.0.1", "bad_token", 2 * NS_PER_S);
    assert_true(flush(*state, 3 * NS_PER_S, false));
    assert_int_equal(out.lines, 1);
    assert_true(flush(*state, 61 * NS_PER_S, false));
    assert_int_equal(out.lines, 2);
    assert_int_equal(out.sum, 2);
}

static void the_end_writes_all_that_counts(void **state)
{
    add(*state, "10.0.0.1", "bad_token", 1);
    assert_true(flush(*state, NS_PER_S, false));
    add(*state, "10.0.0.1", "bad_token", 2 * NS_PER_S);
    assert_true(flush(*state, 3 * NS_PER_S, true));
    assert_true(flush(*state, 3 * NS_PER_S, true));
    assert_int_equal(out.lines, 2);
    assert_int_equal(out.sum, 2);
}

static void what_can_not_be_written_is_kept(void **state)
{
    add(*state, "10.0.0.1", "bad_token", 1);
    out.fails = true;
    assert_false(flush(*state, NS_PER_S, false));
    add(*state, "10.0.0.1", "bad_token", 2);
    out.fails = false;
    assert_true(flush(*state, 2 * NS_PER_S, false));
    assert_int_equal(out.sum, 2);
}

static void what_is_counted_while_a_record_is_written_stays(void **state)
{
    struct audit_fold_walk walk = {0};
    struct audit_folded record;
    add(*state, "10.0.0.1", "bad_token", 1);
    assert_true(audit_fold_next(*state, &walk, NS_PER_S, true, &record));
    add(*state, "10.0.0.1", "bad_token", 2);
    audit_fold_settle(*state, &record, NS_PER_S);
    assert_true(flush(*state, 2 * NS_PER_S, true));
    assert_int_equal(record.count + out.sum, 2);
    assert_int_equal(out.last.last_ns, 2);
}

static void kinds_are_kept_apart_and_counts_are_added(void **state)
{
    const struct audit_refusal three = {
        .kind = AUDIT_vin_mismatch, .count = 3, .action = "flag", .code = "c", .address = "a"};
    struct audit_refusal one = three;
    one.kind = AUDIT_refused;
    one.count = 0;
    audit_fold_add(*state, &three, 1);
    audit_fold_add(*state, &three, 2);
    audit_fold_add(*state, &one, 3);
    assert_true(flush(*state, NS_PER_S, false));
    assert_int_equal(out.lines, 2);
    assert_int_equal(out.sum, 7);
}

/* More senders and more reasons than records. */
static void sums_stay_exact_when_the_table_is_full(void **state)
{
    char address[64], code[48];
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(address, sizeof address, "2001:db8::%x", i);
        snprintf(code, sizeof code, "reason_%u", i % 100);
        add(*state, address, code, 1 + i);
    }
    assert_true(flush(*state, NS_PER_S, false));
    assert_int_equal(out.sum, 5000);
    assert_true(out.others > 0);
    assert_true(out.lines < 300);
}

static void records_that_count_nothing_make_room(void **state)
{
    char address[64];
    for (unsigned minute = 0; minute < 5; minute++) {
        for (unsigned i = 0; i < 200; i++) {
            snprintf(address, sizeof address, "10.0.%u.%u", minute, i);
            add(*state, address, "bad_token", minute * 61 * NS_PER_S);
        }
        assert_true(flush(*state, minute * 61 * NS_PER_S + 1, false));
        assert_true(flush(*state, (minute + 1) * 61 * NS_PER_S, false));
    }
    assert_int_equal(out.lines, 1000);
    assert_int_equal(out.others, 0);
}

static void texts_too_long_are_cut(void **state)
{
    char name[1000];
    memset(name, 'x', sizeof name);
    audit_fold_add(*state,
                   &(struct audit_refusal){.action = "request",
                                           .code = "c",
                                           .address = "a",
                                           .tenant = slice_make((uint8_t *)name, sizeof name)},
                   1);
    assert_true(flush(*state, NS_PER_S, false));
    assert_int_equal(strlen(out.last.tenant), sizeof out.last.tenant - 1);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(one_sender_and_reason_is_one_line),
        T(record_says_when_who_and_why),
        T(repeats_are_due_a_minute_later),
        T(the_end_writes_all_that_counts),
        T(what_can_not_be_written_is_kept),
        T(sums_stay_exact_when_the_table_is_full),
        T(records_that_count_nothing_make_room),
        T(texts_too_long_are_cut),
        T(what_is_counted_while_a_record_is_written_stays),
        T(kinds_are_kept_apart_and_counts_are_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
