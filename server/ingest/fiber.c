/* fiber.c: calls on stacks of their own. A stack is made with ucontext; each switch after that is a
 * longjmp, because swapcontext makes a system call for the signal mask, which is the same here.
 * With sanitizers, which have their own idea of longjmp, swapcontext does all. Runs on the thread
 * that owns the fiber. Each stack ends at a page that may not be touched. Sanitizers follow a
 * thread's stack, so each switch is announced to them. */
/* Its check of longjmp takes a switch to another stack for an error. */
#undef _FORTIFY_SOURCE
#include "server/ingest/fiber.h"

#include <setjmp.h>

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/thread.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define FIBER_TSAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define FIBER_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define FIBER_TSAN 1
#endif
#ifdef FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#if defined FIBER_ASAN || defined FIBER_TSAN
#define FIBER_SANITIZED 1
#endif

struct place {
    ucontext_t context;
    jmp_buf jump;
    bool can_jump; /* jump is valid */
};

struct fiber {
    struct place own, resumer;
    uint8_t *memory; /* guard page, then the stack */
    size_t memory_bytes;
    void (*run)(void *arg);
    void *arg;
    bool begun;   /* its stack is in use: between calls it waits in begin() */
    bool running; /* between fiber_start and the return of run */
    bool inside;  /* resumed, and not yielded since */
#ifdef FIBER_ASAN
    const void *resumer_stack;
    size_t resumer_stack_bytes;
#endif
#ifdef FIBER_TSAN
    void *tsan, *tsan_resumer;
#endif
};

/* ---- sanitizers ---- */

/* Before a switch to another stack. save: where the sanitizer stores the state of this one; NULL:
 * execution never returns to this one. */
static inline void leave_stack(void **save, const void *stack, size_t bytes)
{
#ifdef FIBER_ASAN
    __sanitizer_start_switch_fiber(save, stack, bytes);
#else
    (void)save, (void)stack, (void)bytes;
#endif
}

/* After the switch: the state saved for the current stack. */
static inline void enter_stack(struct fiber *fiber, void *saved, bool from_resumer)
{
#ifdef FIBER_ASAN
    const void *stack;
    size_t bytes;
    __sanitizer_finish_switch_fiber(saved, &stack, &bytes);
    if (from_resumer) {
        fiber->resumer_stack = stack;
        fiber->resumer_stack_bytes = bytes;
    }
#else
    (void)fiber, (void)saved, (void)from_resumer;
#endif
}

/* Execution continues at `to`, and here when something switches back. */
static void switch_places(struct place *here, struct place *to)
{
#ifdef FIBER_SANITIZED
    ensure(swapcontext(&here->context, &to->context) == 0);
#else
    if (_setjmp(here->jump))
        return;
    here->can_jump = true;
    if (to->can_jump)
        _longjmp(to->jump, 1);
    setcontext(&to->context); /* the first time: on a stack without a frame */
    abort();
#endif
}

static void switch_to_fiber(struct fiber *fiber)
{
    void *saved = NULL;
    leave_stack(&saved, fiber->memory + (fiber->memory_bytes - FIBER_STACK_BYTES),
                FIBER_STACK_BYTES);
#ifdef FIBER_TSAN
    fiber->tsan_resumer = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(fiber->tsan, 0);
#endif
    switch_places(&fiber->resumer, &fiber->own);
    enter_stack(fiber, saved, false);
}

/* is_last: execution never returns to the fiber's stack. */
static void switch_to_resumer(struct fiber *fiber, bool is_last)
{
    void *saved = NULL;
    const void *stack = NULL;
    size_t bytes = 0;
#ifdef FIBER_ASAN
    stack = fiber->resumer_stack;
    bytes = fiber->resumer_stack_bytes;
#endif
    leave_stack(is_last ? NULL : &saved, stack, bytes);
#ifdef FIBER_TSAN
    __tsan_switch_to_fiber(fiber->tsan_resumer, 0);
#endif
    switch_places(&fiber->own, &fiber->resumer);
    enter_stack(fiber, saved, true);
}

/* ---- the call ---- */

/* Runs one call after the other until there are none. All run below this one frame: the thread
 * sanitizer tracks the functions on a stack, and would leak a frame with each call otherwise.
 * makecontext passes ints, so a pointer is passed in two halves. */
static void begin(unsigned high, unsigned low)
{
    struct fiber *fiber = (struct fiber *)((uintptr_t)high << 32 | low);
    enter_stack(fiber, NULL, true);
    while (fiber->run) {
        fiber->run(fiber->arg);
        fiber->running = fiber->inside = false;
        switch_to_resumer(fiber, false);
    }
    switch_to_resumer(fiber, true);
    abort(); /* a fiber that has ended is not resumed */
}

struct fiber *fiber_create(void)
{
    struct fiber *fiber = calloc(1, sizeof *fiber);
    if (!fiber)
        return NULL;
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    fiber->memory_bytes = guard + FIBER_STACK_BYTES;
    void *memory = mmap(NULL, fiber->memory_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) {
        free(fiber);
        return NULL;
    }
    fiber->memory = memory;
#ifdef FIBER_TSAN
    fiber->tsan = __tsan_create_fiber(0);
#endif
    if (mprotect(memory, guard, PROT_NONE) == 0)
        return fiber;
    fiber_destroy(fiber);
    return NULL;
}

void fiber_destroy(struct fiber *fiber)
{
    if (!fiber)
        return;
    ensure(!fiber->running);
    fiber->run = NULL;
    if (fiber->begun)
        switch_to_fiber(fiber); /* begin() ends */
#ifdef FIBER_TSAN
    __tsan_destroy_fiber(fiber->tsan);
#endif
    munmap(fiber->memory, fiber->memory_bytes);
    free(fiber);
}

/* Makes the stack ready to run begin(). */
static void prepare_stack(struct fiber *fiber)
{
    uintptr_t address = (uintptr_t)fiber;
    ensure(getcontext(&fiber->own.context) == 0);
    fiber->own.context.uc_stack.ss_sp = fiber->memory + (fiber->memory_bytes - FIBER_STACK_BYTES);
    fiber->own.context.uc_stack.ss_size = FIBER_STACK_BYTES;
    fiber->own.context.uc_link = NULL;
    makecontext(&fiber->own.context, (void (*)(void))begin, 2, (unsigned)(address >> 32),
                (unsigned)address);
}

void fiber_start(struct fiber *fiber, void (*run)(void *arg), void *arg)
{
    ensure(!fiber->running && run);
    if (!fiber->begun)
        prepare_stack(fiber);
    fiber->begun = fiber->running = true;
    fiber->run = run;
    fiber->arg = arg;
}

bool fiber_resume(struct fiber *fiber)
{
    ensure(fiber->running && !fiber->inside);
    fiber->inside = true;
    switch_to_fiber(fiber);
    return !fiber->running;
}

void fiber_yield(struct fiber *fiber)
{
    ensure(fiber->running && fiber->inside);
    fiber->inside = false;
    switch_to_resumer(fiber, false);
}
