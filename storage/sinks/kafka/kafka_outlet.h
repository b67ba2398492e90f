/* kafka_outlet.h: events and rejects as messages of one producer: key, headers, value, topic. For
 * sink_kafka.c. Thread: the lane's sink thread. */
#ifndef VSOC_STORAGE_KAFKA_OUTLET_H
#define VSOC_STORAGE_KAFKA_OUTLET_H

#include "core/hash.h"
#include "core/uuid7.h"
#include "core/event/event_json.h"
#include "storage/sinks/kafka/kafka_message.h"
#include "storage/sinks/kafka/kafka_progress.h"

struct kafka_diverted;

struct kafka_outlet {
    struct kafka_client *client; /* borrowed */
    rd_kafka_t *producer;        /* owned; NULL: closed */
    rd_kafka_topic_t *events, *quarantine, *health, *audit, *progress;
    struct event_json_memo memo;
    struct writer value; /* of the current message; librdkafka copies it */
    char source[160];    /* header ce_source */
    /* Not NULL: leaves out events that the topic already has. Borrowed. */
    const struct sink_replay *replay;
    uint64_t put; /* items of the current load for which a message was built */
    /* Events of the current load that were quarantined because of their size; owned. */
    struct kafka_diverted *diverted;
    size_t diverted_count, diverted_room;
    int64_t deadline_ns; /* monotonic; of the current transaction */
    int64_t now_ns;      /* wall clock, when it was begun */
    unsigned unpolled;   /* messages since callbacks were last served */
    /* Of the current batch. */
    const struct sink_batch *batch;
    int64_t timestamp_ms;
    struct kafka_heading event_heading, reject_heading, record_heading;
    char batch_text[UUID_TEXT_BYTES];
    char received_text[32]; /* RFC 3339 */
    size_t received_size;
    /* The last vehicle and its name in hex. */
    uint8_t vehicle[SHA256_BYTES];
    char vehicle_text[2 * SHA256_BYTES];
    bool vehicle_known;
};

/* Takes ownership of producer. False: *problem; the producer is destroyed. */
bool kafka_outlet_open(struct kafka_outlet *outlet, struct kafka_client *client,
                       rd_kafka_t *producer, struct sink_problem *problem);
/* Destroys the producer; messages it still had are lost, an open transaction is aborted by the next
 * producer of that id. Does nothing when closed. */
void kafka_outlet_close(struct kafka_outlet *outlet);
/* Frees the memory that close keeps. */
void kafka_outlet_fini(struct kafka_outlet *outlet);

/* A new load: none of its messages is made yet. */
void kafka_outlet_start(struct kafka_outlet *outlet);
/* All messages of the load's batches from `from` up to `to` into the producer's queue, which has a
 * bound in bytes: waits for room. DELIVERED: all are queued, not yet sent. Events that are too
 * large for client or topic go to quarantine in the same pass. */
enum sink_result kafka_outlet_send(struct kafka_outlet *outlet, const struct sink_load *load,
                                   size_t from, size_t to, int64_t deadline_ns,
                                   struct sink_problem *problem);
/* A record of the progress topic. Nothing for a replay. */
enum sink_result kafka_outlet_send_progress(struct kafka_outlet *outlet,
                                            const struct kafka_progress *progress,
                                            struct sink_problem *problem);
/* Gives back memory that large messages took. */
void kafka_outlet_rest(struct kafka_outlet *outlet);
/* The load is committed: marks (load->reject) the events that went to quarantine for their size. */
void kafka_outlet_tell_diverted(const struct kafka_outlet *outlet, const struct sink_load *load);

#endif
