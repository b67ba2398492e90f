/* The program `body_cost`: what inflating, parsing and encoding the body in a file cost the server,
 * a byte. One thread; CPU time. Stores and sends nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/event/event_codec.h"
#include "core/json/json.h"
#include "parsers/engine/pipeline.h"
#include "server/inflate/inflate.h"

enum { EXIT_USAGE = 64, JSON_DEPTH = 32 };

/* The limits that a server has when none are set. */
#define BODY_MAX_BYTES     ((size_t)8 << 20)
#define INFLATED_MAX_BYTES ((size_t)64 << 20)
#define EVENT_MAX_BYTES    ((size_t)256 << 10)
#define RATIO_MAX          200
#define EVENTS_MAX         50000

struct rig {
    struct registry *registry;
    struct catalog *catalog;
    struct json_parser *json, *json_inner;
    struct inflate *inflate;
    struct writer inflated, events;
    uint8_t *wire;
    size_t wire_bytes;
    enum inflate_coding coding;
    const struct parser *parser;
};

struct cost {
    double inflate_seconds, parse_seconds;
    size_t inflated_bytes;
    const char *end; /* why it was refused; NULL: it was not */
    uint32_t items;
};

static double cpu_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static bool rig_init(struct rig *rig)
{
    *rig = (struct rig){.registry = registry_create(),
                        .catalog = catalog_create_builtin(),
                        .json = json_parser_create(JSON_DEPTH, PIPELINE_JSON_NODES),
                        .json_inner = json_parser_create(JSON_DEPTH, PIPELINE_JSON_NODES),
                        .inflate = inflate_create(),
                        .wire = malloc(BODY_MAX_BYTES)};
    writer_init(&rig->inflated, INFLATED_MAX_BYTES + JSON_PADDING);
    writer_init(&rig->events, 4 * INFLATED_MAX_BYTES);
    return rig->registry && rig->catalog && rig->json && rig->json_inner && rig->inflate &&
           rig->wire;
}

static void rig_fini(struct rig *rig)
{
    registry_destroy(rig->registry);
    catalog_destroy(rig->catalog);
    json_parser_destroy(rig->json);
    json_parser_destroy(rig->json_inner);
    inflate_destroy(rig->inflate);
    writer_fini(&rig->inflated);
    writer_fini(&rig->events);
    free(rig->wire);
}

static bool read_file(struct rig *rig, const char *path)
{
    FILE *file = fopen(path, "rb");
    rig->wire_bytes = file ? fread(rig->wire, 1, BODY_MAX_BYTES, file) : 0;
    if (file)
        fclose(file);
    return rig->wire_bytes > 0;
}

static int64_t pseudonym(void *arg, struct slice tenant, struct slice vin, uint8_t pid[32])
{
    (void)arg, (void)tenant, (void)vin;
    memset(pid, 1, 32);
    return 1;
}

static void encode_event(void *arg, const struct event *event)
{
    event_encoder_add(arg, event);
}

static void encode_reject(void *arg, const struct event_reject *reject)
{
    event_encoder_reject(arg, reject);
}

static enum status inflate_all(struct rig *rig)
{
    struct slice body = slice_make(rig->wire, rig->wire_bytes);
    writer_reset(&rig->inflated);
    return inflate_body(rig->inflate, rig->coding, RATIO_MAX, &rig->inflated, NULL, &body, 1);
}

static enum status parse_all(struct rig *rig, uint32_t *items)
{
    static struct pipeline_result result;
    struct event_encoder encoder;
    struct arena arena;
    arena_init(&arena, (size_t)256 << 20);
    struct normaliser normaliser = {.catalog = rig->catalog,
                                    .received_ns = INT64_C(1795342505000000000),
                                    .tenant_id = SLICE_LITERAL("cost"),
                                    .pseudonym = pseudonym,
                                    .arena = &arena};
    writer_reset(&rig->events);
    event_encoder_init(&encoder, &rig->events);
    const struct pipeline_options options = {.parser = rig->parser,
                                             .event_bytes = EVENT_MAX_BYTES,
                                             .batch_events = EVENTS_MAX,
                                             .json_depth = JSON_DEPTH,
                                             .normaliser = &normaliser,
                                             .json = rig->json,
                                             .json_inner = rig->json_inner,
                                             .registry = rig->registry,
                                             .on_event = encode_event,
                                             .on_reject = encode_reject,
                                             .arg = &encoder};
    enum status status = pipeline_run(&options, writer_slice(&rig->inflated), &result);
    arena_fini(&arena);
    *items = result.items;
    return status;
}

static void measure(struct rig *rig, double seconds, struct cost *cost)
{
    unsigned rounds = 0;
    *cost = (struct cost){.end = NULL};
    while (cost->inflate_seconds + cost->parse_seconds < seconds || !rounds) {
        double start = cpu_seconds();
        enum status status = inflate_all(rig);
        double between = cpu_seconds();
        cost->inflate_seconds += between - start;
        cost->inflated_bytes = rig->inflated.size;
        if (status == STATUS_OK)
            status = parse_all(rig, &cost->items);
        cost->parse_seconds += cpu_seconds() - between;
        cost->end = status == STATUS_OK ? NULL : status_text(status);
        rounds++;
    }
    cost->inflate_seconds /= rounds;
    cost->parse_seconds /= rounds;
}

int main(int argc, char **argv)
{
    struct rig rig;
    struct cost cost;
    double seconds = argc == 5 ? strtod(argv[4], NULL) : 0.2;
    if (argc < 4 || argc > 5 || !(seconds > 0)) {
        fprintf(stderr, "usage: body_cost FORMAT CODING FILE [CPU-SECONDS]\n");
        return EXIT_USAGE;
    }
    bool good = rig_init(&rig) &&
                inflate_coding_parse(slice_from_text(argv[2]), &rig.coding) == STATUS_OK &&
                (rig.parser = registry_by_name(rig.registry, slice_from_text(argv[1]))) &&
                read_file(&rig, argv[3]);
    if (good) {
        measure(&rig, seconds, &cost);
        printf("{\"wire_bytes\":%zu,\"inflated_bytes\":%zu,\"items\":%" PRIu32
               ",\"inflate_ns\":%.0f,\"parse_ns\":%.0f,\"end\":\"%s\"}\n",
               rig.wire_bytes, cost.inflated_bytes, cost.items, 1e9 * cost.inflate_seconds,
               1e9 * cost.parse_seconds, cost.end ? cost.end : "");
    } else {
        fprintf(stderr, "body_cost: %s, %s, %s: no such format, coding or file\n", argv[1], argv[2],
                argv[3]);
    }
    rig_fini(&rig);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
