/* reparse.c: walks a spool, inflates and parses each body again with the format that read it, and
 * compares the results with the stored events. Main thread. Changes nothing and uses no hashes.
 */
#include "server/commands/spool/reparse.h"
#include "core/object.h"
#include "core/reasons/record_code.h"
#include "server/commands/spool/reparse_compare.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/event/event_codec.h"
#include "core/hash.h"
#include "parsers/engine/media_type.h"
#include "parsers/engine/pipeline.h"
#include "server/daemon/catalog_set.h"
#include "server/commands/config_cli.h"
#include "server/inflate/inflate.h"
#include "server/plugins/plugins.h"

#define ARENA_BYTES ((size_t)1 << 30)

#define REPARSER_MAGIC 0x52455052U

struct reparser {
    unsigned magic; /* REPARSER_MAGIC */
    const struct reparse_options *options;
    struct reparse_result *result;
    struct plugins plugins;
    struct catalog_set *catalog;
    struct json_parser *json, *json_inner;
    struct inflate *inflate;
    struct hmac *hmac;
    struct writer body;
    struct arena arena;
    /* The current batch. */
    const struct batch_record *record;
    struct event_decoder decoder;
    struct event_item stored;
    uint32_t items; /* seen so far */
    bool told;
};

OBJECT_CAST(reparser, REPARSER_MAGIC)

static struct pipeline_result parsed;

/* One finding per batch: further differences are mostly consequences of the first. */
static void tell(struct reparser *r, bool not_compared, uint32_t index, const char *detail)
{
    if (r->told)
        return;
    r->told = true;
    if (not_compared)
        r->result->not_compared++;
    else
        r->result->differ++;
    struct reparse_finding finding = {
        .position = r->record->meta.position, .index = index, .not_compared = not_compared};
    snprintf(finding.detail, sizeof finding.detail, "%s", detail);
    r->options->on_finding(r->options->arg, &finding);
}

/* The next stored item. False: reported. */
static bool next_stored(struct reparser *r, uint32_t index)
{
    enum status status = r->told ? STATUS_END : event_decoder_next(&r->decoder, &r->stored);
    if (status == STATUS_OK) {
        r->items++;
        return true;
    }
    tell(r, false, index,
         status == STATUS_END ? "the body has more records than are stored"
                              : "stored events can't be decoded");
    return false;
}

static void on_event(void *arg, const struct event *again)
{
    struct reparser *r = reparser_cast(arg);
    char detail[256];
    uint32_t index = (uint32_t)again->batch_index;
    if (!next_stored(r, index))
        return;
    if (r->stored.is_reject) {
        /* Refused because of the sender's identity, which the body does not contain. */
        if (record_code_source(record_code_find(r->stored.reject.code)) != RECORD_SOURCE_POLICY ||
            r->stored.reject.index != index)
            tell(r, false, index, "the body gives an event, but a quarantined record is stored");
        return;
    }
    const struct event_field_info *field = reparse_compare(&r->stored.event, again);
    r->result->events++;
    if (!field)
        return;
    snprintf(detail, sizeof detail, "%s differs from the body%s", field->name,
             reparse_is_of_catalogue(field)
                 ? " (or the catalogue differs from the one at receipt: give that one with -c)"
                 : "");
    tell(r, false, index, detail);
}

static void on_reject(void *arg, const struct event_reject *again)
{
    struct reparser *r = reparser_cast(arg);
    if (!next_stored(r, again->index))
        return;
    const struct event_reject *stored = &r->stored.reject;
    if (!r->stored.is_reject)
        tell(r, false, again->index, "the body gives a quarantined record, but an event is stored");
    else if (stored->index != again->index || stored->raw_offset != again->raw_offset ||
             stored->raw_size != again->raw_size || !slice_equal(stored->code, again->code) ||
             !slice_equal(stored->raw, again->raw))
        tell(r, false, again->index, "the quarantined record differs from the body");
}

static int64_t zero_key_pseudonym(void *arg, struct slice tenant, struct slice vin, uint8_t pid[32])
{
    (void)tenant;
    hmac_compute(arg, vin, pid);
    return 0;
}

