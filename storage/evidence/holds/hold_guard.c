/* hold_guard.c: answers the spool's writer at once: from the holds, from what was found before, or
 * with "not yet". Its thread reads the file of holds when it has changed, and segments. */
#define LOG_COMPONENT "holds"
#include "storage/evidence/holds/hold_guard.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log/log.h"
#include "core/object.h"
#include "core/thread.h"
#include "core/wait/condition.h"
#include "storage/evidence/holds/hold_scan.h"

#define LOOK_NS     NS_PER_S /* between looks at the file */
#define ANSWERS     64       /* segments whose answer is kept: the oldest of the spool */
#define GUARD_MAGIC 0x484f4c44U

struct answer {
    uint64_t segment;    /* first position of its file; 0: free */
    uint64_t generation; /* of the holds it was made with */
    bool held;
    uint8_t by[UUID_BYTES];
};

struct hold_guard {
    unsigned magic; /* GUARD_MAGIC */
    const char *evidence_dir, *spool_dir;
    const struct seal_keys *keys;
    struct thread thread;
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t changed;
    int fd;        /* of the file of holds */
    bool removing; /* a segment, under the lock of fd */
    bool stopping;
    bool asking; /* question is to be answered */
    struct spool_removal question;
    struct holds holds;
    uint64_t generation; /* of holds: how often they were read */
    struct answer answers[ANSWERS];
    unsigned next_answer;
    bool lost; /* its thread's: the file is gone, which was logged */
    uint64_t kept_position;
    uint8_t kept_by[UUID_BYTES];
};

OBJECT_CAST(hold_guard, GUARD_MAGIC)

static void fini(struct hold_guard *g)
{
    holds_fini(&g->holds);
    if (g->fd >= 0)
        close(g->fd);
    pthread_cond_destroy(&g->changed);
    pthread_mutex_destroy(&g->lock);
    object_end(&g->magic);
    free(g);
}

enum status hold_guard_create(const char *evidence_dir, const char *spool_dir,
                              const struct seal_keys *keys, struct hold_guard **out,
                              struct problem *problem)
{
    struct hold_guard *g = calloc(1, sizeof *g);
    if (!g)
        return STATUS_NO_MEMORY;
    g->magic = GUARD_MAGIC;
    g->evidence_dir = evidence_dir;
    g->spool_dir = spool_dir;
    g->keys = keys;
    g->fd = -1;
    g->generation = 1;
    pthread_mutex_init(&g->lock, NULL);
    condition_init(&g->changed);
    enum status status = holds_open(evidence_dir, &g->fd);
    if (status != STATUS_OK) {
        g->fd = -1;
        problem_say(problem, "%.300s/" HOLDS_FILE ": %s", evidence_dir, status_text(status));
    } else {
        status = holds_read(evidence_dir, &g->holds, problem);
    }
    if (status != STATUS_OK) {
        fini(g);
        return status;
    }
    if (g->holds.damaged)
        log_error("lines of the file of holds can't be read: somebody changed them; what they held "
                  "is not known",
                  LOG_U64("lines", g->holds.damaged));
    *out = g;
    return STATUS_OK;
}

/* --- the writer asks ------------------------------------------------------------------------ */

static const struct answer *find_answer(const struct hold_guard *g, uint64_t segment,
                                        int64_t now_ns)
{
    for (size_t i = 0; i < ANSWERS; i++) {
        const struct answer *a = &g->answers[i];
        if (a->segment != segment || !segment || a->generation != g->generation)
            continue;
        if (!a->held)
            return a;
        const struct hold *h = holds_find(&g->holds, a->by);
        return h && hold_is_active(h, now_ns) ? a : NULL;
    }
    return NULL;
}

static void ask(struct hold_guard *g, const struct spool_removal *removal)
{
    g->question = *removal;
    g->asking = true;
    pthread_cond_signal(&g->changed);
}

