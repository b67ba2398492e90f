/* Reads the generator's command line. Runs once, before anything else. It opens no file. */
#include "fleet_options.h"

#include "fleet_random.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static const char HELP[] =
    "fleet: a simulated fleet that posts security events and keeps a ledger of what was "
    "acknowledged\n"
    "\n"
    "usage: fleet --url URL [options]\n"
    "  --url URL              http://host[:port][/path] or https://...; path /v1/events by "
    "default\n"
    "  --events N             events of the whole run (100000)\n"
    "  --batch N              events a batch (100)\n"
    "  --vehicles N           vehicles; each batch is one vehicle's (1000)\n"
    "  --connections N        keep-alive connections (32)\n"
    "  --rate N               events a second over all; 0 = as fast as answers come (0)\n"
    "  --encoding NAME        gzip, zstd, deflate, identity (gzip)\n"
    "  --level N              of the compressor (its default)\n"
    "  --format NAME          ndjson, or json for one array (ndjson)\n"
    "  --event-bytes N        mean size of an event to aim for (380)\n"
    "  --bad-every N          each N-th event has a field of the wrong type; 0 = none (0)\n"
    "  --prebuilt N           make the first N batches before the clock starts (0); \"all\" for "
    "all\n"
    "  --reuse N              make only N batches and send their bodies in turn, each time under "
    "another key (0)\n"
    "  --hold                 open all connections, print \"ready\", start at a line on stdin\n"
    "  --ack LEVEL            sends VSOC-Ack: spool, kafka, postgres, all\n"
    "  --no-idempotency-key   do not send Idempotency-Key\n"
    "  --no-report            any 2xx acknowledges a batch; for servers that send no report\n"
    "  --ca FILE --cert FILE --key FILE    TLS trust and identity\n"
    "  --token TOKEN          sends Authorization: Bearer\n"
    "  --retry-for SECONDS    deadline of the whole run, repeats included (300)\n"
    "  --timeout SECONDS      for one request (30)\n"
    "  --ledger FILE          one line for each acknowledged event: id, batch id, state,\n"
    "                         content hash, VIN\n"
    "  --seed N --time MS     repeat a run: both as its summary printed them\n"
    "  --json                 summary as one JSON object on stdout, the other one on stderr\n"
    "  --progress             progress line also where stderr is no terminal\n"
    "exit status: 0 all acknowledged, 1 not all, 64 wrong usage, 74 ledger not written\n";

enum option_id {
    OPT_URL = 256,
    OPT_EVENTS,
    OPT_BATCH,
    OPT_VEHICLES,
    OPT_CONNECTIONS,
    OPT_RATE,
    OPT_ENCODING,
    OPT_LEVEL,
    OPT_FORMAT,
    OPT_EVENT_BYTES,
    OPT_BAD_EVERY,
    OPT_PREBUILT,
    OPT_REUSE,
    OPT_HOLD,
    OPT_ACK,
    OPT_NO_KEY,
    OPT_NO_REPORT,
    OPT_CA,
    OPT_CERT,
    OPT_KEY,
    OPT_TOKEN,
    OPT_RETRY_FOR,
    OPT_TIMEOUT,
    OPT_LEDGER,
    OPT_SEED,
    OPT_TIME,
    OPT_JSON,
    OPT_PROGRESS,
    OPT_HELP,
};

