/* kafka_progress.h: the position of an instance as a record of the compacted progress topic, key =
 * instance, value = {"position":7,"batch_id":"…","spool":"…","lane":0,"lanes":1,"owner":"…"}. A
 * process that starts writes the record that it has found again (without position and batch_id if
 * none is known): from then on it owns the name. For sink_kafka.c. Thread: the lane's sink thread.
 */
#ifndef VSOC_STORAGE_KAFKA_PROGRESS_H
#define VSOC_STORAGE_KAFKA_PROGRESS_H

#include "storage/sinks/kafka/kafka_client.h"

/* All instances share this partition of the progress topic. */
#define KAFKA_PROGRESS_PARTITION 0
#define KAFKA_PROGRESS_BYTES     256

/* A record's value. */
struct kafka_progress {
    struct kafka_author author;
    struct sink_position there;
};

/* Writes a value; returns its size. */
size_t kafka_progress_write(char value[KAFKA_PROGRESS_BYTES],
                            const struct kafka_progress *progress);

/* False: not a value of ours. Thread: any. */
bool kafka_progress_parse(struct slice value, struct kafka_progress *progress);

/* The topic's state for a client. */
struct kafka_standing {
    struct sink_position there; /* of its spool and lane, under whatever name */
    bool taken;                 /* the last record under its name is of another process */
};

/* Reads back the committed records. Sees everything that was in the topic at the call: it waits for
 * open transactions of other instances. DELIVERED: *standing. LATER, BROKEN: *problem. Blocks until
 * deadline_ns (monotonic) at most. reader: a handle of KAFKA_READER with nothing assigned; it has
 * nothing assigned afterwards. */
enum sink_result kafka_progress_read(struct kafka_client *client, rd_kafka_t *reader,
                                     int64_t deadline_ns, struct kafka_standing *standing,
                                     struct sink_problem *problem);

#endif
