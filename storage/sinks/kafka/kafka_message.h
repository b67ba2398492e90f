/* kafka_message.h: one message for Kafka: its headers and its size. For kafka_outlet.c. Thread: the
 * lane's sink thread. */
#ifndef VSOC_STORAGE_KAFKA_MESSAGE_H
#define VSOC_STORAGE_KAFKA_MESSAGE_H

#include "storage/sinks/kafka/kafka_held.h"

#define KAFKA_HEADERS_MAX 9

/* The origin of a message: batch and server, for its headers. */
struct kafka_origin {
    const struct sink_batch *batch;
    struct slice source;   /* ce_source */
    struct slice received; /* ce_time, RFC 3339 */
};

struct kafka_message {
    rd_kafka_topic_t *topic;
    const char *type; /* ce_type */
    enum kafka_place place;
    struct slice key, value;
    const uint8_t *uid; /* ce_id */
    /* Filled by kafka_message_head. */
    char id[UUID_TEXT_BYTES];
    struct {
        const char *name;
        struct slice value;
    } headers[KAFKA_HEADERS_MAX];
    unsigned header_count;
};

/* Fills in the headers, whose values point into origin's texts; type and uid are set by the caller.
 */
void kafka_message_head(const struct kafka_origin *origin, struct kafka_message *message);
/* The same for librdkafka; NULL when memory is out. The caller owns them. */
rd_kafka_headers_t *kafka_message_headers(const struct kafka_message *message);
/* With key, value and headers set. */
struct kafka_size kafka_message_size(const struct kafka_message *message);

#endif
