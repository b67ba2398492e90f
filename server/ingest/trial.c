/* trial.c: a separate ingest with one submission at a time and without a spool. Runs on the
 * caller's thread. Knows no way in and prints nothing. */
#include "server/ingest/trial.h"

#include <stdlib.h>

#include "core/object.h"
#include "core/clock.h"
#include "server/ingest/ingest.h"

#define TRIAL_MAGIC 0x5452494cU

struct trial {
    unsigned magic; /* TRIAL_MAGIC */
    struct memory_budget budget;
    struct ingest_shared shared;
    struct ingest *ingest;
};

OBJECT_CAST(trial, TRIAL_MAGIC)

/* The object of this way in: of one run. */
struct attempt {
    struct submission sub; /* first */
    void (*take)(void *arg, const struct event_item *item);
    void *arg;
    struct trial_counts *counts;
    struct refusal *refusal;
    enum status status; /* BUSY: not over yet */
    struct event_decoder decoder;
    struct event_item item;
};

static struct attempt *attempt_of(struct submission *sub)
{
    return (struct attempt *)sub;
}

static void on_refused(struct submission *sub, const struct refusal *refusal)
{
    struct attempt *a = attempt_of(sub);
    *a->refusal = *refusal;
    a->status = STATUS_REFUSED;
}

static enum status take_items(struct attempt *a, const struct batch *batch)
{
    uint32_t items = batch->meta.accepted + batch->meta.quarantined;
    if (!items)
        return STATUS_OK;
    enum status status = event_decoder_init(&a->decoder, writer_slice(&batch->events));
    for (uint32_t i = 0; i < items && status == STATUS_OK; i++) {
        status = event_decoder_next(&a->decoder, &a->item);
        if (status == STATUS_OK)
            a->take(a->arg, &a->item);
    }
    if (status == STATUS_OK && event_decoder_next(&a->decoder, &a->item) != STATUS_END)
        status = STATUS_CORRUPT;
    return status == STATUS_OK || status == STATUS_NO_MEMORY ? status : STATUS_CORRUPT;
}

static void on_tried(struct submission *sub)
{
    struct attempt *a = attempt_of(sub);
    const struct batch_meta *meta = &sub->batch->meta;
    *a->counts = (struct trial_counts){meta->accepted, meta->duplicates, meta->quarantined};
    a->status = take_items(a, sub->batch);
}

/* It ended without an answer: nothing does that here. */
static void on_destroy(struct submission *sub)
{
    ensure(attempt_of(sub)->status != STATUS_BUSY);
}

static const struct submission_way way = {
    .refused = on_refused, .tried = on_tried, .destroy = on_destroy};

static void on_need_turn(void *arg)
{
    (void)trial_cast(arg); /* trial_run takes turns until it is over */
}

static void on_shed(void *arg)
{
    (void)arg; /* one body at a time is never given up for others */
}

struct trial *trial_create(const struct config *config, const struct registry *registry,
                           const struct catalog *catalog)
{
    struct trial *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->magic = TRIAL_MAGIC;
    atomic_store(&t->budget.limit, config->limit_memory);
    t->shared.registry = registry;
    t->shared.budget = t->shared.shed.budget = &t->budget;
    t->shared.shares = t->shared.shed.shares = memory_shares_create();
    t->shared.quota = quota_create(); /* without a limit */
    repeat_keys_derive(&t->shared.key, &t->shared.repeat);
    if (t->shared.shares && t->shared.quota)
        t->ingest = ingest_create(&t->shared, config, catalog, on_shed, t);
    if (t->ingest) {
        ingest_on_need_turn(t->ingest, on_need_turn, t);
        return t;
    }
    trial_destroy(t);
    return NULL;
}

void trial_destroy(struct trial *t)
{
    if (!t)
        return;
    ingest_destroy(t->ingest);
    quota_destroy(t->shared.quota);
    memory_shares_destroy(t->shared.shares);
    object_end(&t->magic);
    free(t);
}

static void fill(struct submission *sub, const struct trial_body *body)
{
    sub->identity =
        (struct identity){.tenant = body->tenant, .anonymous = true, .names_others = true};
    sub->trial = &body->trial;
    sub->parser = body->parser;
    sub->prefix = body->prefix;
    sub->coding = body->coding;
    sub->header_vin = body->header_vin;
    sub->content_type = body->content_type;
    sub->headers = body->headers;
    sub->header_count = body->header_count;
    sub->announced_bytes = (int64_t)body->body.size;
    sub->address = "trial";
}

/* The way of a submission, until it has its answer. */
static void submit(struct trial *t, struct attempt *a, const struct trial_body *body)
{
    fill(&a->sub, body);
    if (body->body.size > ingest_config(t->ingest)->limit_body_bytes) {
        struct refusal refusal;
        refusal_set(&refusal, REFUSAL_body_too_large);
        submission_refuse(&a->sub, &refusal);
        return;
    }
    if (!submission_begin(&a->sub))
        return;
    submission_add(&a->sub, body->body);
    if (a->status == STATUS_BUSY)
        submission_end(&a->sub);
    while (a->status == STATUS_BUSY)
        (void)ingest_take_turn(t->ingest);
}

enum status trial_run(struct trial *t, const struct trial_body *body,
                      void (*take)(void *arg, const struct event_item *item), void *arg,
                      struct trial_counts *counts, struct refusal *refusal)
{
    struct attempt *a = calloc(1, sizeof *a);
    if (!a)
        return STATUS_NO_MEMORY;
    enum status status = submission_init(&a->sub, t->ingest, &way);
    a->take = take;
    a->arg = arg;
    a->counts = counts;
    a->refusal = refusal;
    a->status = STATUS_BUSY;
    if (status == STATUS_OK) {
        submit(t, a, body);
        status = a->status;
    }
    free(a);
    return status;
}
