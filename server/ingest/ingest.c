/* ingest.c: the life of a request on its worker: admitted, gathered, made a batch, handed to the
 * spool writer. Worker threads; never blocks. Headers: ingest_request.c; body: as it comes
 * ingest_receive.c, then ingest_body.c; its end: ingest_answer.c; formats and words of the answer:
 * dialect.h. */
#include "server/ingest/ingest_internal.h"

#include <stdio.h>
#include <stdlib.h>

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

/* Reasons to turn away before looking at the request. */
static bool is_busy(const struct ingest *in, struct refusal *refusal)
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

/* Stopping: a probe learns it; what comes on an open connection is still taken. */
static bool is_leaving(const struct ingest *in, struct refusal *refusal)
{
    refusal_set(refusal, REFUSAL_draining);
    return atomic_load(&in->shared->draining);
}

static bool turn_away(struct ingest *in, const struct dialect *dialect,
                      struct http_exchange *exchange)
{
    struct refusal refusal;
    if (!is_busy(in, &refusal))
        return false;
    metric_add(in->batches_refused, 1);
    ingest_answer_refusal(exchange, dialect, &refusal);
    return true;
}

static void answer_get(struct ingest *in, const struct dialect *dialect,
                       struct http_exchange *exchange)
{
    struct refusal busy;
    char seconds[16];
    const struct http_reply_header again = {"Retry-After", seconds};
    bool is_red = is_leaving(in, &busy) || is_busy(in, &busy);
    snprintf(seconds, sizeof seconds, "%u", busy.retry_after_s);
    writer_reset(&in->scratch);
    int status = dialect->answer_get(&in->scratch, is_red ? &busy : NULL);
    http_reply(exchange, status, dialect->report_type, writer_slice(&in->scratch), &again, is_red,
               dialect->route);
}

static struct http_reply_header allowed(const struct dialect *dialect)
{
    return (struct http_reply_header){"Allow", dialect->answer_get ? "GET, HEAD, OPTIONS"
                                                                   : "POST, HEAD, OPTIONS"};
}

static void answer_options(const struct dialect *dialect, struct http_exchange *exchange)
{
    struct http_reply_header allow =
        dialect ? allowed(dialect)
                : (struct http_reply_header){"Allow", "GET, HEAD, POST, OPTIONS"};
    http_reply(exchange, 204, NULL, SLICE_EMPTY, &allow, 1, dialect ? dialect->route : "*");
}

static void refuse_method(const struct dialect *dialect, struct http_exchange *exchange)
{
    struct http_reply_header allow = allowed(dialect);
    struct refusal refusal;
    refusal_say(&refusal, REFUSAL_method_not_allowed, "%s",
                dialect->answer_get ? "this route is read" : "events are posted");
    refusal.header = allow.name;
    refusal.header_value = allow.value;
    http_problem(exchange, &refusal, dialect->route);
}

/* Who takes the batch that comes. NULL: the request is answered. */
static const struct dialect *find_dialect(struct ingest *in, struct http_exchange *exchange)
{
    const struct dialect *dialect = dialect_of(exchange);
    enum http_method method = http_method(exchange);
    struct refusal refusal;
    if (method == HTTP_OPTIONS && (dialect || slice_equal_text(http_path(exchange), "*"))) {
        answer_options(dialect, exchange);
        return NULL;
    }
    if (!dialect) {
        refusal_set(&refusal, REFUSAL_not_found);
        http_problem(exchange, &refusal, "other");
        return NULL;
    }
    http_set_problem_form(exchange, &dialect->problem);
    if (method == HTTP_POST && !dialect->answer_get)
        return dialect;
    if (dialect->answer_get && (method == HTTP_GET || method == HTTP_HEAD))
        answer_get(in, dialect, exchange);
    else if (method == HTTP_HEAD)
        http_reply(exchange, 200, dialect->report_type, SLICE_EMPTY, NULL, 0, dialect->route);
    else
        refuse_method(dialect, exchange);
    return NULL;
}

static struct request *request_create(struct ingest *in, const struct dialect *dialect,
                                      struct http_exchange *exchange)
{
    struct request *r = calloc(1, sizeof *r);
    const struct config *c = in->config;
    struct batch *batch = r ? batch_create(c->limit_body_bytes + REQUEST_ARENA_BYTES +
                                           EVENT_ARENA_BYTES * c->limit_batch_events)
                            : NULL;
    if (!batch) {
        free(r);
        return NULL;
    }
    batch->events.limit = 2 * in->config->limit_inflated_bytes + REQUEST_ARENA_BYTES;
    r->ingest = in;
    r->dialect = dialect;
    r->exchange = exchange;
    r->batch = batch;
    in->in_flight++;
    http_set_context(exchange, r);
    return r;
}

