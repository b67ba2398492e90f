/* sinkdrive.c: drives the PostgreSQL sink through storage/sink.h with made-up loads, for
 * tests/integration/test_postgres_sink.py. One lane, main thread. Reads commands from stdin, one a
 * line, answers each with one JSON line. Plays the runner only as far as a test asks.
 *
 *   migrate                          applies migrations
 *   connect                          connect
 *   load SEED FIRST COUNT EVENTS […] COUNT batches from position FIRST with EVENTS events each;
 *                                    options:
 *                          reject=N  N rejects in each batch
 *                          poison=I  event I of the first batch has a broken text
 *                           range=I  event I of the first batch has no place in its column
 *                            skip=I  event I of the first batch was rejected before
 *                            lost=I  items of the last batch can't be read from index I on
 *                             age=D  received D days ago
 *                          repeat=N  deliver so often, with the same keys,
 *                            body=N  or with the same keys but other bodies,
 *                             fresh  or with new keys each time
 *   interrupt SECONDS                interrupt the lane from another thread so much later
 *   cpu                              CPU seconds of this process
 */
#include "core/clock.h"
#include "core/hash.h"
#include "core/thread.h"
#include "core/uuid7.h"
#include "storage/sinks/postgres/schema/pg_migrate.h"
#include "storage/sinks/sink_runner.h"
#include "storage/sinks/postgres/pg_settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct made_batch {
    uint8_t uid[16], key[32], sha[32], chain[32];
    uint32_t events, rejects;
};

struct recipe {
    unsigned seed, count, events, rejects, repeat, age_days, body;
    long poison, range, skip, lost;
    uint64_t first;
    int64_t received_ns;
};

static struct recipe recipe;
static struct made_batch *made;
static struct sink_batch *batches;

static const char *option(const char *line, const char *name, const char *fallback)
{
    const char *at = strstr(line, name);
    return at ? at + strlen(name) : fallback;
}

static void make_batch(size_t i)
{
    struct made_batch *m = &made[i];
    char text[64];
    uint64_t position = recipe.first + i;
    snprintf(text, sizeof text, "%u/%llu", recipe.seed, (unsigned long long)position);
    sha256_bytes(slice_from_text(text), m->key);
    memcpy(m->sha, m->key, 32);
    memcpy(m->chain, m->key, 32);
    memcpy(m->uid, m->key, 16);
    memset(m->uid + 13, 0, 3);
    m->sha[0] ^= (uint8_t)recipe.body;
    m->uid[12] ^= (uint8_t)recipe.body;
    m->events = recipe.events;
    m->rejects = recipe.rejects;
    batches[i] = (struct sink_batch){.position = position,
                                     .batch_uid = m->uid,
                                     .key = m->key,
                                     .body_digest = m->sha,
                                     .body_commitment = m->sha,
                                     .inflated_digest = m->sha,
                                     .chain_hash = m->chain,
                                     .received_ns = recipe.received_ns,
                                     .ingested_ns = recipe.received_ns + 1000000,
                                     .body_bytes = 1000,
                                     .inflated_bytes = 4000,
                                     .accepted = m->events,
                                     .quarantined = m->rejects,
                                     .tenant = SLICE_LITERAL("demo"),
                                     .sender = SLICE_LITERAL("gateway-7"),
                                     .content_type = SLICE_LITERAL("application/x-ndjson"),
                                     .format = SLICE_LITERAL("vsoc_json"),
                                     .parser_version = SLICE_LITERAL("1.0.0"),
                                     .idempotency_key = SLICE_LITERAL("caf\xe9")};
}

static uint8_t event_uid[16], vehicle[32], chain[32];
static const struct slice threats[] = {{(const uint8_t *)"11.3", 4}, {(const uint8_t *)"18.3", 4}};

