/* The program `floor_kafka`: what a bare transactional producer of librdkafka costs. It reads
 * records that the Kafka sink has written (value, key, headers, timestamp) into memory and produces
 * them again, as they are, in transactions. It makes no value and reads no spool. Main thread and
 * librdkafka's own. */
#include <librdkafka/rdkafka.h>

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum {
    EXIT_USAGE = 64,
    POLL_EVERY = 4096,
    POLL_MS = 100,
    SETTLE_MS = 30000,
    TRANSACTION_MS = 60000
};

struct options {
    const char *brokers, *from, *to;
    size_t records, events, transaction, batch;
    bool headers;
    const char *properties[32];
    size_t property_count;
};

/* A record to produce: one as it was read, or several values of one key, joined by line ends. */
struct record {
    const rd_kafka_message_t *first;
    char *value;
    size_t bytes, events;
};

/* The messages stay alive and hold the bytes. */
struct records {
    rd_kafka_message_t **messages;
    size_t count, bytes, header_bytes;
    struct record *made;
    size_t made_count;
};

static void die(const char *doing, const char *why)
{
    fprintf(stderr, "floor_kafka: %s: %s\n", doing, why);
    exit(EXIT_FAILURE);
}

static void die_of(const char *doing, rd_kafka_error_t *error)
{
    if (error)
        die(doing, rd_kafka_error_string(error));
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        die(name, why);
}

/* --- reading --------------------------------------------------------------------------------- */

static rd_kafka_t *reader_open(const struct options *o)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", o->brokers);
    set(conf, "group.id", "floor");
    set(conf, "isolation.level", "read_committed");
    set(conf, "enable.partition.eof", "true");
    rd_kafka_t *reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!reader)
        die("a reader can't be made", why);
    rd_kafka_poll_set_consumer(reader);
    return reader;
}

/* Assigns all partitions of the topic from their start; how many there are. */
static int reader_assign(rd_kafka_t *reader, const char *name)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(reader, name, NULL);
    rd_kafka_resp_err_t error = rd_kafka_metadata(reader, 0, topic, &metadata, SETTLE_MS);
    if (error)
        die(name, rd_kafka_err2str(error));
    int count = metadata->topics[0].partition_cnt;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, name, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    error = rd_kafka_assign(reader, list);
    if (error)
        die(name, rd_kafka_err2str(error));
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    return count;
}

static void keep(struct records *records, rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t size;
    records->bytes += message->len;
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
        for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &size); i++)
            records->header_bytes += strlen(name) + size;
    records->messages[records->count++] = message;
}

/* At most `wanted` records, fewer when the topic has fewer. */
static void records_read(struct records *records, rd_kafka_t *reader, const struct options *o)
{
    int open = reader_assign(reader, o->from);
    records->messages = calloc(o->records, sizeof(rd_kafka_message_t *));
    if (!records->messages)
        die("records", "no memory");
    while (records->count < o->records && open > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, SETTLE_MS);
        if (!message)
            die(o->from, "nothing arrives");
        if (!message->err) {
            keep(records, message);
            continue;
        }
        if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
            die(o->from, rd_kafka_message_errstr(message));
        open--;
        rd_kafka_message_destroy(message);
    }
    if (records->count == 0)
        die(o->from, "the topic has no record");
}

/* Where the key's open record is, or a new one. */
static struct record *record_of(struct records *records, const rd_kafka_message_t *m, size_t batch)
{
    for (size_t i = records->made_count; i-- > 0;) {
        struct record *r = &records->made[i];
        if (r->first->key_len == m->key_len && memcmp(r->first->key, m->key, m->key_len) == 0)
            return r->events < batch ? r : &records->made[records->made_count++];
        if (records->made_count - i > 4096)
            break; /* batches of a vehicle are near each other */
    }
    return &records->made[records->made_count++];
}

