/* spool_make.c: test tool: appends batches of made-up events to a spool. Prints a line a batch once
 * it is durable: position, batch id, events. The crash tests kill it. With --bench it prints what
 * the writer cost instead. Main thread submits, the spool's thread writes. */
#include <dirent.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/clock.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "core/thread.h"
#include "storage/spool/seal/seal_keys.h"
#include "storage/spool/spool.h"

struct options {
    uint64_t batches, events, in_flight, bench_bytes;
    bool bench, reader, tree;
    struct spool_options spool;
};

static void die(const char *what, enum status status)
{
    fprintf(stderr, "spool_make: %s: %s\n", what, status_text(status));
    exit(1);
}

static void add_event(struct event_encoder *encoder, uint64_t batch, uint32_t index)
{
    char name[64];
    uint8_t key[16];
    struct event event;
    event_clear(&event);
    snprintf(name, sizeof name, "SEV_%" PRIu64 "_%" PRIu32, batch % 7, index);
    random_bytes(key, sizeof key);
    EVENT_SET(&event, batch_index, index);
    EVENT_SET(&event, dedup_key, slice_make(key, sizeof key));
    EVENT_SET(&event, sensor_kind, SLICE_LITERAL("can_ids"));
    EVENT_SET(&event, event_name, slice_from_text(name));
    EVENT_SET(&event, event_category, SLICE_LITERAL("network"));
    EVENT_SET(&event, sev_id, (int64_t)(100 + index % 50));
    event_encoder_add(encoder, &event);
}

static void add_reject(struct event_encoder *encoder, uint32_t index)
{
    struct event_reject reject = {
        .index = index,
        .raw_size = 3,
        .raw = SLICE_LITERAL("{\"x"),
        .parser = SLICE_LITERAL("vsoc_json"),
        .code = SLICE_LITERAL("malformed"),
        .detail = SLICE_LITERAL("ends inside a string"),
    };
    event_encoder_reject(encoder, &reject);
}

static struct slice make_body(struct batch *b, uint64_t n, uint64_t bytes)
{
    if (!bytes)
        return slice_from_text(arena_format(&b->arena, "{\"batch\":%" PRIu64 "}\n", n));
    uint8_t *body = arena_alloc(&b->arena, bytes);
    if (!body)
        die("body", STATUS_NO_MEMORY);
    memset(body, (int)n, bytes);
    return slice_make(body, bytes);
}

static struct batch *make_batch(const struct options *o, uint64_t n, struct mailbox *replies)
{
    struct batch *b = batch_create(64 << 20);
    if (!b)
        die("batch", STATUS_NO_MEMORY);
    struct event_encoder encoder;
    event_encoder_init(&encoder, &b->events);
    for (uint32_t i = 0; i < o->events; i++)
        add_event(&encoder, n, i);
    b->meta.accepted = (uint32_t)o->events;
    if (n % 5 == 0) {
        add_reject(&encoder, (uint32_t)o->events);
        b->meta.quarantined = 1;
    }
    b->body = arena_alloc(&b->arena, sizeof *b->body);
    if (!b->body)
        die("body", STATUS_NO_MEMORY);
    *b->body = make_body(b, n, o->bench_bytes);
    b->body_count = 1;
    b->meta.received_ns = clock_wall_ns();
    uuid7_make(b->meta.received_ns, b->meta.batch_uid);
    random_bytes(b->meta.body_digest, sizeof b->meta.body_digest);
    sha256_bytes(slice_make(b->meta.batch_uid, UUID_BYTES), b->meta.key);
    b->meta.inflated_bytes = b->body->size;
    b->meta.tenant = SLICE_LITERAL("oem");
    b->meta.sender = SLICE_LITERAL("gateway");
    b->meta.content_type = SLICE_LITERAL("application/x-ndjson");
    b->meta.format = SLICE_LITERAL("vsoc_json");
    b->meta.parser_version = SLICE_LITERAL("1");
    b->meta.report_errors = SLICE_LITERAL("[]");
    b->reply_to = replies;
    return b;
}

static void told(const struct options *o, struct batch *b)
{
    char uid[UUID_TEXT_BYTES];
    if (b->verdict != STATUS_OK)
        die("verdict", b->verdict);
    uuid_to_text(b->meta.batch_uid, uid);
    if (!o->bench) {
        printf("%" PRIu64 " %.36s %" PRIu32 "\n", b->meta.position, uid,
               b->meta.accepted + b->meta.quarantined);
        fflush(stdout);
    }
}

static uint64_t take_replies(const struct options *o, struct mailbox *replies)
{
    uint64_t n = 0;
    for (struct mail *mail = mailbox_wait(replies, -1), *next; mail; mail = next, n++) {
        next = mail->next;
        told(o, batch_from_mail(mail));
        batch_destroy(batch_from_mail(mail));
    }
    return n;
}

/* CPU time of the spool's thread so far, from /proc: ns, 0 when it can't be told. */
static int64_t writer_cpu_ns(void)
{
    int64_t ns = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *e; tasks && (e = readdir(tasks));) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%.32s/comm", e->d_name);
        FILE *f = fopen(path, "r");
        if (f && !fgets(name, sizeof name, f))
            name[0] = '\0';
        if (f)
            fclose(f);
        if (strncmp(name, "vsoc-spool", 10) != 0)
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%.32s/schedstat", e->d_name);
        f = fopen(path, "r");
        if (f && fscanf(f, "%" SCNd64, &ns) != 1)
            ns = 0;
        if (f)
            fclose(f);
    }
    if (tasks)
        closedir(tasks);
    return ns;
}

