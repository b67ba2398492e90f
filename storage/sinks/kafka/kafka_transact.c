/* kafka_transact.c: begin, produce, flush, commit. Runs on the lane's sink thread. Does not create
 * or drop producers (sink_kafka.c) and does not make messages (kafka_outlet.c). */
#include "storage/sinks/kafka/kafka_transact.h"

#include <stdio.h>

#include "core/clock.h"
#include "core/disk/fault.h"

/* Longest wait for one answer to commit: the interrupt is checked in between. */
#define COMMIT_SLICE_MS 2000
/* rd_kafka_flush looks every 10 ms whether all is sent: calls of 1 ms return when it is. */
#define FLUSH_SLICE_MS   1
#define DELIVER_PLAIN_NS (30 * NS_PER_S)

/* Batches of a load. */
struct part {
    const struct sink_load *load; /* NULL: no messages */
    size_t from, to;
};

void kafka_transactor_init(struct kafka_transactor *t, struct kafka_client *client,
                           struct kafka_outlet *outlet)
{
    *t = (struct kafka_transactor){.client = client, .outlet = outlet};
    kafka_pace_init(&t->pace, client->settings->transaction_events,
                    client->transaction_timeout_ms * NS_PER_MS);
}

bool kafka_time_left(const struct kafka_client *client, int64_t deadline_ns)
{
    return !atomic_load(&client->interrupted) && clock_monotonic_ns() < deadline_ns;
}

int kafka_slice_ms(int64_t deadline_ns, int longest_ms)
{
    int64_t left = (deadline_ns - clock_monotonic_ns()) / NS_PER_MS;
    return left < 1 ? 1 : left < longest_ms ? (int)left : longest_ms;
}

static enum sink_result interrupted(struct sink_problem *problem)
{
    snprintf(problem->text, sizeof problem->text, "interrupted");
    return SINK_LATER;
}

/* Until the brokers have every message, or one of them failed for good. */
static enum sink_result flush(struct kafka_transactor *t, int64_t deadline_ns,
                              struct sink_problem *problem)
{
    struct kafka_client *client = t->client;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
    while (error == RD_KAFKA_RESP_ERR__TIMED_OUT && !client->delivery_error &&
           kafka_time_left(client, deadline_ns))
        error = rd_kafka_flush(t->outlet->producer, FLUSH_SLICE_MS);
    if (client->delivery_error)
        error = client->delivery_error;
    if (!error)
        return SINK_DELIVERED;
    if (atomic_load(&client->interrupted))
        return interrupted(problem);
    return kafka_problem(client, error, NULL, "the brokers did not accept all messages of a load",
                         problem);
}

#ifdef VSOCD_FAULTS
/* Test builds: dies while the answer to the commit is under way. */
static void fault_commit(struct kafka_transactor *t)
{
    if (!fault_due(kafka_commit_sent))
        return;
    (void)rd_kafka_commit_transaction(t->outlet->producer, 1);
    fault_die();
}
#else
#define fault_commit(t) ((void)0)
#endif

static enum sink_result commit(struct kafka_transactor *t, int64_t deadline_ns,
                               struct sink_problem *problem)
{
    fault_commit(t);
    for (;;) {
        rd_kafka_error_t *error = rd_kafka_commit_transaction(
            t->outlet->producer, kafka_slice_ms(deadline_ns, COMMIT_SLICE_MS));
        if (!error)
            return SINK_DELIVERED;
        bool again = rd_kafka_error_is_retriable(error);
        if (again && kafka_time_left(t->client, deadline_ns)) {
            rd_kafka_error_destroy(error);
            continue;
        }
        return kafka_problem_of(t->client, error,
                                "the transaction could not be committed, or its answer was lost",
                                problem);
    }
}

/* A transaction that failed in the background refuses the next call with "wrong state". An attempt
 * to begin another one, which always fails while it is open, returns the cause. */
static enum sink_result find_cause(struct kafka_transactor *t, enum sink_result result,
                                   struct sink_problem *problem)
{
    if (result != SINK_LATER || !t->begun || atomic_load(&t->client->interrupted))
        return result;
    rd_kafka_error_t *error = rd_kafka_begin_transaction(t->outlet->producer);
    if (!error)
        return result;
    if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__STATE)
        return kafka_problem_of(t->client, error, "the transaction failed", problem);
    rd_kafka_error_destroy(error);
    return result;
}

/* Points are of loads: a claim passes them. */
#define fault_point_of(part, name) ((part)->load ? fault_point(name) : (void)0)

