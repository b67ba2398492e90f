/* fiber.h: a call that can be suspended and resumed later on the same thread. It has a stack of its
 * own. Thread: one owner; start, resume and yield on that thread only. */
#ifndef VSOC_SERVER_FIBER_H
#define VSOC_SERVER_FIBER_H

#include <stdbool.h>

/* Stack of a fiber. Only the pages that were touched take memory. */
#define FIBER_STACK_BYTES ((size_t)1 << 20)

struct fiber;

/* NULL when memory is out. */
struct fiber *fiber_create(void);
/* The call must have returned, or never have started. */
void fiber_destroy(struct fiber *fiber);
/* The next fiber_resume starts run(arg). The previous call must have returned. */
void fiber_start(struct fiber *fiber, void (*run)(void *arg), void *arg);
/* Runs until the call yields or returns. True: it has returned. */
bool fiber_resume(struct fiber *fiber);
/* Within the call: returns control to fiber_resume; continues at the next fiber_resume. */
void fiber_yield(struct fiber *fiber);

#endif
