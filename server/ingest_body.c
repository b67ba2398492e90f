/* ingest_body.c: a complete body → records → events of a batch. Worker threads. Does not answer and
 * does not touch the spool. */
#include "server/ingest_internal.h"

#include "core/clock.h"
#include "core/event_codec.h"

/* Encoded events take about this part of the inflated body. */
#define EVENT_SHARE_OF_BODY 3

/* Memory of an inflated body that is kept for the next one. */
#define INFLATED_KEEP ((size_t)8 << 20)

bool refuse_with(struct refusal *refusal, int status, const char *code, const char *detail)
{
    *refusal = (struct refusal){.status = status, .code = code, .detail = detail};
    return false;
}

static bool refuse_inflate(struct ingest *in, struct request *r, enum status status,
                           struct refusal *refusal)
{
    struct arena *arena = &r->batch->arena;
    const struct config *c = in->config;
    switch (status) {
    case STATUS_TOO_LARGE:
        return refuse_with(
            refusal, 413, "inflated_bytes",
            arena_format(arena, "body inflates to more than limits.inflated_bytes = %llu bytes",
                         (unsigned long long)c->limit_inflated_bytes));
    case STATUS_TOO_DENSE:
        return refuse_with(refusal, 413, "inflate_ratio",
                           arena_format(arena,
                                        "body inflates more than limits.inflate_ratio = %llu times",
                                        (unsigned long long)c->limit_inflate_ratio));
    case STATUS_TRUNCATED:
        return refuse_with(refusal, 400, "truncated_body",
                           arena_format(arena, "the %s stream ends before its end",
                                        inflate_coding_name(r->coding)));
    case STATUS_NO_MEMORY:
        refuse_with(refusal, 503, "memory", "no memory to inflate the body now");
        refusal->retry_after_s = 1;
        return false;
    default:
        return refuse_with(
            refusal, 400, "bad_encoding",
            arena_format(arena, "body is not one whole %s stream (damaged, or bytes after its end)",
                         inflate_coding_name(r->coding)));
    }
}

bool ingest_inflate(struct ingest *in, struct request *r, struct slice *body,
                    struct refusal *refusal)
{
    in->inflated.limit = in->config->limit_inflated_bytes + JSON_PADDING;
    writer_reset(&in->inflated);
    inflate_start(in->inflate, r->coding, in->config->limit_inflate_ratio, &in->inflated);
    enum status s = STATUS_OK;
    for (size_t i = 0; s == STATUS_OK && i < r->batch->body_count; i++)
        s = inflate_feed(in->inflate, r->batch->body[i]);
    if (s == STATUS_OK)
        s = inflate_finish(in->inflate);
    if (s != STATUS_OK)
        return refuse_inflate(in, r, s, refusal);
    *body = writer_slice(&in->inflated);
    return true;
}

/* Where the pipeline's callbacks put things. */
struct encoding {
    struct event_encoder encoder;
};

static void encode_event(void *arg, const struct event *event)
{
    struct encoding *e = arg;
    event_encoder_add(&e->encoder, event);
}

static void encode_reject(void *arg, const struct event_reject *reject)
{
    struct encoding *e = arg;
    event_encoder_reject(&e->encoder, reject);
}

/* Takes every record that no parser claimed: each line becomes a quarantined record. */
static void parse_nothing(struct slice record, const struct parser_context *context,
                          struct parser_outcome *outcome)
{
    (void)record;
    (void)context;
    parser_malformed(
        outcome, 0, "no_parser",
        "no parser recognises this body; name its format in the path: /v1/events/FORMAT");
}

static const struct parser no_parser = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "none",
    .version = "1",
    .description = "quarantines what no parser claims",
    .framing = PARSER_FRAMING_LINES,
    .parse = parse_nothing,
};

static bool may_name(const void *identity, struct slice vin)
{
    return identity_may_name(identity, vin);
}

static struct normaliser make_normaliser(struct ingest *in, struct request *r)
{
    struct normaliser n = {
        .catalog = in->catalog,
        .unknown = in->unknown_ids,
        .received_ns = r->batch->meta.received_ns,
        .tenant_id = r->identity.tenant,
        .certificate_vin = r->identity.vehicle,
        .may_name = may_name,
        .may_name_arg = &r->identity,
        .header_vin = r->header_vin,
        .vin_policy = (enum vin_policy)in->config->identity_vin_mismatch,
        .replay = r->replay,
        .sent_ns = r->sent_ns,
        .pseudonym = pseudonym_make,
        .pseudonym_arg = in->pseudonym,
        .arena = &r->batch->arena,
    };
    memcpy(n.batch_uid, r->batch->meta.batch_uid, UUID_BYTES);
    return n;
}