static void records_make(struct records *records, size_t batch)
{
    records->made = calloc(records->count, sizeof *records->made);
    if (!records->made)
        die("records", "no memory");
    for (size_t i = 0; i < records->count; i++) {
        const rd_kafka_message_t *m = records->messages[i];
        struct record *r = batch > 1 ? record_of(records, m, batch) : &records->made[i];
        char *grown = batch > 1 ? realloc(r->value, r->bytes + m->len + 1) : m->payload;
        if (!grown)
            die("records", "no memory");
        if (batch > 1) {
            memcpy(grown + r->bytes, m->payload, m->len);
            grown[r->bytes + m->len] = '\n';
        }
        if (!r->first)
            r->first = m;
        r->value = grown;
        r->bytes += m->len + (batch > 1);
        r->events++;
    }
    if (batch == 1)
        records->made_count = records->count;
}

/* --- producing ------------------------------------------------------------------------------- */

/* The sink's defaults, see storage/sinks/kafka/kafka_client.c. */
static rd_kafka_t *producer_open(const struct options *o)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", o->brokers);
    set(conf, "transactional.id", "floor");
    set(conf, "compression.type", "lz4");
    set(conf, "partitioner", "murmur2_random");
    set(conf, "delivery.report.only.error", "true");
    set(conf, "linger.ms", "20");
    set(conf, "batch.size", "1000000");
    set(conf, "queue.buffering.max.messages", "1000000");
    set(conf, "queue.buffering.max.kbytes", "1048576");
    for (size_t i = 0; i < o->property_count; i++) {
        char name[128];
        const char *equals = strchr(o->properties[i], '=');
        snprintf(name, sizeof name, "%.*s", (int)(equals - o->properties[i]), o->properties[i]);
        set(conf, name, equals + 1);
    }
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!producer)
        die("a producer can't be made", why);
    die_of("transactions can't be started", rd_kafka_init_transactions(producer, TRANSACTION_MS));
    return producer;
}

static void produce(rd_kafka_t *producer, rd_kafka_topic_t *topic, const struct record *record,
                    bool with_headers)
{
    const rd_kafka_message_t *m = record->first;
    rd_kafka_headers_t *read, *headers = NULL;
    rd_kafka_timestamp_type_t type;
    rd_kafka_resp_err_t error;
    if (with_headers && rd_kafka_message_headers(m, &read) == RD_KAFKA_RESP_ERR_NO_ERROR)
        headers = rd_kafka_headers_copy(read);
    do {
        error = rd_kafka_producev(producer, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_MSGFLAGS(0),
                                  RD_KAFKA_V_KEY(m->key, m->key_len),
                                  RD_KAFKA_V_VALUE(record->value, record->bytes),
                                  RD_KAFKA_V_TIMESTAMP(rd_kafka_message_timestamp(m, &type)),
                                  RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    } while (error == RD_KAFKA_RESP_ERR__QUEUE_FULL && rd_kafka_poll(producer, POLL_MS) >= 0);
    if (error)
        die("produce", rd_kafka_err2str(error));
}

static void produce_all(rd_kafka_t *producer, rd_kafka_topic_t *topic,
                        const struct records *records, const struct options *o)
{
    size_t next = 0, unpolled = 0;
    for (size_t done = 0; done < o->events;) {
        size_t end = done + o->transaction < o->events ? done + o->transaction : o->events;
        die_of("begin", rd_kafka_begin_transaction(producer));
        while (done < end) {
            const struct record *record = &records->made[next++ % records->made_count];
            produce(producer, topic, record, o->headers);
            done += record->events;
            if (++unpolled % POLL_EVERY == 0)
                rd_kafka_poll(producer, 0);
        }
        die_of("commit", rd_kafka_commit_transaction(producer, TRANSACTION_MS));
    }
}

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run(const struct options *o)
{
    struct records records = {0};
    struct rusage usage;
    rd_kafka_t *reader = reader_open(o);
    records_read(&records, reader, o);
    rd_kafka_assign(reader, NULL);
    records_make(&records, o->batch);
    rd_kafka_t *producer = producer_open(o);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, o->to, NULL);
    struct options warm = *o; /* connections and leaders, before the clock starts */
    warm.events = warm.transaction = 1;
    produce_all(producer, topic, &records, &warm);
    double wall = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    produce_all(producer, topic, &records, o);
    wall = seconds_of(CLOCK_MONOTONIC) - wall;
    cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"events\": %zu, \"seconds\": %.6f, \"cpu_seconds\": %.6f, \"transaction\": %zu, "
           "\"distinct_records\": %zu, \"value_bytes\": %.1f, \"header_bytes\": %.1f, "
           "\"max_rss_kib\": %ld}\n",
           o->events, wall, cpu, o->transaction, records.count,
           (double)records.bytes / (double)records.count,
           o->headers ? (double)records.header_bytes / (double)records.count : 0.0,
           usage.ru_maxrss);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(producer);
    for (size_t i = 0; i < records.count; i++)
        rd_kafka_message_destroy(records.messages[i]);
    for (size_t i = 0; o->batch > 1 && i < records.made_count; i++)
        free(records.made[i].value);
    free(records.made);
    free(records.messages);
    rd_kafka_consumer_close(reader);
    rd_kafka_destroy(reader);
}

