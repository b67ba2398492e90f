/* dialect_hec.c: /services/collector: Splunk's HTTP Event Collector, its numbered answers, channels
 * and acknowledgements. Worker threads. Pure. A 200 means that the batch is in the spool, so
 * clients that request no acknowledgement lose nothing either. */
#include "server/ingest/http/ingest_request.h"
#include "core/reasons/record_code.h"

#include "server/ingest/dialects/hec_ack.h"
#include "server/http/http_query.h"

#define ROUTE "/services/collector"

/* ---- paths ---- */

static bool is_one_of(const struct http_exchange *exchange, const char *const *paths)
{
    struct slice path = http_path(exchange);
    for (; *paths; paths++)
        if (slice_equal_text(path, *paths))
            return true;
    return false;
}

static bool claims_event(const struct http_exchange *exchange)
{
    static const char *const paths[] = {ROUTE, ROUTE "/event", ROUTE "/event/1.0", NULL};
    return is_one_of(exchange, paths);
}

static bool claims_raw(const struct http_exchange *exchange)
{
    static const char *const paths[] = {ROUTE "/raw", ROUTE "/raw/1.0", NULL};
    return is_one_of(exchange, paths);
}

static bool claims_ack(const struct http_exchange *exchange)
{
    static const char *const paths[] = {ROUTE "/ack", ROUTE "/ack/1.0", NULL};
    return is_one_of(exchange, paths);
}

static bool claims_health(const struct http_exchange *exchange)
{
    static const char *const paths[] = {ROUTE "/health", ROUTE "/health/1.0", NULL};
    return is_one_of(exchange, paths);
}

/* ---- channels ---- */

#define CHANNEL_MAX 128

static bool bad_channel(struct refusal *refusal)
{
    return refusal_set(refusal, REFUSAL_invalid_channel);
}

/* X-Splunk-Request-Channel, or ?channel=; empty: none. */
static bool read_channel(const struct request *r, struct slice *channel, struct refusal *refusal)
{
    unsigned count = 1;
    *channel = SLICE_EMPTY;
    enum status s = STATUS_OK;
    if (!http_header(r->exchange, "x-splunk-request-channel", channel, &count))
        s = http_query_value(http_query(r->exchange), "channel", &r->sub.batch->arena, channel);
    if (s == STATUS_NOT_FOUND)
        return true;
    if (s == STATUS_NO_MEMORY)
        return refusal_set(refusal, REFUSAL_memory);
    for (size_t i = 0; i < channel->size; i++)
        if (channel->data[i] <= 0x20 || channel->data[i] >= 0x7f)
            return bad_channel(refusal);
    return (s == STATUS_OK && count <= 1 && channel->size && channel->size <= CHANNEL_MAX) ||
           bad_channel(refusal);
}

/* A client that names a channel gets ids, unless acknowledgements are off. */
static bool note_channel(struct request *r, const struct config *config,
                         const struct ingest_shared *shared, struct refusal *refusal)
{
    struct slice channel;
    if (!read_channel(r, &channel, refusal))
        return false;
    r->hec_has_channel = channel.size && config->hec_ack != HEC_ACK_OFF;
    if (r->hec_has_channel)
        r->hec_tag = hec_ack_tag(shared, r->sub.identity.tenant, r->sub.identity.sender, channel);
    return true;
}

/* ---- formats ---- */

static bool read_event(struct request *r, const struct config *config,
                       const struct ingest_shared *shared, struct refusal *refusal)
{
    r->sub.parser = registry_by_name(shared->registry, SLICE_LITERAL("hec"));
    return note_channel(r, config, shared, refusal);
}

static bool read_raw(struct request *r, const struct config *config,
                     const struct ingest_shared *shared, struct refusal *refusal)
{
    r->sub.parser = registry_by_name(shared->registry, SLICE_LITERAL("hec_raw"));
    return note_channel(r, config, shared, refusal);
}

static bool read_ack(struct request *r, const struct config *config,
                     const struct ingest_shared *shared, struct refusal *refusal)
{
    if (config->hec_ack == HEC_ACK_OFF)
        return refusal_set(refusal, REFUSAL_ack_disabled);
    if (!note_channel(r, config, shared, refusal))
        return false;
    return r->hec_has_channel || refusal_set(refusal, REFUSAL_channel_missing);
}

/* ---- errors ---- */

struct answer {
    int status;
    int number;
    const char *text;
};

static const struct answer no_event = {400, 12, "Event field is required"};
static const struct answer blank_event = {400, 13, "Event field cannot be blank"};

