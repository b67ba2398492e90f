/* kafka_topics.h: checks that the topics exist and are suitable. For sink_kafka.c. Thread: the
 * lane's sink thread. */
#ifndef VSOC_STORAGE_KAFKA_TOPICS_H
#define VSOC_STORAGE_KAFKA_TOPICS_H

#include "storage/sinks/kafka/kafka_client.h"

struct kafka_topics {
    size_t max_message_bytes[KAFKA_TOPICS]; /* 0: brokers do not report it */
    bool unchecked; /* brokers did not report the topics' settings; already logged */
};

/* Creates missing topics of events, quarantine, health, audit log and progress (without create:
 * BROKEN), and checks that progress is compacted. Any handle works. Blocks until deadline_ns
 * (monotonic) at most. Otherwise than DELIVERED: *problem names the topic, the error and how to fix
 * it. */
enum sink_result kafka_topics_check(struct kafka_client *client, rd_kafka_t *handle, bool create,
                                    int64_t deadline_ns, struct kafka_topics *topics,
                                    struct sink_problem *problem);

/* Creates the topic of signed heads if it is missing. Otherwise as above. Thread: that of heads. */
enum sink_result kafka_topics_check_heads(struct kafka_client *client, rd_kafka_t *handle,
                                          int64_t deadline_ns, struct sink_problem *problem);

#endif
