/* ingest_request.c: reads and checks the headers of a request before any body byte is read. Worker
 * threads. Does not use the body or the spool. */
#include "server/http/http_list.h"
#include "server/ingest/http/ingest_request.h"

#include "parsers/engine/media_type.h"
#include "parsers/engine/normalise.h"
#include "parsers/read/timestamp.h"

#define KEY_MAX 255 /* bytes of Idempotency-Key, traceparent and the like */

/* Characters that may be stored as text: a byte beyond ASCII may not be UTF-8. */
static bool is_printable(struct slice value)
{
    for (size_t i = 0; i < value.size; i++)
        if (value.data[i] < 0x20 || value.data[i] >= 0x7f)
            return false;
    return value.size <= KEY_MAX;
}

/* Copies a header into the arena; printable ASCII of at most KEY_MAX bytes only. Absent: empty. */
static bool read_text(struct request *r, const char *name, struct slice *out,
                      struct refusal *refusal)
{
    struct slice value;
    unsigned count = 0;
    *out = SLICE_EMPTY;
    if (!http_header(r->exchange, name, &value, &count))
        return true;
    if (count != 1 || !value.size || !is_printable(value))
        return refusal_say(refusal, REFUSAL_bad_header,
                           "%s must occur once, with 1 to %d printable ASCII characters", name,
                           KEY_MAX);
    if (arena_copy(&r->sub.batch->arena, value, out) != STATUS_OK)
        return refusal_set(refusal, REFUSAL_memory);
    return true;
}

/* Media type without parameters, and the value of parameter framing=. */
static bool read_content_type(struct request *r, struct refusal *refusal)
{
    struct slice value = SLICE_EMPTY;
    unsigned count = 0;
    if (http_header(r->exchange, "content-type", &value, &count) &&
        (count > 1 || !is_printable(value)))
        return refusal_say(
            refusal, REFUSAL_bad_header,
            "Content-Type must occur once, with at most 255 printable ASCII characters");
    if (media_type_read(value, &r->media, &r->sub.prefix) != STATUS_OK)
        return refusal_set(refusal, REFUSAL_unknown_framing);
    return arena_copy(&r->sub.batch->arena, value, &r->sub.content_type) == STATUS_OK ||
           refusal_set(refusal, REFUSAL_memory);
}

static bool read_coding(struct request *r, struct refusal *refusal)
{
    struct slice coding = SLICE_LITERAL("identity"), name, value;
    unsigned count = 0;
    for (size_t i = 0; http_header_at(r->exchange, i, &name, &value); i++)
        while (slice_equal_nocase(name, "content-encoding") && http_list_next(&value, &coding))
            count++;
    if (count > 1 || inflate_coding_parse(coding, &r->sub.coding) != STATUS_OK) {
        refusal_set(refusal, REFUSAL_unsupported_content_encoding);
        refusal->header = "Accept-Encoding";
        refusal->header_value = "gzip, deflate, zstd, identity";
        return false;
    }
    r->sub.batch->meta.content_encoding = slice_from_text(inflate_coding_name(r->sub.coding));
    return true;
}

static bool read_ack(struct request *r, const struct ingest_shared *shared, struct refusal *refusal)
{
    struct slice value;
    if (!read_text(r, "vsoc-ack", &value, refusal))
        return false;
    if (!value.size)
        return true;
    switch (ack_parse(value, &shared->sinks, &r->sub.ack)) {
    case STATUS_OK:
        return true;
    case STATUS_UNSUPPORTED:
        return refusal_set(refusal, REFUSAL_ack_unavailable);
    default:
        return refusal_set(refusal, REFUSAL_bad_ack);
    }
}

/* VSOC-Vehicle, VSOC-ECU, VSOC-Software, VSOC-Sent, VSOC-Replay. */
static bool read_vehicle_headers(struct request *r, struct refusal *refusal)
{
    struct slice sent, replay;
    if (!read_text(r, "vsoc-vehicle", &r->sub.header_vin, refusal) ||
        !read_text(r, "vsoc-ecu", &r->sub.ecu_id, refusal) ||
        !read_text(r, "vsoc-software", &r->sub.sw_baseline, refusal) ||
        !read_text(r, "vsoc-sent", &sent, refusal) ||
        !read_text(r, "vsoc-replay", &replay, refusal))
        return false;
    if (r->sub.header_vin.size && !vin_is_valid(r->sub.header_vin))
        return refusal_set(refusal, REFUSAL_bad_vin);
    if (r->sub.ecu_id.size > 128)
        return refusal_say(refusal, REFUSAL_bad_header, "VSOC-ECU holds at most 128 characters");
    if (sent.size && timestamp_rfc3339(sent, &r->sub.sent_ns) != STATUS_OK)
        return refusal_say(refusal, REFUSAL_bad_header,
                           "VSOC-Sent is an RFC 3339 time, like 2026-11-22T10:15:02Z");
    r->sub.replay = slice_equal_nocase(replay, "true");
    return true;
}

/* Prefer: return=minimal, among other preferences (RFC 7240). */
static bool prefers_minimal(const struct request *r)
{
    struct slice name, value, one;
    for (size_t i = 0; http_header_at(r->exchange, i, &name, &value); i++)
        while (slice_equal_nocase(name, "prefer") && http_list_next(&value, &one))
            if (slice_equal_nocase(one, "return=minimal"))
                return true;
    return false;
}

static bool read_length(struct request *r, const struct config *config, struct refusal *refusal)
{
    int64_t length = http_content_length(r->exchange);
    struct slice unused;
    if (length == 0 && !http_header(r->exchange, "content-length", &unused, NULL))
        return refusal_set(refusal, REFUSAL_length_required);
    r->body_limit = config->limit_body_bytes;
    if (length >= 0 && (uint64_t)length > r->body_limit)
        return refusal_say(refusal, REFUSAL_body_too_large,
                           "body is over limits.body_bytes = %llu bytes",
                           (unsigned long long)r->body_limit);
    return true;
}

bool request_read_headers(struct request *r, const struct config *config,
                          const struct ingest_shared *shared, struct refusal *refusal)
{
    struct batch_meta *meta = &r->sub.batch->meta;
    struct slice prefer;
    if (!request_read_identity(r, config, refusal) || !read_content_type(r, refusal) ||
        !request_keep_headers(r, refusal) || !r->dialect->read_format(r, config, shared, refusal) ||
        (r->sub.parser && !submission_may_send(&r->sub, r->sub.parser, refusal)) ||
        !read_coding(r, refusal) || !read_length(r, config, refusal) ||
        !read_ack(r, shared, refusal) || !read_vehicle_headers(r, refusal) ||
        !read_text(r, "idempotency-key", &r->sub.idempotency_key, refusal) ||
        !read_text(r, "traceparent", &meta->traceparent, refusal) ||
        !read_text(r, "x-request-id", &meta->request_id, refusal) ||
        !read_text(r, "prefer", &prefer, refusal))
        return false;
    r->minimal = prefers_minimal(r);
    return true;
}