static enum spool_removal_verdict keep(struct hold_guard *g, const struct spool_removal *removal,
                                       const uint8_t by[UUID_BYTES])
{
    if (g->kept_position != removal->last) {
        char uid[UUID_TEXT_BYTES];
        uuid_to_text(by, uid);
        log_info("a hold keeps a segment whose retention is over, and those after it",
                 LOG_U64("first_position", removal->first), LOG_U64("last_position", removal->last),
                 LOG_SLICE("hold", slice_make(uid, sizeof uid)));
    }
    g->kept_position = removal->last;
    memcpy(g->kept_by, by, UUID_BYTES);
    return SPOOL_REMOVAL_HELD;
}

/* Under lock. */
static enum spool_removal_verdict judge(struct hold_guard *g, const struct spool_removal *removal,
                                        uint64_t file_bytes)
{
    int64_t now_ns = clock_wall_ns();
    if (file_bytes != g->holds.bytes) {
        pthread_cond_signal(&g->changed);
        return SPOOL_REMOVAL_UNKNOWN;
    }
    if (g->holds.damaged) /* one of them could hold it */
        return SPOOL_REMOVAL_HELD;
    const struct hold *h = hold_by_time(&g->holds, removal, now_ns);
    if (h)
        return keep(g, removal, h->id);
    if (!removal->last || !holds_need_scan(&g->holds, now_ns)) {
        g->kept_position = 0;
        return SPOOL_REMOVAL_FREE;
    }
    const struct answer *a = find_answer(g, removal->segment, now_ns);
    if (!a) {
        ask(g, removal);
        return SPOOL_REMOVAL_UNKNOWN;
    }
    if (a->held)
        return keep(g, removal, a->by);
    g->kept_position = 0;
    return SPOOL_REMOVAL_FREE;
}

/* Under lock. */
static uint64_t count_active(const struct hold_guard *g)
{
    int64_t now_ns = clock_wall_ns();
    uint64_t active = 0;
    for (size_t i = 0; i < g->holds.count; i++)
        active += hold_is_active(&g->holds.items[i], now_ns);
    return active;
}

enum spool_removal_verdict hold_guard_begin(void *guard, const struct spool_removal *removal,
                                            uint64_t *holds)
{
    struct hold_guard *g = hold_guard_cast(guard);
    enum spool_removal_verdict verdict = SPOOL_REMOVAL_UNKNOWN;
    uint64_t bytes;
    pthread_mutex_lock(&g->lock);
    if (holds_begin(g->fd, &bytes) == STATUS_OK) {
        if (holds_is_current(g->evidence_dir, g->fd))
            verdict = judge(g, removal, bytes);
        else
            pthread_cond_signal(&g->changed);
        g->removing = verdict == SPOOL_REMOVAL_FREE;
        if (!g->removing)
            holds_end(g->fd);
    }
    *holds = count_active(g);
    pthread_mutex_unlock(&g->lock);
    return verdict;
}

void hold_guard_end(void *guard)
{
    struct hold_guard *g = hold_guard_cast(guard);
    pthread_mutex_lock(&g->lock);
    holds_end(g->fd);
    g->removing = false;
    pthread_mutex_unlock(&g->lock);
}

/* --- its thread ----------------------------------------------------------------------------- */

/* The file was replaced, or is gone. A file that is not there is not made here: holds may have been
 * in force. */
static bool follow(struct hold_guard *g)
{
    int fd;
    enum status status = holds_open_there(g->evidence_dir, &fd);
    if (status != STATUS_OK) {
        if (!g->lost)
            log_error("the file of holds is gone: no segment is removed until it is back",
                      LOG_STATUS(status));
        g->lost = true;
        return false;
    }
    pthread_mutex_lock(&g->lock);
    bool can = !g->removing;
    if (can) {
        close(g->fd);
        g->fd = fd;
        g->holds.bytes = UINT64_MAX; /* of another file: unknown until it is read */
    }
    pthread_mutex_unlock(&g->lock);
    if (!can)
        close(fd);
    return can;
}

/* Lines are only appended: a hold that was there is there. */
static bool lacks_one(const struct holds *fresh, const struct holds *known)
{
    for (size_t i = 0; i < known->count; i++)
        if (!holds_find(fresh, known->items[i].id))
            return true;
    return false;
}

