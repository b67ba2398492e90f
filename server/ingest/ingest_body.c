/* ingest_body.c: a complete body → records → events of a batch. Runs on a worker's fiber: each loop
 * over the body counts its work and may pause in between (reading_room.h). Does not answer and
 * does not touch the spool. */
#include "server/ingest/reading_room.h"
#include "parsers/read/record_refuse.h"
#include "server/inflate/inflate_coding.h"
#include "server/ingest/ingest_internal.h"
#include "server/ingest/report_errors.h"

#include "core/clock.h"
#include "core/event/event_codec.h"
#include "core/disk/fault.h"
#include "storage/spool/batch_seal.h"
#include "storage/spool/cut/batch_owners.h"

/* Encoded events take about this fraction of the inflated body. */
#define EVENT_SHARE_OF_BODY 3

/* Maximum size of an inflated query. */
#define QUESTION_BYTES ((size_t)1 << 20)

static bool refuse_inflate(struct reading *b, enum status status)
{
    const struct submission *sub = b->submission;
    struct refusal *refusal = &b->refusal;
    const struct config *c = b->ingest->config;
    switch (status) {
    case STATUS_CLOSED:
        return false;
    case STATUS_TOO_LARGE:
        if (sub->is_question)
            return refusal_say(refusal, REFUSAL_question_too_large,
                               "the question inflates to more than 1 MiB: ask less");
        return refusal_say(refusal, REFUSAL_inflated_bytes,
                           "body inflates to more than limits.inflated_bytes = %llu bytes",
                           (unsigned long long)c->limit_inflated_bytes);
    case STATUS_TOO_DENSE:
        return refusal_say(refusal, REFUSAL_inflate_ratio,
                           "body inflates more than limits.inflate_ratio = %llu times",
                           (unsigned long long)c->limit_inflate_ratio);
    case STATUS_TOO_MANY:
        return refusal_say(refusal, REFUSAL_inflate_blocks,
                           "the %s stream has blocks, members or frames of less than %d bytes on "
                           "average, or over %d bytes in a row that hold nothing",
                           inflate_coding_name(sub->coding),
                           sub->coding == INFLATE_ZSTD ? INFLATE_WORTH_OF_ZSTD_BLOCK
                                                       : INFLATE_WORTH_OF_BLOCK,
                           (int)INFLATE_IDLE_BYTES_MAX);
    case STATUS_OUT_OF_RANGE:
        return refusal_set(refusal, REFUSAL_zstd_window);
    case STATUS_TRUNCATED:
        return refusal_say(refusal, REFUSAL_truncated_body, "the %s stream ends too early",
                           inflate_coding_name(sub->coding));
    case STATUS_NO_MEMORY:
        return refusal_set(refusal, REFUSAL_memory);
    default:
        return refusal_say(refusal, REFUSAL_bad_encoding,
                           "body is not one whole %s stream (damaged, or bytes after its end)",
                           inflate_coding_name(sub->coding));
    }
}

/* The body without its content coding, followed by JSON_PADDING readable bytes, into b->body.
 * False: the refusal is set, or the work was stopped. */
static bool read_coding(struct reading *b)
{
    const struct config *c = b->ingest->config;
    const struct batch *batch = b->submission->batch;
    size_t most = b->submission->is_question && QUESTION_BYTES < c->limit_inflated_bytes
                      ? QUESTION_BYTES
                      : c->limit_inflated_bytes;
    b->inflated.limit = most + JSON_PADDING;
    writer_reset(&b->inflated);
    /* An empty body has no record, whatever its coding. */
    enum inflate_coding coding = batch->meta.body_bytes ? b->submission->coding : INFLATE_IDENTITY;
    enum status s = inflate_body(b->inflate, coding, c->limit_inflate_ratio, &b->inflated, &b->work,
                                 batch->body, batch->body_count);
    if (s != STATUS_OK)
        return refuse_inflate(b, s);
    b->body = writer_slice(&b->inflated);
    return true;
}

#define ENCODING_MAGIC 0x454e434fU

