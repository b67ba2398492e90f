/* kafka_tail.h: reads the end of a partition: first its last messages, then sixteen times as many,
 * until the caller has found what it looks for. For kafka_progress.c and kafka_heads.c. Thread:
 * the reader's. */
#ifndef VSOC_STORAGE_KAFKA_TAIL_H
#define VSOC_STORAGE_KAFKA_TAIL_H

#include "storage/sinks/kafka/kafka_client.h"

struct kafka_tail {
    const char *topic;
    int32_t partition;
    int64_t deadline_ns; /* monotonic */
    /* Called for committed messages in their order; a longer look calls it for the same messages
     * again, after those before them. */
    void (*on_message)(void *arg, const rd_kafka_message_t *message);
    bool (*is_enough)(void *arg); /* asked after each look: no need to look further back */
    void *arg;
};

/* Gives all that was in the partition at the call, from some message on: it waits for open
 * transactions. __TIMED_OUT: deadline or interrupt; *held: because a transaction is open. reader: a
 * handle of KAFKA_READER with nothing assigned; it has nothing assigned afterwards. */
rd_kafka_resp_err_t kafka_tail_read(struct kafka_client *client, rd_kafka_t *reader,
                                    const struct kafka_tail *tail, bool *held);

#endif