static void make_event(const struct sink_batch *b, uint32_t index, struct event *e)
{
    event_clear(e);
    uuid7_of_event(b->batch_uid, index, event_uid);
    memset(vehicle, (int)(index % 50), sizeof vehicle);
    memcpy(chain, b->chain_hash, 32);
    EVENT_SET(e, event_uid, slice_make(event_uid, 16));
    EVENT_SET(e, schema_version, SLICE_LITERAL("1.0"));
    EVENT_SET(e, tenant_id, b->tenant);
    EVENT_SET(e, batch_uid, slice_make(b->batch_uid, 16));
    EVENT_SET(e, batch_index, index);
    EVENT_SET(e, dedup_key, slice_make(event_uid, 16));
    EVENT_SET(e, source_event_id, SLICE_LITERAL("7f3a-118"));
    EVENT_SET(e, vehicle_pid, slice_make(vehicle, 32));
    EVENT_SET(e, vin_key_id, 1);
    EVENT_SET(e, wmi, SLICE_LITERAL("1M8"));
    EVENT_SET(e, sensor_kind, SLICE_LITERAL("can_ids"));
    EVENT_SET(e, ecu_id, SLICE_LITERAL("GW-3"));
    EVENT_SET(e, sev_id, 103);
    EVENT_SET(e, event_name, SLICE_LITERAL("SEV_UDS_SECURITY_ACCESS_FAILED"));
    EVENT_SET(e, event_category, SLICE_LITERAL("diagnostic_access"));
    EVENT_SET(e, attributes, SLICE_LITERAL("{\"attempt\":4}"));
    EVENT_SET(e, count, 4);
    EVENT_SET(e, time_event_ns, b->received_ns - 5000000000);
    EVENT_SET(e, time_source, SLICE_LITERAL("rtc"));
    EVENT_SET(e, time_quality, SLICE_LITERAL("synced"));
    EVENT_SET(e, time_received, b->received_ns);
    EVENT_SET(e, time_ingested, b->ingested_ns);
    EVENT_SET(e, clock_skew_ms, 5000);
    EVENT_SET(e, severity_id, 3);
    EVENT_SET(e, bus_id, SLICE_LITERAL("can0"));
    EVENT_SET(e, can_id, 1808);
    EVENT_SET(e, src_ip, SLICE_LITERAL("192.0.2.7"));
    EVENT_SET(e, speed_kmh, 48.5);
    EVENT_SET(e, r155_threat, ((struct slice_list){threats, 2}));
    EVENT_SET(e, parser_name, SLICE_LITERAL("vsoc_json"));
    EVENT_SET(e, parser_version, SLICE_LITERAL("1.0.0"));
    EVENT_SET(e, parse_status, SLICE_LITERAL("ok"));
    EVENT_SET(e, raw_offset, index * 380);
    EVENT_SET(e, raw_size, 380);
    EVENT_SET(e, transport_identity, SLICE_LITERAL("sha256:0011"));
    EVENT_SET(e, chain_hash, slice_make(chain, 32));
    if (b == batches && (long)index == recipe.poison)
        EVENT_SET(e, message, SLICE_LITERAL("broken \xff text"));
    if (b == batches && (long)index == recipe.range)
        EVENT_SET(e, vin_key_id, 70000);
}

static void make_reject(uint32_t index, struct event_reject *r)
{
    *r = (struct event_reject){.index = index,
                               .raw_offset = index * 380,
                               .raw_size = 9,
                               .raw = SLICE_LITERAL("{\"broken\0"),
                               .parser = SLICE_LITERAL("vsoc_json"),
                               .code = SLICE_LITERAL("malformed"),
                               .detail = SLICE_LITERAL("ends inside a string \xff")};
}

static void walk_begin(const struct sink_load *load, size_t batch, struct sink_iterator *it)
{
    it->batch = &load->batches[batch];
    it->state[0] = (void *)(uintptr_t)0;
}

static enum sink_next walk_next(struct sink_iterator *it, struct event_item *item)
{
    uint32_t n = (uint32_t)(uintptr_t)it->state[0];
    const struct made_batch *m = &made[it->batch - batches];
    if (it->batch == batches + recipe.count - 1 && recipe.lost >= 0 && n >= recipe.lost)
        return SINK_NEXT_LOST;
    if (n >= m->events + m->rejects)
        return SINK_NEXT_END;
    it->state[0] = (void *)(uintptr_t)(n + 1);
    item->is_reject = n >= m->events;
    if (item->is_reject)
        make_reject(n, &item->reject);
    else
        make_event(it->batch, n, &item->event);
    return SINK_NEXT_ITEM;
}

static const char *const results[] = {"delivered", "later", "rejected", "broken", "misconfigured"};

static void print_problem(const struct sink_problem *problem)
{
    printf("\"text\":\"");
    for (const char *p = problem->text; *p; p++)
        if (*p == '"' || *p == '\\' || (unsigned char)*p < 32)
            putchar('\'');
        else
            putchar(*p);
    printf("\",\"batch\":%zu,\"index\":%u}\n", problem->rejected.batch, problem->rejected.index);
}

static unsigned more_rejected;

static void count_rejected(const struct sink_load *load, const struct sink_rejected *event)
{
    (void)load;
    (void)event;
    more_rejected++;
}