/* text NULL: chosen by the status. */
static const struct answer answers[REFUSAL_COUNT] = {
    [REFUSAL_token_revoked] = {403, 1, "Token disabled"},
    [REFUSAL_no_credential] = {401, 2, "Token is required"},
    [REFUSAL_bad_authorization] = {401, 3, "Invalid authorization"},
    [REFUSAL_invalid_token] = {403, 4, "Invalid token"},
    [REFUSAL_empty_batch] = {400, 5, "No data"},
    [REFUSAL_channel_missing] = {400, 10, "Data channel is missing"},
    [REFUSAL_invalid_channel] = {400, 11, "Invalid data channel"},
    [REFUSAL_ack_disabled] = {400, 14, "ACK is disabled"},
    [REFUSAL_token_in_query] = {400, 16, "Query string authorization is not enabled"},
    [REFUSAL_in_progress] = {503, 9, "Server is busy"},
    [REFUSAL_key_reused] = {400, 6, "Invalid data format"},
};

static struct answer answer_of(const struct refusal *refusal)
{
    int status = refusal->status;
    if (answers[refusal->reason].text)
        return answers[refusal->reason];
    if (status == 503 || status == 429 || status == 408)
        return (struct answer){status, 9, "Server is busy"};
    if (status == 401 || status == 403)
        return (struct answer){status, 4, "Invalid token"};
    return (struct answer){status, 6, "Invalid data format"};
}

static void write_answer(struct writer *out, const struct answer *a)
{
    writer_format(out, "{\"text\":\"%s\",\"code\":%d", a->text, a->number);
}

static int write_problem(struct writer *out, const struct refusal *refusal)
{
    struct answer a = answer_of(refusal);
    write_answer(out, &a);
    writer_text(out, ",\"detail\":");
    writer_json_string(out, slice_from_text(refusal->detail));
    writer_text(out, "}");
    return a.status;
}

/* For a batch without a good event: chosen by the code of its first record. */
static struct answer answer_of_record(enum record_code code)
{
    if (code == RECORD_event_missing)
        return no_event;
    if (code == RECORD_event_blank)
        return blank_event;
    return (struct answer){400, 6, "Invalid data format"};
}

/* ---- reports ---- */

static int write_report(struct writer *out, const struct request *r, const char *level)
{
    const struct dedup_report *report = &r->sub.report;
    (void)level;
    if (report->accepted == 0 && report->duplicates == 0) {
        struct answer a = answer_of_record(r->sub.first_error.code);
        write_answer(out, &a);
        writer_format(out, ",\"invalid-event-number\":%u}", r->sub.first_error.index);
        return a.status;
    }
    writer_text(out, "{\"text\":\"Success\",\"code\":0");
    if (r->hec_has_channel)
        writer_format(out, ",\"ackId\":%llu",
                      (unsigned long long)hec_ack_id(r->hec_tag, report->position));
    writer_u8(out, '}');
    return 200;
}

static int answer_ack(struct writer *out, const struct dialect_question *q, struct refusal *refusal)
{
    ack_mask_t sinks;
    if (hec_ack_sinks(q->config, &q->shared->sinks, &sinks) == STATUS_OK &&
        hec_ack_answer(q->json, q->body, q->request->hec_tag, sinks, q->shared, out) == STATUS_OK)
        return 200;
    refusal_set(refusal, REFUSAL_bad_ack_query);
    return 0;
}

static int answer_health(struct writer *out, const struct refusal *busy)
{
    writer_text(out, busy ? "{\"text\":\"HEC is unhealthy, queues are full\",\"code\":18}"
                          : "{\"text\":\"HEC is healthy\",\"code\":17}");
    return busy ? 503 : 200;
}

#define HEC_WORDS .problem = {"application/json", write_problem}, .report_type = "application/json"

const struct dialect dialect_hec_event = {
    .route = ROUTE "/event",
    .claims = claims_event,
    .read_format = read_event,
    .write_report = write_report,
    HEC_WORDS,
};

static const char *const raw_query[] = {"host", "source", "sourcetype", "index", "time", NULL};

const struct dialect dialect_hec_raw = {
    .route = ROUTE "/raw",
    .claims = claims_raw,
    .read_format = read_raw,
    .query_names = raw_query,
    .write_report = write_report,
    HEC_WORDS,
};

const struct dialect dialect_hec_ack = {
    .route = ROUTE "/ack",
    .claims = claims_ack,
    .read_format = read_ack,
    .answer_body = answer_ack,
    HEC_WORDS,
};

const struct dialect dialect_hec_health = {
    .route = ROUTE "/health",
    .claims = claims_health,
    .answer_get = answer_health,
    HEC_WORDS,
};