static const char USAGE[] =
    "usage: floor_kafka --brokers HOST:PORT [options]\n"
    "Produces records that a topic has once more, in transactions, and prints what it cost.\n"
    "  --from TOPIC        topic whose records are read first (vsoc.events.v1)\n"
    "  --to TOPIC          topic that they are produced to (the same)\n"
    "  --records N         records kept in memory (50000)\n"
    "  --events N          records to produce, the kept ones in turn (1000000)\n"
    "  --transaction N     records a transaction (10000)\n"
    "  --batch N           so many values of one key a record, joined by line ends (1)\n"
    "  --headers full|none with their headers as read, or without (full)\n"
    "  --property NAME=VALUE  of librdkafka\n";

static size_t number(const char *text)
{
    char *end;
    unsigned long long n = strtoull(text, &end, 10);
    if (*end || n == 0 || n > 1000000000) {
        fprintf(stderr, "floor_kafka: '%s' is not a number from 1 to 1000000000\n", text);
        exit(EXIT_USAGE);
    }
    return (size_t)n;
}

static bool with_headers(const char *word)
{
    if (strcmp(word, "full") && strcmp(word, "none")) {
        fprintf(stderr, "floor_kafka: --headers is full or none, not '%s'\n", word);
        exit(EXIT_USAGE);
    }
    return !strcmp(word, "full");
}

static void property(struct options *o, const char *text)
{
    if (!strchr(text, '=') || o->property_count == sizeof o->properties / sizeof *o->properties) {
        fprintf(stderr, "floor_kafka: --property takes NAME=VALUE, at most 32 times\n");
        exit(EXIT_USAGE);
    }
    o->properties[o->property_count++] = text;
}

static void option(struct options *o, int letter)
{
    switch (letter) {
    case 'b':
        o->brokers = optarg;
        break;
    case 'f':
        o->from = optarg;
        break;
    case 't':
        o->to = optarg;
        break;
    case 'r':
        o->records = number(optarg);
        break;
    case 'e':
        o->events = number(optarg);
        break;
    case 'x':
        o->transaction = number(optarg);
        break;
    case 'n':
        o->batch = number(optarg);
        break;
    case 'h':
        o->headers = with_headers(optarg);
        break;
    case 'p':
        property(o, optarg);
        break;
    default:
        fputs(USAGE, stderr);
        exit(EXIT_USAGE);
    }
}

int main(int argc, char **argv)
{
    static const struct option words[] = {
        {"brokers", required_argument, NULL, 'b'},  {"from", required_argument, NULL, 'f'},
        {"to", required_argument, NULL, 't'},       {"records", required_argument, NULL, 'r'},
        {"events", required_argument, NULL, 'e'},   {"transaction", required_argument, NULL, 'x'},
        {"headers", required_argument, NULL, 'h'},  {"batch", required_argument, NULL, 'n'},
        {"property", required_argument, NULL, 'p'}, {NULL, 0, NULL, 0}};
    struct options o = {.from = "vsoc.events.v1",
                        .records = 50000,
                        .events = 1000000,
                        .transaction = 10000,
                        .batch = 1,
                        .headers = true};
    for (int letter; (letter = getopt_long(argc, argv, "", words, NULL)) != -1;)
        option(&o, letter);
    if (!o.brokers || optind < argc) {
        fputs(USAGE, stderr);
        return EXIT_USAGE;
    }
    if (!o.to)
        o.to = o.from;
    run(&o);
    return EXIT_SUCCESS;
}