static bool write_errors(struct ingest *in, struct request *r, struct refusal *refusal)
{
    struct writer *w = &in->scratch;
    const struct pipeline_result *result = &in->result;
    writer_reset(w);
    writer_u8(w, '[');
    for (uint32_t i = 0; i < result->error_count; i++) {
        const struct pipeline_error *e = &result->errors[i];
        writer_format(w, "%s\n {\"index\":%u,\"offset\":%llu,\"code\":", i ? "," : "", e->index,
                      (unsigned long long)e->offset);
        writer_json_string(w, slice_from_text(e->code));
        writer_text(w, ",\"detail\":");
        writer_json_string(w, slice_from_text(e->detail));
        writer_u8(w, '}');
    }
    writer_text(w, result->error_count ? "\n]" : "]");
    if (w->status == STATUS_OK &&
        arena_copy(&r->batch->arena, writer_slice(w), &r->batch->meta.report_errors) == STATUS_OK)
        return true;
    return refuse_with(refusal, 503, "memory", "request memory is used up");
}

/* What the pipeline found, in the batch's record; false when the batch as a whole is refused. */
static bool judge(struct ingest *in, struct request *r, const struct encoding *e,
                  enum status status, struct refusal *refusal)
{
    struct batch_meta *meta = &r->batch->meta;
    const struct pipeline_result *result = &in->result;
    if (status == STATUS_TOO_MANY)
        return refuse_with(refusal, 413, "batch_events",
                           arena_format(&r->batch->arena,
                                        "batch holds more than limits.batch_events = %llu records",
                                        (unsigned long long)in->config->limit_batch_events));
    if (r->batch->events.status == STATUS_TOO_LARGE)
        return refuse_with(refusal, 413, "events_too_large",
                           arena_format(&r->batch->arena,
                                        "the events of this batch take more than %llu bytes",
                                        (unsigned long long)r->batch->events.limit));
    if (status != STATUS_OK || r->batch->events.status != STATUS_OK) {
        refuse_with(refusal, 503, "memory", "no memory for the events of this batch now");
        refusal->retry_after_s = 1;
        return false;
    }
    if (result->vin_mismatches && in->config->identity_vin_mismatch == VIN_POLICY_REJECT)
        return refuse_with(
            refusal, 403, "vin_mismatch",
            "a record claims another vehicle than the certificate's; nothing was taken");
    if (e->encoder.events + e->encoder.rejects + result->duplicates == 0 &&
        !r->dialect->takes_empty)
        return refuse_with(refusal, 400, "empty_batch", "the body holds no record");
    meta->accepted = result->accepted;
    meta->duplicates = result->duplicates;
    meta->quarantined = result->quarantined;
    return write_errors(in, r, refusal);
}

static void count_formats(struct ingest *in, const struct parser *parser)
{
    size_t i = parser == &no_parser ? registry_count(in->shared->registry)
                                    : registry_index(in->shared->registry, parser);
    metric_add(in->formats[i].accepted, in->result.accepted);
    metric_add(in->formats[i].duplicate, in->result.duplicates);
    metric_add(in->formats[i].quarantined, in->result.quarantined);
}

static bool read_body(struct ingest *in, struct request *r, struct refusal *refusal)
{
    struct slice body;
    if (!ingest_inflate(in, r, &body, refusal))
        return false;
    r->batch->meta.inflated_bytes = body.size;
    metric_add(in->decoded_bytes, body.size);

    const struct parser *parser = r->parser;
    if (!parser)
        parser = registry_probe(in->shared->registry, slice_sub(body, 0, 4096));
    if (!parser)
        parser = &no_parser;
    if (!r->parser && !request_may_send(r, parser, refusal))
        return false;
    r->batch->meta.format = slice_from_text(parser->name);
    r->batch->meta.parser_version = slice_from_text(parser->version);

    struct encoding encoding;
    (void)writer_reserve(&r->batch->events, body.size / EVENT_SHARE_OF_BODY); /* else it grows */
    event_encoder_init(&encoding.encoder, &r->batch->events);
    struct normaliser normaliser = make_normaliser(in, r);
    const struct pipeline_options options = {
        .parser = parser,
        .prefix = r->prefix,
        .event_bytes = in->config->limit_event_bytes,
        .batch_events = in->config->limit_batch_events,
        .json_depth = in->config->limit_json_depth,
        .ecu_id = r->ecu_id,
        .sw_baseline = r->sw_baseline,
        .headers = r->headers,
        .header_count = r->header_count,
        .normaliser = &normaliser,
        .json = in->json,
        .json_inner = in->json_inner,
        .registry = in->shared->registry,
        .on_event = encode_event,
        .on_reject = encode_reject,
        .arg = &encoding,
    };
    enum status status = pipeline_run(&options, body, &in->result);
    if (!judge(in, r, &encoding, status, refusal))
        return false;
    count_formats(in, parser);
    return true;
}

bool ingest_read_body(struct ingest *in, struct request *r, struct refusal *refusal)
{
    bool good = read_body(in, r, refusal);
    if (in->inflated.capacity > INFLATED_KEEP)
        writer_fini(&in->inflated);
    return good;
}
