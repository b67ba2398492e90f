/* fuzz_parser.h: one input through the whole record loop with one parser. What must hold of any
 * input: each event keeps the rules of the model, the counts add up, and a second run gives the
 * same.
 */
#ifndef VSOC_TESTS_FUZZ_PARSER_H
#define VSOC_TESTS_FUZZ_PARSER_H

#include <stdlib.h>
#include <string.h>

#include "fuzz_work.h"
#include "core/event/event_json.h"
#include "core/json/json.h"
#include "parsers/fill/event_check.h"
#include "parsers/engine/pipeline.h"

/* An item has as many bytes as the pipeline asks for, and its work is counted in each of the
 * formats that stand in each other: a mark and an index each. Beside that, a byte is gone over some
 * times. */
#define FUZZ_FRAMES 4
#define FUZZ_PASSES 16
static inline size_t fuzz_work_of_byte(const struct parser *parser)
{
    return FUZZ_PASSES + FUZZ_FRAMES * WORK_OF_ITEM / pipeline_item_bytes(parser);
}

struct fuzz_parser {
    struct catalog *catalog;
    struct registry *registry;
    const struct parser_header *headers; /* of the request */
    size_t header_count;
    struct json_parser *json, *inner, *check;
    struct writer line;
    uint32_t events, rejects;
    uint64_t hash; /* of all output */
};

static inline void fuzz_require(int condition)
{
    if (!condition)
        abort();
}

static inline int64_t fuzz_pseudonym(void *arg, struct slice tenant, struct slice vin,
                                     uint8_t pid[32])
{
    (void)tenant;
    (void)arg;
    memset(pid, vin.data[16], 32);
    return 1;
}

/* The event as JSON must be read by our own reader, and its fields must be in range. */
static inline void fuzz_on_event(void *arg, const struct event *event)
{
    struct fuzz_parser *f = arg;
    const struct event_field_info *field;
    struct json_document document;
    struct json_error error;
    f->events++;
    fuzz_require(event_check(event, false, &field) == STATUS_OK);
    writer_reset(&f->line);
    event_json_write(&f->line, event);
    fuzz_require(f->line.status == STATUS_OK && writer_reserve(&f->line, JSON_PADDING));
    fuzz_require(json_parse(f->check, writer_slice(&f->line), &document, &error) == STATUS_OK);
    for (size_t i = 0; i < f->line.size; i++)
        f->hash = (f->hash ^ f->line.data[i]) * UINT64_C(1099511628211);
}

static inline void fuzz_on_reject(void *arg, const struct event_reject *reject)
{
    struct fuzz_parser *f = arg;
    f->rejects++;
    fuzz_require(reject->code.size > 0 && reject->detail.size > 0);
    fuzz_require(reject->raw.size <= 65536);
    f->hash = (f->hash ^ reject->raw_offset ^ reject->raw_size << 20) * UINT64_C(1099511628211);
}

static inline void fuzz_once(struct fuzz_parser *f, const struct parser *parser, struct slice body,
                             enum split_prefix prefix)
{
    static struct pipeline_result result;
    struct fuzz_work work;
    struct arena arena;
    fuzz_work_start(&work);
    arena_init(&arena, (size_t)64 << 20);
    struct normaliser n = {.catalog = f->catalog,
                           .received_ns = INT64_C(1790000000000000000),
                           .tenant_id = SLICE_LITERAL("fuzz"),
                           .pseudonym = fuzz_pseudonym,
                           .arena = &arena};
    const struct pipeline_options options = {.parser = parser,
                                             .prefix = prefix,
                                             .event_bytes = 65536,
                                             .batch_events = 10000,
                                             .json_depth = 16,
                                             .normaliser = &n,
                                             .json = f->json,
                                             .json_inner = f->inner,
                                             .registry = f->registry,
                                             .headers = f->headers,
                                             .header_count = f->header_count,
                                             .on_event = fuzz_on_event,
                                             .on_reject = fuzz_on_reject,
                                             .arg = f,
                                             .work = &work.work};
    f->events = f->rejects = 0;
    f->hash = 0;
    enum status status = pipeline_run(&options, body, &result);
    fuzz_require(status == STATUS_OK || status == STATUS_TOO_MANY || status == STATUS_NO_MEMORY);
    fuzz_work_check(&work, PIPELINE_ITEMS_FREE * pipeline_item_bytes(parser) + body.size,
                    fuzz_work_of_byte(parser));
    fuzz_require(result.accepted == f->events && result.quarantined == f->rejects);
    fuzz_require(result.error_count <= PIPELINE_ERRORS);
    fuzz_require(result.error_count == result.quarantined || result.truncated ||
                 status == STATUS_NO_MEMORY);
    arena_fini(&arena);
}

static inline int fuzz_parse_request(const struct parser *parser,
                                     const struct parser_header *headers, size_t header_count,
                                     const uint8_t *data, size_t size, enum split_prefix prefix)
{
    static struct fuzz_parser f;
    f.headers = headers;
    f.header_count = header_count;
    if (!f.catalog) {
        f.catalog = catalog_create_builtin();
        f.json = json_parser_create(16, 65536);
        f.inner = json_parser_create(16, 65536);
        f.registry = registry_create();
        f.check = json_parser_create(64, 1000000);
        writer_init(&f.line, (size_t)64 << 20);
        fuzz_require(f.catalog && f.json && f.inner && f.registry && f.check);
    }
    uint8_t *body = malloc(size + PIPELINE_PADDING);
    fuzz_require(body != NULL);
    if (size)
        memcpy(body, data, size);
    memset(body + size, '}', PIPELINE_PADDING);
    fuzz_once(&f, parser, slice_make(body, size), prefix);
    uint64_t hash = f.hash;
    fuzz_once(&f, parser, slice_make(body, size), prefix);
    fuzz_require(f.hash == hash);
    free(body);
    return 0;
}

static inline int fuzz_parse(const struct parser *parser, const uint8_t *data, size_t size,
                             enum split_prefix prefix)
{
    return fuzz_parse_request(parser, NULL, 0, data, size, prefix);
}

#endif
