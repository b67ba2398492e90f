/* ingest.c: the life of a submission on its worker: admitted, gathered, made a batch, handed to the
 * spool writer. Worker threads; never blocks. Receiving the body: ingest_receive.c; reading it:
 * ingest_body.c; the end: ingest_answer.c. Does not know where submissions come from: http/. */
#include "server/ingest/ingest.h"
#include "server/ingest/reading_room.h"
#include "server/ingest/ingest_internal.h"

#include "core/clock.h"
#include "core/thread.h"

#define LOG_COMPONENT "ingest"
#include "core/log/log.h"
#include "core/disk/fault.h"

/* For each event its place in the table of ids. */
#define EVENT_ARENA_BYTES 128

static void full_refusal(enum spool_full why, struct refusal *refusal)
{
    refusal_say(refusal, spool_full_code(why), "%s", spool_full_reason(why));
}

/* Reasons to refuse before reading the request. */
bool ingest_is_busy(const struct ingest *in, struct refusal *refusal)
{
    enum spool_full why;
    if (atomic_load(&in->shared->failed)) {
        refusal_set(refusal, REFUSAL_spool_failed);
    } else if (!ingest_disk_stalls(in, refusal)) {
        if (!spool_is_full(in->shared->spool, &why))
            return false;
        full_refusal(why, refusal);
    }
    return true;
}

/* Stopping: probes report it; batches on open connections are still accepted. */
bool ingest_is_leaving(const struct ingest *in, struct refusal *refusal)
{
    refusal_set(refusal, REFUSAL_draining);
    return atomic_load(&in->shared->draining);
}

bool ingest_turns_away(struct ingest *in, struct refusal *refusal)
{
    if (!ingest_is_busy(in, refusal))
        return false;
    metric_add(in->batches_refused, 1);
    return true;
}

const struct config *ingest_config(const struct ingest *in)
{
    return in->config;
}

const struct ingest_shared *ingest_shared_of(const struct ingest *in)
{
    return in->shared;
}

struct pseudonym *ingest_pseudonym(const struct ingest *in)
{
    return in->pseudonym;
}

struct writer *ingest_scratch(struct ingest *in)
{
    ingest_assert(in);
    writer_reset(&in->scratch);
    return &in->scratch;
}

enum status submission_init(struct submission *sub, struct ingest *in,
                            const struct submission_way *way)
{
    const struct config *c = in->config;
    ingest_assert(in);
    ensure(!sub->batch && !sub->ingest);
    sub->batch = batch_create(c->limit_body_bytes + REQUEST_ARENA_BYTES +
                              EVENT_ARENA_BYTES * c->limit_batch_events);
    if (!sub->batch)
        return STATUS_NO_MEMORY;
    sub->batch->events.limit = 2 * c->limit_inflated_bytes + REQUEST_ARENA_BYTES;
    sub->ingest = in;
    sub->way = way;
    sub->sender_waits = true;
    in->in_flight++;
    return STATUS_OK;
}

bool submission_begin(struct submission *sub)
{
    submission_assert(sub);
    ensure(sub->batch && sub->sender_waits && !sub->reading);
    struct ingest *in = sub->ingest;
    struct refusal refusal;
    if (!submission_name_batch(sub, &refusal)) {
        submission_refuse(sub, &refusal);
        return false;
    }
    struct quota_sender sender = submission_quota(sub);
    unsigned wait_s =
        sub->is_question ? 0 : quota_check(in->shared->quota, &sender, clock_monotonic_ns());
    if (wait_s) {
        refusal_set(&refusal, REFUSAL_quota);
        refusal.retry_after_s = wait_s;
        submission_refuse(sub, &refusal);
        return false;
    }
    return submission_receive(sub);
}

/* May hold any bytes, as a query parameter may. */
static void hash_sized(struct sha256 *sha, struct slice text)
{
    sha256_update(sha, slice_make(&text.size, sizeof text.size));
    sha256_update(sha, text);
}

/* A gateway may post the same bytes for two vehicles, or in two formats: headers that describe the
 * records are part of the batch's identity. */
static void hash_content(struct sha256 *sha, const struct submission *sub, const uint8_t *body)
{
    const struct batch_meta *m = &sub->batch->meta;
    const struct slice texts[] = {
        sub->content_type, m->content_encoding,
        sub->header_vin,   sub->ecu_id,
        sub->sw_baseline,  slice_from_text(sub->parser ? sub->parser->name : "")};
    sha256_update(sha, slice_make(body, SHA256_BYTES));
    sha256_update(sha, slice_make(&sub->sent_ns, sizeof sub->sent_ns));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        sha256_update(sha, texts[i]); /* printable: no byte 0 */
        sha256_update(sha, slice_make("", 1));
    }
    for (size_t i = 0; i < sub->header_count; i++) {
        hash_sized(sha, sub->headers[i].name);
        hash_sized(sha, sub->headers[i].value);
    }
}

