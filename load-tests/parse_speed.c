/* The program `parse_speed`: how fast the record loop reads the body in a file, beside passes over
 * the same bytes that do less. One thread; CPU time. Stores and sends nothing. */
#include "floors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/hash.h"
#include "parsers/engine/pipeline.h"

enum { EXIT_USAGE = 64, JSON_DEPTH = 32, BODY_MAX_BYTES = 1 << 26, KEY_BYTES = 32 };

/* What all runs of the loop share. */
struct rig {
    struct registry *registry;
    struct catalog *catalog;
    struct json_parser *json, *json_inner;
    struct hmac *hmac;
};

struct sample {
    const struct parser *parser;
    char *bytes;
    struct floors_batch body; /* only the plain side: bytes */
};

struct speed {
    double bytes_per_second, events_per_second;
    struct pipeline_result result; /* of one body */
};

static double cpu_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static bool rig_init(struct rig *rig)
{
    static const uint8_t key[KEY_BYTES];
    *rig = (struct rig){.registry = registry_create(),
                        .catalog = catalog_create_builtin(),
                        .json = json_parser_create(JSON_DEPTH, PIPELINE_JSON_NODES),
                        .json_inner = json_parser_create(JSON_DEPTH, PIPELINE_JSON_NODES),
                        .hmac = hmac_create(slice_make(key, sizeof key))};
    return rig->registry && rig->catalog && rig->json && rig->json_inner && rig->hmac;
}

static void rig_fini(struct rig *rig)
{
    registry_destroy(rig->registry);
    catalog_destroy(rig->catalog);
    json_parser_destroy(rig->json);
    json_parser_destroy(rig->json_inner);
    hmac_destroy(rig->hmac);
}

/* sample->bytes is the caller's to free. */
static bool sample_read(struct sample *sample, const char *path)
{
    FILE *file = fopen(path, "rb");
    sample->bytes = calloc(1, BODY_MAX_BYTES + FLOORS_PADDING);
    size_t size = file && sample->bytes ? fread(sample->bytes, 1, BODY_MAX_BYTES, file) : 0;
    if (file)
        fclose(file);
    sample->body = (struct floors_batch){.plain = sample->bytes, .plain_bytes = size};
    return size > 0;
}

/* ---- the record loop ---- */

static int64_t pseudonym(void *arg, struct slice tenant, struct slice vin, uint8_t pid[32])
{
    (void)tenant;
    hmac_compute(arg, vin, pid);
    return 0;
}

static void ignore_event(void *arg, const struct event *event)
{
    (void)arg;
    (void)event;
}

static void ignore_reject(void *arg, const struct event_reject *reject)
{
    (void)arg;
    (void)reject;
}

static bool read_body(const struct rig *rig, const struct sample *sample,
                      struct pipeline_result *result)
{
    struct arena arena;
    arena_init(&arena, (size_t)256 << 20);
    struct normaliser normaliser = {.catalog = rig->catalog,
                                    .received_ns = INT64_C(1795342505000000000),
                                    .tenant_id = SLICE_LITERAL("speed"),
                                    .vin_policy = VIN_POLICY_FLAG,
                                    .pseudonym = pseudonym,
                                    .pseudonym_arg = rig->hmac,
                                    .arena = &arena};
    const struct pipeline_options options = {.parser = sample->parser,
                                             .event_bytes = (size_t)256 << 10,
                                             .batch_events = UINT32_MAX,
                                             .json_depth = JSON_DEPTH,
                                             .normaliser = &normaliser,
                                             .json = rig->json,
                                             .json_inner = rig->json_inner,
                                             .registry = rig->registry,
                                             .on_event = ignore_event,
                                             .on_reject = ignore_reject};
    enum status s =
        pipeline_run(&options, slice_make(sample->body.plain, sample->body.plain_bytes), result);
    arena_fini(&arena);
    return s == STATUS_OK && result->accepted + result->duplicates > 0;
}

static bool measure(const struct rig *rig, const struct sample *sample, double seconds,
                    struct speed *speed)
{
    uint64_t rounds = 0;
    double start = cpu_seconds(), used = 0;
    for (; used < seconds; rounds++) {
        if (!read_body(rig, sample, &speed->result))
            return false;
        used = cpu_seconds() - start;
    }
    double each = used / (double)rounds;
    speed->bytes_per_second = (double)sample->body.plain_bytes / each;
    speed->events_per_second = (speed->result.accepted + speed->result.duplicates) / each;
    return true;
}

/* ---- passes that do less ---- */

/* Bytes a second; 0 when the bytes are not what the pass reads. */
static double measure_floor(floors_work *work, const struct sample *sample, double seconds)
{
    uint64_t rounds = 0;
    double start = cpu_seconds(), used = 0;
    for (; used < seconds; rounds++) {
        if (!work(&sample->body, NULL))
            return 0;
        used = cpu_seconds() - start;
    }
    return (double)sample->body.plain_bytes * (double)rounds / used;
}

static void print(const struct sample *sample, const struct speed *speed, double seconds)
{
    const struct pipeline_result *r = &speed->result;
    printf("{\"format\":\"%s\",\"body_bytes\":%zu,\"events\":%" PRIu32 ",\"quarantined\":%" PRIu32
           ",\"bytes_per_second\":%.0f,\"events_per_second\":%.0f,\"memchr\":%.0f"
           ",\"utf8\":%.0f,\"simdjson\":%.0f}\n",
           sample->parser->name, sample->body.plain_bytes, r->accepted + r->duplicates,
           r->quarantined, speed->bytes_per_second, speed->events_per_second,
           measure_floor(floors_memchr, sample, seconds),
           measure_floor(floors_utf8, sample, seconds),
           measure_floor(floors_json, sample, seconds));
}

static int run(const struct rig *rig, const char *format, const char *path, double seconds)
{
    static struct speed speed;
    struct sample sample = {.parser = registry_by_name(rig->registry, slice_from_text(format))};
    bool good =
        sample.parser && sample_read(&sample, path) && measure(rig, &sample, seconds, &speed);
    if (good)
        print(&sample, &speed, seconds / 4);
    else
        fprintf(stderr, "parse_speed: %s: no format, or %s is not of it\n", format, path);
    free(sample.bytes);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct rig rig;
    double seconds = argc == 4 ? strtod(argv[3], NULL) : 1;
    if (argc < 3 || argc > 4 || !(seconds > 0)) {
        fprintf(stderr, "usage: parse_speed FORMAT FILE [CPU-SECONDS]\n");
        return EXIT_USAGE;
    }
    int status = rig_init(&rig) ? run(&rig, argv[1], argv[2], seconds) : EXIT_FAILURE;
    rig_fini(&rig);
    return status;
}
