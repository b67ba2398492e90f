#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/clock.h"
#include "server/ingest/admission.h"

#define TENANT SLICE_LITERAL("demo")
#define SENDER SLICE_LITERAL("vehicle 1")

static const struct quota_sender vehicle_1 = {.tenant = {(const uint8_t *)"demo", 4},
                                              .name = {(const uint8_t *)"vehicle 1", 9}};

static void budget_refuses_what_would_go_over_its_limit(void **state)
{
    struct memory_budget budget = {.used = 0, .limit = 100};
    (void)state;
    assert_true(memory_budget_take(&budget, 60));
    assert_false(memory_budget_take(&budget, 41));
    assert_true(memory_budget_take(&budget, 40));
    memory_budget_give(&budget, 100);
    assert_int_equal(atomic_load(&budget.used), 0);
}

static void only_a_lone_request_goes_over_the_limit(void **state)
{
    struct memory_budget budget = {.used = 0, .limit = 100};
    (void)state;
    assert_true(memory_budget_take(&budget, 30));
    assert_true(memory_budget_extend(&budget, 30, 120));
    assert_false(memory_budget_take(&budget, 1));
    memory_budget_give(&budget, 150);
    assert_true(memory_budget_take(&budget, 1));
    assert_true(memory_budget_take(&budget, 30));
    assert_false(memory_budget_extend(&budget, 30, 120));
    assert_true(memory_budget_extend(&budget, 30, 69));
    assert_int_equal(atomic_load(&budget.used), 100);
}

static void one_sender_can_not_hold_what_others_need(void **state)
{
    struct memory_shares *shares = memory_shares_create();
    (void)state;
    assert_non_null(shares);
    size_t one = memory_share_cell(shares, SENDER, SLICE_EMPTY);
    size_t other = one;
    for (unsigned n = 1; other == one; n++) /* they may meet, once in 16384 */
        other = memory_share_cell(shares, SENDER, slice_make(&n, sizeof n));
    assert_true(memory_share_take(shares, one, 60, 100));
    assert_false(memory_share_take(shares, one, 41, 100));
    assert_true(memory_share_take(shares, one, 40, 100));
    assert_true(memory_share_take(shares, other, 100, 100));
    memory_share_give(shares, one, 100);
    assert_true(memory_share_take(shares, one, 100, 100));
    memory_shares_destroy(shares);
}

static void sender_without_quota_is_never_stopped(void **state)
{
    struct quota *quota = quota_create();
    (void)state;
    assert_non_null(quota);
    quota_charge(quota, &vehicle_1, 1000000, 1);
    assert_int_equal(quota_check(quota, &vehicle_1, 1), 0);
    quota_destroy(quota);
}

static void sender_over_its_burst_waits_until_the_bucket_is_filled_again(void **state)
{
    struct quota *quota = quota_create();
    int64_t now = NS_PER_S;
    (void)state;
    quota_configure(quota, 10, 100);
    assert_int_equal(quota_check(quota, &vehicle_1, now), 0);
    quota_charge(quota, &vehicle_1, 150, now); /* 50 below zero: 5 s to zero, and then a token */
    unsigned wait = quota_check(quota, &vehicle_1, now);
    assert_in_range(wait, 5, 7);
    assert_int_equal(quota_check(quota, &vehicle_1, now + (int64_t)wait * NS_PER_S), 0);
    quota_destroy(quota);
}

static void one_sender_over_its_quota_costs_another_nothing(void **state)
{
    struct quota *quota = quota_create();
    (void)state;
    quota_configure(quota, 1, 1);
    quota_charge(quota, &vehicle_1, 1000, NS_PER_S);
    assert_true(quota_check(quota, &vehicle_1, NS_PER_S) > 0);
    assert_int_equal(
        quota_check(quota,
                    &(struct quota_sender){.tenant = TENANT, .name = SLICE_LITERAL("vehicle 2")},
                    NS_PER_S),
        0);
    assert_int_equal(
        quota_check(quota, &(struct quota_sender){.tenant = SLICE_LITERAL("other"), .name = SENDER},
                    NS_PER_S),
        0);
    quota_destroy(quota);
}

static void quota_of_its_own_holds_for_one_sender(void **state)
{
    struct quota *quota = quota_create();
    struct quota_sender own = vehicle_1;
    (void)state;
    own.events_per_second = 1;
    quota_charge(quota, &own, 11, NS_PER_S);
    assert_int_equal(quota_check(quota, &own, NS_PER_S), 2);
    quota_configure(quota, 1, 1);
    own.name = SLICE_LITERAL("vehicle 2");
    own.events_per_second = 1000;
    quota_charge(quota, &own, 9999, NS_PER_S);
    assert_int_equal(quota_check(quota, &own, NS_PER_S), 0);
    quota_destroy(quota);
}

static void burst_of_its_own_holds_with_the_quota_of_all(void **state)
{
    struct quota *quota = quota_create();
    struct quota_sender own = vehicle_1;
    (void)state;
    quota_configure(quota, 1, 1000);
    own.burst = 5;
    quota_charge(quota, &own, 6, NS_PER_S);
    assert_int_equal(quota_check(quota, &own, NS_PER_S), 2);
    quota_destroy(quota);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budget_refuses_what_would_go_over_its_limit),
        cmocka_unit_test(only_a_lone_request_goes_over_the_limit),
        cmocka_unit_test(one_sender_can_not_hold_what_others_need),
        cmocka_unit_test(sender_without_quota_is_never_stopped),
        cmocka_unit_test(sender_over_its_burst_waits_until_the_bucket_is_filled_again),
        cmocka_unit_test(one_sender_over_its_quota_costs_another_nothing),
        cmocka_unit_test(quota_of_its_own_holds_for_one_sender),
        cmocka_unit_test(burst_of_its_own_holds_with_the_quota_of_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
