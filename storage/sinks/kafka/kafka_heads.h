/* kafka_heads.h: this server's signed heads in a topic of their own: key = origin of the log, value
 * = the signed note as stored, timestamp = when it was signed; ascending, in partition 0. A thread
 * beside the lanes with a producer of its own, without transactions, so that neither waits for the
 * other. What was sent is read back from the topic: each head is there once, or again after a crash
 * in mid-send; a head twice says nothing new. A head of this log in the topic that the server does
 * not have is reported to it (last_head.h): a server that was put back signs nothing. */
#ifndef VSOC_STORAGE_KAFKA_HEADS_H
#define VSOC_STORAGE_KAFKA_HEADS_H

#include "storage/sink.h"

/* All logs share this partition, so that one reader sees the heads of each in their order. */
#define KAFKA_HEADS_PARTITION 0

struct kafka_heads;

/* For a lane that delivers. NULL: there is nothing to send (no evidence_dir, a replay, another lane
 * than 0), or no memory: heads are not sent. Keeps config->settings, copies the rest. Thread: any,
 * as all below. */
struct kafka_heads *kafka_heads_create(const struct sink_config *config);
/* Starts the thread (role THREAD_JOBS) unless it runs. NULL is allowed. */
void kafka_heads_start(struct kafka_heads *heads);
/* Stops the thread, within seconds whatever the brokers do. NULL is allowed. */
void kafka_heads_destroy(struct kafka_heads *heads);

#endif