/* The events of a batch, and whose they are. */
struct encoding {
    unsigned magic; /* ENCODING_MAGIC */
    struct event_encoder encoder;
    struct batch_owners owners;
};

OBJECT_CAST(encoding, ENCODING_MAGIC)

static void encode_event(void *arg, const struct event *event)
{
    struct encoding *e = encoding_cast(arg);
    event_encoder_add(&e->encoder, event);
    batch_owners_event(&e->owners, event);
}

static void encode_reject(void *arg, const struct event_reject *reject)
{
    struct encoding *e = encoding_cast(arg);
    event_encoder_reject(&e->encoder, reject);
}

static void note_duplicate(void *arg, const struct event *event)
{
    struct encoding *e = encoding_cast(arg);
    batch_owners_duplicate(&e->owners, event);
}

/* For bodies that no parser recognises: each line becomes a quarantined record. */
static void parse_nothing(struct slice record, const struct parser_context *context,
                          struct parser_outcome *outcome)
{
    (void)record;
    (void)context;
    record_refuse(outcome, 0, RECORD_no_parser,
                  "no parser recognises this body; name its format in the path: /v1/events/FORMAT");
}

static const struct parser no_parser = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .name = "none",
    .version = "1",
    .description = "quarantines bodies that no parser recognises",
    .framing = PARSER_FRAMING_LINES,
    .parse = parse_nothing,
};

static bool may_name(const void *identity, struct slice vin)
{
    return identity_may_name(identity, vin);
}

static struct normaliser make_normaliser(struct reading *b)
{
    const struct ingest *in = b->ingest;
    struct submission *sub = b->submission;
    struct normaliser n = {
        .catalog = in->catalog,
        .unknown = in->unknown_ids,
        .received_ns = sub->batch->meta.received_ns,
        .tenant_id = sub->identity.tenant,
        .sender = sub->identity.sender,
        .certificate_vin = sub->identity.vehicle,
        .may_name = may_name,
        .may_name_arg = &sub->identity,
        .header_vin = sub->header_vin,
        .vin_policy = (enum vin_policy)in->config->identity_vin_mismatch,
        .replay = sub->replay,
        .sent_ns = sub->sent_ns,
        .pseudonym = pseudonym_make,
        .pseudonym_arg = b->pseudonym,
        .dedup_secret = &in->shared->repeat.event,
        .arena = &sub->batch->arena,
    };
    if (sub->trial) {
        n.pseudonym = sub->trial->pseudonym;
        n.pseudonym_arg = sub->trial->pseudonym_arg;
        n.dedup_secret = NULL;
    }
    memcpy(n.batch_uid, sub->batch->meta.batch_uid, UUID_BYTES);
    return n;
}

static bool write_errors(struct reading *b)
{
    struct submission *sub = b->submission;
    struct writer *w = &b->ingest->scratch;
    writer_reset(w);
    report_errors_write(w, b->result.errors, b->result.error_count);
    if (w->status == STATUS_OK && arena_copy(&sub->batch->arena, writer_slice(w),
                                             &sub->batch->meta.report_errors) == STATUS_OK)
        return true;
    return refusal_set(&b->refusal, REFUSAL_memory);
}

/* The Content-Encoding that a body should have declared, by its magic bytes; NULL: none. */
static const char *undeclared_coding(struct slice body)
{
    static const uint8_t gzip[] = {0x1f, 0x8b, 8}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
    if (body.size > sizeof gzip && memcmp(body.data, gzip, sizeof gzip) == 0 &&
        !(body.data[sizeof gzip] & 0xe0)) /* RFC 1952: reserved flags are zero */
        return "gzip";
    return body.size > sizeof zstd && memcmp(body.data, zstd, sizeof zstd) == 0 ? "zstd" : NULL;
}

