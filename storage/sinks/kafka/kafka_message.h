/* kafka_message.h: one message for Kafka: its headers and its size. For kafka_outlet.c. Thread: the
 * lane's sink thread. */
#ifndef VSOC_STORAGE_KAFKA_MESSAGE_H
#define VSOC_STORAGE_KAFKA_MESSAGE_H

#include "storage/sinks/kafka/kafka_held.h"
#include "storage/sinks/kafka/kafka_outlet.h"

#define KAFKA_HEADERS_MAX 9

struct kafka_message {
    rd_kafka_topic_t *topic;
    const char *type; /* ce_type */
    enum kafka_place place;
    struct slice key, value;
    const uint8_t *uid; /* ce_id */
    /* Made by kafka_message_head. */
    char id[UUID_TEXT_BYTES];
    struct {
        const char *name;
        struct slice value;
    } headers[KAFKA_HEADERS_MAX];
    unsigned header_count;
};

/* Fills in the headers; type and uid are set, outlet->batch is the message's. */
void kafka_message_head(const struct kafka_outlet *outlet, struct kafka_message *message);
/* The same for librdkafka; NULL when memory is out. The caller owns them. */
rd_kafka_headers_t *kafka_message_headers(const struct kafka_message *message);
/* With key, value and headers set. */
struct kafka_size kafka_message_size(const struct kafka_message *message);

#endif
