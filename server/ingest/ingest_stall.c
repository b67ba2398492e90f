/* ingest_stall.c: batches that wait too long for the disk. Worker threads. Their outcome is not
 * known: the sender is answered 503 and its request stays until the verdict comes, with the key in
 * progress and its memory counted. A repeat meanwhile is 409; afterwards it gets the first report.
 */
#include "server/ingest/ingest_internal.h"

#include "core/clock.h"

void request_await_verdict(struct request *r)
{
    struct ingest *in = r->ingest;
    r->submitted_ns = clock_monotonic_ns();
    r->previous = NULL;
    r->next = in->submitted;
    if (r->next)
        r->next->previous = r;
    in->submitted = r;
}

void request_has_verdict(struct request *r)
{
    if (r->next)
        r->next->previous = r->previous;
    if (r->previous)
        r->previous->next = r->next;
    else
        r->ingest->submitted = r->next;
    r->next = r->previous = NULL;
}

static void answer_unknown(struct request *r)
{
    struct http_exchange *exchange = r->exchange;
    struct refusal refusal;
    refusal_set(&refusal, REFUSAL_commit_unknown);
    metric_add(r->ingest->batches_refused, 1);
    http_set_context(exchange, NULL);
    ingest_answer_refusal(exchange, r->dialect, &refusal);
    r->exchange = NULL; /* take_verdict ends the request */
}

void ingest_check_commits(struct ingest *in)
{
    if (!in->submitted)
        return;
    int64_t latest_ns = clock_monotonic_ns() - in->config->timeout_commit;
    for (struct request *r = in->submitted; r; r = r->next)
        if (r->exchange && r->submitted_ns <= latest_ns)
            answer_unknown(r);
}

bool ingest_disk_stalls(const struct ingest *in, struct refusal *refusal)
{
    if (spool_disk_wait_ns(in->shared->spool) <= in->config->timeout_commit)
        return false;
    return !refusal_set(refusal, REFUSAL_disk_stalled);
}