/* If it were quarantined, nobody would read it and the sender would never send it again. */
static bool refuse_undeclared(struct reading *b)
{
    const struct submission *sub = b->submission;
    const char *found = undeclared_coding(b->body), *declared = inflate_coding_name(sub->coding);
    if (sub->coding == INFLATE_IDENTITY)
        refusal_say(&b->refusal, REFUSAL_undeclared_encoding,
                    "the body is %s, which no header says: send it with Content-Encoding: %s",
                    found, found);
    else
        refusal_say(&b->refusal, REFUSAL_undeclared_encoding,
                    "inside its %s the body is %s once more: compress it once", declared, found);
    b->refusal.header = "Accept-Encoding";
    b->refusal.header_value = "gzip, deflate, zstd, identity";
    return false;
}

static bool is_text(const struct parser *parser)
{
    return parser->framing == PARSER_FRAMING_JSON || parser->framing == PARSER_FRAMING_LINES ||
           parser->framing == PARSER_FRAMING_SYSLOG;
}

/* Stores the pipeline's results in the batch's record; false if the whole batch is refused. */
static bool judge(struct reading *b, const struct event_encoder *encoder, enum status status)
{
    const struct ingest *in = b->ingest;
    struct submission *sub = b->submission;
    struct refusal *refusal = &b->refusal;
    struct batch_meta *meta = &sub->batch->meta;
    const struct pipeline_result *result = &b->result;
    if (status == STATUS_CLOSED)
        return false;
    if (status == STATUS_TOO_MANY && result->too_short)
        return refusal_say(refusal, REFUSAL_records_too_short,
                           "batch holds more than %d records, and more than one for each %zu bytes",
                           PIPELINE_ITEMS_FREE, result->item_bytes);
    if (status == STATUS_TOO_MANY)
        return refusal_say(refusal, REFUSAL_batch_events,
                           "batch holds more than limits.batch_events = %llu records",
                           (unsigned long long)in->config->limit_batch_events);
    if (sub->batch->events.status == STATUS_TOO_LARGE)
        return refusal_say(refusal, REFUSAL_events_too_large,
                           "the events of this batch take more than %llu bytes",
                           (unsigned long long)sub->batch->events.limit);
    if (status != STATUS_OK || sub->batch->events.status != STATUS_OK) {
        return refusal_set(refusal, REFUSAL_memory);
    }
    sub->vin_mismatches = result->vin_mismatches + result->vin_flagged;
    if (result->vin_mismatches && in->config->identity_vin_mismatch == VIN_POLICY_REJECT)
        return refusal_set(refusal, REFUSAL_vin_mismatch);
    if (result->quarantined && undeclared_coding(b->body))
        return refuse_undeclared(b); /* a binary format: whole records may begin like that too */
    if (encoder->events + encoder->rejects + result->duplicates == 0 && !sub->takes_empty)
        return refusal_set(refusal, REFUSAL_empty_batch);
    meta->accepted = result->accepted;
    meta->duplicates = result->duplicates;
    meta->quarantined = result->quarantined;
    return write_errors(b);
}

static bool pace(void *arg, size_t bytes)
{
    struct reading *b = reading_cast(arg);
    return work_add(&b->work, bytes);
}

/* So that the batch can be erased for its vehicle, or for each of several. False: refused or
 * stopped. */
static bool attribute(struct reading *b, struct batch_owners *owners)
{
    const struct submission *sub = b->submission;
    const struct batch_pace in_pieces = {.pace = pace, .arg = b};
    const struct slice named[] = {sub->identity.vehicle, sub->header_vin};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (named[i].size) {
            uint8_t pid[SEAL_VEHICLE_BYTES];
            (void)pseudonym_make(b->pseudonym, sub->identity.tenant, named[i], pid);
            batch_owners_name(owners, pid);
        }
    enum status status =
        batch_owners_apply(owners, sub->batch, &b->ingest->shared->seal, b->body, &in_pieces);
    if (status == STATUS_TOO_LARGE)
        return refusal_say(&b->refusal, REFUSAL_events_too_large,
                           "the events of this batch, kept apart by vehicle, take too many bytes");
    return status == STATUS_OK ||
           (status != STATUS_CLOSED && refusal_set(&b->refusal, REFUSAL_memory));
}

