/* test_balance.c: connections are spread within one over the loops, whichever loop accepts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "server/net/balance.h"

#define LOOPS 4

struct loop {
    struct balance_seat *seat;
    atomic_uint notified;
    unsigned open;
};

struct world {
    struct balance *balance;
    struct loop loops[LOOPS];
    int next_fd;
};

static void on_notify(void *arg)
{
    ((struct loop *)arg)->notified++;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->balance = balance_create();
    for (int i = 0; i < LOOPS; i++)
        w->loops[i].seat = balance_join(w->balance, on_notify, &w->loops[i]);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    balance_destroy(w->balance);
    free(w);
    return 0;
}

/* The loop takes what waits for it. */
static void take_all(struct loop *loop)
{
    struct accepted got;
    while (balance_take(loop->seat, &got))
        loop->open++;
    loop->notified = 0;
}

static void take_all_loops(struct world *w)
{
    for (int i = 0; i < LOOPS; i++)
        take_all(&w->loops[i]);
}

static void accept_on(struct world *w, int loop)
{
    struct accepted new = {.fd = w->next_fd++};
    if (balance_place(w->loops[loop].seat, &new))
        w->loops[loop].open++;
}

static void assert_even(const struct world *w)
{
    unsigned least = UINT32_MAX, most = 0;
    for (int i = 0; i < LOOPS; i++) {
        least = w->loops[i].open < least ? w->loops[i].open : least;
        most = w->loops[i].open > most ? w->loops[i].open : most;
    }
    assert_true(most - least <= 1);
}

static void close_on(struct world *w, int loop, unsigned count)
{
    for (unsigned i = 0; i < count && w->loops[loop].open; i++) {
        w->loops[loop].open--;
        balance_left(w->loops[loop].seat);
    }
}

static void all_loops_get_equally_many_although_one_accepts_all(void **state)
{
    struct world *w = *state;
    for (int n = 0; n < 1001; n++) {
        accept_on(w, 2);
        take_all_loops(w);
        assert_even(w);
    }
}

static void after_many_have_closed_on_one_loop_it_gets_the_next_ones(void **state)
{
    struct world *w = *state;
    for (int n = 0; n < 400; n++) {
        accept_on(w, n % LOOPS);
        take_all_loops(w);
    }
    close_on(w, 1, 90);
    close_on(w, 3, 40);
    for (int n = 0; n < 130; n++) {
        accept_on(w, 0);
        take_all_loops(w);
    }
    assert_even(w);
    assert_int_equal(w->loops[1].open, 100);
}

static void a_loop_that_does_not_come_for_its_connections_gets_no_more(void **state)
{
    struct world *w = *state;
    for (int n = 0; n < 1000; n++) {
        accept_on(w, 0);
        take_all(&w->loops[1]);
        take_all(&w->loops[2]);
    }
    struct accepted got;
    unsigned waiting = 0;
    while (balance_take(w->loops[3].seat, &got)) {
        waiting++;
        w->loops[3].open++;
    }
    assert_int_equal(waiting, BALANCE_WAITING);
    assert_true(w->loops[0].open + w->loops[1].open + w->loops[2].open == 1000 - BALANCE_WAITING);
}

static void a_loop_that_is_held_or_has_left_gets_none(void **state)
{
    struct world *w = *state;
    balance_hold(w->loops[0].seat, true);
    balance_leave(w->loops[1].seat);
    for (int n = 0; n < 100; n++) {
        accept_on(w, 2);
        take_all_loops(w);
    }
    assert_int_equal(w->loops[0].open, 0);
    assert_int_equal(w->loops[1].open, 0);
    assert_int_equal(w->loops[2].open, 50);
    balance_hold(w->loops[0].seat, false);
    accept_on(w, 2);
    take_all_loops(w);
    assert_int_equal(w->loops[0].open, 1);
}

static void what_was_passed_before_a_loop_left_can_be_taken(void **state)
{
    struct world *w = *state;
    for (int n = 0; n < LOOPS; n++)
        accept_on(w, 0);
    balance_leave(w->loops[1].seat);
    take_all_loops(w);
    assert_int_equal(w->loops[1].open, 1);
}

static void a_loop_is_notified_once_for_all_that_wait(void **state)
{
    struct world *w = *state;
    for (int n = 0; n < 3 * LOOPS; n++)
        accept_on(w, 0);
    assert_int_equal(w->loops[0].notified, 0);
    assert_int_equal(w->loops[1].notified, 1);
    take_all_loops(w);
    for (int n = 0; n < LOOPS; n++)
        accept_on(w, 0);
    assert_int_equal(w->loops[1].notified, 1);
    take_all_loops(w);
}

static void passed_connections_keep_their_order_and_descriptor(void **state)
{
    struct world *w = *state;
    struct accepted got;
    for (int i = 2; i < LOOPS; i++)
        balance_leave(w->loops[i].seat);
    for (int n = 0; n < 8; n++)
        accept_on(w, 0); /* 0, 2, … stay; 1, 3, … are passed */
    for (int fd = 1; fd < 8; fd += 2) {
        assert_true(balance_take(w->loops[1].seat, &got));
        assert_int_equal(got.fd, fd);
    }
    assert_false(balance_take(w->loops[1].seat, &got));
}

static void no_more_loops_than_seats_join(void **state)
{
    struct world *w = *state;
    for (int i = LOOPS; i < BALANCE_SEATS; i++)
        assert_non_null(balance_join(w->balance, on_notify, NULL));
    assert_null(balance_join(w->balance, on_notify, NULL));
}

#define ROUNDS 20000

static void *accept_and_take(void *arg)
{
    struct loop *loop = arg;
    struct accepted got, new = {.fd = 1};
    for (int n = 0; n < ROUNDS; n++) {
        loop->open += balance_place(loop->seat, &new);
        while (balance_take(loop->seat, &got))
            loop->open++;
        if (n % 3 == 0 && loop->open) {
            loop->open--;
            balance_left(loop->seat);
        }
    }
    balance_leave(loop->seat);
    while (balance_take(loop->seat, &got))
        loop->open++;
    return NULL;
}

static void none_is_lost_when_all_loops_accept_at_once(void **state)
{
    struct world *w = *state;
    pthread_t threads[LOOPS];
    unsigned before = 0, after = 0;
    for (int i = 0; i < LOOPS; i++)
        pthread_create(&threads[i], NULL, accept_and_take, &w->loops[i]);
    for (int i = 0; i < LOOPS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < LOOPS; i++) {
        after += w->loops[i].open;
        while (w->loops[i].open) { /* ends the process if more leave than were counted */
            close_on(w, i, 1);
            before++;
        }
    }
    assert_int_equal(before, after);
    assert_true(after > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(all_loops_get_equally_many_although_one_accepts_all),
        TEST(after_many_have_closed_on_one_loop_it_gets_the_next_ones),
        TEST(a_loop_that_does_not_come_for_its_connections_gets_no_more),
        TEST(a_loop_that_is_held_or_has_left_gets_none),
        TEST(what_was_passed_before_a_loop_left_can_be_taken),
        TEST(a_loop_is_notified_once_for_all_that_wait),
        TEST(passed_connections_keep_their_order_and_descriptor),
        TEST(no_more_loops_than_seats_join),
        TEST(none_is_lost_when_all_loops_accept_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
