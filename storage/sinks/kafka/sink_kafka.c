/* sink_kafka.c: the Kafka sink: a load is one transaction of an idempotent producer, which also
 * holds the instance's position, so that events and position are committed together or not at all.
 * Runs on the lane's sink thread; interrupt on any. Does not transact (kafka_transact.c), does not
 * make messages (kafka_outlet.c) and does not decide when to try again (sink_runner.c).
 *
 * A failed transaction is never aborted explicitly: the producer is dropped, and a new one with the
 * same transactional id makes the brokers abort it.
 *
 * Of two processes with one name the later one wins: each claims the name in the progress topic
 * when it starts, and one that was fenced checks the claim before it creates another producer. */
#define LOG_COMPONENT "kafka"
#include <stdio.h>
#include <stdlib.h>

#include "core/object.h"
#include "core/clock.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "core/thread.h"
#include "storage/sinks/kafka/kafka_closing.h"
#include "storage/sinks/kafka/kafka_heads.h"
#include "storage/sinks/kafka/kafka_held.h"
#include "storage/sinks/kafka/kafka_topics.h"
#include "storage/sinks/kafka/kafka_transact.h"
#include "storage/sinks/kafka/kafka_settings.h"
#include "core/disk/fault.h"

/* librdkafka: brokers, and two pipes for each of its queues and threads; of loads, and of heads. */
#define FILES_CLIENT (96 + 64)
#define CONNECT_NS   (10 * NS_PER_S)
/* Longest wait for one answer to init: the interrupt is checked in between. */
#define INIT_SLICE_MS 2000
#define SETTLE_MS     200
/* Time after being fenced after which a missing claim means that no other process exists. */
#define CLAIM_NS (5 * NS_PER_S)

#define KAFKA_LANE_MAGIC 0x4b4c414eU

struct kafka_lane {
    unsigned magic; /* KAFKA_LANE_MAGIC */
    struct kafka_client client;
    struct kafka_outlet outlet;
    struct kafka_transactor transactor;
    struct kafka_topics topics;
    struct kafka_heads *heads;  /* NULL: no heads are sent */
    struct sink_replay *replay; /* NULL: ordinary delivery */
    bool ready;                 /* transactions are initialised */
    bool dropped;               /* a producer was dropped: the next one is a recreation */
    bool claimed;               /* the name was ours */
    bool fenced;                /* and may be another's since fenced_ns */
    int64_t fenced_ns;
    metric_t recreated;
};

OBJECT_CAST(kafka_lane, KAFKA_LANE_MAGIC)

static void lane_assert_thread(void)
{
    thread_assert(THREAD_SINK);
}

/* librdkafka (2.0.2: assertion txn_req_cnt > 0) aborts the process when a producer is destroyed in
 * the very moment in which it first tells the coordinator of a transaction's partitions; that comes
 * right after the first message, so it is let pass. */
static void lane_drop_producer(struct kafka_lane *lane)
{
    if (lane->transactor.begun && lane->outlet.producer)
        (void)rd_kafka_flush(lane->outlet.producer, SETTLE_MS);
    lane->ready = lane->transactor.begun = false;
    lane->dropped = lane->dropped || lane->outlet.producer;
    kafka_outlet_close(&lane->outlet);
    fault_point(kafka_producer_dropped);
}

static void *kafka_open(const struct sink_config *config, struct sink_problem *problem)
{
    struct kafka_lane *lane = calloc(1, sizeof *lane);
    if (!lane) {
        snprintf(problem->text, sizeof problem->text, "no memory for the sink");
        return NULL;
    }
    if (!kafka_client_init(&lane->client, config, problem)) {
        free(lane);
        return NULL;
    }
    lane->heads = kafka_heads_create(config);
    lane->replay = config->replay;
    lane->outlet.replay = config->replay;
    kafka_transactor_init(&lane->transactor, &lane->client, &lane->outlet);
    lane->magic = KAFKA_LANE_MAGIC;
    lane->recreated = metric_series(METRIC_vsocd_kafka_producer_recreated_total, "");
    (void)metric_series(METRIC_vsocd_kafka_clients_left_total, ""); /* there from the start */
    return lane;
}

/* Get the leaders of all topics before the first message, which could otherwise wait for a second.
 */
static void lane_warm_up(struct kafka_lane *lane, int64_t deadline_ns)
{
    struct kafka_outlet *outlet = &lane->outlet;
    rd_kafka_topic_t *const topics[] = {outlet->events, outlet->quarantine, outlet->health,
                                        outlet->audit, outlet->progress};
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++) {
        const struct rd_kafka_metadata *metadata;
        if (rd_kafka_metadata(outlet->producer, 0, topics[i], &metadata,
                              kafka_slice_ms(deadline_ns, KAFKA_SLICE_MS)) ==
            RD_KAFKA_RESP_ERR_NO_ERROR)
            rd_kafka_metadata_destroy(metadata);
    }
}