void ingest_on_headers(void *arg, struct http_exchange *exchange)
{
    struct ingest *in = arg;
    thread_assert(THREAD_WORKER);
    http_set_context(exchange, NULL);
    const struct dialect *dialect = find_dialect(in, exchange);
    if (!dialect || turn_away(in, dialect, exchange))
        return;
    struct refusal refusal;
    struct request *r = request_create(in, dialect, exchange);
    if (!r) {
        refusal_set(&refusal, REFUSAL_memory);
        ingest_answer_refusal(exchange, dialect, &refusal);
        return;
    }
    if (!request_read_headers(r, in->config, in->shared, &refusal)) {
        request_refuse(r, &refusal);
        return;
    }
    struct quota_sender sender = request_quota(r);
    unsigned wait_s =
        r->dialect->answer_body ? 0 : quota_check(in->shared->quota, &sender, clock_monotonic_ns());
    if (wait_s) {
        refusal_set(&refusal, REFUSAL_quota);
        refusal.retry_after_s = wait_s;
        request_refuse(r, &refusal);
        return;
    }
    if (!request_receive(r))
        return;
    http_admit(exchange, r->body_limit);
}

/* Of any bytes: a parameter of a query may hold each. */
static void hash_sized(struct sha256 *sha, struct slice text)
{
    sha256_update(sha, slice_make(&text.size, sizeof text.size));
    sha256_update(sha, text);
}

/* A gateway may post the same bytes for two vehicles, or in two formats: what the headers say of
 * the records belongs to the batch. */
static void hash_content(struct sha256 *sha, const struct request *r)
{
    const struct batch_meta *m = &r->batch->meta;
    const struct slice texts[] = {
        r->content_type, m->content_encoding, r->header_vin,
        r->ecu_id,       r->sw_baseline,      slice_from_text(r->parser ? r->parser->name : "")};
    sha256_update(sha, slice_make(m->body_sha256, SHA256_BYTES));
    sha256_update(sha, slice_make(&r->sent_ns, sizeof r->sent_ns));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        sha256_update(sha, texts[i]); /* printable: no byte 0 */
        sha256_update(sha, slice_make("", 1));
    }
    for (size_t i = 0; i < r->header_count; i++) {
        hash_sized(sha, r->headers[i].name);
        hash_sized(sha, r->headers[i].value);
    }
}

/* The inner hash of a batch without random bytes could be found by trying all VINs; without the
 * server's key the outer one can't. */
void request_make_key(struct request *r, struct sha256 *sha)
{
    struct batch_meta *m = &r->batch->meta;
    uint8_t inner[SHA256_BYTES];
    bool named = r->idempotency_key.size > 0;
    sha256_start(sha);
    sha256_update(sha, m->tenant);
    sha256_update(sha, slice_make("", 1));
    sha256_update(sha, r->identity.sender);
    sha256_update(sha, slice_make(named ? "\0k" : "\0b", 2));
    if (named)
        sha256_update(sha, r->idempotency_key);
    else
        hash_content(sha, r);
    sha256_finish(sha, inner);
    hmac_key_compute(&r->ingest->shared->repeat.batch, slice_make(inner, sizeof inner), m->key);
}

/* The key is not new: answers, or waits for the sinks that have not passed the first batch. */
static void answer_known(struct ingest *in, struct request *r, enum dedup_answer answer)
{
    switch (answer) {
    case DEDUP_REPEAT:
        r->repeat = true;
        fault_point(ingest_repeat_known);
        metric_add(in->batches_duplicate, 1);
        request_acknowledge(r);
        return;
    case DEDUP_IN_PROGRESS:
        request_refuse_as(r, REFUSAL_in_progress);
        return;
    default:
        request_refuse_as(r, REFUSAL_key_reused);
    }
}

static void refuse_full(struct ingest *in, struct request *r)
{
    enum spool_full why;
    struct refusal refusal;
    (void)spool_is_full(in->shared->spool, &why);
    full_refusal(why, &refusal);
    request_refuse(r, &refusal);
}

/* Gives the batch to the writer. */
static void submit(struct ingest *in, struct request *r)
{
    struct batch *batch = r->batch;
    if (!request_reserve_batch(r)) {
        dedup_abort(in->shared->dedup, batch->meta.key);
        request_refuse_full_memory(r);
        return;
    }
    batch->reply_to = &in->verdicts;
    batch->owner = r;
    enum status s = spool_submit(in->shared->spool, &r->batch);
    fault_point(ingest_submitted);
    if (s == STATUS_OK) {
        request_await_verdict(r);
        return;
    }
    dedup_abort(in->shared->dedup, batch->meta.key);
    if (s == STATUS_TOO_LARGE)
        request_refuse_as(r, REFUSAL_batch_too_large);
    else if (s == STATUS_NO_SPACE)
        refuse_full(in, r);
    else
        request_refuse_as(r, s == STATUS_BUSY ? REFUSAL_writer_behind : REFUSAL_spool_closed);
}