static void count_formats(const struct reading *b, const struct parser *parser)
{
    const struct ingest *in = b->ingest;
    size_t i = parser == &no_parser ? registry_count(in->shared->registry)
                                    : registry_index(in->shared->registry, parser);
    metric_add(in->formats[i].accepted, b->result.accepted);
    metric_add(in->formats[i].duplicate, b->result.duplicates);
    metric_add(in->formats[i].quarantined, b->result.quarantined);
}

/* Chooses the parser. False: the sender may not send the recognised format. */
static bool find_parser(struct reading *b, const struct parser **parser)
{
    struct submission *sub = b->submission;
    *parser = sub->parser;
    if (!*parser)
        *parser = registry_probe(b->ingest->shared->registry, slice_sub(b->body, 0, 4096));
    if (!*parser)
        *parser = &no_parser;
    if (!sub->parser && !submission_may_send(sub, *parser, &b->refusal))
        return false;
    sub->batch->meta.format = slice_from_text((*parser)->name);
    sub->batch->meta.parser_version = slice_from_text((*parser)->version);
    return true;
}

static bool parse_body(struct reading *b)
{
    const struct ingest *in = b->ingest;
    struct submission *sub = b->submission;
    const struct parser *parser;
    if (!find_parser(b, &parser))
        return false;
    if ((!sub->parser || is_text(parser)) && undeclared_coding(b->body))
        return refuse_undeclared(b);
    struct encoding encoding = {.magic = ENCODING_MAGIC};
    batch_owners_init(&encoding.owners);
    (void)writer_reserve(&sub->batch->events,
                         b->body.size / EVENT_SHARE_OF_BODY); /* grows if that is too little */
    event_encoder_init(&encoding.encoder, &sub->batch->events);
    struct normaliser normaliser = make_normaliser(b);
    const struct pipeline_options options = {
        .parser = parser,
        .prefix = sub->prefix,
        .event_bytes = in->config->limit_event_bytes,
        .batch_events = in->config->limit_batch_events,
        .json_depth = in->config->limit_json_depth,
        .ecu_id = sub->ecu_id,
        .sw_baseline = sub->sw_baseline,
        .headers = sub->headers,
        .header_count = sub->header_count,
        .normaliser = &normaliser,
        .json = b->json,
        .json_inner = b->json_inner,
        .registry = in->shared->registry,
        .on_event = encode_event,
        .on_reject = encode_reject,
        .on_duplicate = note_duplicate,
        .arg = &encoding,
        .work = &b->work,
    };
    enum status status = pipeline_run(&options, b->body, &b->result);
    bool good =
        judge(b, &encoding.encoder, status) && (sub->trial || attribute(b, &encoding.owners));
    batch_owners_fini(&encoding.owners);
    if (good)
        count_formats(b, parser);
    return good;
}

/* False: the work was stopped. */
static bool hash_piecewise(struct reading *b, struct sha256 *old, struct slice rest)
{
    while (rest.size) {
        struct slice piece = slice_sub(rest, 0, WORK_PIECE);
        keyed_digest_update(b->digest, piece);
        sha256_update(b->sha, piece);
        if (old)
            sha256_update(old, piece);
        if (!work_add(&b->work, piece.size))
            return false;
        rest = slice_sub(rest, piece.size, rest.size);
    }
    return true;
}

/* Keyed digest and commitment of the body as received; old: its plain SHA-256 too. False: the work
 * was stopped. */
static bool hash_pieces(struct reading *b, struct sha256 *old)
{
    struct batch *batch = b->submission->batch;
    struct hmac_key salt;
    batch_seal_begin(batch);
    batch_seal_body_salt(batch, &salt);
    keyed_digest_start(b->digest);
    hmac_key_start(&salt, b->sha);
    for (size_t i = 0; i < batch->body_count; i++)
        if (!hash_piecewise(b, old, batch->body[i]))
            return false;
    keyed_digest_finish(b->digest, batch->meta.body_digest);
    hmac_key_finish(&salt, b->sha, batch->meta.body_commitment);
    batch->seal.body_committed = true;
    return true;
}

/* Batches in the window that an earlier build stored have other keys: see dedup_note_old. False:
 * refused or stopped. */
