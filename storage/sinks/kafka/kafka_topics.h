/* kafka_topics.h: are the topics there and fit for what we write to them? For sink_kafka.c. Thread:
 * the lane's sink thread. */
#ifndef VSOC_STORAGE_KAFKA_TOPICS_H
#define VSOC_STORAGE_KAFKA_TOPICS_H

#include "storage/sinks/kafka/kafka_client.h"

struct kafka_topics {
    size_t max_message_bytes[KAFKA_TOPICS]; /* 0 where brokers do not tell it */
    bool unchecked; /* brokers did not tell the topics' settings; was said */
};

/* Creates what is missing of events, quarantine, health and progress (without create: BROKEN), and
 * checks that progress is compacted. Any handle will do. Blocks until deadline_ns (monotonic) at
 * most. Anything but DELIVERED: *problem names the topic, what is wrong with it and how to put it
 * right. */
enum sink_result kafka_topics_check(struct kafka_client *client, rd_kafka_t *handle, bool create,
                                    int64_t deadline_ns, struct kafka_topics *topics,
                                    struct sink_problem *problem);

#endif
