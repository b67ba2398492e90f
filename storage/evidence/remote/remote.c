/* remote.c: runs the jobs about heads: at each new head, and when one of them wants it. The thread
 * "remote". Knows nothing of what they do. */
#include "storage/evidence/remote/remote.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/object.h"

#define REMOTE_MAGIC 0x56524d54U
/* A stop that came between the look and the wait is noticed after this time. */
#define LONGEST_WAIT NS_PER_S

struct remote {
    unsigned magic; /* REMOTE_MAGIC */
    struct evidence *evidence;
    struct thread thread;
    atomic_bool stopping;
    struct remote_job jobs[REMOTE_JOBS_MAX];
    int64_t due_ns[REMOTE_JOBS_MAX];
    size_t count;
};

OBJECT_CAST(remote, REMOTE_MAGIC)

struct remote *remote_create(struct evidence *evidence)
{
    struct remote *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->magic = REMOTE_MAGIC;
    r->evidence = evidence;
    return r;
}

void remote_add(struct remote *r, const struct remote_job *job)
{
    ensure(!r->thread.started && r->count < REMOTE_JOBS_MAX);
    r->jobs[r->count++] = *job;
}

/* Returns when the first of them is due again. */
static int64_t run_jobs(struct remote *r, bool has_news)
{
    int64_t first_ns = INT64_MAX;
    for (size_t i = 0; i < r->count && !remote_is_stopping(r); i++) {
        if (has_news || clock_monotonic_ns() >= r->due_ns[i])
            r->due_ns[i] = r->jobs[i].run(r->jobs[i].arg, r);
        first_ns = r->due_ns[i] < first_ns ? r->due_ns[i] : first_ns;
    }
    return first_ns;
}

static void run(void *arg)
{
    struct remote *r = remote_cast(arg);
    thread_assert(THREAD_REMOTE);
    uint64_t seen = 0;
    bool has_news = true; /* the head of the last run counts as one */
    while (!remote_is_stopping(r)) {
        int64_t due_ns = run_jobs(r, has_news);
        int64_t now_ns = clock_monotonic_ns();
        int64_t wait_ns = due_ns <= now_ns                 ? 0
                          : due_ns - now_ns > LONGEST_WAIT ? LONGEST_WAIT
                                                           : due_ns - now_ns;
        uint64_t newest = evidence_wait(r->evidence, seen, wait_ns);
        has_news = newest > seen;
        seen = newest;
    }
}

enum status remote_start(struct remote *r)
{
    if (!r->count)
        return STATUS_OK;
    return thread_start(&r->thread, THREAD_REMOTE, "vsoc-remote", run, r);
}

void remote_stop(struct remote *r)
{
    if (!r)
        return;
    atomic_store(&r->stopping, true);
    evidence_wake(r->evidence);
    thread_join(&r->thread);
}

void remote_destroy(struct remote *r)
{
    if (!r)
        return;
    object_end(&r->magic);
    free(r);
}

bool remote_is_stopping(const struct remote *r)
{
    return atomic_load(&r->stopping);
}

struct evidence *remote_evidence(const struct remote *r)
{
    return r->evidence;
}
