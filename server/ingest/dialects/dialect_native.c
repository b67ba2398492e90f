/* dialect_native.c: /v1/events: any format, by path, content type or probe; the per-event report of
 * a batch as JSON. Worker threads. Pure. */
#include "server/ingest/http/ingest_request.h"

#include "core/event/event_json.h"

#define ROUTE "/v1/events"

/* errors[] holds this many entries at most. */
#define REPORT_ERRORS_MAX 100

static bool claims(const struct http_exchange *exchange)
{
    struct slice path = http_path(exchange);
    return slice_equal_text(path, ROUTE) ||
           (slice_starts_with(path, ROUTE "/") && path.size > sizeof ROUTE);
}

/* The operator's table content type → format (ingest.formats). */
static const struct parser *mapped_parser(const struct config *config,
                                          const struct registry *registry, struct slice media)
{
    for (size_t i = 0; i < config->ingest_formats.count; i++)
        if (slice_equal_nocase(media, config->ingest_formats.names[i]))
            return registry_by_name(registry, slice_from_text(config->ingest_formats.values[i]));
    return NULL;
}

#define CLOUDEVENTS "application/cloudevents"

static bool starts_nocase(struct slice text, const char *start)
{
    return slice_equal_nocase(slice_sub(text, 0, strlen(start)), start);
}

/* The attributes are in headers, and the data may have any other type (HTTP binding §3). */
static bool is_binary_cloudevent(const struct request *r, struct slice path)
{
    struct slice unused;
    return http_header(r->exchange, "ce-specversion", &unused, NULL) &&
           !starts_nocase(r->media, CLOUDEVENTS) &&
           (slice_equal_text(path, ROUTE) || slice_equal_text(path, ROUTE "/cloudevents"));
}

/* Format by path, operator's table or content type; r->sub.parser stays NULL when the body is to be
 * probed. */
static bool read_format(struct request *r, const struct config *config,
                        const struct ingest_shared *shared, struct refusal *refusal)
{
    const struct registry *registry = shared->registry;
    struct slice path = http_path(r->exchange);
    if (is_binary_cloudevent(r, path)) {
        r->sub.parser = registry_by_name(registry, SLICE_LITERAL("cloudevents_binary"));
        return true;
    }
    if (path.size > sizeof ROUTE) {
        struct slice name = slice_sub(path, sizeof ROUTE, path.size);
        r->sub.parser = registry_by_name(registry, name);
        return r->sub.parser ||
               refusal_say(refusal, REFUSAL_unknown_format,
                           "no format '%.*s'; `vsocd formats` lists them", SLICE_ARGS(name));
    }
    r->sub.parser = mapped_parser(config, registry, r->media);
    if (!r->sub.parser)
        r->sub.parser = registry_by_content_type(registry, r->media);
    if (r->sub.parser || r->media.size == 0 || registry_is_probed_type(r->media))
        return true;
    refusal_set(refusal, REFUSAL_unsupported_media_type);
    refusal->header = "Accept";
    refusal->header_value = "application/json, application/x-ndjson, application/cloudevents+json, "
                            "application/vnd.autosar.idsm, text/plain";
    return false;
}

static void write_place(struct writer *out, const struct dedup_report *r)
{
    writer_text(out, "\"batch_id\":\"");
    event_json_write_uuid(out, r->batch_uid);
    writer_format(out, "\",\"position\":%llu,", (unsigned long long)r->position);
}

/* 422 if no event was good. */
static int write_report(struct writer *out, const struct request *request, const char *level)
{
    const struct dedup_report *r = &request->sub.report;
    writer_u8(out, '{');
    if (r->position) /* 0: nothing was stored, because the body had no event */
        write_place(out, r);
    writer_format(out, "\"ack\":\"%s\",\"accepted\":%u,\"duplicates\":%u,\"quarantined\":%u", level,
                  r->accepted, r->duplicates, r->quarantined);
    if (request->sub.repeat)
        writer_text(out, ",\"duplicate\":true");
    if (!request->minimal) {
        writer_text(out, ",\"errors\":");
        if (r->errors.size)
            writer_add_slice(out, r->errors);
        else
            writer_text(out, "[]");
    }
    writer_format(out, ",\"truncated\":%s}\n",
                  r->quarantined > REPORT_ERRORS_MAX ? "true" : "false");
    return r->accepted == 0 && r->duplicates == 0 && r->quarantined > 0 ? 422 : 200;
}

/* Such a batch may have no events (HTTP binding §3.3). */
static bool claims_batch(const struct http_exchange *exchange)
{
    struct slice type = SLICE_EMPTY;
    return claims(exchange) && http_header(exchange, "content-type", &type, NULL) &&
           starts_nocase(type, CLOUDEVENTS "-batch");
}

const struct dialect dialect_cloudevents_batch = {
    .route = ROUTE,
    .claims = claims_batch,
    .read_format = read_format,
    .takes_empty = true,
    .write_report = write_report,
    .report_type = "application/json",
};

const struct dialect dialect_native = {
    .route = ROUTE,
    .claims = claims,
    .read_format = read_format,
    .write_report = write_report,
    .report_type = "application/json",
};