static const struct option OPTIONS[] = {
    {"url", required_argument, NULL, OPT_URL},
    {"events", required_argument, NULL, OPT_EVENTS},
    {"batch", required_argument, NULL, OPT_BATCH},
    {"vehicles", required_argument, NULL, OPT_VEHICLES},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"rate", required_argument, NULL, OPT_RATE},
    {"encoding", required_argument, NULL, OPT_ENCODING},
    {"level", required_argument, NULL, OPT_LEVEL},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"event-bytes", required_argument, NULL, OPT_EVENT_BYTES},
    {"bad-every", required_argument, NULL, OPT_BAD_EVERY},
    {"prebuilt", required_argument, NULL, OPT_PREBUILT},
    {"reuse", required_argument, NULL, OPT_REUSE},
    {"hold", no_argument, NULL, OPT_HOLD},
    {"ack", required_argument, NULL, OPT_ACK},
    {"no-idempotency-key", no_argument, NULL, OPT_NO_KEY},
    {"no-report", no_argument, NULL, OPT_NO_REPORT},
    {"ca", required_argument, NULL, OPT_CA},
    {"cert", required_argument, NULL, OPT_CERT},
    {"key", required_argument, NULL, OPT_KEY},
    {"token", required_argument, NULL, OPT_TOKEN},
    {"retry-for", required_argument, NULL, OPT_RETRY_FOR},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"ledger", required_argument, NULL, OPT_LEDGER},
    {"seed", required_argument, NULL, OPT_SEED},
    {"time", required_argument, NULL, OPT_TIME},
    {"json", no_argument, NULL, OPT_JSON},
    {"progress", no_argument, NULL, OPT_PROGRESS},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static bool wrong(const char *option, const char *value, const char *wanted)
{
    fprintf(stderr, "fleet: --%s %s: give %s (see fleet --help)\n", option, value, wanted);
    return false;
}

/* A whole number within bounds. */
static bool read_number(const char *option, const char *value, uint64_t low, uint64_t high,
                        uint64_t *number)
{
    char *end = NULL, wanted[80];
    uint64_t read = *value >= '0' && *value <= '9' ? strtoull(value, &end, 10) : 0;
    snprintf(wanted, sizeof wanted, "a whole number from %llu to %llu", (unsigned long long)low,
             (unsigned long long)high);
    if (end == NULL || *end != '\0' || read < low || read > high)
        return wrong(option, value, wanted);
    *number = read;
    return true;
}

static bool read_u32(const char *option, const char *value, uint32_t low, uint32_t high,
                     uint32_t *number)
{
    uint64_t wide = 0;
    if (!read_number(option, value, low, high, &wide))
        return false;
    *number = (uint32_t)wide;
    return true;
}

static bool read_url(const char *value, struct fleet_options *options)
{
    return fleet_url_read(value, &options->url) ||
           wrong("url", value, "http://host[:port][/path] or https://...");
}

static bool read_format(const char *value, enum fleet_format *format)
{
    if (strcmp(value, "ndjson") == 0)
        *format = FLEET_NDJSON;
    else if (strcmp(value, "json") == 0)
        *format = FLEET_JSON_ARRAY;
    else
        return wrong("format", value, "ndjson or json");
    return true;
}

static bool read_rate(const char *value, double *rate)
{
    char *end = NULL;
    *rate = strtod(value, &end);
    return (end != value && *end == '\0' && *rate >= 0 && *rate <= 1e9) ||
           wrong("rate", value, "events a second, 0 for no limit");
}

static bool read_prebuilt(const char *value, uint64_t *prebuilt)
{
    *prebuilt = UINT64_MAX;
    return strcmp(value, "all") == 0 || read_number("prebuilt", value, 0, 100000000, prebuilt);
}

/* Options of what is sent. Unknown ones are left to read_sending. */
static bool read_content(int option, const char *value, struct fleet_source_settings *source)
{
    struct fleet_event_plan *plan = &source->plan;
    uint64_t wide = 0;
    switch (option) {
    case OPT_EVENTS:
        return read_number("events", value, 1, 1000000000000u, &source->events);
    case OPT_BATCH:
        return read_u32("batch", value, 1, 50000, &plan->batch_events);
    case OPT_VEHICLES:
        return read_number("vehicles", value, 1, 10000000, &plan->vehicles);
    case OPT_ENCODING:
        return fleet_encoding_find(value, &source->encoding) ||
               wrong("encoding", value, "gzip, zstd, deflate or identity");
    case OPT_LEVEL:
        source->level = *value >= '0' && *value <= '9' ? (int)strtol(value, NULL, 10) : -1;
        return read_number("level", value, 0, 22, &wide);
    case OPT_FORMAT:
        return read_format(value, &source->format);
    case OPT_EVENT_BYTES:
        return read_u32("event-bytes", value, 0, FLEET_EVENT_MAX_BYTES - 512, &plan->event_bytes);
    case OPT_BAD_EVERY:
        return read_u32("bad-every", value, 0, 1000000000, &plan->bad_every);
    case OPT_PREBUILT:
        return read_prebuilt(value, &source->prebuilt);
    case OPT_REUSE:
        return read_number("reuse", value, 0, 10000000, &source->reuse);
    case OPT_SEED:
        return read_number("seed", value, 0, UINT64_MAX, &plan->seed);
    case OPT_TIME:
        if (!read_number("time", value, 1000000000000u, 9999999999999u, &wide))
            return false;
        plan->start_ms = (int64_t)wide;
        return true;
    default:
        return false;
    }
}

