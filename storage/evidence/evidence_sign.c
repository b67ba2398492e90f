/* evidence_sign.c: makes the tree durable, has it signed, stores and shows the head, in this order.
 * The evidence thread. Reads no records. */
#define LOG_COMPONENT "evidence"
#include "storage/evidence/evidence_internal.h"

#include "core/clock.h"
#include "core/disk/fault.h"
#include "core/log/log.h"

static enum status prove(void *arg, uint64_t old, struct merkle_path *path)
{
    const struct evidence *e = evidence_cast(arg);
    struct merkle_source source = evidence_tree_source(e->tree);
    return merkle_consistency(&source, old, evidence_tree_size(e->tree), path);
}

enum status evidence_compare(struct evidence *e, struct problem *problem)
{
    uint64_t size = evidence_tree_size(e->tree);
    enum status status = last_head_check(&e->place, &e->signer->verifier, e->tree, size, problem);
    if (status == STATUS_OK)
        status = last_head_check(&e->reported, &e->signer->verifier, e->tree, size, problem);
    return status;
}

/* A head of this tree from elsewhere that somebody has reported. */
static enum status compare_sighting(struct evidence *e, struct problem *problem)
{
    struct evidence_sighting seen;
    pthread_mutex_lock(&e->lock);
    seen = e->sighting;
    e->sighting.waits = false;
    pthread_mutex_unlock(&e->lock);
    return seen.waits ? evidence_continues(e->tree, evidence_tree_size(e->tree), &seen.head,
                                           seen.where, problem)
                      : STATUS_OK;
}

static enum status make_note(struct evidence *e, struct evidence_head *head,
                             struct problem *problem)
{
    struct checkpoint checkpoint = {
        .origin = slice_from_text(e->signer->verifier.name),
        .size = evidence_tree_size(e->tree),
    };
    evidence_tree_top(e->tree, checkpoint.root);
    const struct evidence_signing what = {&checkpoint, prove, e};
    writer_reset(&e->note);
    enum status status = e->signer->sign(e->signer, &what, &e->note, problem);
    if (status != STATUS_OK)
        return status;
    head->size = checkpoint.size;
    memcpy(head->root, checkpoint.root, sizeof head->root);
    head->signed_ns = clock_wall_ns();
    head->note = writer_slice(&e->note);
    return STATUS_OK;
}

static void show(struct evidence *e, const struct evidence_head *head)
{
    pthread_mutex_lock(&e->lock);
    writer_reset(&e->shown);
    writer_add_slice(&e->shown, head->note);
    e->state.head_size = head->size;
    memcpy(e->head_root, head->root, sizeof e->head_root);
    e->state.head_ns = head->signed_ns;
    e->state.leaves = head->size;
    e->state.heads++;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
    metric_add(e->heads_total, 1);
}

/* The second place follows what is stored: it never has a head that a crash can take back. */
static void place(struct evidence *e, const struct evidence_head *head)
{
    struct problem problem;
    if (last_head_write(&e->place, head->note, &problem) != STATUS_OK)
        log_error("the newest head is not in the second place; it is tried again with the next",
                  LOG_TEXT("problem", problem.text));
}

static enum status sign_grown(struct evidence *e, struct problem *problem)
{
    struct evidence_head head;
    enum status status = evidence_tree_sync(e->tree);
    if (status != STATUS_OK) {
        problem_say(problem, "hashes of the tree can't be written: %s; it is tried again",
                    status_text(status));
        return status;
    }
    fault_point(evidence_tree_synced);
    status = make_note(e, &head, problem);
    if (status != STATUS_OK)
        return status;
    fault_point(evidence_head_signed);
    status = evidence_heads_append(e->heads, &head);
    if (status != STATUS_OK) {
        problem_say(problem, "the signed head can't be stored: %s; it is tried again",
                    status_text(status));
        return status;
    }
    e->head_size = head.size;
    e->signed_ns = clock_monotonic_ns();
    if (e->state.heads == 0)
        evidence_restored_done(e->dir);
    place(e, &head);
    fault_point(evidence_head_placed);
    show(e, &head);
    fault_point(evidence_head_shown);
    return STATUS_OK;
}

enum status evidence_sign(struct evidence *e, struct problem *problem)
{
    thread_assert(THREAD_EVIDENCE);
    enum status status = compare_sighting(e, problem);
    if (status == STATUS_OK && evidence_tree_size(e->tree) > e->head_size) {
        status = evidence_compare(e, problem);
        if (status == STATUS_OK)
            status = sign_grown(e, problem);
    }
    if (status != STATUS_OK)
        return status;
    spool_cursor_advance(e->spool, e->cursor, e->position);
    fault_point(evidence_cursor_moved);
    return STATUS_OK;
}
