/* kafka_progress.h: the position of an instance as a record of the compacted progress topic, key =
 * instance, value = {"position":7,"batch_id":"…","spool":"…"}. For sink_kafka.c. Thread: the lane's
 * sink thread. */
#ifndef VSOC_STORAGE_KAFKA_PROGRESS_H
#define VSOC_STORAGE_KAFKA_PROGRESS_H

#include "storage/kafka_client.h"

/* All instances share this partition of the progress topic. */
#define KAFKA_PROGRESS_PARTITION 0
#define KAFKA_PROGRESS_BYTES     160

/* Writes the record's value; returns its size. batch_uid, spool_uid: 16 bytes. */
size_t kafka_progress_write(char value[KAFKA_PROGRESS_BYTES], uint64_t position,
                            const uint8_t *batch_uid, const uint8_t *spool_uid);

/* Position in a record's value. False: it is of another spool, or not a value of ours. Thread: any.
 */
bool kafka_progress_parse(struct slice value, const uint8_t *spool_uid, uint64_t *position);

/* Reads back the last committed record of this client's name. Sees everything that was in the topic
 * when it was called: it waits for transactions of other instances that are still open. DELIVERED:
 * *known says whether there is a position of this spool. LATER, BROKEN: *problem. Blocks until
 * deadline_ns (monotonic) at most. reader: a handle of KAFKA_READER with nothing assigned; it has
 * nothing assigned afterwards. */
enum sink_result kafka_progress_read(struct kafka_client *client, rd_kafka_t *reader,
                                     const uint8_t *spool_uid, int64_t deadline_ns,
                                     uint64_t *position, bool *known, struct sink_problem *problem);

#endif