static enum sink_result lane_create_producer(struct kafka_lane *lane, struct sink_problem *problem)
{
    kafka_limits_told(&lane->client.limits, lane->topics.max_message_bytes);
    rd_kafka_t *producer = kafka_client_open(&lane->client, KAFKA_PRODUCER, problem);
    if (!producer || !kafka_outlet_open(&lane->outlet, &lane->client, producer, problem))
        return SINK_BROKEN;
    fault_point(kafka_producer_made);
    if (lane->dropped)
        metric_add(lane->recreated, 1);
    lane->dropped = false;
    return SINK_DELIVERED;
}

/* Fences former producers of this id and aborts their open transactions. Continues when it is
 * called again. */
static enum sink_result lane_init_transactions(struct kafka_lane *lane, int64_t deadline_ns,
                                               struct sink_problem *problem)
{
    for (;;) {
        rd_kafka_error_t *error = rd_kafka_init_transactions(
            lane->outlet.producer, kafka_slice_ms(deadline_ns, INIT_SLICE_MS));
        rd_kafka_poll(lane->outlet.producer, 0);
        if (!error)
            return SINK_DELIVERED;
        bool again = rd_kafka_error_is_retriable(error);
        bool broken =
            kafka_classify(lane->client.last_error) == SINK_BROKEN && lane->client.last_error;
        if (again && !broken && kafka_time_left(&lane->client, deadline_ns)) {
            rd_kafka_error_destroy(error);
            continue;
        }
        enum sink_result result =
            kafka_problem_of(&lane->client, error, "transactions can't be started", problem);
        if (!again || broken)
            lane_drop_producer(lane);
        return result;
    }
}

static bool is_dry(const struct kafka_lane *lane)
{
    return lane->replay && lane->replay->dry_run;
}

static enum sink_result lane_make_ready(struct kafka_lane *lane, int64_t deadline_ns,
                                        struct sink_problem *problem)
{
    enum sink_result result = SINK_DELIVERED;
    if (!lane->outlet.producer)
        result = lane_create_producer(lane, problem);
    if (result == SINK_DELIVERED && kafka_client_is_exact(&lane->client) && !is_dry(lane))
        result = lane_init_transactions(lane, deadline_ns, problem);
    if (result != SINK_DELIVERED)
        return result;
    fault_point(kafka_transactions_ready);
    lane_warm_up(lane, deadline_ns);
    lane->ready = true;
    return SINK_DELIVERED;
}

/* The brokers fence a producer too when its transaction took too long. */
static enum sink_result lane_failed(struct kafka_lane *lane, enum sink_result result,
                                    struct sink_problem *problem)
{
    int64_t now = clock_monotonic_ns();
    int64_t start_ns = lane->transactor.start_ns;
    int64_t limit_ns = lane->client.transaction_timeout_ms * NS_PER_MS;
    lane_drop_producer(lane);
    if (result != SINK_BROKEN || !kafka_is_fenced(lane->client.told))
        return result;
    bool late = now - start_ns >= limit_ns;
    lane->fenced = true;
    lane->fenced_ns = late ? now - CLAIM_NS : now;
    if (late)
        snprintf(problem->text, sizeof problem->text,
                 "a transaction took longer than transaction.timeout.ms=%d and was aborted by the "
                 "brokers",
                 lane->client.transaction_timeout_ms);
    else
        snprintf(problem->text, sizeof problem->text,
                 "a producer with transactional.id=%s took over; finding out which",
                 lane->client.id);
    return SINK_LATER;
}

/* Find out who owns the name first: creating a producer before would fence the other process in
 * turn. */
static enum sink_result lane_see_who(struct kafka_lane *lane, rd_kafka_t *reader,
                                     int64_t deadline_ns, struct sink_problem *problem)
{
    struct kafka_standing standing;
    enum sink_result result =
        kafka_progress_read(&lane->client, reader, deadline_ns, &standing, problem);
    if (result != SINK_DELIVERED)
        return result;
    if (standing.taken && lane->claimed) {
        snprintf(
            problem->text, sizeof problem->text,
            "another vsocd runs with the same instance name '%s' and has taken over, so this one "
            "no longer writes to Kafka; give each process its own 'instance' and restart this one",
            lane->client.name);
        return SINK_BROKEN;
    }
    if (clock_monotonic_ns() - lane->fenced_ns < CLAIM_NS) {
        snprintf(problem->text, sizeof problem->text,
                 "a producer with transactional.id=%s took over; finding out which",
                 lane->client.id);
        return SINK_LATER;
    }
    lane->fenced = false;
    return SINK_DELIVERED;
}

/* From here on this process owns the name. */
static enum sink_result lane_claim(struct kafka_lane *lane, const struct kafka_standing *standing,
                                   int64_t deadline_ns, struct sink_problem *problem)
{
    struct kafka_progress progress = {lane->client.author, standing->there};
    enum sink_result result =
        kafka_transact_position(&lane->transactor, &progress, deadline_ns, problem);
    if (result != SINK_DELIVERED)
        return lane_failed(lane, result, problem);
    lane->claimed = true;
    return SINK_DELIVERED;
}

