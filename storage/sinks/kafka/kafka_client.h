/* kafka_client.h: librdkafka handles built from our settings: defaults, the operator's overrides,
 * and properties that exactly-once fixes; reporting and classification of errors. For sink_kafka.c
 * and kafka_*.c. Thread: the lane's sink thread, unless a function says otherwise.
 */
#ifndef VSOC_STORAGE_KAFKA_CLIENT_H
#define VSOC_STORAGE_KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

#include "core/object.h"
#include "core/uuid7.h"
#include "storage/sinks/kafka/kafka_limit.h"
#include "storage/sink.h"
#include "storage/sinks/kafka/kafka_settings.h"

/* Maximum time that one call into librdkafka may block. */
#define KAFKA_SLICE_MS 500

/* Who writes positions: a lane of a spool, in a process. */
struct kafka_author {
    uint8_t spool_uid[UUID_BYTES];
    uint8_t owner[UUID_BYTES]; /* random: distinguishes processes with the same name */
    unsigned lane, lanes;
};

#define KAFKA_CLIENT_MAGIC 0x4b434c49U

struct kafka_client {
    unsigned magic;                             /* KAFKA_CLIENT_MAGIC */
    const struct sink_kafka_settings *settings; /* borrowed, outlives the client */
    struct kafka_author author;
    /* "vsocd-" and the instance: transactional.id and client.id; "vsocd-replay:" and the instance
     * for a replay, "vsocd-heads:" for signed heads. name: the instance, key of the progress
     * record. */
    char id[272];
    const char *name;
    bool plain; /* never a transaction, whatever the settings */
    int transaction_timeout_ms;
    struct kafka_limits limits; /* apply to handles opened later */
    size_t batch_bytes;         /* batch.size of the producer opened last */
    atomic_bool interrupted;
    /* The last error of the error callback; empty: none. */
    rd_kafka_resp_err_t last_error;
    char last_error_text[256];
    /* First failed delivery since kafka_client_forget_errors. */
    rd_kafka_resp_err_t delivery_error;
    /* The cause that kafka_problem reported last. */
    rd_kafka_resp_err_t told;
};

OBJECT_CAST(kafka_client, KAFKA_CLIENT_MAGIC)

/* Loads are delivered as transactions. */
static inline bool kafka_client_is_exact(const struct kafka_client *client)
{
    return !client->plain && client->settings->delivery == KAFKA_EXACTLY_ONCE;
}

/* Of librdkafka, or of a topic. */
struct kafka_property {
    const char *name, *value;
};

enum kafka_role { KAFKA_PRODUCER, KAFKA_READER };

/* Checks the settings by building both configurations. False: *problem says which property is wrong
 * and what to do. Does not connect. */
bool kafka_client_init(struct kafka_client *client, const struct sink_config *config,
                       struct sink_problem *problem);
/* The same for a client beside the lane that sends signed heads, without transactions. */
bool kafka_client_init_heads(struct kafka_client *client, const struct sink_config *config,
                             struct sink_problem *problem);

/* New handle for the role, to be given back with kafka_close_handle; NULL with *problem set. */
rd_kafka_t *kafka_client_open(struct kafka_client *client, enum kafka_role role,
                              struct sink_problem *problem);

void kafka_client_forget_errors(struct kafka_client *client);

/* What an error means for the load. SINK_LATER: retry; SINK_BROKEN: an operator is needed. Thread:
 * any. */
enum sink_result kafka_classify(rd_kafka_resp_err_t error);
/* Another producer with the same transactional.id took over. Thread: any. */
bool kafka_is_fenced(rd_kafka_resp_err_t error);

/* Writes "doing: error (what the brokers said last)" into *problem, with what to do about it, and
 * returns the class. */
enum sink_result kafka_problem(struct kafka_client *client, rd_kafka_resp_err_t error,
                               const char *error_text, const char *doing,
                               struct sink_problem *problem);
/* The same for an error object, which it destroys. */
enum sink_result kafka_problem_of(struct kafka_client *client, rd_kafka_error_t *error,
                                  const char *doing, struct sink_problem *problem);

#endif
