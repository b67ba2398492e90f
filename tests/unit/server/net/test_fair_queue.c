/* test_fair_queue.c: turns by address, and the address with the most, against a plain model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "server/net/fair_queue.h"

#define ADDRESSES 7
#define MEMBERS   200

static struct slice address(uint32_t *n)
{
    return slice_make(n, sizeof *n);
}

static void addresses_come_in_turn_and_their_oldest_first(void **state)
{
    static struct fair_queue q;
    struct fair_member m[6];
    uint32_t of[6] = {1, 1, 1, 1, 2, 3};
    const int expected[] = {0, 4, 5, 1, 2, 3};
    (void)state;
    fair_queue_init(&q);
    memset(m, 0, sizeof m);
    assert_null(fair_queue_turn(&q));
    assert_null(fair_queue_heaviest(&q));
    fair_queue_pass(&q);
    for (int i = 0; i < 6; i++)
        assert_int_equal(fair_queue_add(&q, &m[i], address(&of[i])), STATUS_OK);
    for (int i = 0; i < 6; i++) {
        struct fair_member *next = fair_queue_turn(&q);
        assert_ptr_equal(next, &m[expected[i]]);
        fair_queue_pass(&q);
        fair_queue_remove(&q, next);
    }
    fair_queue_fini(&q);
}

/* Random additions and removals; the heaviest is compared with counting. */
static void the_address_with_the_most_is_known(void **state)
{
    static struct fair_queue q;
    struct fair_member m[MEMBERS];
    uint32_t of[MEMBERS];
    size_t counts[ADDRESSES] = {0};
    (void)state;
    fair_queue_init(&q);
    memset(m, 0, sizeof m);
    srandom(1);
    for (int step = 0; step < 20000; step++) {
        int i = (int)(random() % MEMBERS);
        if (m[i].group) {
            fair_queue_remove(&q, &m[i]);
            counts[of[i]]--;
        } else {
            of[i] = (uint32_t)(random() % ADDRESSES);
            m[i].owner = &of[i];
            assert_int_equal(fair_queue_add(&q, &m[i], address(&of[i])), STATUS_OK);
            counts[of[i]]++;
        }
        size_t most = 0, sum = 0;
        for (uint32_t a = 0; a < ADDRESSES; a++) {
            most = counts[a] > most ? counts[a] : most;
            sum += counts[a];
            assert_int_equal(fair_queue_count_of(&q, address(&a)), counts[a]);
        }
        struct fair_member *heaviest = fair_queue_heaviest(&q);
        assert_int_equal(q.most, most);
        assert_int_equal(q.count, sum);
        assert_true(most == 0 ? !heaviest : counts[*(uint32_t *)heaviest->owner] == most);
    }
    for (int i = 0; i < MEMBERS; i++)
        if (m[i].group)
            fair_queue_remove(&q, &m[i]);
    fair_queue_fini(&q);
}

/* Counts beyond FAIR_RANKS count as equal, and nothing is lost. */
static void more_members_than_ranks_are_kept(void **state)
{
    static struct fair_queue q;
    size_t n = FAIR_RANKS + 500;
    struct fair_member *m = (struct fair_member *)calloc(n, sizeof *m);
    uint32_t one = 1;
    (void)state;
    fair_queue_init(&q);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(fair_queue_add(&q, &m[i], address(&one)), STATUS_OK);
    assert_int_equal(q.most, FAIR_RANKS);
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(fair_queue_heaviest(&q), &m[i]);
        fair_queue_remove(&q, &m[i]);
    }
    fair_queue_fini(&q);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_come_in_turn_and_their_oldest_first),
        cmocka_unit_test(the_address_with_the_most_is_known),
        cmocka_unit_test(more_members_than_ranks_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
