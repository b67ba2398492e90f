/* test_thread.c: roles, names and slots of threads. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/thread.h"

struct seen {
    enum thread_role role;
    char name[16];
    unsigned slot;
    bool term_blocked;
};

static void look(void *arg)
{
    struct seen *seen = arg;
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    seen->role = thread_get_role();
    seen->slot = thread_slot();
    seen->term_blocked = sigismember(&set, SIGTERM);
    pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
    thread_assert(THREAD_WRITER);
}

static void thread_has_its_role_name_and_no_signals(void **state)
{
    (void)state;
    struct thread thread = {0};
    struct seen seen = {0};
    assert_int_equal(thread_start(&thread, THREAD_WRITER, "a name that is too long", look, &seen),
                     STATUS_OK);
    thread_join(&thread);
    thread_join(&thread);
    assert_int_equal(seen.role, THREAD_WRITER);
    assert_string_equal(seen.name, "a name that is ");
    assert_true(seen.term_blocked);
}

static void slots_are_distinct_while_threads_live_and_used_again(void **state)
{
    (void)state;
    struct seen seen = {0};
    unsigned own = thread_slot(), largest = 0;
    for (int i = 0; i < 3 * THREAD_SLOT_MAX; i++) {
        struct thread thread = {0};
        assert_int_equal(thread_start(&thread, THREAD_WRITER, "slot", look, &seen), STATUS_OK);
        thread_join(&thread);
        assert_int_not_equal(seen.slot, own);
        largest = seen.slot > largest ? seen.slot : largest;
    }
    assert_true(largest < 8);
    assert_int_equal(thread_slot(), own);
}

static pthread_barrier_t all_have_slots;

static void hold_slot(void *arg)
{
    *(unsigned *)arg = thread_slot();
    pthread_barrier_wait(&all_have_slots);
}

static void more_threads_than_slots_share_the_last(void **state)
{
    (void)state;
    enum { COUNT = THREAD_SLOT_MAX + 10 };
    static struct thread threads[COUNT];
    static unsigned slots[COUNT];
    unsigned used[THREAD_SLOT_MAX] = {0};
    pthread_barrier_init(&all_have_slots, NULL, COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(thread_start(&threads[i], THREAD_SINK, "many", hold_slot, &slots[i]),
                         STATUS_OK);
    for (int i = 0; i < COUNT; i++)
        thread_join(&threads[i]);
    for (int i = 0; i < COUNT; i++)
        used[slots[i]]++;
    for (int i = 0; i < THREAD_SLOT_MAX - 1; i++)
        assert_in_range(used[i], 0, 1);
    assert_in_range(used[THREAD_SLOT_MAX - 1], 11, COUNT);
    pthread_barrier_destroy(&all_have_slots);
}

static void call_from_wrong_role(void)
{
    thread_set_role(THREAD_WORKER);
    thread_assert(THREAD_MAIN);
}

static void call_from_forbidden_role(void)
{
    thread_set_role(THREAD_WORKER);
    thread_assert_not(THREAD_MAIN);
    thread_assert_not(THREAD_SINK);
    thread_assert_not(THREAD_WORKER);
}

static void use(void *bond)
{
    thread_bond_assert(bond);
}

static void call_from_two_threads(void)
{
    struct thread_bond bond = {0};
    struct thread other = {0};
    thread_set_role(THREAD_MAIN);
    use(&bond);
    use(&bond);
    if (thread_start(&other, THREAD_WORKER, "other", use, &bond) == STATUS_OK)
        thread_join(&other);
}

static void assert_aborts(void (*call)(void))
{
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        close(2);
        call();
        _exit(0);
    }
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFSIGNALED(result));
    assert_int_equal(WTERMSIG(result), SIGABRT);
}

static void wrong_role_ends_the_process(void **state)
{
    (void)state;
    assert_aborts(call_from_wrong_role);
    assert_aborts(call_from_forbidden_role);
}

static void use_by_a_second_thread_ends_the_process(void **state)
{
    (void)state;
    assert_aborts(call_from_two_threads);
}

static void object_belongs_to_its_first_user(void **state)
{
    (void)state;
    struct thread_bond bond = {0};
    struct thread thread = {0};
    use(&bond); /* no role: does not count */
    assert_int_equal(thread_start(&thread, THREAD_WORKER, "user", use, &bond), STATUS_OK);
    thread_join(&thread);
    assert_true(bond.bound);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thread_has_its_role_name_and_no_signals),
        cmocka_unit_test(slots_are_distinct_while_threads_live_and_used_again),
        cmocka_unit_test(more_threads_than_slots_share_the_last),
        cmocka_unit_test(wrong_role_ends_the_process),
        cmocka_unit_test(use_by_a_second_thread_ends_the_process),
        cmocka_unit_test(object_belongs_to_its_first_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