/* The body without its content coding. False: reported. */
static bool inflate_record(struct reparser *r)
{
    const struct batch_meta *meta = &r->record->meta;
    enum inflate_coding coding = INFLATE_IDENTITY;
    if (meta->content_encoding.size &&
        inflate_coding_parse(meta->content_encoding, &coding) != STATUS_OK) {
        tell(r, true, 0, "its content coding is unknown");
        return false;
    }
    writer_reset(&r->body);
    r->body.limit = meta->inflated_bytes + PIPELINE_PADDING;
    enum status status =
        inflate_body(r->inflate, coding, UINT64_MAX, &r->body, NULL, &r->record->body, 1);
    if (status == STATUS_OK && r->body.size == meta->inflated_bytes)
        return true;
    tell(r, status == STATUS_NO_MEMORY, 0,
         status == STATUS_NO_MEMORY ? "no memory" : "the body does not inflate to the stored size");
    return false;
}

/* Attributes of a CloudEvent in binary mode, and query parameters, are not stored. */
static bool has_lost_headers(const struct batch_meta *meta)
{
    return slice_equal(meta->format, SLICE_LITERAL("cloudevents_binary")) ||
           slice_equal(meta->format, SLICE_LITERAL("hec_raw"));
}

/* No parser read the body: nothing in it can have become an event. */
static void compare_unread(struct reparser *r)
{
    enum status status = event_decoder_init(&r->decoder, r->record->events);
    while (status == STATUS_OK) {
        status = event_decoder_next(&r->decoder, &r->stored);
        if (status == STATUS_OK && !r->stored.is_reject)
            tell(r, false, (uint32_t)r->stored.event.batch_index,
                 "no parser read the body, but an event is stored");
    }
    if (status != STATUS_END)
        tell(r, false, 0, "stored events can't be decoded");
}

static const struct parser *find_parser(struct reparser *r)
{
    const struct batch_meta *meta = &r->record->meta;
    char detail[256];
    const struct parser *parser = registry_by_name(r->plugins.registry, meta->format);
    if (!parser)
        snprintf(detail, sizeof detail,
                 "format %.*s is missing: name its plug-in in ingest.plugins (-c, --set)",
                 SLICE_ARGS(meta->format));
    else if (!slice_equal_text(meta->parser_version, parser->version))
        snprintf(detail, sizeof detail, "parser %.*s was version %.*s, this program has %s",
                 SLICE_ARGS(meta->format), SLICE_ARGS(meta->parser_version), parser->version);
    else
        return parser;
    tell(r, true, 0, detail);
    return NULL;
}

static void run_pipeline(struct reparser *r, const struct parser *parser, enum split_prefix prefix)
{
    const struct config *c = r->options->config;
    const struct batch_meta *meta = &r->record->meta;
    const struct parser_header type = {SLICE_LITERAL("content-type"), meta->content_type};
    struct normaliser normaliser = {.catalog = r->catalog->catalog,
                                    .received_ns = meta->received_ns,
                                    .tenant_id = meta->tenant,
                                    .vin_policy = VIN_POLICY_FLAG,
                                    .pseudonym = zero_key_pseudonym,
                                    .pseudonym_arg = r->hmac,
                                    .arena = &r->arena};
    const struct pipeline_options options = {.parser = parser,
                                             .prefix = prefix,
                                             .headers = &type,
                                             .header_count = meta->content_type.size > 0,
                                             .event_bytes = c->limit_event_bytes,
                                             .batch_events = UINT32_MAX,
                                             .json_depth = c->limit_json_depth,
                                             .normaliser = &normaliser,
                                             .json = r->json,
                                             .json_inner = r->json_inner,
                                             .registry = r->plugins.registry,
                                             .on_event = on_event,
                                             .on_reject = on_reject,
                                             .arg = r};
    memcpy(normaliser.batch_uid, meta->batch_uid, UUID_BYTES);
    enum status status = pipeline_run(&options, writer_slice(&r->body), &parsed);
    if (status != STATUS_OK)
        tell(r, true, r->items, status_text(status));
    else if (!r->told && event_decoder_next(&r->decoder, &r->stored) != STATUS_END)
        tell(r, false, r->items, "more records are stored than the body has");
}

