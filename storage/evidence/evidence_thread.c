/* evidence_thread.c: the tree of a running server: opens it, runs its thread, says how it is.
 * Records are read in evidence_follow.c, heads signed in evidence_sign.c. */
#define LOG_COMPONENT "evidence"
#include "storage/evidence/evidence_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/disk/folder.h"
#include "core/log/log.h"
#include "core/wait/condition.h"

#define HEAD_PAUSE_NS NS_PER_S /* between two heads, while records come */
#define IDLE_NS       NS_PER_S /* a sighting waits at most this long */
#define RETRY_NS      NS_PER_S
#define CURSOR_NAME   "evidence"

/* --- state ---------------------------------------------------------------------------------- */

/* Logs a change of trouble, and publishes it. */
static void report(struct evidence *e, enum evidence_trouble trouble, const char *problem)
{
    pthread_mutex_lock(&e->lock);
    struct evidence_state *s = &e->state;
    bool news = s->trouble != trouble || strcmp(s->problem, problem) != 0;
    bool was_fine = s->trouble == EVIDENCE_FINE;
    s->trouble = trouble;
    snprintf(s->problem, sizeof s->problem, "%s", problem);
    if (e->tree)
        s->leaves = evidence_tree_size(e->tree);
    pthread_mutex_unlock(&e->lock);
    metric_set(e->refusal, trouble == EVIDENCE_REFUSED);
    if (!news)
        return;
    if (trouble == EVIDENCE_REFUSED)
        log_error("the spool is not signed: it does not continue what was signed before; records "
                  "are accepted and kept meanwhile",
                  LOG_TEXT("problem", problem));
    else if (trouble == EVIDENCE_WAITS)
        log_warn("no head can be signed; records are accepted and kept meanwhile",
                 LOG_TEXT("problem", problem));
    else if (!was_fine)
        log_info("heads are signed again");
}

const struct note_verifier *evidence_log(const struct evidence *e)
{
    return &e->signer->verifier;
}

void evidence_state(struct evidence *e, struct evidence_state *state)
{
    pthread_mutex_lock(&e->lock);
    *state = e->state;
    pthread_mutex_unlock(&e->lock);
}

uint64_t evidence_newest(struct evidence *e, struct writer *note)
{
    pthread_mutex_lock(&e->lock);
    uint64_t size = e->shown.size ? e->state.head_size : 0;
    writer_add_slice(note, writer_slice(&e->shown));
    pthread_mutex_unlock(&e->lock);
    return size;
}

uint64_t evidence_newest_root(void *evidence, uint8_t *root)
{
    struct evidence *e = evidence_cast(evidence);
    pthread_mutex_lock(&e->lock);
    uint64_t size = e->state.head_size;
    memcpy(root, e->head_root, sizeof e->head_root);
    pthread_mutex_unlock(&e->lock);
    return size;
}

uint64_t evidence_wait(struct evidence *e, uint64_t seen, int64_t timeout_ns)
{
    int64_t end_ns = condition_end_ns(timeout_ns);
    pthread_mutex_lock(&e->lock);
    uint64_t woken = e->woken;
    while (e->state.head_size <= seen && e->woken == woken &&
           condition_wait(&e->changed, &e->lock, end_ns))
        ;
    uint64_t size = e->state.head_size;
    pthread_mutex_unlock(&e->lock);
    return size;
}