static void do_load(void *lane, const uint8_t *spool_uid, const char *line)
{
    unsigned long long first;
    recipe = (struct recipe){0};
    more_rejected = 0;
    if (sscanf(line, "load %u %llu %u %u", &recipe.seed, &first, &recipe.count, &recipe.events) !=
        4)
        exit(64);
    recipe.first = first;
    recipe.rejects = (unsigned)strtoul(option(line, "reject=", "0"), NULL, 10);
    recipe.poison = strtol(option(line, "poison=", "-1"), NULL, 10);
    recipe.range = strtol(option(line, "range=", "-1"), NULL, 10);
    recipe.skip = strtol(option(line, "skip=", "-1"), NULL, 10);
    recipe.lost = strtol(option(line, "lost=", "-1"), NULL, 10);
    recipe.repeat = (unsigned)strtoul(option(line, "repeat=", "1"), NULL, 10);
    recipe.age_days = (unsigned)strtoul(option(line, "age=", "0"), NULL, 10);
    recipe.body = (unsigned)strtoul(option(line, "body=", "0"), NULL, 10);
    recipe.received_ns = clock_wall_ns() - (int64_t)recipe.age_days * 86400 * NS_PER_S;
    int64_t at = strtoll(option(line, " at=", "0"), NULL, 10);
    if (at)
        recipe.received_ns = at * NS_PER_S;
    made = calloc(recipe.count, sizeof *made);
    batches = calloc(recipe.count, sizeof *batches);
    struct sink_problem problem = {0};
    enum sink_result result = SINK_DELIVERED;
    for (unsigned r = 0; r < recipe.repeat && result == SINK_DELIVERED; r++) {
        bool fresh_each = strstr(line, "fresh") != NULL;
        for (size_t i = 0; i < recipe.count; i++) {
            if (fresh_each && i == 0)
                recipe.first = first + (uint64_t)r * recipe.count;
            make_batch(i);
        }
        struct sink_rejected skip = {0, (uint32_t)recipe.skip, "the database refused it"};
        struct sink_load load = {.struct_size = sizeof load,
                                 .batches = batches,
                                 .batch_count = recipe.count,
                                 .event_count = recipe.count * (recipe.events + recipe.rejects),
                                 .spool_uid = spool_uid,
                                 .rejected = &skip,
                                 .rejected_count = recipe.skip >= 0,
                                 .begin = walk_begin,
                                 .next = walk_next,
                                 .reject = count_rejected};
        result = sink_postgres.deliver(lane, &load, &problem);
    }
    printf("{\"result\":\"%s\",\"rejected\":%u,", results[result], more_rejected);
    print_problem(&problem);
    free(made);
    free(batches);
}

static void do_connect(void *lane)
{
    struct sink_position there = {0};
    struct sink_problem problem = {0};
    enum sink_result result = sink_postgres.connect(lane, &there, &problem);
    printf("{\"result\":\"%s\",\"position\":%llu,\"known\":%s,", results[result],
           (unsigned long long)there.position, there.known ? "true" : "false");
    print_problem(&problem);
}

static void say(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

static void do_migrate(const char *dsn)
{
    struct problem problem = {""};
    enum status status = pg_migrate(dsn, false, say, NULL, &problem);
    struct sink_problem shown = {0};
    snprintf(shown.text, sizeof shown.text, "%s", problem.text);
    printf("{\"status\":\"%s\",", status_text(status));
    print_problem(&shown);
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
    sink_postgres.interrupt(later->lane);
}

static void do_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    printf("{\"cpu\":%.6f,\"wall\":%.6f}\n", (double)t.tv_sec + (double)t.tv_nsec / 1e9,
           (double)clock_monotonic_ns() / 1e9);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: sinkdrive DSN INSTANCE LANE LANES SPOOL\n");
        return 64;
    }
    uint8_t spool_uid[16];
    memset(spool_uid, (int)strtoul(argv[5], NULL, 10), sizeof spool_uid);
    struct sink_postgres_settings settings = {.enabled = true,
                                              .dsn = argv[1],
                                              .partitions_ahead = 2,
                                              .batch_key_window_ns = 3600 * NS_PER_S};
    struct sink_config config = {.struct_size = sizeof config,
                                 .instance = argv[2],
                                 .lane = (unsigned)strtoul(argv[3], NULL, 10),
                                 .lanes = (unsigned)strtoul(argv[4], NULL, 10),
                                 .spool_uid = spool_uid,
                                 .settings = &settings};
    struct sink_problem problem = {0};
    void *lane = sink_postgres.open(&config, &problem);
    if (!lane) {
        fprintf(stderr, "%s\n", problem.text);
        return 78;
    }
    struct thread thread = {0};
    struct later later;
    char line[512];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "migrate") == 0)
            do_migrate(argv[1]);
        else if (strcmp(line, "connect") == 0)
            do_connect(lane);
        else if (strncmp(line, "load ", 5) == 0)
            do_load(lane, spool_uid, line);
        else if (strncmp(line, "interrupt ", 10) == 0) {
            later = (struct later){lane, strtod(line + 10, NULL)};
            if (thread_start(&thread, THREAD_NONE, "interrupt", interrupt_later, &later) !=
                STATUS_OK)
                return 1;
            puts("{}");
        } else if (strcmp(line, "cpu") == 0)
            do_cpu();
        else
            return 64;
        fflush(stdout);
    }
    thread_join(&thread);
    sink_postgres.close(lane);
    return 0;
}