/* Transactions first, then the position: only when former producers are fenced is it final. */
static enum sink_result lane_connect(struct kafka_lane *lane, rd_kafka_t *reader,
                                     struct kafka_standing *standing, struct sink_problem *problem)
{
    int64_t deadline_ns = clock_monotonic_ns() + CONNECT_NS;
    enum sink_result result = SINK_DELIVERED;
    if (!lane->ready)
        result = kafka_topics_check(&lane->client, reader, !lane->replay, deadline_ns,
                                    &lane->topics, problem);
    if (result == SINK_DELIVERED && lane->fenced)
        result = lane_see_who(lane, reader, deadline_ns, problem);
    if (result == SINK_DELIVERED && !lane->ready)
        result = lane_make_ready(lane, deadline_ns, problem);
    if (result == SINK_DELIVERED)
        result = kafka_progress_read(&lane->client, reader, deadline_ns, standing, problem);
    fault_point(kafka_position_read);
    if (result == SINK_DELIVERED && !lane->claimed && !lane->replay &&
        kafka_client_is_exact(&lane->client))
        result = lane_claim(lane, standing, deadline_ns, problem);
    return result;
}

static enum sink_result kafka_connect(void *arg, struct sink_position *there,
                                      struct sink_problem *problem)
{
    struct kafka_lane *lane = kafka_lane_cast(arg);
    struct kafka_standing standing = {0};
    lane_assert_thread();
    kafka_heads_start(lane->heads);
    kafka_client_forget_errors(&lane->client);
    rd_kafka_t *reader = kafka_client_open(&lane->client, KAFKA_READER, problem);
    if (!reader)
        return SINK_BROKEN;
    enum sink_result result = lane_connect(lane, reader, &standing, problem);
    kafka_close_handle(reader);
    *there = standing.there;
    return result;
}

/* A dry replay: no message leaves. */
static enum sink_result lane_count(struct kafka_lane *lane, const struct sink_load *load,
                                   struct sink_problem *problem)
{
    kafka_outlet_start(&lane->outlet);
    return kafka_outlet_send(&lane->outlet, load, 0, load->batch_count, INT64_MAX, problem);
}

static enum sink_result kafka_deliver(void *arg, const struct sink_load *load,
                                      struct sink_problem *problem)
{
    struct kafka_lane *lane = kafka_lane_cast(arg);
    lane_assert_thread();
    if (load->batch_count == 0)
        return SINK_DELIVERED;
    if (!lane->ready) {
        snprintf(problem->text, sizeof problem->text, "not connected");
        return SINK_LATER;
    }
    kafka_client_forget_errors(&lane->client);
    enum sink_result result = is_dry(lane) ? lane_count(lane, load, problem)
                              : kafka_client_is_exact(&lane->client)
                                  ? kafka_transact_load(&lane->transactor, load, problem)
                                  : kafka_deliver_plain(&lane->transactor, load, problem);
    kafka_outlet_rest(&lane->outlet);
    if (result != SINK_DELIVERED)
        return lane_failed(lane, result, problem);
    kafka_outlet_tell_diverted(&lane->outlet, load);
    if (lane->replay)
        lane->replay->put += lane->outlet.put;
    return SINK_DELIVERED;
}

static enum sink_result kafka_look_up(void *arg, int64_t oldest_ns, struct sink_problem *problem)
{
    struct kafka_lane *lane = kafka_lane_cast(arg);
    lane_assert_thread();
    rd_kafka_t *reader = kafka_client_open(&lane->client, KAFKA_READER, problem);
    if (!reader)
        return SINK_BROKEN;
    enum sink_result result =
        kafka_held_find(&lane->client, reader, lane->replay->held, oldest_ns, problem);
    kafka_close_handle(reader);
    return result;
}

static void kafka_interrupt(void *arg)
{
    struct kafka_lane *lane = kafka_lane_cast(arg);
    atomic_store(&lane->client.interrupted, true);
}

static void kafka_close(void *arg)
{
    struct kafka_lane *lane = kafka_lane_cast(arg);
    object_end(&lane->magic);
    kafka_heads_destroy(lane->heads);
    kafka_outlet_fini(&lane->outlet);
    free(lane);
}

static bool kafka_enabled(const void *settings)
{
    return ((const struct sink_kafka_settings *)settings)->enabled;
}

static void kafka_limits(const void *settings, struct sink_limits *limits)
{
    const struct sink_kafka_settings *s = settings;
    limits->load_events = s->transaction_events;
    limits->load_bytes = s->transaction_bytes;
    limits->load_interval_ns = s->transaction_interval_ns;
    limits->files = FILES_CLIENT;
}

const struct sink sink_kafka = {
    .abi_version = VSOC_SINK_ABI,
    .struct_size = sizeof(struct sink),
    .event_abi = VSOC_EVENT_ABI,
    .event_size = sizeof(struct event),
    .name = "kafka",
    .version = "1.0.0",
    .description = "events as JSON to Kafka topics, exactly once for readers of committed messages",
    .enabled = kafka_enabled,
    .limits = kafka_limits,
    .awaited = true,
    .open = kafka_open,
    .connect = kafka_connect,
    .deliver = kafka_deliver,
    .interrupt = kafka_interrupt,
    .close = kafka_close,
    .replays = true,
    .look_up = kafka_look_up,
    .takes_records = true,
};
