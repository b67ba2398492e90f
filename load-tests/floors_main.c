/* The program `floors`: makes the load generator's events and measures what the least work on them
 * costs in CPU time. One thread. It does not talk to a server. */
#include "fleet_batch.h"
#include "floors.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum { EXIT_USAGE = 64 };

struct options {
    uint64_t events;
    uint32_t batch_events;
    double seconds; /* CPU time to spend on each floor */
    bool json;
};

struct floors_set {
    struct floors_batch *batches;
    size_t count;
    uint64_t events;
    size_t coded_bytes, plain_bytes, largest;
};

static const struct floor {
    const char *name, *help;
    floors_work *work;
} FLOORS[] = {
    {"inflate_zlib", "inflate only, zlib", floors_inflate_zlib},
#ifdef FLOORS_ISAL
    {"inflate_isal", "inflate only, isa-l", floors_inflate_isal},
#endif
    {"newlines", "memchr for line ends", floors_newlines},
    {"simdjson", "simdjson on demand, every field", floors_json},
};

enum { FLOOR_COUNT = sizeof FLOORS / sizeof *FLOORS };

/* Keeps one batch coded and plain. The plain side is made with identity coding of the same events.
 */
static bool keep_batch(struct floors_set *set, struct fleet_source *coded,
                       struct fleet_source *plain, uint64_t number)
{
    struct fleet_batch *wire = fleet_source_take(coded, number);
    struct fleet_batch *text = fleet_source_take(plain, number);
    char *padded = text != NULL ? calloc(1, text->body_bytes + FLOORS_PADDING) : NULL;
    if (wire == NULL || padded == NULL)
        return false;
    memcpy(padded, text->body, text->body_bytes);
    set->batches[number] =
        (struct floors_batch){wire->body, padded, wire->body_bytes, text->body_bytes, wire->events};
    set->events += wire->events;
    set->coded_bytes += wire->body_bytes;
    set->plain_bytes += text->body_bytes;
    if (text->body_bytes > set->largest)
        set->largest = text->body_bytes;
    free(wire); /* its body stays: it lives until the program ends */
    fleet_batch_destroy(text);
    return true;
}

static bool make_set(struct floors_set *set, const struct options *options)
{
    struct fleet_source_settings settings = {
        .plan = {.seed = 1,
                 .run = 0x7f3a92c1,
                 .vehicles = 1000,
                 .batch_events = options->batch_events,
                 .event_bytes = 380,
                 .start_ms = 1790000000000},
        .events = options->events,
        .encoding = FLEET_GZIP,
        .level = -1,
    };
    struct fleet_source *coded = fleet_source_create(&settings);
    settings.encoding = FLEET_IDENTITY;
    struct fleet_source *plain = fleet_source_create(&settings);
    bool good = coded != NULL && plain != NULL;
    set->count = good ? (size_t)fleet_source_batches(coded) : 0;
    set->batches = calloc(set->count + 1, sizeof *set->batches);
    good = good && set->batches != NULL;
    for (uint64_t i = 0; good && i < set->count; i++)
        good = keep_batch(set, coded, plain, i);
    fleet_source_destroy(coded);
    fleet_source_destroy(plain);
    return good;
}

static double cpu_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* Events per CPU second of the whole process; 0 when the floor met wrong bytes. */
static double measure(const struct floor *floor, const struct floors_set *set, double seconds,
                      char *scratch)
{
    uint64_t events = 0;
    double start = cpu_seconds(), used = 0;
    while (used < seconds) {
        for (size_t i = 0; i < set->count; i++) {
            uint32_t found = floor->work(&set->batches[i], scratch);
            if (found != set->batches[i].events) {
                fprintf(stderr, "floors: %s found %" PRIu32 " of %" PRIu32 " events\n", floor->name,
                        found, set->batches[i].events);
                return 0;
            }
            events += found;
        }
        used = cpu_seconds() - start;
    }
    return (double)events / used;
}

static void print_people(const struct floors_set *set, const double rates[FLOOR_COUNT])
{
    printf("%" PRIu64 " events in %zu gzip batches: %.0f bytes of JSON and %.1f of gzip an event\n",
           set->events, set->count, (double)set->plain_bytes / (double)set->events,
           (double)set->coded_bytes / (double)set->events);
    for (size_t i = 0; i < FLOOR_COUNT; i++)
        printf("%-34s %12.0f events per CPU second  %7.3f us an event\n", FLOORS[i].help, rates[i],
               1e6 / rates[i]);
}

static void print_json(const struct floors_set *set, const double rates[FLOOR_COUNT])
{
    printf("{\"events\":%" PRIu64 ",\"json_bytes\":%zu,\"gzip_bytes\":%zu", set->events,
           set->plain_bytes, set->coded_bytes);
    for (size_t i = 0; i < FLOOR_COUNT; i++)
        printf(",\"%s\":%.0f", FLOORS[i].name, rates[i]);
    printf("}\n");
}

static bool read_options(int argc, char **argv, struct options *options)
{
    static const struct option NAMES[] = {
        {"events", required_argument, NULL, 'e'},  {"batch", required_argument, NULL, 'b'},
        {"seconds", required_argument, NULL, 's'}, {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    int name;
    while ((name = getopt_long(argc, argv, "", NAMES, NULL)) != -1) {
        if (name == 'e')
            options->events = strtoull(optarg, NULL, 10);
        else if (name == 'b')
            options->batch_events = (uint32_t)strtoul(optarg, NULL, 10);
        else if (name == 's')
            options->seconds = strtod(optarg, NULL);
        else if (name == 'j')
            options->json = true;
        else
            return false;
    }
    return optind == argc && options->events > 0 && options->batch_events > 0 &&
           options->batch_events <= 50000;
}

int main(int argc, char **argv)
{
    struct options options = {.events = 20000, .batch_events = 100, .seconds = 1};
    static struct floors_set set; /* static: its memory is in use until the end */
    double rates[FLOOR_COUNT];
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr,
                "usage: floors [--events N] [--batch N (up to 50000)] [--seconds CPU] [--json]\n");
        return EXIT_USAGE;
    }
    if (!make_set(&set, &options)) {
        fprintf(stderr, "floors: out of memory; use fewer --events\n");
        return EXIT_FAILURE;
    }
    char *scratch = calloc(1, set.largest + FLOORS_PADDING);
    for (size_t i = 0; i < FLOOR_COUNT; i++) {
        rates[i] = scratch != NULL ? measure(&FLOORS[i], &set, options.seconds, scratch) : 0;
        if (rates[i] <= 0)
            return EXIT_FAILURE;
    }
    (options.json ? print_json : print_people)(&set, rates);
    free(scratch);
    return EXIT_SUCCESS;
}
