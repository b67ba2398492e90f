/* ingest_answer.c: how a submission ends: refused, answered with its report at once or when the
 * sinks have its batch. Worker threads. Does not know the form of an answer: the way in does. */
#include "server/ingest/ingest.h"
#include "server/ingest/ingest_internal.h"

#include "core/clock.h"
#include "core/disk/fault.h"

/* The submission is over: releases its memory. */
void submission_destroy(struct submission *sub)
{
    submission_assert(sub);
    ensure(sub->batch && !sub->reading && !sub->waiting && !sub->waits_to_be_read);
    if (!body_leave(&sub->ingest->bodies, &sub->holder))
        sub->reserved_bytes = sub->shared_bytes =
            0; /* released by the worker that dropped the body */
    memory_budget_give(sub->ingest->shared->budget, sub->reserved_bytes);
    submission_give_shares(sub);
    sub->ingest->in_flight--;
    identity_fini(&sub->identity);
    batch_destroy(sub->batch);
    sub->way->destroy(sub);
}

void submission_refuse(struct submission *sub, const struct refusal *refusal)
{
    metric_add(sub->ingest->batches_refused, 1);
    if (sub->sender_waits) {
        sub->sender_waits = false;
        sub->way->refused(sub, refusal);
    }
    submission_destroy(sub);
}

void submission_refuse_as(struct submission *sub, enum refusal_reason reason)
{
    struct refusal refusal;
    refusal_set(&refusal, reason);
    submission_refuse(sub, &refusal);
}

void submission_refuse_full_memory(struct submission *sub)
{
    struct refusal refusal;
    refusal_say(&refusal, REFUSAL_memory, "requests in flight hold limits.memory");
    submission_refuse(sub, &refusal);
}

/* For answers that have room for one error only. */
static void find_first_error(struct submission *sub)
{
    const struct dedup_report *report = &sub->report;
    if (report->accepted || report->duplicates ||
        report_errors_first(report->errors, &sub->first_error) != STATUS_OK)
        sub->first_error = (struct report_error){0, RECORD_OTHER};
}

/* Answers with the verdict. */
void submission_answer(struct submission *sub, ack_mask_t missing)
{
    submission_assert(sub);
    ensure(sub->batch && !sub->waiting);
    struct ingest *in = sub->ingest;
    if (sub->sender_waits) {
        sub->sender_waits = false;
        find_first_error(sub);
        sub->way->reported(sub, ack_level(&in->shared->sinks, sub->ack, missing));
        fault_point(ingest_reply_sent);
    }
    submission_destroy(sub);
}

void submission_stop_waiting(struct submission *sub)
{
    submission_assert(sub);
    ensure(sub->waiting);
    struct ingest *in = sub->ingest;
    TAILQ_REMOVE(&in->waiting, sub, in_list);
    sub->waiting = false;
    atomic_fetch_sub_explicit(&in->waiters, 1, memory_order_relaxed);
}

/* A submission that waits for a sink keeps only the report: body and events are in the spool. */
static void shed_batch(struct submission *sub)
{
    struct slice errors;
    struct batch *small = batch_create(REQUEST_ARENA_BYTES);
    if (!small || arena_copy(&small->arena, sub->report.errors, &errors) != STATUS_OK) {
        batch_destroy(small);
        return;
    }
    batch_destroy(sub->batch);
    sub->batch = small;
    sub->report.errors = errors;
    submission_give_shares(sub);
    uint64_t held = small->arena.used_bytes;
    if (held < sub->reserved_bytes) {
        memory_budget_give(sub->ingest->shared->budget, sub->reserved_bytes - held);
        sub->reserved_bytes = held;
    }
}

void submission_acknowledge(struct submission *sub)
{
    submission_assert(sub);
    ensure(sub->batch && !sub->waiting);
    struct ingest *in = sub->ingest;
    if (sub->ack && sub->sender_waits) {
        /* Count before checking, so that a sink that advances in between sees a waiter. */
        atomic_fetch_add_explicit(&in->waiters, 1, memory_order_seq_cst);
        if (ack_missing(&in->shared->sinks, sub->ack, sub->report.position)) {
            sub->ack_deadline_ns = clock_monotonic_ns() + in->config->timeout_ack;
            sub->waiting = true;
            TAILQ_INSERT_HEAD(&in->waiting, sub, in_list);
            shed_batch(sub);
            fault_point(ingest_ack_awaited);
            return;
        }
        atomic_fetch_sub_explicit(&in->waiters, 1, memory_order_relaxed);
    }
    submission_answer(sub, 0);
}

void ingest_check_acks(struct ingest *in)
{
    ingest_assert(in);
    int64_t now = clock_monotonic_ns();
    for (struct submission *sub = TAILQ_FIRST(&in->waiting), *next; sub; sub = next) {
        next = TAILQ_NEXT(sub, in_list);
        ack_mask_t missing = ack_missing(&in->shared->sinks, sub->ack, sub->report.position);
        if (missing && now < sub->ack_deadline_ns && !atomic_load(&in->shared->draining))
            continue;
        submission_stop_waiting(sub);
        fault_point(ingest_ack_reached);
        submission_answer(sub, missing);
    }
}

size_t ingest_ack_waiters(const struct ingest *in)
{
    return atomic_load_explicit(&in->waiters, memory_order_seq_cst);
}
