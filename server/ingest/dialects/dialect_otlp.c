/* dialect_otlp.c: POST /v1/logs, OTLP/HTTP: the answer has the type of the request. Worker threads.
 * Pure. Clients send again after 429, 502, 503 and 504 only, and drop the batch after any other
 * error (opentelemetry-proto, docs/specification.md, OTLP/HTTP Response). */
#include "parsers/registry/builtin.h"
#include "parsers/engine/media_type.h"
#include "server/ingest/http/ingest_request.h"

#include <stdio.h>

#define ROUTE         "/v1/logs"
#define TYPE_JSON     "application/json"
#define TYPE_PROTOBUF "application/x-protobuf"
#define TYPE_PLAIN    "application/protobuf" /* the type registered with IANA */

static bool is_mine(const struct http_exchange *exchange)
{
    return slice_equal_text(http_path(exchange), ROUTE);
}

/* Media type of the request; empty: none. */
static struct slice media_of(const struct http_exchange *exchange)
{
    struct slice type, media;
    enum split_prefix prefix;
    if (!http_header(exchange, "content-type", &type, NULL) ||
        media_type_read(type, &media, &prefix) != STATUS_OK)
        return SLICE_EMPTY;
    return media;
}

/* JSON has many media types, especially for one value per line: those of native events. */
static bool is_json(struct slice media)
{
    for (const char *const *type = parser_vsoc_json.content_types; *type; type++)
        if (slice_equal_nocase(media, *type))
            return true;
    return false;
}

static bool claims_json(const struct http_exchange *exchange)
{
    return is_mine(exchange) && is_json(media_of(exchange));
}

static bool claims_plain(const struct http_exchange *exchange)
{
    return is_mine(exchange) && slice_equal_nocase(media_of(exchange), TYPE_PLAIN);
}

static bool is_protobuf(struct slice media)
{
    for (const char *const *type = parser_otlp.content_types; *type; type++)
        if (slice_equal_nocase(media, *type))
            return true;
    return false;
}

static bool read_format(struct request *r, const struct config *config,
                        const struct ingest_shared *shared, struct refusal *refusal)
{
    (void)config;
    r->sub.parser = registry_by_name(shared->registry, SLICE_LITERAL("otlp"));
    if (is_json(r->media) || is_protobuf(r->media))
        return true;
    refusal_say(refusal, REFUSAL_unsupported_media_type, "OTLP is JSON or Protocol Buffers");
    refusal->header = "Accept";
    refusal->header_value = TYPE_PROTOBUF ", " TYPE_JSON;
    return false;
}

/* ---- errors: google.rpc.Status ---- */

/* The status to which clients react correctly. */
static int status_of(const struct refusal *refusal)
{
    switch (refusal->status) {
    case 409: /* the same batch is in progress, or the key belongs to another batch */
        return refusal->reason == REFUSAL_key_reused ? 400 : 503;
    case 408: /* the client was slow */
        return 503;
    case 422:
        return 400;
    default:
        return refusal->status;
    }
}

/* google.rpc.Code */
static int rpc_code_of(int status)
{
    static const struct {
        int status, code;
    } table[] = {{401, 16}, {403, 7}, {404, 5},  {405, 12}, {413, 8},
                 {429, 8},  {431, 8}, {501, 12}, {503, 14}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].status == status)
            return table[i].code;
    return 3; /* INVALID_ARGUMENT */
}

/* Fields of Protocol Buffers with a number below 16. */
static void write_bytes_field(struct writer *out, unsigned number, struct slice bytes)
{
    writer_u8(out, (uint8_t)(number << 3 | 2));
    writer_varint(out, bytes.size);
    writer_add_slice(out, bytes);
}

static void write_number_field(struct writer *out, unsigned number, uint64_t value)
{
    writer_u8(out, (uint8_t)(number << 3));
    writer_varint(out, value);
}

