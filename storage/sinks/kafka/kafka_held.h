/* kafka_held.h: which events of a range the topics have. For sink_kafka.c. Thread: the lane's sink
 * thread. */
#ifndef VSOC_STORAGE_KAFKA_HELD_H
#define VSOC_STORAGE_KAFKA_HELD_H

#include "storage/sinks/kafka/kafka_message.h"
#include "storage/sinks/sink_held.h"

/* Reads the topics as a reader of committed messages, from the first message that is not older than
 * oldest_ns (less an hour, for clocks) to their current end, and marks the ids. Waits for open
 * transactions there. LATER: nothing has arrived for 30 s; BROKEN: *problem. reader: a handle of
 * KAFKA_READER with nothing assigned; it has nothing assigned afterwards. */
enum sink_result kafka_held_find(struct kafka_client *client, rd_kafka_t *reader,
                                 struct sink_held *held, int64_t oldest_ns,
                                 struct sink_problem *problem);

#endif
