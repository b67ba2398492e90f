/* fuzz_work.h: what an input costs, in units of work (parsers/read/work.h) and calls rather than
 * time. A target fails when an input costs more than its bytes may. */
#ifndef VSOC_TESTS_FUZZ_WORK_H
#define VSOC_TESTS_FUZZ_WORK_H

#include "core/thread.h"
#include "parsers/read/work.h"

/* Units that every input may cost. */
#define FUZZ_WORK_FREE ((size_t)256 * 1024)

struct fuzz_work {
    struct work work;
    size_t pauses;
};

static inline bool fuzz_work_pause(void *arg)
{
    ((struct fuzz_work *)arg)->pauses++;
    return true;
}

static inline void fuzz_work_start(struct fuzz_work *w)
{
    *w = (struct fuzz_work){.work = {.pause = fuzz_work_pause, .arg = w}};
}

/* At least so much was done: each pause stands for a piece. */
static inline size_t fuzz_work_done(const struct fuzz_work *w)
{
    return w->pauses * WORK_PIECE + w->work.done;
}

/* No more than `most` units for each of so many bytes. */
static inline void fuzz_work_check(const struct fuzz_work *w, size_t bytes, size_t most)
{
    ensure(w->pauses * WORK_PIECE <= FUZZ_WORK_FREE + most * bytes);
}

#endif
