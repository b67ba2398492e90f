/* test_body_shed.c: who gives way when memory is short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/clock.h"
#include "core/log/log.h"
#include "server/ingest/body_shed.h"

#define S NS_PER_S

struct fixture {
    struct memory_budget budget;
    struct body_shed shed;
    struct body_list lists[2];
    unsigned woken;
};

static const struct body_limits wide = {1000, 1000};

static void on_wake(void *arg)
{
    ++*(unsigned *)arg;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    log_configure(LOG_ERROR, LOG_JSON);
    atomic_store(&f->budget.limit, 100);
    f->shed.budget = &f->budget;
    f->shed.shares = memory_shares_create();
    for (int i = 0; i < 2; i++)
        body_list_init(&f->lists[i], &f->shed, on_wake, &f->woken);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(atomic_load(&f->budget.used), 0);
    for (int i = 0; i < 2; i++)
        body_list_fini(&f->lists[i], &f->shed);
    memory_shares_destroy(f->shed.shares);
    free(f);
    return 0;
}

static struct body_holder make(struct fixture *f, const char *sender, const char *address)
{
    struct slice s = slice_make(sender, strlen(sender)), a = slice_make(address, strlen(address));
    return (struct body_holder){.sender_cell = memory_share_cell(f->shed.shares, s, SLICE_EMPTY),
                                .address_cell = memory_share_cell(f->shed.shares, SLICE_EMPTY, a),
                                .peer = "192.0.2.1"};
}

static enum status take(struct fixture *f, int list, struct body_holder *h, uint64_t bytes,
                        int64_t now)
{
    return body_take(&f->lists[list], h, &f->shed, &wide, bytes, now);
}

/* What a worker does when the body is over. */
static void end(struct fixture *f, int list, struct body_holder *h)
{
    uint64_t held = h->held;
    if (!body_leave(&f->lists[list], h))
        return;
    memory_budget_give(&f->budget, held);
    memory_share_give(f->shed.shares, h->sender_cell, held);
    memory_share_give(f->shed.shares, h->address_cell, held);
}

static void stalest_of_all_lists_gives_way(void **state)
{
    struct fixture *f = *state;
    struct body_holder a = make(f, "a", "1"), b = make(f, "b", "2"), c = make(f, "c", "3");
    body_enter(&f->lists[0], &a, 10 * S);
    body_enter(&f->lists[1], &b, 10 * S);
    body_enter(&f->lists[0], &c, 15 * S);
    assert_int_equal(take(f, 0, &a, 50, 11 * S), STATUS_OK);
    assert_int_equal(take(f, 1, &b, 50, 10 * S), STATUS_OK);
    assert_int_equal(take(f, 0, &c, 30, 15 * S), STATUS_OK);
    assert_int_equal(f->woken, 1);
    assert_null(body_shed_next(&f->lists[0]));
    assert_ptr_equal(body_shed_next(&f->lists[1]), &b);
    assert_int_equal(atomic_load(&f->budget.used), 80);
    assert_false(body_leave(&f->lists[1], &b));
    assert_null(body_shed_next(&f->lists[1]));
    end(f, 0, &a);
    end(f, 0, &c);
}

static void bodies_that_move_on_are_not_given_up(void **state)
{
    struct fixture *f = *state;
    struct body_holder a = make(f, "a", "1"), b = make(f, "b", "2");
    body_enter(&f->lists[0], &a, 10 * S);
    body_enter(&f->lists[1], &b, 20 * S);
    assert_int_equal(take(f, 0, &a, 100, 10 * S), STATUS_OK);
    body_moved(&f->lists[0], &a, 20 * S - S / 2);
    assert_int_equal(take(f, 1, &b, 10, 20 * S), STATUS_NO_SPACE);
    assert_int_equal(f->woken, 0);
    assert_int_equal(take(f, 1, &b, 10, 21 * S), STATUS_OK);
    assert_int_equal(f->woken, 1);
    end(f, 0, &a);
    end(f, 1, &b);
}

static void body_does_not_give_way_to_itself(void **state)
{
    struct fixture *f = *state;
    struct body_holder a = make(f, "a", "1");
    body_enter(&f->lists[0], &a, 10 * S);
    assert_int_equal(take(f, 0, &a, 60, 10 * S), STATUS_OK);
    assert_int_equal(take(f, 0, &a, 60, 50 * S), STATUS_NO_SPACE);
    assert_false(a.shed);
    end(f, 0, &a);
}

static void body_that_was_given_up_takes_no_more(void **state)
{
    struct fixture *f = *state;
    struct body_holder a = make(f, "a", "1"), b = make(f, "b", "2");
    body_enter(&f->lists[0], &a, 10 * S);
    body_enter(&f->lists[1], &b, 20 * S);
    assert_int_equal(take(f, 0, &a, 60, 10 * S), STATUS_OK);
    assert_int_equal(take(f, 1, &b, 60, 20 * S), STATUS_OK);
    assert_int_equal(take(f, 0, &a, 10, 20 * S), STATUS_REFUSED);
    assert_int_equal(atomic_load(&f->budget.used), 60);
    assert_false(body_leave(&f->lists[0], &a));
    end(f, 1, &b);
}

static void full_share_is_freed_by_its_own_bodies_only(void **state)
{
    struct fixture *f = *state;
    const struct body_limits limits = {50, 70};
    struct body_holder other = make(f, "other", "9"), a = make(f, "a", "1"), b = make(f, "a", "1"),
                       c = make(f, "c", "1");
    body_enter(&f->lists[0], &other, S);
    body_enter(&f->lists[0], &a, 10 * S);
    body_enter(&f->lists[1], &b, 20 * S);
    body_enter(&f->lists[1], &c, 20 * S);
    assert_int_equal(take(f, 0, &other, 10, S), STATUS_OK);
    assert_int_equal(body_take(&f->lists[0], &a, &f->shed, &limits, 40, 10 * S), STATUS_OK);
    /* the sender's share: its older body goes, not the stalest of all */
    assert_int_equal(body_take(&f->lists[1], &b, &f->shed, &limits, 40, 20 * S), STATUS_OK);
    assert_true(a.shed && !other.shed);
    /* fresh: nobody of this address gives way */
    assert_int_equal(body_take(&f->lists[1], &c, &f->shed, &limits, 40, 20 * S), STATUS_BUSY);
    assert_int_equal(body_take(&f->lists[1], &b, &f->shed, &limits, 20, 20 * S), STATUS_TOO_MANY);
    assert_int_equal(atomic_load(&f->budget.used), 50);
    assert_false(body_leave(&f->lists[0], &a));
    end(f, 0, &other);
    end(f, 1, &b);
    end(f, 1, &c);
}

static void whole_batch_finds_room_too(void **state)
{
    struct fixture *f = *state;
    struct body_holder a = make(f, "a", "1");
    body_enter(&f->lists[0], &a, 10 * S);
    assert_int_equal(take(f, 0, &a, 80, 10 * S), STATUS_OK);
    assert_true(memory_budget_take(&f->budget, 20));
    assert_false(body_shed_extend(&f->shed, 20, 50, 10 * S));
    assert_true(body_shed_extend(&f->shed, 20, 50, 12 * S));
    assert_false(body_leave(&f->lists[0], &a));
    memory_budget_give(&f->budget, 70);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(stalest_of_all_lists_gives_way),
        T(bodies_that_move_on_are_not_given_up),
        T(body_does_not_give_way_to_itself),
        T(body_that_was_given_up_takes_no_more),
        T(full_share_is_freed_by_its_own_bodies_only),
        T(whole_batch_finds_room_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
