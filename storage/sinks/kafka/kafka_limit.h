/* kafka_limit.h: the size of a message as brokers and librdkafka count it, and its limits: those
 * that brokers report for their topics, and those learned from refusals. For kafka_*.c.
 * Thread: the lane's sink thread. */
#ifndef VSOC_STORAGE_KAFKA_LIMIT_H
#define VSOC_STORAGE_KAFKA_LIMIT_H

#include <librdkafka/rdkafka.h>

/* The topics whose limits count; progress records are small. */
enum kafka_topic { KAFKA_EVENTS, KAFKA_QUARANTINE, KAFKA_HEALTH, KAFKA_AUDIT, KAFKA_TOPICS };

struct kafka_limits {
    size_t client; /* message.max.bytes of the producer */
    /* max.message.bytes of each topic; 0: the brokers do not report it. */
    size_t told[KAFKA_TOPICS];
    /* Smallest message that was refused although it was sent alone, and smallest refused batch of
     * several; 0: none. Only refusals that `told` does not explain. */
    size_t refused[KAFKA_TOPICS], refused_batch;
};

/* Sizes of a message's parts in bytes. */
struct kafka_size {
    size_t key, value, headers; /* headers: sum of kafka_size_header */
    unsigned header_count;
};

/* Size of one header in a record. */
size_t kafka_size_header(size_t name_bytes, size_t value_bytes);
/* Bytes of an uncompressed record batch (format 2) that holds this message alone: what brokers
 * compare with max.message.bytes. */
size_t kafka_size_in_topic(const struct kafka_size *size);
/* Bytes that librdkafka compares with message.max.bytes: at most 36 more than its parts. */
size_t kafka_size_in_client(const struct kafka_size *size);
/* Of a message in a delivery report. */
struct kafka_size kafka_size_of(const rd_kafka_message_t *message);

/* Largest kafka_size_in_topic that the topic is known to accept; SIZE_MAX: unknown. */
size_t kafka_limit_of(const struct kafka_limits *limits, enum kafka_topic topic);
/* Upper bound for batch.size; 0: unknown. */
size_t kafka_limit_batch(const struct kafka_limits *limits);
/* Stores the limits that brokers report: told has KAFKA_TOPICS entries. Forgets learned limits that
 * these explain, so that smaller messages are not held back. */
void kafka_limits_told(struct kafka_limits *limits, const size_t *told);
/* A message of these bytes (kafka_size_in_topic) was refused by the topic, under batch.size
 * batch_bytes. */
void kafka_limits_refused(struct kafka_limits *limits, enum kafka_topic topic, size_t bytes,
                          size_t batch_bytes);

#endif
