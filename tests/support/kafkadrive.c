/* kafkadrive.c: drives the Kafka sink through storage/sink.h with made-up loads, for
 * tests/integration/test_kafka_sink.py. One lane, main thread. Reads commands from stdin, one a
 * line, answers each with one JSON line. Plays the runner only as far as a test asks.
 *
 *   connect
 *   load FIRST COUNT EVENTS […]   COUNT batches from position FIRST with EVENTS events each;
 *                                 rejects=N each; vehicles=N; health=I; large=I large_bytes=N
 *                                 (large_events=N from there in every batch);
 *                                 skip=I event I of the first batch was rejected before;
 *                                 repeat=N so many loads one after the other
 *   interrupt SECONDS             interrupts the lane from another thread so much later
 *   cpu                           CPU and wall seconds of this process
 *   recreated                     producers made in place of a dropped one */
#include "made_load.h"

#include "core/clock.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "storage/sinks/sink_runner.h"
#include "storage/sinks/kafka/kafka_settings.h"

#include <time.h>

#define PROPERTIES_MAX 32

static const char *const results[] = {"delivered", "later", "rejected", "broken"};

static long option(const char *line, const char *name, long fallback)
{
    const char *at = strstr(line, name);
    return at ? strtol(at + strlen(name), NULL, 10) : fallback;
}

static void print_problem(const struct sink_problem *problem)
{
    printf("\"text\":\"");
    for (const char *p = problem->text; *p; p++)
        putchar(*p == '"' || *p == '\\' || (unsigned char)*p < 32 ? '\'' : *p);
    printf("\",\"batch\":%zu,\"index\":%u}\n", problem->rejected.batch, problem->rejected.index);
}

static void do_connect(void *lane)
{
    struct sink_position there = {0};
    struct sink_problem problem = {0};
    int64_t start_ns = clock_monotonic_ns();
    enum sink_result result = sink_kafka.connect(lane, &there, &problem);
    printf("{\"result\":\"%s\",\"position\":%llu,\"known\":%s,\"seconds\":%.3f,", results[result],
           (unsigned long long)there.position, there.known ? "true" : "false",
           (double)(clock_monotonic_ns() - start_ns) / 1e9);
    print_problem(&problem);
}

static bool do_load(void *lane, const uint8_t *spool_uid, const char *line)
{
    unsigned long long first;
    unsigned count, events;
    if (sscanf(line, "load %llu %u %u", &first, &count, &events) != 3)
        return false;
    struct sink_problem problem = {0};
    enum sink_result result = SINK_DELIVERED;
    size_t marked = 0;
    long repeat = option(line, "repeat=", 1), skip = option(line, "skip=", -1);
    for (long r = 0; r < repeat && result == SINK_DELIVERED; r++) {
        struct made_load m = {.first = first + (uint64_t)r * count,
                              .batches = count,
                              .events = events,
                              .rejects = (unsigned)option(line, "rejects=", 0),
                              .vehicles = (unsigned)option(line, "vehicles=", 50),
                              .seed = (unsigned)option(line, "seed=", 1),
                              .received_ns = clock_wall_ns(),
                              .health = option(line, "health=", -1),
                              .large = option(line, "large=", -1),
                              .large_events = (unsigned)option(line, "large_events=", 0),
                              .large_bytes = (size_t)option(line, "large_bytes=", 0),
                              .rejects_large = option(line, "rejects_large=", 0),
                              .rejected = {0, (uint32_t)skip, "message is too large"},
                              .load.rejected_count = skip >= 0};
        made_load_make(&m, spool_uid);
        result = sink_kafka.deliver(lane, &m.load, &problem);
        made_load_free(&m);
        marked += m.marked;
    }
    printf("{\"result\":\"%s\",\"marked\":%zu,", results[result], marked);
    print_problem(&problem);
    return true;
}

struct later {
    void *lane;
    double seconds;
};

static void interrupt_later(void *arg)
{
    struct later *later = arg;
    struct timespec wait = {(time_t)later->seconds,
                            (long)((later->seconds - (double)(time_t)later->seconds) * 1e9)};
    nanosleep(&wait, NULL);
    sink_kafka.interrupt(later->lane);
}

static void do_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    printf("{\"cpu\":%.6f,\"wall\":%.6f}\n", (double)t.tv_sec + (double)t.tv_nsec / 1e9,
           (double)clock_monotonic_ns() / 1e9);
}

static void do_recreated(void)
{
    metric_t series = metric_series(METRIC_vsocd_kafka_producer_recreated_total, "");
    printf("{\"recreated\":%.0f}\n", metric_value(series));
}

static int run(void *lane, const uint8_t *spool_uid)
{
    struct thread thread = {0};
    struct later later = {lane, 0};
    char line[512];
    int code = 0;
    while (code == 0 && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "connect") == 0)
            do_connect(lane);
        else if (strncmp(line, "load ", 5) == 0)
            code = do_load(lane, spool_uid, line) ? 0 : 64;
        else if (strncmp(line, "interrupt ", 10) == 0) {
            later.seconds = strtod(line + 10, NULL);
            code = thread_start(&thread, THREAD_NONE, "interrupt", interrupt_later, &later);
            puts("{}");
        } else if (strcmp(line, "cpu") == 0)
            do_cpu();
        else if (strcmp(line, "recreated") == 0)
            do_recreated();
        else
            code = 64;
        fflush(stdout);
    }
    thread_join(&thread);
    return code;
}

/* name=value words → properties; cuts the words. */
static size_t read_properties(int count, char **words, const char *names[PROPERTIES_MAX],
                              const char *values[PROPERTIES_MAX])
{
    size_t used = 0;
    for (int i = 0; i < count && used < PROPERTIES_MAX; i++) {
        char *equals = strchr(words[i], '=');
        if (!equals)
            continue;
        *equals = '\0';
        names[used] = words[i];
        values[used++] = equals + 1;
    }
    return used;
}

static const char *topic_name(const char *prefix, const char *name)
{
    static char names[6][128];
    static size_t used;
    snprintf(names[used], sizeof names[used], "%s.%s", prefix, name);
    return names[used++];
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: kafkadrive INSTANCE SPOOL exactly_once|at_least_once TOPIC-PREFIX "
                        "property=value…\n");
        return 64;
    }
    uint8_t spool_uid[UUID_BYTES];
    const char *names[PROPERTIES_MAX], *values[PROPERTIES_MAX];
    memset(spool_uid, (int)strtoul(argv[2], NULL, 10), sizeof spool_uid);
    struct sink_kafka_settings settings = {
        .enabled = true,
        .delivery = strcmp(argv[3], "exactly_once") ? KAFKA_AT_LEAST_ONCE : KAFKA_EXACTLY_ONCE,
        .topic_events = topic_name(argv[4], "events"),
        .topic_quarantine = topic_name(argv[4], "quarantine"),
        .topic_health = topic_name(argv[4], "health"),
        .topic_findings = topic_name(argv[4], "findings"),
        .topic_audit = topic_name(argv[4], "audit"),
        .topic_progress = topic_name(argv[4], "progress"),
        .properties = {names, values, read_properties(argc - 5, argv + 5, names, values)}};
    struct sink_config config = {.struct_size = sizeof config,
                                 .instance = argv[1],
                                 .lanes = 1,
                                 .spool_uid = spool_uid,
                                 .settings = &settings};
    struct sink_problem problem = {0};
    void *lane = sink_kafka.open(&config, &problem);
    if (!lane) {
        fprintf(stderr, "%s\n", problem.text);
        return 78;
    }
    int code = run(lane, spool_uid);
    sink_kafka.close(lane);
    return code;
}