/* The inner hash of a batch without random bytes could be found by trying all VINs; without the
 * server's key the outer one can't. */
void submission_make_key(const struct submission *sub, struct sha256 *sha, const uint8_t *body,
                         uint8_t key[SHA256_BYTES])
{
    const struct batch_meta *m = &sub->batch->meta;
    uint8_t inner[SHA256_BYTES];
    bool named = sub->idempotency_key.size > 0;
    sha256_start(sha);
    sha256_update(sha, m->tenant);
    sha256_update(sha, slice_make("", 1));
    sha256_update(sha, sub->identity.sender);
    sha256_update(sha, slice_make(named ? "\0k" : "\0b", 2));
    if (named)
        sha256_update(sha, sub->idempotency_key);
    else
        hash_content(sha, sub, body);
    sha256_finish(sha, inner);
    hmac_key_compute(&sub->ingest->shared->repeat.batch, slice_make(inner, sizeof inner), key);
}

/* The key is probably one of the window's: has the record of the first batch read. */
static void ask_spool(struct ingest *in, struct submission *sub)
{
    sub->batch->reply_to = &in->verdicts;
    sub->batch->owner = sub;
    if (spool_recall(in->shared->spool, &sub->batch) == STATUS_OK)
        submission_await_verdict(sub);
    else
        submission_refuse_as(sub, REFUSAL_spool_closed);
}

/* The key is not new: answers, or waits for the sinks that have not delivered the first batch. */
static void answer_known(struct ingest *in, struct submission *sub, enum dedup_answer answer)
{
    switch (answer) {
    case DEDUP_KNOWN:
        ask_spool(in, sub);
        return;
    case DEDUP_REPEAT:
        sub->repeat = true;
        sub->report = sub->batch->recall.report;
        fault_point(ingest_repeat_known);
        metric_add(in->batches_duplicate, 1);
        submission_acknowledge(sub);
        return;
    case DEDUP_IN_PROGRESS:
        submission_refuse_as(sub, REFUSAL_in_progress);
        return;
    default:
        submission_refuse_as(sub, REFUSAL_key_reused);
    }
}

static void refuse_full(struct ingest *in, struct submission *sub)
{
    enum spool_full why;
    struct refusal refusal;
    if (spool_is_full(in->shared->spool, &why))
        full_refusal(why, &refusal);
    else /* others have room */
        refusal_say(&refusal, REFUSAL_spool_full, "%s",
                    "the spool has no room for a batch of this size now: send smaller batches, or "
                    "raise spool.max_bytes");
    submission_refuse(sub, &refusal);
}

/* Gives the batch to the writer. */
static void submit(struct ingest *in, struct submission *sub)
{
    struct batch *batch = sub->batch;
    if (!submission_reserve_batch(sub)) {
        dedup_abort(in->shared->dedup, batch->meta.key);
        submission_refuse_full_memory(sub);
        return;
    }
    batch->reply_to = &in->verdicts;
    batch->owner = sub;
    enum status s = spool_submit(in->shared->spool, &sub->batch);
    fault_point(ingest_submitted);
    if (s == STATUS_OK) {
        submission_await_verdict(sub);
        return;
    }
    dedup_abort(in->shared->dedup, batch->meta.key);
    if (s == STATUS_TOO_LARGE)
        submission_refuse_as(sub, REFUSAL_batch_too_large);
    else if (s == STATUS_NO_SPACE)
        refuse_full(in, sub);
    else
        submission_refuse_as(sub, s == STATUS_BUSY ? REFUSAL_writer_behind : REFUSAL_spool_closed);
}

/* The body is a query: nothing of it is stored. */
static void answer_question(struct submission *sub, struct reading *b)
{
    if (!sub->way->asked(sub, b->body, b->json, &b->refusal)) {
        submission_refuse(sub, &b->refusal);
        return;
    }
    sub->sender_waits = false;
    submission_destroy(sub);
}

/* A trial ends here, before the spool. */
static void answer_trial(struct submission *sub)
{
    sub->sender_waits = false;
    sub->way->tried(sub);
    submission_destroy(sub);
}

/* Its events and report are in the batch. */
static void take_batch(struct ingest *in, struct submission *sub)
{
    const struct batch_meta *m = &sub->batch->meta;
    if (sub->trial) {
        answer_trial(sub);
        return;
    }
    uint64_t items = (uint64_t)m->accepted + m->duplicates + m->quarantined;
    if (items == 0) {
        dedup_abort(in->shared->dedup, m->key);
        submission_answer(sub, 0);
        return;
    }
    struct quota_sender sender = submission_quota(sub);
    quota_charge(in->shared->quota, &sender, items, clock_monotonic_ns());
    submit(in, sub);
}