static enum sink_result send_part(struct kafka_transactor *t, const struct part *part,
                                  int64_t deadline_ns, struct sink_problem *problem)
{
    if (!part->load)
        return SINK_DELIVERED;
    return kafka_outlet_send(t->outlet, part->load, part->from, part->to, deadline_ns, problem);
}

/* Messages and a position: all or nothing. */
static enum sink_result transact(struct kafka_transactor *t, const struct part *part,
                                 const struct kafka_progress *progress, int64_t deadline_ns,
                                 struct sink_problem *problem)
{
    t->start_ns = clock_monotonic_ns();
    rd_kafka_error_t *error = rd_kafka_begin_transaction(t->outlet->producer);
    if (error)
        return kafka_problem_of(t->client, error, "a transaction can't be begun", problem);
    t->begun = true;
    fault_point_of(part, kafka_begun);
    enum sink_result result = send_part(t, part, deadline_ns, problem);
    fault_point_of(part, kafka_events_produced);
    if (result == SINK_DELIVERED)
        result = kafka_outlet_send_progress(t->outlet, progress, problem);
    fault_point_of(part, kafka_position_produced);
    if (result == SINK_DELIVERED)
        result = flush(t, deadline_ns, problem);
    fault_point_of(part, kafka_flushed);
    if (result == SINK_DELIVERED)
        result = commit(t, deadline_ns, problem);
    fault_point_of(part, kafka_committed);
    if (result == SINK_DELIVERED)
        t->begun = false;
    return find_cause(t, result, problem);
}

enum sink_result kafka_transact_position(struct kafka_transactor *t,
                                         const struct kafka_progress *progress, int64_t deadline_ns,
                                         struct sink_problem *problem)
{
    const struct part none = {0};
    return transact(t, &none, progress, deadline_ns, problem);
}

/* What a batch's header says of its messages. */
static uint64_t messages_of(const struct sink_batch *batch)
{
    uint64_t messages = (uint64_t)batch->accepted + batch->quarantined;
    return messages ? messages : 1;
}

/* The next transaction: as many whole batches as the pace allows, at least one. */
static uint64_t part_next(const struct kafka_transactor *t, struct part *part)
{
    const struct sink_load *load = part->load;
    uint64_t messages = 0;
    part->from = part->to;
    if (t->outlet->replay || load->event_count <= t->pace.events) {
        part->to = load->batch_count;
        return load->event_count;
    }
    while (part->to < load->batch_count &&
           (part->to == part->from ||
            messages + messages_of(&load->batches[part->to]) <= t->pace.events))
        messages += messages_of(&load->batches[part->to++]);
    return messages;
}

/* The position after the part, see sink_load_end. */
static struct sink_position part_end(const struct part *part)
{
    struct sink_load until = *part->load;
    until.batch_count = part->to;
    return sink_load_end(&until);
}

enum sink_result kafka_transact_load(struct kafka_transactor *t, const struct sink_load *load,
                                     struct sink_problem *problem)
{
    enum sink_result result = SINK_DELIVERED;
    struct part part = {.load = load};
    kafka_outlet_start(t->outlet);
    while (result == SINK_DELIVERED && part.to < load->batch_count) {
        uint64_t messages = part_next(t, &part);
        struct kafka_progress progress = {t->client->author, part_end(&part)};
        int64_t start_ns = clock_monotonic_ns();
        result = transact(t, &part, &progress, start_ns + t->pace.limit_ns, problem);
        kafka_pace_note(&t->pace, messages, clock_monotonic_ns() - start_ns,
                        result == SINK_DELIVERED);
    }
    return result;
}

/* Sends the position only after the events that it covers. */
enum sink_result kafka_deliver_plain(struct kafka_transactor *t, const struct sink_load *load,
                                     struct sink_problem *problem)
{
    struct kafka_progress progress = {t->client->author, sink_load_end(load)};
    int64_t deadline_ns = clock_monotonic_ns() + DELIVER_PLAIN_NS;
    t->start_ns = clock_monotonic_ns();
    kafka_outlet_start(t->outlet);
    enum sink_result result =
        kafka_outlet_send(t->outlet, load, 0, load->batch_count, deadline_ns, problem);
    if (result == SINK_DELIVERED)
        result = flush(t, deadline_ns, problem);
    if (result == SINK_DELIVERED)
        result = kafka_outlet_send_progress(t->outlet, &progress, problem);
    if (result == SINK_DELIVERED)
        result = flush(t, deadline_ns, problem);
    return result;
}