void evidence_wake(struct evidence *e)
{
    pthread_mutex_lock(&e->lock);
    e->woken++;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

void evidence_show(struct evidence *e, const struct evidence_head *head)
{
    pthread_mutex_lock(&e->lock);
    if (head->size == e->state.head_size) {
        writer_reset(&e->shown);
        writer_add_slice(&e->shown, head->note);
    }
    pthread_mutex_unlock(&e->lock);
}

void evidence_seen(struct evidence *e, const struct evidence_head *head, const char *where)
{
    pthread_mutex_lock(&e->lock);
    /* The larger of two that wait: if the tree continues it, it has the other's size at least. */
    if (!e->sighting.waits || head->size > e->sighting.head.size) {
        e->sighting.waits = true;
        e->sighting.head = *head;
        e->sighting.head.note = SLICE_EMPTY;
        snprintf(e->sighting.where, sizeof e->sighting.where, "%s", where);
    }
    pthread_mutex_unlock(&e->lock);
}

/* --- thread --------------------------------------------------------------------------------- */

static bool is_ending(struct evidence *e)
{
    pthread_mutex_lock(&e->lock);
    bool ending = e->ending;
    pthread_mutex_unlock(&e->lock);
    return ending;
}

/* Waits until then (monotonic) or the end. */
static void pause_until(struct evidence *e, int64_t until_ns)
{
    int64_t end_ns = condition_end_ns(until_ns - clock_monotonic_ns());
    pthread_mutex_lock(&e->lock);
    while (!e->ending && condition_wait(&e->changed, &e->lock, end_ns))
        ;
    pthread_mutex_unlock(&e->lock);
}

/* The spool must have given at least as many leaf indexes as the tree has leaves. */
static enum status compare_ends(struct evidence *e, struct problem *problem)
{
    struct spool_stats stats;
    uint64_t size = evidence_tree_size(e->tree);
    spool_stats(e->spool, &stats);
    if (stats.leaves >= size)
        return evidence_compare(e, problem);
    problem_say(problem,
                "the tree has %llu records, but the spool has only %llu: the spool was rolled back "
                "or replaced; " EVIDENCE_WHAT_TO_DO,
                (unsigned long long)size, (unsigned long long)stats.leaves);
    return STATUS_REFUSED;
}

/* Everything that the spool has, and a head over it. OK: more is there. */
static enum status catch_up(struct evidence *e, struct problem *problem)
{
    enum status status = STATUS_OK;
    if (!e->compared)
        status = compare_ends(e, problem);
    if (status != STATUS_OK)
        return status;
    e->compared = true;
    status = evidence_follow(e, problem);
    if (status != STATUS_OK && status != STATUS_END)
        return status;
    enum status signed_status = evidence_sign(e, problem);
    if (signed_status == STATUS_CONFLICT) /* more was signed before a crash, or a rollback */
        return status == STATUS_END ? STATUS_REFUSED : STATUS_OK;
    return signed_status == STATUS_OK ? status : signed_status;
}

/* Returns whether there is more to do at once. */
static bool turn(struct evidence *e)
{
    struct problem problem = {""};
    enum status status = catch_up(e, &problem);
    if (status == STATUS_REFUSED) {
        e->refused = true;
        report(e, EVIDENCE_REFUSED, problem.text);
    } else if (status != STATUS_OK && status != STATUS_END) {
        report(e, EVIDENCE_WAITS, problem.text);
        pause_until(e, clock_monotonic_ns() + RETRY_NS);
    } else {
        report(e, EVIDENCE_FINE, "");
    }
    return status == STATUS_OK;
}

static void run(void *arg)
{
    thread_assert(THREAD_EVIDENCE);
    struct evidence *e = evidence_cast(arg);
    bool more = true;
    while (!is_ending(e)) {
        if (e->refused) {
            pause_until(e, clock_monotonic_ns() + IDLE_NS);
            continue;
        }
        if (!more && e->reader)
            (void)spool_reader_wait(e->reader, IDLE_NS);
        if (e->head_size)
            pause_until(e, e->signed_ns + HEAD_PAUSE_NS);
        more = turn(e);
    }
    while (!e->refused && turn(e)) /* what came last */
        ;
}

enum status evidence_start(struct evidence *e)
{
    return thread_start(&e->thread, THREAD_EVIDENCE, "evidence", run, e);
}

void evidence_stop(struct evidence *e)
{
    pthread_mutex_lock(&e->lock);
    e->ending = true;
    e->woken++;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
    spool_wake(e->spool);
    thread_join(&e->thread);
}

/* --- open ----------------------------------------------------------------------------------- */

static enum status disk_problem(struct problem *problem, const char *path, enum status status)
{
    problem_say(problem, "%.300s: %s", path,
                status == STATUS_LOCKED ? "another process has it open" : status_text(status));
    return status;
}

/* The tree as it was when the newest head was signed. REFUSED: the files are not those. */
static enum status restore_tree(struct evidence *e, const struct evidence_head *head,
                                struct problem *problem)
{
    uint8_t root[MERKLE_HASH_BYTES];
    uint64_t size = head ? head->size : e->restart.size;
    const uint8_t *expected = head ? head->root : e->restart.root;
    enum status status = evidence_tree_cut(e->tree, size);
    if (status != STATUS_OK && status != STATUS_CORRUPT)
        return disk_problem(problem, "data_dir/evidence/tree", status);
    if (status == STATUS_OK) {
        evidence_tree_top(e->tree, root);
        if (!size || memcmp(root, expected, sizeof root) == 0)
            return STATUS_OK;
    }
    problem_say(
        problem,
        "the hashes in data_dir/evidence/tree are not those of the signed head of %llu "
        "records: they were changed or lost; restore the folder from a copy; " EVIDENCE_WHAT_TO_DO,
        (unsigned long long)size);
    return STATUS_REFUSED;
}

/* REFUSED: the stored head is not signed by this key under this origin. */
static enum status check_head(struct evidence *e, const struct evidence_head *head,
                              struct problem *problem)
{
    struct note note;
    struct checkpoint checkpoint;
    enum status status = checkpoint_open(head->note, &e->signer->verifier, &note, &checkpoint);
    if (status == STATUS_OK || status == STATUS_NO_MEMORY)
        return status;
    problem_say(problem,
                "the newest head in data_dir/evidence is not signed by the key in use as %.200s: "
                "set evidence.signing_key and evidence.origin as they were; " EVIDENCE_WHAT_TO_DO,
                e->signer->verifier.name);
    return STATUS_REFUSED;
}

static enum status open_files(struct evidence *e, struct problem *problem)
{
    char path[4300];
    snprintf(path, sizeof path, "%s/tree", e->dir);
    enum status status = folder_make(e->dir);
    if (status == STATUS_OK)
        status = folder_make(path);
    if (status == STATUS_OK)
        status = evidence_tree_open(path, true, &e->tree);
    if (status == STATUS_OK)
        status = evidence_heads_open(e->dir, &e->heads);
    return status == STATUS_OK ? status : disk_problem(problem, e->dir, status);
}

static enum status restore(struct evidence *e, struct problem *problem)
{
    struct evidence_head head;
    enum status status = evidence_heads_adopt(e->heads);
    if (status != STATUS_OK)
        return disk_problem(problem, "data_dir/evidence/head", status);
    bool has_head = evidence_heads_newest(e->heads, &head);
    status = has_head ? check_head(e, &head, problem) : STATUS_OK;
    if (status == STATUS_OK)
        status = restore_tree(e, has_head ? &head : NULL, problem);
    if (status != STATUS_OK || !has_head)
        return status;
    e->head_size = head.size;
    if (evidence_keep_leaves(e->spool, e->dir, head.size) != STATUS_OK)
        log_debug("the spool has fewer records than the head"); /* compare_ends refuses to sign */
    e->state.head_size = head.size;
    memcpy(e->head_root, head.root, sizeof e->head_root);
    e->state.head_ns = head.signed_ns;
    writer_add_slice(&e->shown, head.note);
    return e->shown.status;
}

static struct evidence *create(const struct evidence_options *options)
{
    struct evidence *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->magic = EVIDENCE_MAGIC;
    snprintf(e->dir, sizeof e->dir, "%s", options->dir);
    e->signer = options->signer;
    e->spool = options->spool;
    memcpy(e->spool_uid, spool_uid(options->spool), UUID_BYTES);
    pthread_mutex_init(&e->lock, NULL);
    condition_init(&e->changed);
    writer_init(&e->note, NOTE_BYTES_MAX);
    writer_init(&e->shown, NOTE_BYTES_MAX);
    char reported[4300];
    snprintf(reported, sizeof reported, "%s/" LAST_HEAD_REPORTED, e->dir);
    last_head_init(&e->place, options->last_head, 1);
    last_head_init(&e->reported, reported, 1);
    e->refusal = metric_series(METRIC_vsocd_evidence_head_refused, "");
    e->heads_total = metric_series(METRIC_vsocd_evidence_heads_total, "");
    e->lost_leaves = metric_series(METRIC_vsocd_evidence_lost_leaves_total, "");
    return e;
}

enum status evidence_open(const struct evidence_options *options, struct evidence **out,
                          struct problem *problem)
{
    struct evidence *e = create(options);
    if (!e) {
        evidence_signer_destroy(options->signer);
        return disk_problem(problem, options->dir, STATUS_NO_MEMORY);
    }
    enum status status = open_files(e, problem);
    if (status == STATUS_OK) {
        status = evidence_restart_read(e->dir, &e->restart);
        if (status != STATUS_OK)
            (void)disk_problem(problem, "data_dir/evidence/generation", status);
        e->place.generation = e->reported.generation = e->restart.generation;
    }
    if (status == STATUS_OK) {
        status = spool_cursor_open(e->spool, CURSOR_NAME, &e->cursor, &e->position);
        if (status != STATUS_OK)
            (void)disk_problem(problem, "cursor of the tree", status);
    }
    if (status == STATUS_OK)
        status = restore(e, problem);
    if (status == STATUS_REFUSED) { /* the server runs, and signs nothing */
        e->refused = true;
        report(e, EVIDENCE_REFUSED, problem->text);
        status = STATUS_OK;
    }
    if (status == STATUS_OK)
        *out = e;
    else
        evidence_close(e);
    return status;
}

void evidence_close(struct evidence *e)
{
    if (!e)
        return;
    spool_reader_close(e->reader);
    evidence_tree_close(e->tree);
    evidence_heads_close(e->heads);
    last_head_fini(&e->place);
    last_head_fini(&e->reported);
    evidence_signer_destroy(e->signer);
    writer_fini(&e->note);
    writer_fini(&e->shown);
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->lock);
    object_end(&e->magic);
    free(e);
}
