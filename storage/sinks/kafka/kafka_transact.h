/* kafka_transact.h: delivers a load: in transactions that end within transaction.timeout.ms, each
 * with the position after its last batch, or without transactions. For sink_kafka.c. Thread: the
 * lane's sink thread. */
#ifndef VSOC_STORAGE_KAFKA_TRANSACT_H
#define VSOC_STORAGE_KAFKA_TRANSACT_H

#include "storage/sinks/kafka/kafka_outlet.h"
#include "storage/sinks/kafka/kafka_pace.h"

struct kafka_transactor {
    struct kafka_client *client; /* borrowed */
    struct kafka_outlet *outlet; /* borrowed */
    struct kafka_pace pace;
    bool begun;       /* a transaction is open */
    int64_t start_ns; /* monotonic; of the last transaction */
};

void kafka_transactor_init(struct kafka_transactor *t, struct kafka_client *client,
                           struct kafka_outlet *outlet);
/* The position alone. Any result but DELIVERED leaves the transaction open: drop the producer. */
enum sink_result kafka_transact_position(struct kafka_transactor *t,
                                         const struct kafka_progress *progress, int64_t deadline_ns,
                                         struct sink_problem *problem);
/* A load: one transaction, or several while the brokers are slow (a replay, which stores no
 * position, always has one). Any result but DELIVERED: as above; the batches up to the position
 * that the topic then has are committed. */
enum sink_result kafka_transact_load(struct kafka_transactor *t, const struct sink_load *load,
                                     struct sink_problem *problem);
/* The same without transactions. */
enum sink_result kafka_deliver_plain(struct kafka_transactor *t, const struct sink_load *load,
                                     struct sink_problem *problem);

/* True if a call may be repeated: not interrupted, time left. */
bool kafka_time_left(const struct kafka_client *client, int64_t deadline_ns);
/* Of the time left, at most longest_ms, at least 1. */
int kafka_slice_ms(int64_t deadline_ns, int longest_ms);

#endif
