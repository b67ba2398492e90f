/* ingest_answer.c: how a request ends: refused, answered with its report at once or when the sinks
 * have its batch. Worker threads. Does not know the words of an answer: the dialect does. */
#include "server/audit/audit.h"
#include "server/ingest/ingest_internal.h"

#include <stdlib.h>

#include "core/clock.h"
#include "core/disk/fault.h"

/* The request is over: gives back what it holds. */
void request_destroy(struct request *r)
{
    if (r->exchange)
        http_set_context(r->exchange, NULL);
    if (!body_leave(&r->ingest->bodies, &r->holder))
        r->reserved_bytes = r->shared_bytes = 0; /* given back by whoever was short of it */
    memory_budget_give(r->ingest->shared->budget, r->reserved_bytes);
    request_give_shares(r);
    r->ingest->in_flight--;
    identity_fini(&r->identity);
    batch_destroy(r->batch);
    free(r);
}

void ingest_answer_refusal(struct http_exchange *exchange, const struct dialect *dialect,
                           const struct refusal *refusal)
{
    http_problem(exchange, refusal, dialect->route);
}

/* Its sender may not do what it asks. */
static void audit_request(const struct request *r, const struct refusal *refusal)
{
    const struct http_peer *peer = http_peer(r->exchange);
    struct slice credential = r->identity.credential;
    char vehicle[VEHICLE_NAME_BYTES];
    ingest_name_vehicle(r->ingest, r->identity.tenant, r->identity.vehicle, vehicle);
    audit_refused(&(struct audit_refusal){
        .action = "request",
        .code = refusal->code,
        .status = refusal->status,
        .address = peer->address,
        .tenant = r->identity.tenant,
        .credential = credential.size ? credential : peer->fingerprint,
        .vehicle = slice_from_text(vehicle),
    });
}

void request_refuse(struct request *r, const struct refusal *refusal)
{
    metric_add(r->ingest->batches_refused, 1);
    struct http_exchange *exchange = r->exchange;
    if (exchange) {
        if (refusal->status == 401 || refusal->status == 403)
            audit_request(r, refusal);
        http_set_context(exchange, NULL);
        ingest_answer_refusal(exchange, r->dialect, refusal);
        r->exchange = NULL;
    }
    request_destroy(r);
}

void request_refuse_as(struct request *r, enum refusal_reason reason)
{
    struct refusal refusal;
    refusal_set(&refusal, reason);
    request_refuse(r, &refusal);
}

void request_refuse_full_memory(struct request *r)
{
    struct refusal refusal;
    refusal_say(&refusal, REFUSAL_memory, "limits.memory is reached by requests in flight");
    request_refuse(r, &refusal);
}

/* For answers that have room for one error only. */
static void find_first_error(struct request *r)
{
    const struct dedup_report *report = &r->report;
    if (report->accepted || report->duplicates ||
        report_errors_first(report->errors, &r->first_error) != STATUS_OK)
        r->first_error = (struct report_error){0, SLICE_EMPTY};
}

/* Says the verdict. */
void request_answer(struct request *r, ack_mask_t missing)
{
    struct ingest *in = r->ingest;
    struct http_exchange *exchange = r->exchange;
    if (exchange) {
        writer_reset(&in->scratch);
        find_first_error(r);
        const char *level = ack_level(&in->shared->sinks, r->ack, missing);
        int status = r->dialect->write_report(&in->scratch, r, level);
        r->exchange = NULL;
        http_set_context(exchange, NULL);
        http_reply(exchange, status, r->dialect->report_type, writer_slice(&in->scratch), NULL, 0,
                   r->dialect->route);
        fault_point(ingest_reply_sent);
    }
    request_destroy(r);
}

void request_stop_waiting(struct request *r)
{
    struct ingest *in = r->ingest;
    if (r->next)
        r->next->previous = r->previous;
    if (r->previous)
        r->previous->next = r->next;
    else
        in->waiting = r->next;
    r->waiting = false;
    atomic_fetch_sub_explicit(&in->waiters, 1, memory_order_relaxed);
}

/* Whoever waits for a sink holds no more than the report: body and events are in the spool. */
static void shed_batch(struct request *r)
{
    struct slice errors;
    struct batch *small = batch_create(REQUEST_ARENA_BYTES);
    if (!small || arena_copy(&small->arena, r->report.errors, &errors) != STATUS_OK) {
        batch_destroy(small);
        return;
    }
    batch_destroy(r->batch);
    r->batch = small;
    r->report.errors = errors;
    request_give_shares(r);
    uint64_t held = small->arena.used_bytes;
    if (held < r->reserved_bytes) {
        memory_budget_give(r->ingest->shared->budget, r->reserved_bytes - held);
        r->reserved_bytes = held;
    }
}

void request_acknowledge(struct request *r)
{
    struct ingest *in = r->ingest;
    if (r->ack && r->exchange) {
        /* Count before looking, so that a sink that moves in between sees a waiter. */
        atomic_fetch_add_explicit(&in->waiters, 1, memory_order_seq_cst);
        if (ack_missing(&in->shared->sinks, r->ack, r->report.position)) {
            r->ack_deadline_ns = clock_monotonic_ns() + in->config->timeout_ack;
            r->waiting = true;
            r->previous = NULL;
            r->next = in->waiting;
            if (r->next)
                r->next->previous = r;
            in->waiting = r;
            shed_batch(r);
            fault_point(ingest_ack_awaited);
            return;
        }
        atomic_fetch_sub_explicit(&in->waiters, 1, memory_order_relaxed);
    }
    request_answer(r, 0);
}

void ingest_check_acks(struct ingest *in)
{
    int64_t now = clock_monotonic_ns();
    for (struct request *r = in->waiting, *next; r; r = next) {
        next = r->next;
        ack_mask_t missing = ack_missing(&in->shared->sinks, r->ack, r->report.position);
        if (missing && now < r->ack_deadline_ns && !atomic_load(&in->shared->draining))
            continue;
        request_stop_waiting(r);
        fault_point(ingest_ack_reached);
        request_answer(r, missing);
    }
}

size_t ingest_ack_waiters(const struct ingest *in)
{
    return atomic_load_explicit(&in->waiters, memory_order_seq_cst);
}