static bool hash_as_old(struct reading *b)
{
    struct batch_recall *recall = &b->submission->batch->recall;
    struct sha256 *old = sha256_create();
    if (!old)
        return refusal_set(&b->refusal, REFUSAL_memory);
    bool done = hash_pieces(b, old);
    if (done) {
        sha256_finish(old, recall->old_body);
        submission_make_key(b->submission, b->sha, recall->old_body, recall->old_key);
        recall->has_old = true;
    }
    sha256_destroy(old);
    return done;
}

static bool hash_body(struct reading *b)
{
    struct submission *sub = b->submission;
    struct batch_meta *m = &sub->batch->meta;
    bool done = dedup_has_old(b->ingest->shared->dedup) ? hash_as_old(b) : hash_pieces(b, NULL);
    if (done)
        submission_make_key(sub, b->sha, m->body_digest, m->key);
    return done;
}

/* Keyed digest of the inflated body. Batches with the same Idempotency-Key are compared by it,
 * because the same content may be compressed to different bytes. False: refused or stopped. */
static bool hash_content(struct reading *b)
{
    struct batch *batch = b->submission->batch;
    uint8_t *digest = arena_alloc(&batch->arena, SHA256_BYTES);
    if (!digest)
        return refusal_set(&b->refusal, REFUSAL_memory);
    keyed_digest_start(b->digest);
    for (struct slice rest = b->body; rest.size;) {
        struct slice piece = slice_sub(rest, 0, WORK_PIECE);
        keyed_digest_update(b->digest, piece);
        if (!work_add(&b->work, piece.size))
            return false;
        rest = slice_sub(rest, piece.size, rest.size);
    }
    keyed_digest_finish(b->digest, digest);
    batch->meta.inflated_digest = slice_make(digest, SHA256_BYTES);
    return true;
}

static bool inflate_batch(struct reading *b)
{
    if (!read_coding(b))
        return false;
    b->submission->batch->meta.inflated_bytes = b->body.size;
    metric_add(b->ingest->decoded_bytes, b->body.size);
    return !b->submission->idempotency_key.size || hash_content(b);
}

/* Same key as an earlier batch, other bytes: a repeat only if the contents are equal. */
static enum reading_end compare_content(struct reading *b)
{
    struct batch *batch = b->submission->batch;
    if (!inflate_batch(b))
        return READING_REFUSED;
    const uint8_t *digest =
        batch->meta.inflated_digest.size ? batch->meta.inflated_digest.data : NULL;
    b->answer = dedup_judge(&batch->recall, batch->meta.key, batch->meta.body_digest, digest);
    if (b->answer == DEDUP_COMPARE) /* without a key of the sender's, its bytes make the key */
        b->answer = DEDUP_CONFLICT;
    return READING_KNOWN;
}

/* The batch is complete: here, because here it can pause. False: refused or stopped. */
static bool seal(struct reading *b)
{
    const struct batch_pace in_pieces = {.pace = pace, .arg = b};
    enum status status = batch_seal(b->submission->batch, &b->ingest->shared->seal, &in_pieces);
    return status == STATUS_OK ||
           (status != STATUS_CLOSED && refusal_set(&b->refusal, REFUSAL_memory));
}

enum reading_end reading_run(struct reading *b)
{
    struct submission *sub = b->submission;
    struct batch_meta *m = &sub->batch->meta;
    if (sub->is_question)
        return read_coding(b) ? READING_DONE : READING_REFUSED;
    if (sub->trial)
        return inflate_batch(b) && parse_body(b) ? READING_DONE : READING_REFUSED;
    struct batch_recall *recall = &sub->batch->recall;
    if (sub->compares)
        return compare_content(b);
    if (!recall->asked && !hash_body(b))
        return READING_REFUSED; /* or stopped */
    b->answer = dedup_begin(b->ingest->shared->dedup, m->key, recall);
    if (b->answer != DEDUP_NEW)
        return READING_KNOWN;
    b->key_begun = true;
    fault_point(ingest_key_begun);
    return inflate_batch(b) && parse_body(b) && seal(b) ? READING_DONE : READING_REFUSED;
}
