/* thread.c: starts named threads, keeps each thread's role and slot. Any thread. Does not stop or
 * cancel threads: they end by returning. */
#include "core/thread.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOT_SHARED (THREAD_SLOT_MAX - 1) /* of all threads that found no free slot */
#define SLOT_NONE   (~0u)
/* How long a process that must abort waits for the reader of stderr. */
#define LAST_WORDS_MS 1000

struct thread_begin {
    enum thread_role role;
    char name[16];
    void (*run)(void *);
    void *arg;
};

static _Thread_local enum thread_role current_role;
static _Thread_local unsigned current_slot = SLOT_NONE;
static _Atomic uint64_t slots_taken[THREAD_SLOT_MAX / 64];
static pthread_key_t slot_key;
static pthread_once_t slot_once = PTHREAD_ONCE_INIT;

static void *thread_run(void *arg)
{
    struct thread_begin begin = *(struct thread_begin *)arg;
    free(arg);
    current_role = begin.role;
    pthread_setname_np(pthread_self(), begin.name);
    begin.run(begin.arg);
    return NULL;
}

enum status thread_start(struct thread *thread, enum thread_role role, const char *name,
                         void (*run)(void *), void *arg)
{
    struct thread_begin *begin = malloc(sizeof *begin);
    if (!begin)
        return STATUS_NO_MEMORY;
    *begin = (struct thread_begin){.role = role, .run = run, .arg = arg};
    snprintf(begin->name, sizeof begin->name, "%s", name);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(&thread->id, NULL, thread_run, begin);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err) {
        free(begin);
        return STATUS_BUSY;
    }
    thread->started = true;
    return STATUS_OK;
}

void thread_join(struct thread *thread)
{
    if (!thread->started)
        return;
    int err = pthread_join(thread->id, NULL);
    ensure(err == 0);
    thread->started = false;
}

void thread_set_role(enum thread_role role)
{
    current_role = role;
}

enum thread_role thread_get_role(void)
{
    return current_role;
}

static void slot_give_back(void *value)
{
    unsigned slot = (unsigned)(uintptr_t)value - 1;
    atomic_fetch_and_explicit(&slots_taken[slot / 64], ~(UINT64_C(1) << slot % 64),
                              memory_order_release);
    current_slot = SLOT_SHARED; /* for what other destructors still count */
}

static void slot_key_make(void)
{
    int err = pthread_key_create(&slot_key, slot_give_back);
    ensure(err == 0);
}

static unsigned slot_take(void)
{
    pthread_once(&slot_once, slot_key_make);
    for (unsigned slot = 0; slot < SLOT_SHARED; slot++) {
        uint64_t bit = UINT64_C(1) << slot % 64;
        if (atomic_fetch_or_explicit(&slots_taken[slot / 64], bit, memory_order_acquire) & bit)
            continue;
        if (pthread_setspecific(slot_key, (void *)(uintptr_t)(slot + 1)) == 0)
            return slot;
        atomic_fetch_and(&slots_taken[slot / 64], ~bit);
        break;
    }
    return SLOT_SHARED;
}

unsigned thread_slot(void)
{
    if (current_slot == SLOT_NONE)
        current_slot = slot_take();
    return current_slot;
}

static const char *role_name(enum thread_role role)
{
    static const char *const names[] = {
        [THREAD_NONE] = "none",       [THREAD_MAIN] = "main",
        [THREAD_WORKER] = "worker",   [THREAD_WRITER] = "spool writer",
        [THREAD_KEEPER] = "keeper",   [THREAD_RECALL] = "recall",
        [THREAD_SINK] = "sink",       [THREAD_JOBS] = "jobs",
        [THREAD_LOG] = "log",         [THREAD_AUDIT] = "audit",
        [THREAD_FORWARD] = "forward", [THREAD_EVIDENCE] = "evidence",
        [THREAD_REMOTE] = "remote",   [THREAD_ARCHIVE] = "archive",
        [THREAD_HOLDS] = "holds",
    };
    return (unsigned)role < sizeof names / sizeof *names ? names[role] : "unknown";
}

/* To stderr, for as long as its reader takes them: a process that must end does end. */
static void print_last_words(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void print_last_words(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (size <= 0 || poll(&p, 1, LAST_WORDS_MS) <= 0)
        return;
    size_t length = (size_t)size < sizeof text ? (size_t)size : sizeof text - 1;
    if (write(STDERR_FILENO, text, length) < 0)
        return; /* nowhere left to report it */
}

void thread_assert(enum thread_role role)
{
    if (current_role == role || current_role == THREAD_NONE)
        return;
    print_last_words("vsocd: a function of the %s thread was called on a %s thread\n",
                     role_name(role), role_name(current_role));
    abort();
}

void thread_assert_not(enum thread_role role)
{
    if (current_role != role || role == THREAD_NONE)
        return;
    print_last_words("vsocd: a function was called on a %s thread, which must not wait\n",
                     role_name(role));
    abort();
}

void thread_bond_assert(struct thread_bond *bond)
{
    if (current_role == THREAD_NONE)
        return;
    if (!atomic_load_explicit(&bond->bound, memory_order_acquire)) {
        bond->id = pthread_self();
        atomic_store_explicit(&bond->bound, true, memory_order_release);
    }
    ensure(pthread_equal(bond->id, pthread_self()));
}

void thread_ensure_failed(const char *condition, const char *file, int line)
{
    print_last_words("vsocd: %s:%d: assertion failed: %s\n", file, line, condition);
    abort();
}
