/* ingest_stall.c: batches that wait too long for the disk. Worker threads. Their outcome is
 * unknown: the sender gets 503, and its request stays until the verdict arrives, with the key in
 * progress and its memory counted. A repeat gets 409 until then, and the first report afterwards.
 */
#include "server/ingest/ingest.h"
#include "server/ingest/ingest_internal.h"

#include "core/clock.h"

void submission_await_verdict(struct submission *sub)
{
    submission_assert(sub);
    ensure(!sub->batch);
    struct ingest *in = sub->ingest;
    sub->submitted_ns = clock_monotonic_ns();
    TAILQ_INSERT_HEAD(&in->submitted, sub, in_list);
}

void submission_has_verdict(struct submission *sub)
{
    submission_assert(sub);
    ensure(sub->batch);
    TAILQ_REMOVE(&sub->ingest->submitted, sub, in_list);
}

static void answer_unknown(struct submission *sub)
{
    struct refusal refusal;
    refusal_set(&refusal, REFUSAL_commit_unknown);
    metric_add(sub->ingest->batches_refused, 1);
    sub->sender_waits = false; /* take_verdict ends the submission */
    sub->way->refused(sub, &refusal);
}

void ingest_check_commits(struct ingest *in)
{
    ingest_assert(in);
    struct submission *sub;
    if (TAILQ_EMPTY(&in->submitted))
        return;
    int64_t latest_ns = clock_monotonic_ns() - in->config->timeout_commit;
    TAILQ_FOREACH (sub, &in->submitted, in_list)
        if (sub->sender_waits && sub->submitted_ns <= latest_ns)
            answer_unknown(sub);
}

bool ingest_disk_stalls(const struct ingest *in, struct refusal *refusal)
{
    if (spool_disk_wait_ns(in->shared->spool) <= in->config->timeout_commit)
        return false;
    return !refusal_set(refusal, REFUSAL_disk_stalled);
}