void submission_end(struct submission *sub)
{
    submission_assert(sub);
    ensure(sub->batch && sub->sender_waits && !sub->reading);
    if (!submission_received(sub))
        return;
    struct batch_meta *m = &sub->batch->meta;
    m->received_ns = sub->trial ? sub->trial->received_ns : clock_wall_ns();
    if (!sub->trial) /* the same trial gives the same events */
        uuid7_make(m->received_ns, m->batch_uid);
    reading_begin(sub);
}

void submission_read_over(struct submission *sub, struct reading *b)
{
    submission_assert(sub);
    ensure(sub->batch && b->submission == sub);
    struct ingest *in = sub->ingest;
    if (b->end == READING_KNOWN) {
        answer_known(in, sub, b->answer);
    } else if (b->end == READING_DONE && sub->is_question) {
        answer_question(sub, b);
    } else if (b->end == READING_DONE) {
        take_batch(in, sub);
    } else {
        if (b->key_begun)
            dedup_abort(in->shared->dedup, sub->batch->meta.key);
        if (b->end == READING_STOPPED)
            submission_destroy(sub);
        else
            submission_refuse(sub, &b->refusal);
    }
}

bool ingest_take_turn(struct ingest *in)
{
    ingest_assert(in);
    return reading_turn(in);
}

void submission_gone(struct submission *sub)
{
    submission_assert(sub);
    sub->sender_waits = false;
    if (reading_stop(sub))
        return; /* submission_read_over ends it */
    if (sub->waiting)
        submission_stop_waiting(sub);
    if (sub->batch)
        submission_destroy(
            sub); /* else the batch is with the writer: ingest_take_verdicts ends it */
}

/* A write or fdatasync of its batch failed. */
static void refuse_failed(struct submission *sub)
{
    struct refusal refusal;
    refusal_say(&refusal, REFUSAL_spool_failed, "the batch could not be made durable");
    refusal.retry_after_s = 10;
    submission_refuse(sub, &refusal);
}

/* The first batch's record was read, or is gone. */
static void take_recall(struct ingest *in, struct submission *sub)
{
    struct batch *batch = sub->batch;
    struct batch_recall *recall = &batch->recall;
    if (!sub->sender_waits) {
        submission_destroy(sub);
        return;
    }
    if (recall->status == STATUS_IO || recall->status == STATUS_NO_MEMORY ||
        recall->status == STATUS_CLOSED) {
        submission_refuse_as(sub, REFUSAL_key_unread);
        return;
    }
    if (recall->status == STATUS_OK && recall->record.key_is_plain) {
        struct slice plain = slice_make(recall->record.key, SHA256_BYTES);
        uint8_t key[SHA256_BYTES];
        hmac_key_compute(&in->shared->repeat.batch, plain, key);
        memcpy(recall->record.key, key, SHA256_BYTES);
    }
    enum dedup_answer answer = dedup_judge(recall, batch->meta.key, batch->meta.body_digest, NULL);
    if (answer == DEDUP_REPEAT || answer == DEDUP_CONFLICT) {
        answer_known(in, sub, answer);
        return;
    }
    sub->compares = answer == DEDUP_COMPARE;
    reading_begin(sub);
}

/* The writer's verdict on one batch, or the record of an earlier one. */
static void take_verdict(struct ingest *in, struct batch *batch)
{
    struct submission *sub = batch->owner;
    struct batch_meta *m = &batch->meta;
    bool recalled = batch->recall.asked && !batch->recall.taken;
    sub->batch = batch;
    submission_has_verdict(sub);
    if (recalled) {
        batch->recall.taken = true;
        take_recall(in, sub);
        return;
    }
    if (batch->verdict != STATUS_OK) {
        dedup_abort(in->shared->dedup, m->key);
        metric_add(in->batches_failed, 1);
        if (batch->verdict == STATUS_NO_SPACE)
            refuse_full(in, sub);
        else
            refuse_failed(sub);
        return;
    }
    fault_point(ingest_verdict_taken);
    const struct batch_place place = {m->position, m->offset};
    dedup_commit(in->shared->dedup, m->key, &place);
    fault_point(ingest_key_committed);
    metric_add(m->accepted + m->duplicates ? in->batches_accepted : in->batches_quarantined, 1);
    sub->report = (struct dedup_report){
        .position = m->position,
        .accepted = m->accepted,
        .duplicates = m->duplicates,
        .quarantined = m->quarantined,
        .errors = m->report_errors,
    };
    memcpy(sub->report.batch_uid, m->batch_uid, UUID_BYTES);
    submission_acknowledge(sub);
}

void ingest_take_verdicts(struct ingest *in)
{
    ingest_assert(in);
    struct mail *mail = mailbox_take(&in->verdicts);
    while (mail) {
        struct mail *next = mail->next;
        take_verdict(in, batch_from_mail(mail));
        mail = next;
    }
}

int ingest_verdict_fd(const struct ingest *in)
{
    return in->verdicts.event_fd;
}

size_t ingest_in_flight(const struct ingest *in)
{
    return in->in_flight;
}
