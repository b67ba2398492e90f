/* test_wake.c: wake descriptors and conditions, which is how threads wait for one another. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/thread.h"
#include "core/wait/condition.h"
#include "core/wait/wake.h"

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, timeout_ms) == 1;
}

static void many_wakes_are_one_and_errno_stays(void **state)
{
    (void)state;
    int fd = wake_open();
    assert_true(fd >= 0);
    assert_false(is_readable(fd, 0));
    errno = EDOM;
    wake_clear(fd); /* nothing was sent: it does not block */
    wake_send(fd);
    wake_send(fd);
    assert_int_equal(errno, EDOM);
    assert_true(is_readable(fd, 0));
    wake_clear(fd);
    assert_false(is_readable(fd, 0));
    close(fd);
}

static void send(void *arg)
{
    wake_send(*(int *)arg);
}

static void wake_of_another_thread_ends_a_poll(void **state)
{
    (void)state;
    struct thread thread = {0};
    int fd = wake_open();
    assert_int_equal(thread_start(&thread, THREAD_SINK, "sender", send, &fd), STATUS_OK);
    assert_true(is_readable(fd, -1));
    thread_join(&thread);
    close(fd);
}

struct meeting {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool here;
};

static void come(void *arg)
{
    struct meeting *m = arg;
    pthread_mutex_lock(&m->lock);
    m->here = true;
    pthread_cond_signal(&m->changed);
    pthread_mutex_unlock(&m->lock);
}

static int64_t standing_clock(void)
{
    return 1;
}

/* A test's clock does not move: a wait that looked at it would end at once or never. */
static void wait_ends_by_the_kernels_clock(void **state)
{
    (void)state;
    struct meeting m = {.lock = PTHREAD_MUTEX_INITIALIZER};
    condition_init(&m.changed);
    clock_fake(standing_clock, standing_clock);
    pthread_mutex_lock(&m.lock);
    int64_t end_ns = condition_end_ns(20 * NS_PER_MS);
    while (condition_wait(&m.changed, &m.lock, end_ns))
        ;
    assert_true(clock_kernel_ns() >= end_ns);
    assert_false(condition_wait(&m.changed, &m.lock, condition_end_ns(-NS_PER_S)));
    pthread_mutex_unlock(&m.lock);
    clock_fake(NULL, NULL);
    pthread_cond_destroy(&m.changed);
}

static void signal_ends_the_longest_wait(void **state)
{
    (void)state;
    struct meeting m = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct thread thread = {0};
    condition_init(&m.changed);
    pthread_mutex_lock(&m.lock);
    int64_t end_ns = condition_end_ns(INT64_MAX);
    assert_int_equal(end_ns, INT64_MAX);
    assert_int_equal(thread_start(&thread, THREAD_SINK, "comer", come, &m), STATUS_OK);
    while (!m.here)
        assert_true(condition_wait(&m.changed, &m.lock, end_ns));
    pthread_mutex_unlock(&m.lock);
    thread_join(&thread);
    pthread_cond_destroy(&m.changed);
}

static void times_become_seconds_and_nanoseconds(void **state)
{
    (void)state;
    struct timespec t = clock_timespec(3 * NS_PER_S + 999999999);
    assert_int_equal(t.tv_sec, 3);
    assert_int_equal(t.tv_nsec, 999999999);
    t = clock_timespec(-1);
    assert_int_equal(t.tv_sec, 0);
    assert_int_equal(t.tv_nsec, 0);
    int64_t before_ns = clock_kernel_ns();
    clock_sleep(2 * NS_PER_MS);
    assert_true(clock_kernel_ns() - before_ns >= 2 * NS_PER_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_wakes_are_one_and_errno_stays),
        cmocka_unit_test(wake_of_another_thread_ends_a_poll),
        cmocka_unit_test(wait_ends_by_the_kernels_clock),
        cmocka_unit_test(signal_ends_the_longest_wait),
        cmocka_unit_test(times_become_seconds_and_nanoseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