static void write_status_json(struct writer *out, int status, struct slice message)
{
    writer_format(out, "{\"code\":%d,\"message\":", rpc_code_of(status));
    writer_json_string(out, message);
    writer_u8(out, '}');
}

static void write_status_protobuf(struct writer *out, int status, struct slice message)
{
    write_number_field(out, 1, (uint64_t)rpc_code_of(status));
    write_bytes_field(out, 2, message);
}

#define MESSAGE_BYTES 512

static struct slice message_of(char text[MESSAGE_BYTES], const struct refusal *refusal)
{
    snprintf(text, MESSAGE_BYTES, "%s: %s", refusal->code, refusal->detail);
    return slice_from_text(text);
}

static int write_problem_json(struct writer *out, const struct refusal *refusal)
{
    char text[MESSAGE_BYTES];
    int status = status_of(refusal);
    write_status_json(out, status, message_of(text, refusal));
    return status;
}

static int write_problem_protobuf(struct writer *out, const struct refusal *refusal)
{
    char text[MESSAGE_BYTES];
    int status = status_of(refusal);
    write_status_protobuf(out, status, message_of(text, refusal));
    return status;
}

/* ---- reports: ExportLogsServiceResponse ---- */

static bool none_good(const struct dedup_report *report)
{
    return report->quarantined && !report->accepted && !report->duplicates;
}

static struct slice errors_of(const struct request *request)
{
    struct slice errors = request->minimal ? SLICE_EMPTY : request->sub.report.errors;
    return errors.size ? errors : SLICE_LITERAL("records are quarantined");
}

static int write_report_json(struct writer *out, const struct request *request, const char *level)
{
    const struct dedup_report *report = &request->sub.report;
    (void)level;
    if (none_good(report)) {
        write_status_json(out, 400, errors_of(request));
        return 400;
    }
    writer_u8(out, '{');
    if (report->quarantined) {
        writer_format(out, "\"partialSuccess\":{\"rejectedLogRecords\":\"%u\",\"errorMessage\":",
                      report->quarantined);
        writer_json_string(out, errors_of(request));
        writer_u8(out, '}');
    }
    writer_u8(out, '}');
    return 200;
}

static size_t varint_bytes(uint64_t value)
{
    size_t bytes = 1;
    for (; value >= 0x80; value >>= 7)
        bytes++;
    return bytes;
}

static int write_report_protobuf(struct writer *out, const struct request *request,
                                 const char *level)
{
    const struct dedup_report *report = &request->sub.report;
    struct slice errors = errors_of(request);
    (void)level;
    if (none_good(report)) {
        write_status_protobuf(out, 400, errors);
        return 400;
    }
    if (!report->quarantined)
        return 200;
    writer_u8(out, 1 << 3 | 2); /* partial_success */
    writer_varint(out, 1 + varint_bytes(report->quarantined) + 1 + varint_bytes(errors.size) +
                           errors.size);
    write_number_field(out, 1, report->quarantined);
    write_bytes_field(out, 2, errors);
    return 200;
}

const struct dialect dialect_otlp_json = {
    .route = ROUTE,
    .claims = claims_json,
    .problem = {TYPE_JSON, write_problem_json},
    .read_format = read_format,
    .takes_empty = true,
    .write_report = write_report_json,
    .report_type = TYPE_JSON,
};

const struct dialect dialect_otlp_plain = {
    .route = ROUTE,
    .claims = claims_plain,
    .problem = {TYPE_PLAIN, write_problem_protobuf},
    .read_format = read_format,
    .takes_empty = true,
    .write_report = write_report_protobuf,
    .report_type = TYPE_PLAIN,
};

const struct dialect dialect_otlp_protobuf = {
    .route = ROUTE,
    .claims = is_mine,
    .problem = {TYPE_PROTOBUF, write_problem_protobuf},
    .read_format = read_format,
    .takes_empty = true,
    .write_report = write_report_protobuf,
    .report_type = TYPE_PROTOBUF,
};
