/* thread.h: named threads with a role. A function bound to one role says so and asserts it on its
 * first line. */
#ifndef VSOC_CORE_THREAD_H
#define VSOC_CORE_THREAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <pthread.h>
#include "core/status.h"

enum thread_role {
    THREAD_NONE, /* not started by thread_start: tests and tools; satisfies every thread_assert */
    THREAD_MAIN,
    THREAD_WORKER,
    THREAD_WRITER,
    THREAD_KEEPER,
    THREAD_RECALL,
    THREAD_SINK,
    THREAD_JOBS,
    THREAD_LOG,
    THREAD_AUDIT,
    THREAD_FORWARD,
    THREAD_ARCHIVE,
    THREAD_EVIDENCE,
    THREAD_REMOTE,
    THREAD_HOLDS,
};

struct thread {
    pthread_t id;
    bool started;
};

/* Starts `run(arg)` in a thread named name (at most 15 bytes) with all signals blocked. BUSY when
 * the system has no thread. */
enum status thread_start(struct thread *thread, enum thread_role role, const char *name,
                         void (*run)(void *), void *arg) must_check;
/* Waits for its end. Does nothing if it was never started. */
void thread_join(struct thread *thread);
/* Gives the calling thread a role (main does it once). */
void thread_set_role(enum thread_role role);
enum thread_role thread_get_role(void);
/* Number of the calling thread, 0 … THREAD_SLOT_MAX-1, exclusive while it lives; used for metric
 * cells. */
unsigned thread_slot(void);
#define THREAD_SLOT_MAX 128

/* Ends the process with a message when the caller has another role. Kept in release builds. */
void thread_assert(enum thread_role role);

/* The same when the caller has this role. */
void thread_assert_not(enum thread_role role);

/* The thread that uses an object, from its first use on. Zeroed: there was none yet. */
struct thread_bond {
    atomic_bool bound;
    pthread_t id;
};
/* Binds the object to the calling thread, or ends the process when it is bound to another one.
 * Threads without a role are not looked at. */
void thread_bond_assert(struct thread_bond *bond);

/* State that must hold; kept in release builds, prints file and line and aborts. Never for input.
 */
#define ensure(condition)                                                                          \
    ((condition) ? (void)0 : thread_ensure_failed(#condition, __FILE__, __LINE__))
_Noreturn void thread_ensure_failed(const char *condition, const char *file, int line);

#endif