/* Options of how it is sent. */
static bool read_sending(int option, const char *value, struct fleet_options *options)
{
    switch (option) {
    case OPT_URL:
        return read_url(value, options);
    case OPT_CONNECTIONS:
        return read_u32("connections", value, 1, 50000, &options->connections);
    case OPT_RATE:
        return read_rate(value, &options->rate);
    case OPT_RETRY_FOR:
        return read_u32("retry-for", value, 1, 31536000, &options->run_seconds);
    case OPT_TIMEOUT:
        return read_u32("timeout", value, 1, 86400, &options->timeout_seconds);
    case OPT_ACK:
        options->ack = value;
        return true;
    case OPT_HOLD:
        return options->hold = true;
    case OPT_NO_KEY:
        return options->no_idempotency_key = true;
    case OPT_NO_REPORT:
        return options->no_report = true;
    case OPT_CA:
        options->ca = value;
        return true;
    case OPT_CERT:
        options->certificate = value;
        return true;
    case OPT_KEY:
        options->key = value;
        return true;
    case OPT_TOKEN:
        options->token = value;
        return true;
    case OPT_LEDGER:
        options->ledger = value;
        return true;
    case OPT_JSON:
        return options->json = true;
    case OPT_PROGRESS:
        return options->progress = true;
    default:
        return read_content(option, value, &options->source);
    }
}

static uint64_t random_seed(void)
{
    uint32_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        seed = (uint32_t)getpid() ^ (uint32_t)time(NULL);
    return seed;
}

static void set_defaults(struct fleet_options *options)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *options = (struct fleet_options){.connections = 32, .run_seconds = 300, .timeout_seconds = 30};
    options->progress = isatty(STDERR_FILENO) == 1;
    options->source.events = 100000;
    options->source.encoding = FLEET_GZIP;
    options->source.level = -1;
    options->source.plan = (struct fleet_event_plan){
        .seed = random_seed(),
        .vehicles = 1000,
        .batch_events = 100,
        .event_bytes = 380,
        .start_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
    };
}

/* Two runs with different seeds or times never share an id (but for chance, 1 in 4 billion). */
static uint32_t run_id(const struct fleet_event_plan *plan)
{
    struct fleet_random random = fleet_random_stream(plan->seed, (uint64_t)plan->start_ms);
    return (uint32_t)(fleet_random_next(&random) >> 32);
}

/* What goes together. */
static bool fits(const struct fleet_options *options)
{
    const struct fleet_source_settings *source = &options->source;
    if (options->url.host == NULL)
        fprintf(stderr, "fleet: --url is needed (see fleet --help)\n");
    else if (source->reuse != 0 && options->ledger != NULL)
        fprintf(stderr, "fleet: --ledger needs events of their own: leave out --reuse\n");
    else if (source->reuse != 0 && source->events % source->plan.batch_events != 0)
        fprintf(stderr, "fleet: with --reuse, give a number of --events that --batch divides\n");
    else
        return true;
    return false;
}

enum fleet_options_result fleet_options_read(int argc, char **argv, struct fleet_options *options)
{
    int option;
    set_defaults(options);
    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        if (option == OPT_HELP) {
            fputs(HELP, stdout);
            return FLEET_OPTIONS_HELP;
        }
        if (option == '?' || !read_sending(option, optarg, options))
            return FLEET_OPTIONS_WRONG;
    }
    if (optind != argc) {
        fprintf(stderr, "fleet: every option starts with -- (see fleet --help)\n");
        return FLEET_OPTIONS_WRONG;
    }
    if (!fits(options))
        return FLEET_OPTIONS_WRONG;
    options->source.plan.run = run_id(&options->source.plan);
    return FLEET_OPTIONS_RUN;
}