static void take(struct hold_guard *g, struct holds *fresh)
{
    bool lacks = lacks_one(fresh, &g->holds);
    size_t count = fresh->count;
    pthread_mutex_lock(&g->lock);
    if (lacks) { /* those that were known stay known, and one that is not could hold anything */
        g->holds.bytes = fresh->bytes;
        g->holds.damaged = fresh->damaged ? fresh->damaged : 1;
        holds_fini(fresh);
    } else {
        holds_fini(&g->holds);
        g->holds = *fresh;
    }
    g->generation++;
    pthread_mutex_unlock(&g->lock);
    if (lacks)
        log_error("holds that were in the file are not there any more: no segment is removed until "
                  "it is restored");
    else
        log_info("holds were read again", LOG_U64("holds", count));
}

/* Only this thread replaces g->fd and g->holds. */
static void reread(struct hold_guard *g)
{
    struct stat st;
    struct holds fresh;
    struct problem problem;
    if (!holds_is_current(g->evidence_dir, g->fd) && !follow(g))
        return;
    g->lost = false;
    if (fstat(g->fd, &st) != 0 || (uint64_t)st.st_size == g->holds.bytes)
        return;
    enum status status = holds_read(g->evidence_dir, &fresh, &problem);
    if (status == STATUS_OK)
        take(g, &fresh);
    else
        log_warn("the file of holds can't be read: no segment is removed",
                 LOG_TEXT("problem", problem.text));
}

/* Only this thread replaces g->holds. */
static void answer(struct hold_guard *g, const struct spool_removal *question)
{
    const struct hold *by;
    enum status status =
        hold_scan(g->spool_dir, g->keys, &g->holds, question, clock_wall_ns(), &by);
    if (status != STATUS_OK) {
        log_warn("a segment can't be searched for what holds name; it stays",
                 LOG_U64("first_position", question->first), LOG_STATUS(status));
        return;
    }
    pthread_mutex_lock(&g->lock);
    struct answer *a = &g->answers[g->next_answer++ % ANSWERS];
    *a = (struct answer){question->segment, g->generation, by != NULL, {0}};
    if (by)
        memcpy(a->by, by->id, UUID_BYTES);
    pthread_mutex_unlock(&g->lock);
}

/* False: it is time to end. */
static bool next_question(struct hold_guard *g, struct spool_removal *question, bool *asked)
{
    int64_t end_ns = condition_end_ns(LOOK_NS);
    pthread_mutex_lock(&g->lock);
    if (!g->stopping && !g->asking)
        (void)condition_wait(&g->changed, &g->lock, end_ns);
    *asked = g->asking;
    *question = g->question;
    g->asking = false;
    bool go_on = !g->stopping;
    pthread_mutex_unlock(&g->lock);
    return go_on;
}

static void run(void *arg)
{
    thread_assert(THREAD_HOLDS);
    struct hold_guard *g = hold_guard_cast(arg);
    struct spool_removal question;
    bool asked;
    while (next_question(g, &question, &asked)) {
        reread(g);
        if (asked)
            answer(g, &question);
    }
}

enum status hold_guard_start(struct hold_guard *guard)
{
    return thread_start(&guard->thread, THREAD_HOLDS, "vsoc-holds", run, guard);
}

void hold_guard_stop(struct hold_guard *guard)
{
    pthread_mutex_lock(&guard->lock);
    guard->stopping = true;
    pthread_cond_broadcast(&guard->changed);
    pthread_mutex_unlock(&guard->lock);
    thread_join(&guard->thread);
}

void hold_guard_destroy(struct hold_guard *guard)
{
    if (guard)
        fini(guard);
}

void hold_guard_stats(struct hold_guard *guard, struct hold_guard_stats *stats)
{
    *stats = (struct hold_guard_stats){0};
    pthread_mutex_lock(&guard->lock);
    stats->active = count_active(guard);
    stats->damaged = guard->holds.damaged;
    stats->kept_position = guard->kept_position;
    if (guard->kept_position)
        uuid_to_text(guard->kept_by, stats->kept_by);
    pthread_mutex_unlock(&guard->lock);
}
