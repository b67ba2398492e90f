/* ingest_http.c: HTTP as a way in: an exchange becomes a submission, and its answer a reply in the
 * form of the dialect. Worker threads; never blocks. Headers: ingest_request.c. Does not read the
 * body. */
#include "server/ingest/http/ingest_http.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/thread.h"
#include "parsers/engine/normaliser.h"
#include "server/audit/audit.h"
#include "server/ingest/http/ingest_request.h"

/* ---- answers ---- */

static struct request *request_of(struct submission *sub)
{
    return (struct request *)((char *)sub - offsetof(struct request, sub));
}

/* The exchange is answered next, and unknown afterwards. */
static struct http_exchange *take_exchange(struct request *r)
{
    struct http_exchange *exchange = r->exchange;
    r->exchange = NULL;
    http_set_context(exchange, NULL);
    return exchange;
}

/* The sender is not allowed to do this, or sent records of vehicles that are not its own. */
static void audit_sender(const struct request *r, const struct audit_refusal *what)
{
    const struct http_peer *peer = http_peer(r->exchange);
    const struct identity *id = &r->sub.identity;
    char vehicle[VEHICLE_NAME_BYTES];
    ingest_name_vehicle(r->sub.ingest, id->tenant, id->vehicle, vehicle);
    struct audit_refusal refusal = *what;
    refusal.address = peer->address;
    refusal.tenant = id->tenant;
    refusal.credential = id->credential.size ? id->credential : peer->fingerprint;
    refusal.vehicle = slice_from_text(vehicle);
    audit_refused(&refusal);
}

static void audit_vehicles(const struct request *r, int status)
{
    static const char *const policies[] = {[VIN_POLICY_REJECT] = "reject",
                                           [VIN_POLICY_QUARANTINE] = "quarantine",
                                           [VIN_POLICY_FLAG] = "flag"};
    if (!r->sub.vin_mismatches)
        return;
    audit_sender(r, &(struct audit_refusal){
                        .kind = AUDIT_vin_mismatch,
                        .count = r->sub.vin_mismatches,
                        .action = policies[ingest_config(r->sub.ingest)->identity_vin_mismatch],
                        .code = refusal_code(REFUSAL_vin_mismatch),
                        .status = status,
                    });
}

static void on_refused(struct submission *sub, const struct refusal *refusal)
{
    struct request *r = request_of(sub);
    if (refusal->status == 401 || refusal->status == 403)
        audit_sender(r, &(struct audit_refusal){
                            .action = "request", .code = refusal->code, .status = refusal->status});
    audit_vehicles(r, refusal->status);
    http_problem(take_exchange(r), refusal, r->dialect->route);
}

static void on_reported(struct submission *sub, const char *level)
{
    struct request *r = request_of(sub);
    struct writer *out = ingest_scratch(sub->ingest);
    int status = r->dialect->write_report(out, r, level);
    audit_vehicles(r, status);
    http_reply(take_exchange(r), status, r->dialect->report_type, writer_slice(out), NULL, 0,
               r->dialect->route);
}

static bool on_asked(struct submission *sub, struct slice body, struct json_parser *json,
                     struct refusal *refusal)
{
    struct request *r = request_of(sub);
    const struct dialect_question question = {.request = r,
                                              .body = body,
                                              .json = json,
                                              .config = ingest_config(sub->ingest),
                                              .shared = ingest_shared_of(sub->ingest)};
    struct writer *out = ingest_scratch(sub->ingest);
    int status = r->dialect->answer_body(out, &question, refusal);
    if (status && out->status != STATUS_OK)
        return refusal_say(refusal, REFUSAL_question_too_large,
                           "the answer would be over 1 MiB: ask less");
    if (!status)
        return false;
    http_reply(take_exchange(r), status, r->dialect->report_type, writer_slice(out), NULL, 0,
               r->dialect->route);
    return true;
}

static void on_destroy(struct submission *sub)
{
    struct request *r = request_of(sub);
    if (r->exchange)
        http_set_context(r->exchange, NULL);
    free(r);
}

static const struct submission_way way = {
    .refused = on_refused,
    .reported = on_reported,
    .asked = on_asked,
    .destroy = on_destroy,
};

/* ---- requests without a body to keep ---- */

static void answer_get(struct ingest *in, const struct dialect *dialect,
                       struct http_exchange *exchange)
{
    struct refusal busy;
    char seconds[16];
    const struct http_reply_header again = {"Retry-After", seconds};
    bool is_red = ingest_is_leaving(in, &busy) || ingest_is_busy(in, &busy);
    snprintf(seconds, sizeof seconds, "%u", busy.retry_after_s);
    struct writer *out = ingest_scratch(in);
    int status = dialect->answer_get(out, is_red ? &busy : NULL);
    http_reply(exchange, status, dialect->report_type, writer_slice(out), &again, is_red,
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

/* The dialect that takes the batch. NULL: the request is answered. */
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

/* ---- submissions ---- */

static struct request *request_create(struct ingest *in, const struct dialect *dialect,
                                      struct http_exchange *exchange)
{
    struct request *r = calloc(1, sizeof *r);
    if (!r || submission_init(&r->sub, in, &way) != STATUS_OK) {
        free(r);
        return NULL;
    }
    const struct http_peer *peer = http_peer(exchange);
    r->dialect = dialect;
    r->exchange = exchange;
    r->sub.is_question = dialect->answer_body != NULL;
    r->sub.takes_empty = dialect->takes_empty;
    r->sub.announced_bytes = http_content_length(exchange);
    r->sub.address = peer->address;
    r->sub.network = peer->network;
    r->sub.counts_address = strcmp(peer->address, "unix") != 0;
    http_set_context(exchange, r);
    return r;
}

void ingest_on_headers(void *arg, struct http_exchange *exchange)
{
    struct ingest *in = ingest_from(arg);
    struct refusal refusal;
    thread_assert(THREAD_WORKER);
    http_set_context(exchange, NULL);
    const struct dialect *dialect = find_dialect(in, exchange);
    if (!dialect)
        return;
    if (ingest_turns_away(in, &refusal)) {
        http_problem(exchange, &refusal, dialect->route);
        return;
    }
    struct request *r = request_create(in, dialect, exchange);
    if (!r) {
        refusal_set(&refusal, REFUSAL_memory);
        http_problem(exchange, &refusal, dialect->route);
        return;
    }
    if (!request_read_headers(r, ingest_config(in), ingest_shared_of(in), &refusal)) {
        submission_refuse(&r->sub, &refusal);
        return;
    }
    if (submission_begin(&r->sub))
        http_admit(exchange, r->body_limit);
}

void ingest_on_body(void *arg, struct http_exchange *exchange, struct slice span)
{
    struct request *r = http_context(exchange);
    (void)arg;
    if (r)
        submission_add(&r->sub, span);
}

void ingest_on_end(void *arg, struct http_exchange *exchange)
{
    thread_assert(THREAD_WORKER);
    struct request *r = http_context(exchange);
    (void)arg;
    if (r)
        submission_end(&r->sub);
}

void ingest_on_gone(void *arg, struct http_exchange *exchange)
{
    thread_assert(THREAD_WORKER);
    struct request *r = http_context(exchange);
    (void)arg;
    if (!r)
        return;
    r->exchange = NULL;
    submission_gone(&r->sub);
}
