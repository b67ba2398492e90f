/* ingest_stall.c: batches that wait too long for the disk. Worker threads. Their outcome is
 * unknown: the sender gets 503, and its request stays until the verdict arrives, with the key in
 * progress and its memory counted. A repeat gets 409 until then, and the first report afterwards.
 */
#include "server/ingest/ingest.h"
#include "server/ingest/ingest_internal.h"

#include "core/clock.h"

void submission_await_verdict(struct submission *sub)
{
    struct ingest *in = sub->ingest;
    sub->submitted_ns = clock_monotonic_ns();
    sub->previous = NULL;
    sub->next = in->submitted;
    if (sub->next)
        sub->next->previous = sub;
    in->submitted = sub;
}

void submission_has_verdict(struct submission *sub)
{
    if (sub->next)
        sub->next->previous = sub->previous;
    if (sub->previous)
        sub->previous->next = sub->next;
    else
        sub->ingest->submitted = sub->next;
    sub->next = sub->previous = NULL;
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
    if (!in->submitted)
        return;
    int64_t latest_ns = clock_monotonic_ns() - in->config->timeout_commit;
    for (struct submission *sub = in->submitted; sub; sub = sub->next)
        if (sub->sender_waits && sub->submitted_ns <= latest_ns)
            answer_unknown(sub);
}

bool ingest_disk_stalls(const struct ingest *in, struct refusal *refusal)
{
    if (spool_disk_wait_ns(in->shared->spool) <= in->config->timeout_commit)
        return false;
    return !refusal_set(refusal, REFUSAL_disk_stalled);
}