/* The body is a question: nothing of it is kept. */
static void answer_question(struct ingest *in, struct request *r, struct reading *b)
{
    struct dialect_question question = {
        .request = r, .body = b->body, .json = b->json, .config = in->config, .shared = in->shared};
    writer_reset(&in->scratch);
    int status = r->dialect->answer_body(&in->scratch, &question, &b->refusal);
    if (status && in->scratch.status != STATUS_OK) {
        status = 0;
        refusal_say(&b->refusal, REFUSAL_question_too_large,
                    "the answer would be over 1 MiB: ask less");
    }
    if (!status) {
        request_refuse(r, &b->refusal);
        return;
    }
    http_reply(r->exchange, status, r->dialect->report_type, writer_slice(&in->scratch), NULL, 0,
               r->dialect->route);
    request_destroy(r);
}

/* Its events and report are in the batch. */
static void take_batch(struct ingest *in, struct request *r)
{
    const struct batch_meta *m = &r->batch->meta;
    uint64_t items = (uint64_t)m->accepted + m->duplicates + m->quarantined;
    if (items == 0) {
        dedup_abort(in->shared->dedup, m->key);
        request_answer(r, 0);
        return;
    }
    struct quota_sender sender = request_quota(r);
    quota_charge(in->shared->quota, &sender, items, clock_monotonic_ns());
    submit(in, r);
}

void ingest_on_end(void *arg, struct http_exchange *exchange)
{
    struct request *r = http_context(exchange);
    (void)arg;
    if (!r || !request_received(r))
        return;
    struct batch_meta *m = &r->batch->meta;
    m->received_ns = clock_wall_ns();
    uuid7_make(m->received_ns, m->batch_uid);
    reading_begin(r);
}

void request_read_over(struct request *r, struct reading *b)
{
    struct ingest *in = r->ingest;
    if (b->end == READING_KNOWN) {
        answer_known(in, r, b->answer);
    } else if (b->end == READING_DONE && r->dialect->answer_body) {
        answer_question(in, r, b);
    } else if (b->end == READING_DONE) {
        take_batch(in, r);
    } else {
        if (b->key_begun)
            dedup_abort(in->shared->dedup, r->batch->meta.key);
        if (b->end == READING_STOPPED)
            request_destroy(r);
        else
            request_refuse(r, &b->refusal);
    }
}

bool ingest_take_turn(struct ingest *in)
{
    thread_assert(THREAD_WORKER);
    return reading_turn(in);
}

void ingest_on_gone(void *arg, struct http_exchange *exchange)
{
    struct request *r = http_context(exchange);
    (void)arg;
    if (!r)
        return;
    r->exchange = NULL;
    if (reading_stop(r))
        return; /* request_read_over ends it */
    if (r->waiting)
        request_stop_waiting(r);
    if (r->batch)
        request_destroy(r); /* else the batch is with the writer: ingest_take_verdicts ends it */
}

/* A write or fdatasync of its batch failed. */
static void refuse_failed(struct request *r)
{
    struct refusal refusal;
    refusal_say(&refusal, REFUSAL_spool_failed, "the batch could not be made durable");
    refusal.retry_after_s = 10;
    request_refuse(r, &refusal);
}

/* The writer's verdict on one batch. */
static void take_verdict(struct ingest *in, struct batch *batch)
{
    struct request *r = batch->owner;
    struct batch_meta *m = &batch->meta;
    r->batch = batch;
    request_has_verdict(r);
    if (batch->verdict != STATUS_OK) {
        dedup_abort(in->shared->dedup, m->key);
        metric_add(in->batches_failed, 1);
        if (batch->verdict == STATUS_NO_SPACE)
            refuse_full(in, r);
        else
            refuse_failed(r);
        return;
    }
    fault_point(ingest_verdict_taken);
    dedup_commit(in->shared->dedup, m);
    fault_point(ingest_key_committed);
    metric_add(m->accepted + m->duplicates ? in->batches_accepted : in->batches_quarantined, 1);
    r->report = (struct dedup_report){
        .position = m->position,
        .accepted = m->accepted,
        .duplicates = m->duplicates,
        .quarantined = m->quarantined,
        .errors = m->report_errors,
    };
    memcpy(r->report.batch_uid, m->batch_uid, UUID_BYTES);
    request_acknowledge(r);
}

void ingest_take_verdicts(struct ingest *in)
{
    thread_assert(THREAD_WORKER);
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