/* The lines of the metrics that begin with name. */
static void print_metric(const char *name)
{
    struct writer w;
    writer_init(&w, 1 << 20);
    metrics_write(&w);
    for (size_t at = 0; at < w.size;) {
        struct slice line = slice_sub(writer_slice(&w), at, SIZE_MAX);
        const uint8_t *end = memchr(line.data, '\n', line.size);
        if (end)
            line.size = (size_t)(end - line.data);
        if (slice_starts_with(line, name))
            printf("%.*s\n", SLICE_ARGS(line));
        at += line.size + 1;
    }
    writer_fini(&w);
}

/* Keeps in_flight batches under way; with a reader, moves a cursor along so that segments retire.
 */
static void run(const struct options *o, struct spool *spool)
{
    struct mailbox replies;
    spool_cursor_t cursor = 0;
    uint64_t position, out = 0, back = 0;
    if (mailbox_init(&replies, false) != STATUS_OK)
        die("mailbox", STATUS_BUSY);
    enum status status = STATUS_OK;
    if (o->reader)
        status = spool_cursor_open(spool, "reader", &cursor, &position);
    if (status != STATUS_OK)
        die("cursor", status);
    spool_cursors_settle(spool);
    while (back < o->batches) {
        while (out < o->batches && out - back < o->in_flight) {
            struct batch *b = make_batch(o, ++out, &replies);
            status = spool_submit(spool, &b);
            if (status != STATUS_OK)
                die("submit", status);
        }
        back += take_replies(o, &replies);
        struct spool_stats stats;
        spool_stats(spool, &stats);
        if (o->reader)
            spool_cursor_advance(spool, cursor, stats.position);
    }
    mailbox_fini(&replies);
}

static uint64_t newest_head(void *arg, uint8_t *root)
{
    (void)arg;
    memset(root, 0, SHA256_BYTES);
    return INT64_MAX;
}

static uint64_t number(const char *text)
{
    return strtoull(text, NULL, 10);
}

static void parse(int argc, char **argv, struct options *o)
{
    static const struct option names[] = {
        {"batches", 1, NULL, 'n'},
        {"events", 1, NULL, 'e'},
        {"in-flight", 1, NULL, 'f'},
        {"segment-bytes", 1, NULL, 's'},
        {"body-bytes", 1, NULL, 'b'},
        {"commit-us", 1, NULL, 'c'},
        {"reader", 0, NULL, 'r'},
        {"evict", 0, NULL, 'x'},
        {"bench", 0, NULL, 'B'},
        {"tree", 0, NULL, 't'},
        {0},
    };
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;)
        switch (c) {
        case 'n':
            o->batches = number(optarg);
            break;
        case 'e':
            o->events = number(optarg);
            break;
        case 'f':
            o->in_flight = number(optarg);
            break;
        case 's':
            o->spool.segment_bytes = number(optarg);
            break;
        case 'b':
            o->bench_bytes = number(optarg);
            break;
        case 'c':
            o->spool.commit_interval_ns = (int64_t)number(optarg) * NS_PER_US;
            break;
        case 'r':
            o->reader = true;
            break;
        case 'x': /* as --reader, and evidence has room for three segments */
            o->reader = o->spool.evict = true;
            break;
        case 't': /* removals are on record, as if a head covered everything */
            o->tree = true;
            break;
        case 'B':
            o->bench = true;
            break;
        default:
            exit(64);
        }
    if (optind + 1 != argc)
        exit(64);
    o->spool.dir = argv[optind];
}

int main(int argc, char **argv)
{
    struct options o = {
        .batches = 10,
        .events = 3,
        .in_flight = 1,
        .spool = {.segment_bytes = 1 << 20,
                  .max_bytes = UINT64_C(1) << 40,
                  .queue_batches = 100000,
                  .queue_bytes = UINT64_C(1) << 32},
    };
    /* As from a privacy.keys_file with the line "1 2a" and 62 zeros. */
    static const uint8_t master[SHA256_BYTES] = {42};
    static struct seal_keys keys;
    enum status keyed = seal_keys_add(&keys, 1, master);
    if (keyed != STATUS_OK)
        die("keys", keyed);
    o.spool.keys = &keys;
    parse(argc, argv, &o);
    o.spool.evidence_ns = o.reader && !o.spool.evict ? 0 : INT64_MAX;
    o.spool.evidence_bytes = o.spool.evict ? 3 * o.spool.segment_bytes : UINT64_MAX;
    log_configure(LOG_WARN, LOG_PLAIN);
    struct spool *spool;
    struct problem problem;
    enum status status = spool_open(&o.spool, NULL, NULL, &spool, &problem);
    if (status != STATUS_OK)
        die(problem.text, status);
    const struct spool_tree tree = {newest_head, NULL, "spool_make"};
    if (o.tree)
        spool_record_removals(spool, &tree);
    status = spool_start(spool);
    if (status != STATUS_OK)
        die("start", status);
    int64_t start_ns = clock_monotonic_ns();
    run(&o, spool);
    int64_t took_ns = clock_monotonic_ns() - start_ns;
    if (o.bench) {
        double events = (double)(o.batches * o.events), cpu_us = (double)writer_cpu_ns() / 1e3;
        printf("%.0f batches/s, %.0f events/s; writer: %.2f us a batch, %.4f us an event\n",
               (double)o.batches * 1e9 / (double)took_ns, events * 1e9 / (double)took_ns,
               cpu_us / (double)o.batches, cpu_us / events);
        print_metric("vsocd_spool_commit_seconds_sum");
        print_metric("vsocd_spool_commit_seconds_count");
    }
    spool_close(spool);
    return 0;
}
