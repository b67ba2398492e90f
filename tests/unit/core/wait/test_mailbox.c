/* test_mailbox.c: order, single notification, closing, and many writers against one reader. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>

#include "core/clock.h"
#include "core/wait/mailbox.h"
#include "core/thread.h"

struct letter {
    struct mail mail;
    unsigned writer, number;
};

#define WRITERS 4
#define LETTERS 5000

static struct mailbox box;
static struct letter letters[WRITERS][LETTERS];

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void mail_comes_out_in_order_all_at_once(void **state)
{
    (void)state;
    struct mail a, b, c;
    assert_int_equal(mailbox_init(&box, false), STATUS_OK);
    assert_null(mailbox_take(&box));
    assert_int_equal(mailbox_put(&box, &a), STATUS_OK);
    assert_int_equal(mailbox_put(&box, &b), STATUS_OK);
    assert_int_equal(mailbox_put(&box, &c), STATUS_OK);
    assert_int_equal(box.count, 3);
    assert_ptr_equal(mailbox_take(&box), &a);
    assert_ptr_equal(a.next, &b);
    assert_ptr_equal(b.next, &c);
    assert_null(c.next);
    assert_null(mailbox_take(&box));
    mailbox_fini(&box);
}

static void event_fd_is_written_once_and_cleared_by_take(void **state)
{
    (void)state;
    struct mail a, b;
    assert_int_equal(mailbox_init(&box, true), STATUS_OK);
    assert_false(readable(box.event_fd));
    assert_int_equal(mailbox_put(&box, &a), STATUS_OK);
    assert_int_equal(mailbox_put(&box, &b), STATUS_OK);
    assert_true(readable(box.event_fd));
    assert_ptr_equal(mailbox_take(&box), &a);
    assert_false(readable(box.event_fd));
    mailbox_close(&box);
    assert_true(readable(box.event_fd));
    mailbox_fini(&box);
}

static void closed_box_takes_nothing_but_gives_what_it_has(void **state)
{
    (void)state;
    struct mail a, b;
    assert_int_equal(mailbox_init(&box, false), STATUS_OK);
    assert_int_equal(mailbox_put(&box, &a), STATUS_OK);
    mailbox_close(&box);
    assert_true(mailbox_is_closed(&box));
    assert_int_equal(mailbox_put(&box, &b), STATUS_CLOSED);
    assert_ptr_equal(mailbox_wait(&box, -1), &a);
    assert_null(mailbox_wait(&box, -1));
    mailbox_fini(&box);
}

static void wait_ends_at_its_timeout(void **state)
{
    (void)state;
    assert_int_equal(mailbox_init(&box, false), STATUS_OK);
    int64_t start = clock_monotonic_ns();
    assert_null(mailbox_wait(&box, 20 * NS_PER_MS));
    assert_true(clock_monotonic_ns() - start >= 20 * NS_PER_MS);
    mailbox_fini(&box);
}

static void write_letters(void *arg)
{
    struct letter *own = arg;
    for (unsigned i = 0; i < LETTERS; i++) {
        enum status status = mailbox_put(&box, &own[i].mail);
        ensure(status == STATUS_OK);
    }
}

static void nothing_is_lost_or_reordered_between_threads(void **state)
{
    (void)state;
    struct thread threads[WRITERS] = {0};
    unsigned next[WRITERS] = {0}, total = 0;
    assert_int_equal(mailbox_init(&box, true), STATUS_OK);
    for (unsigned k = 0; k < WRITERS; k++) {
        for (unsigned i = 0; i < LETTERS; i++)
            letters[k][i] = (struct letter){.writer = k, .number = i};
        assert_int_equal(
            thread_start(&threads[k], THREAD_WORKER, "letters", write_letters, letters[k]),
            STATUS_OK);
    }
    while (total < WRITERS * LETTERS) {
        struct mail *mail = mailbox_wait(&box, 10 * NS_PER_S);
        assert_non_null(mail);
        for (; mail; mail = mail->next, total++) {
            struct letter *letter = (struct letter *)(void *)mail;
            assert_int_equal(letter->number, next[letter->writer]++);
        }
    }
    for (unsigned k = 0; k < WRITERS; k++)
        thread_join(&threads[k]);
    mailbox_fini(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_comes_out_in_order_all_at_once),
        cmocka_unit_test(event_fd_is_written_once_and_cleared_by_take),
        cmocka_unit_test(closed_box_takes_nothing_but_gives_what_it_has),
        cmocka_unit_test(wait_ends_at_its_timeout),
        cmocka_unit_test(nothing_is_lost_or_reordered_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