/* The record, or a vehicle in it and so the body. */
static bool is_erased(const struct batch_record *record)
{
    return record->parts ? record->parts->items[SEAL_PART_SHARED].state != SEAL_OPEN
                         : record->sealed && record->state == SEAL_ERASED;
}

static void compare_record(struct reparser *r, const struct batch_record *record)
{
    const struct batch_meta *meta = &record->meta;
    struct slice media = SLICE_EMPTY;
    enum split_prefix prefix = SPLIT_PREFIX_NONE;
    if (!batch_is_events(meta) || is_erased(record))
        return;
    r->record = record;
    r->items = 0;
    r->told = false;
    r->result->batches++;
    arena_fini(&r->arena);
    arena_init(&r->arena, ARENA_BYTES);
    if (record->sealed) {
        tell(r, true, 0, "it is encrypted, and its key is not at hand: give it with --keys or -c");
        return;
    }
    if (meta->content_type.size &&
        media_type_read(meta->content_type, &media, &prefix) != STATUS_OK)
        prefix = SPLIT_PREFIX_NONE;
    if (has_lost_headers(meta)) {
        tell(r, true, 0, "a part of its events came from headers or a query, which are not stored");
        return;
    }
    if (slice_equal(meta->format, SLICE_LITERAL("none"))) {
        compare_unread(r);
        return;
    }
    const struct parser *parser = find_parser(r);
    if (!parser || !inflate_record(r))
        return;
    if (event_decoder_init(&r->decoder, record->events) != STATUS_OK)
        tell(r, false, 0, "stored events can't be decoded");
    else
        run_pipeline(r, parser, prefix);
}

static enum status walk(struct reparser *r)
{
    const struct reparse_options *o = r->options;
    struct spool_reader *reader;
    struct batch_record record;
    enum status status = spool_reader_open_dir(o->dir, o->from ? o->from - 1 : 0, &reader);
    if (status != STATUS_OK)
        return status;
    spool_reader_use_keys(reader, o->keys);
    do {
        status = spool_reader_next(reader, &record);
        if (status == STATUS_OK && record.meta.position > o->to)
            status = STATUS_END;
        if (status == STATUS_OK)
            compare_record(r, &record);
    } while (status == STATUS_OK || status == STATUS_CORRUPT);
    spool_reader_close(reader);
    return status == STATUS_END ? STATUS_OK : status;
}

static enum status load_formats(struct reparser *r)
{
    char reason[PLUGINS_REASON];
    struct config_problems problems = {0};
    enum status status = plugins_open_configured(r->options->config, &r->plugins, reason);
    if (status != STATUS_OK) {
        fprintf(stderr, "vsocd: %s\n", reason);
        return STATUS_CONFIG;
    }
    status = catalog_set_load(&r->options->config->ingest_catalogs, r->plugins.registry,
                              &r->catalog, &problems);
    if (status == STATUS_CONFIG)
        config_cli_tell(&problems);
    return status;
}

enum status reparse_dir(const struct reparse_options *options, struct reparse_result *result)
{
    static const uint8_t zeros[32];
    static struct reparser reparser;
    struct reparser *r = &reparser;
    *r = (struct reparser){.magic = REPARSER_MAGIC, .options = options, .result = result};
    *result = (struct reparse_result){0};
    arena_init(&r->arena, ARENA_BYTES);
    writer_init(&r->body, SIZE_MAX / 2);
    size_t depth = options->config->limit_json_depth;
    enum status status = load_formats(r);
    if (status == STATUS_OK) {
        r->json = json_parser_create(depth, PIPELINE_JSON_NODES);
        r->json_inner = json_parser_create(depth, PIPELINE_JSON_NODES);
        r->inflate = inflate_create();
        r->hmac = hmac_create(slice_make(zeros, sizeof zeros));
        bool good = r->json && r->json_inner && r->inflate && r->hmac;
        status = good ? walk(r) : STATUS_NO_MEMORY;
    }
    json_parser_destroy(r->json);
    json_parser_destroy(r->json_inner);
    inflate_destroy(r->inflate);
    hmac_destroy(r->hmac);
    catalog_set_destroy(r->catalog);
    plugins_close(&r->plugins);
    writer_fini(&r->body);
    arena_fini(&r->arena);
    return status;
}
